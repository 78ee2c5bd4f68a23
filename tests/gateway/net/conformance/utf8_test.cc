// SPDX-License-Identifier: Apache-2.0
//
// Group 6: texts are UTF-8; any other text fails as soon as that is certain.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/gateway/net/conformance/wire_case.h"

namespace herald::gateway {
namespace {

using testing_support::ClientFrame;
using testing_support::kContinuation;
using testing_support::kText;
using testing_support::RawSocket;

constexpr char kBadUtf8[] = "close 1007";
constexpr char kKosme[] = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5";

// Two hexadecimal digits for each byte.
std::string BytesOf(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(
        static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

// No text here is JSON: one that is read is answered with an error.
std::vector<WireCase> CasesOf(const std::string& group,
                              const std::vector<std::string>& hex_texts,
                              const char* answer) {
  std::vector<WireCase> cases;
  for (const std::string& hex : hex_texts) {
    const std::string text = BytesOf(hex);
    const std::string id = absl::StrCat(group, ": ", hex);
    cases.push_back({id, {ClientFrame(kText, text)}, {answer}});
    cases.push_back({id + ", in bytes", Fragments(kText, text, 1), {answer}});
  }
  return cases;
}

// Each byte from `first` to `last`, with `behind` behind it.
std::string Range(int first, int last, const std::string& behind) {
  std::string hex;
  for (int byte = first; byte <= last; ++byte) {
    absl::StrAppend(&hex, absl::Hex(byte, absl::kZeroPad2), behind);
  }
  return hex;
}

TEST(Rfc6455Group6, AnEmptyTextMayHaveEmptyFragments) {
  const TestGateway gateway;
  ExpectAnswers(gateway, {{"6.1.1", {ClientFrame(kText, "")}, {kErrorMessage}},
                          {"6.1.2",
                           {ClientFrame(kText, "", false),
                            ClientFrame(kContinuation, "", false),
                            ClientFrame(kContinuation, "")},
                           {kErrorMessage}},
                          {"6.1.3",
                           {ClientFrame(kText, "", false),
                            ClientFrame(kContinuation, PingText(), false),
                            ClientFrame(kContinuation, "")},
                           {kPongMessage}}});
}

TEST(Rfc6455Group6, AValidTextMayBeCutAnywhere) {
  const TestGateway gateway;
  const std::string text =
      "Hello-\xC2\xB5@\xC3\x9F\xC3\xB6\xC3\xA4\xC3\xBC\xC3\xA0\xC3\xA1-UTF-8!!";
  std::vector<WireCase> cases;
  for (const std::string& one : {text, std::string(kKosme)}) {
    cases.push_back({"6.2.1", {ClientFrame(kText, one)}, {kErrorMessage}});
    for (const size_t bytes : {8, 3, 1}) {
      cases.push_back({absl::StrCat("6.2, in fragments of ", bytes),
                       Fragments(kText, one, bytes),
                       {kErrorMessage}});
      cases.push_back({"6.2, with a ping between",
                       Fragments(kText, one, bytes,
                                 ClientFrame(testing_support::kPing, "x")),
                       {PongOf("x"), kErrorMessage}});
    }
  }
  ExpectAnswers(gateway, cases);
}

TEST(Rfc6455Group6, AnInvalidTextEndsTheConnection) {
  const TestGateway gateway;
  const std::string text = absl::StrCat(kKosme, "\xED\xA0\x80", "edited");
  ExpectAnswers(gateway, {{"6.3.1", {ClientFrame(kText, text)}, {kBadUtf8}},
                          {"6.3.2", Fragments(kText, text, 1), {kBadUtf8}},
                          {"in a byte each",
                           {ClientFrame(kText, text)},
                           {kBadUtf8},
                           Chops::kBytes}});
}

// The rest of the message is never sent.
TEST(Rfc6455Group6, AnInvalidTextFailsBeforeItsEnd) {
  const TestGateway gateway;
  const std::string rest = "edited";
  const std::vector<std::pair<std::string, std::string>> parts = {
      {kKosme, "\xF4\x90\x80\x80"}, {absl::StrCat(kKosme, "\xF4"), "\x90"}};
  for (const auto& [valid, invalid] : parts) {
    const std::string frame =
        ClientFrame(kText, absl::StrCat(valid, invalid, rest));
    const std::vector<std::vector<std::string>> forms = {
        // 6.4.1 and 6.4.2: in fragments; 6.4.3 and 6.4.4: in one frame.
        {ClientFrame(kText, valid, false),
         ClientFrame(kContinuation, invalid, false)},
        {frame.substr(0, frame.size() - rest.size() - invalid.size()),
         frame.substr(frame.size() - rest.size() - invalid.size(),
                      invalid.size())}};
    for (const std::vector<std::string>& form : forms) {
      RawSocket socket(gateway.address());
      ASSERT_NE(Connect(socket), "");
      socket.Send(form[0]);
      // A text that is valid so far does not fail.
      EXPECT_FALSE(socket.ReadFrame(testing_support::Milliseconds(20)));
      socket.Send(form[1]);
      EXPECT_EQ(socket.ReadUntilClose(), 1007);
    }
  }
}

TEST(Rfc6455Group6, ATextMayEndBetweenCharactersOnly) {
  const TestGateway gateway;
  std::vector<WireCase> cases;
  const std::string kosme = kKosme;
  for (size_t size = 0; size <= kosme.size(); ++size) {
    const bool is_whole = size == 0 || size == 2 || size == 5 || size == 7 ||
                          size == 9 || size == 11;
    const char* const answer = is_whole ? kErrorMessage : kBadUtf8;
    const std::string text = kosme.substr(0, size);
    cases.push_back({absl::StrCat("6.5 and 6.6, ", size),
                     {ClientFrame(kText, text)},
                     {answer}});
    cases.push_back(
        {absl::StrCat("with an empty end, ", size),
         {ClientFrame(kText, text, false), ClientFrame(kContinuation, "")},
         {answer}});
  }
  ExpectAnswers(gateway, cases);
}

TEST(Rfc6455Group6, TheBoundsOfUtf8AreValid) {
  const TestGateway gateway;
  ExpectAnswers(gateway, CasesOf("6.7", {"00", "C280", "E0A080", "F0908080"},
                                 kErrorMessage));
  ExpectAnswers(gateway, CasesOf("6.9", {"7F", "DFBF", "EFBFBF", "F48FBFBF"},
                                 kErrorMessage));
  ExpectAnswers(gateway,
                CasesOf("6.11", {"ED9FBF", "EE8080", "EFBFBD", "F48FBFBF"},
                        kErrorMessage));
  std::vector<std::string> no_characters = {"EFBFBE", "EFBFBF"};
  for (int plane = 1; plane <= 16; ++plane) {
    for (const char* const last : {"BE", "BF"}) {
      no_characters.push_back(absl::StrCat(
          absl::Hex(0xF0 | plane >> 2, absl::kZeroPad2),
          absl::Hex(0x8F | (plane & 3) << 4, absl::kZeroPad2), "BF", last));
    }
  }
  ExpectAnswers(gateway, CasesOf("6.22", no_characters, kErrorMessage));
  ExpectAnswers(gateway, CasesOf("6.23",
                                 {"EFBFB9", "EFBFBA", "EFBFBB", "EFBFBC",
                                  "EFBFBD", "EFBFBE", "EFBFBF"},
                                 kErrorMessage));
}

TEST(Rfc6455Group6, NoOtherSequenceIsValid) {
  const TestGateway gateway;
  const std::vector<std::pair<std::string, std::vector<std::string>>> groups = {
      {"6.8", {"F888808080", "FC8480808080"}},
      {"6.10", {"F7BFBFBF", "FBBFBFBFBF", "FDBFBFBFBFBF"}},
      {"6.11.5", {"F4908080"}},
      {"6.12",
       {"80", "BF", "80BF", "80BF80", "80BF80BF", "80BF80BF80", "80BF80BF80BF",
        Range(0x80, 0xBE, "")}},
      {"6.13",
       {Range(0xC0, 0xDF, "20"), Range(0xE0, 0xEF, "20"),
        Range(0xF0, 0xF7, "20"), Range(0xF8, 0xFB, "20"), "FC20FD20"}},
      {"6.14",
       {"C0", "E080", "F08080", "F8808080", "FC80808080", "DF", "EFBF",
        "F7BFBF", "FBBFBFBF", "FDBFBFBFBF"}},
      {"6.15",
       {"C0E080F08080F8808080FC80808080DFEFBFF7BFBFFBBFBFBFFDBFBFBFBF"}},
      {"6.16", {"FE", "FF", "FEFEFFFF"}},
      {"6.17", {"C0AF", "E080AF", "F08080AF", "F8808080AF", "FC80808080AF"}},
      {"6.18", {"C1BF", "E09FBF", "F08FBFBF", "F887BFBFBF", "FC83BFBFBFBF"}},
      {"6.19", {"C080", "E08080", "F0808080", "F880808080", "FC8080808080"}},
      {"6.20",
       {"EDA080", "EDADBF", "EDAE80", "EDAFBF", "EDB080", "EDBE80", "EDBFBF"}},
      {"6.21",
       {"EDA080EDB080", "EDA080EDBFBF", "EDADBFEDB080", "EDADBFEDBFBF",
        "EDAE80EDB080", "EDAE80EDBFBF", "EDAFBFEDB080", "EDAFBFEDBFBF"}}};
  for (const auto& [group, texts] : groups) {
    ExpectAnswers(gateway, CasesOf(group, texts, kBadUtf8));
  }
}

}  // namespace
}  // namespace herald::gateway
