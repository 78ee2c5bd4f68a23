// SPDX-License-Identifier: Apache-2.0
//
// Group 7: the closing handshake, its codes and its reasons.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/gateway/net/conformance/wire_case.h"

namespace herald::gateway {
namespace {

using testing_support::ClientFrame;
using testing_support::kClose;
using testing_support::kContinuation;
using testing_support::kPing;
using testing_support::kText;

constexpr char kNormalClose[] = "close 1000";
constexpr char kBadClose[] = "close 1002";

std::string CloseWith(int code, absl::string_view reason = "") {
  std::string payload = {static_cast<char>(code >> 8),
                         static_cast<char>(code & 0xFF)};
  absl::StrAppend(&payload, reason);
  return ClientFrame(kClose, payload);
}

TEST(Rfc6455Group7, ACloseIsAnsweredAndNothingBehindIt) {
  const TestGateway gateway;
  const std::string message = ClientFrame(kText, PingText());
  const std::string large = ClientFrame(kText, PingText(65536));
  const std::string close = CloseWith(1000);
  const std::string ping = ClientFrame(kPing, "x");
  std::vector<WireCase> cases;
  for (const Chops chops : {Chops::kNone, Chops::kFrames}) {
    const std::vector<WireCase> chopped = {
        {"7.1.1", {message, close}, {kPongMessage, kNormalClose}, chops},
        {"7.1.2", {close, close}, {kNormalClose}, chops},
        {"7.1.3", {close, ping}, {kNormalClose}, chops},
        {"7.1.4", {close, message}, {kNormalClose}, chops},
        {"7.1.5",
         {ClientFrame(kText, "fragment1", false), close,
          ClientFrame(kContinuation, "fragment2")},
         {kNormalClose},
         chops},
        {"7.1.6", {large, close, ping}, {kPongMessage, kNormalClose}, chops}};
    cases.insert(cases.end(), chopped.begin(), chopped.end());
  }
  ExpectAnswers(gateway, cases);
}

TEST(Rfc6455Group7, ACloseMayHaveACodeAndAReason) {
  const TestGateway gateway;
  const std::string longest(123, '*');
  ExpectAnswers(
      gateway,
      {{"7.3.1", {ClientFrame(kClose, "")}, {kNormalClose}},
       {"7.3.2", {ClientFrame(kClose, "a")}, {kBadClose}},
       {"7.3.3", {CloseWith(1000)}, {kNormalClose}},
       {"7.3.4", {CloseWith(1000, "Hello World!")}, {kNormalClose}},
       {"7.3.5", {CloseWith(1000, longest)}, {kNormalClose}},
       {"7.3.6", {CloseWith(1000, longest + "*")}, {kBadClose}},
       {"in bytes", {CloseWith(1000, longest)}, {kNormalClose}, Chops::kBytes},
       {"a fragment", {ClientFrame(kClose, "", false)}, {kBadClose}}});
}

TEST(Rfc6455Group7, AReasonIsUtf8) {
  const TestGateway gateway;
  const std::string kosme = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5";
  ExpectAnswers(
      gateway,
      {{"valid", {CloseWith(1000, kosme)}, {kNormalClose}},
       {"7.5.1", {CloseWith(1000, kosme + "\xED\xA0\x80 edited")}, {kBadClose}},
       {"cut", {CloseWith(1000, kosme.substr(0, 4))}, {kBadClose}}});
}

TEST(Rfc6455Group7, AValidCodeIsRepeated) {
  const TestGateway gateway;
  std::vector<WireCase> cases;
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011,
                         1012, 1013, 3000, 3999, 4000, 4999}) {
    cases.push_back({absl::StrCat("7.7, ", code),
                     {CloseWith(code)},
                     {absl::StrCat("close ", code)}});
  }
  // Informational: these are no codes of any registry.
  for (const int code : {5000, 65535}) {
    cases.push_back({absl::StrCat("7.13, ", code),
                     {CloseWith(code)},
                     {absl::StrCat("close ", code)}});
  }
  ExpectAnswers(gateway, cases);
}

TEST(Rfc6455Group7, AnInvalidCodeIsAProtocolError) {
  const TestGateway gateway;
  std::vector<WireCase> cases;
  for (const int code :
       {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999}) {
    cases.push_back(
        {absl::StrCat("7.9, ", code), {CloseWith(code)}, {kBadClose}});
  }
  ExpectAnswers(gateway, cases);
}

}  // namespace
}  // namespace herald::gateway
