// SPDX-License-Identifier: Apache-2.0
//
// Signed subscriptions. Promise: a signature is good for the question that was
// signed and for no other one; all else goes to the next authorizer as it is;
// each question has one answer; a member keeps the rules for members.

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "proto/json/json.h"
#include "proto/json/json_reader.h"
#include "service/channel/request_checks.h"
#include "service/signatures/signature_authorizer.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/refusal.h"

namespace herald::fuzz {
namespace {

using contract::Require;
using core::Question;

constexpr char kSecret[] = "of the backend and the service";

// Denies every question.
class Next final : public core::Authorizer {
 public:
  void Authorize(Question question,
                 absl::AnyInvocable<void(core::Verdict)> done) override {
    asked = std::move(question);
    done({.status = absl::PermissionDeniedError("next")});
  }
  std::optional<Question> asked;
};

bool IsPresence(absl::string_view channel) {
  return absl::StartsWith(channel, "presence-");
}

// The signature of a backend. The rules of names are its service's, so it signs
// every name that it is asked for.
std::string Sign(const Question& question) {
  std::string text = absl::StrCat(question.socket_id, ":", question.channel);
  if (IsPresence(question.channel)) {
    absl::StrAppend(&text, ":", question.channel_data);
  }
  unsigned char mac[32];
  unsigned size = 0;
  HMAC(EVP_sha256(), kSecret, sizeof kSecret - 1,
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac,
       &size);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(mac), size));
}

// A question as it gets past the checks of links, and for which a backend signs
// data that it has made.
Question DrawQuestion(Input& input) {
  static constexpr absl::string_view kPrefixes[] = {"private-", "presence-"};
  Question question;
  question.socket_id = absl::StrCat(1 + input.Byte(), ".", input.Byte());
  question.channel = absl::StrCat(input.Of(kPrefixes), input.Text());
  question.channel_data = input.Text();
  return question;
}

bool IsSane(const Question& question) {
  return contract::CheckChannelName(question.channel).ok() &&
         (!IsPresence(question.channel) ||
          (json::IsJson(question.channel_data) &&
           json::IsJsonObject(json::StripJsonSpace(question.channel_data))));
}

// Whether both are the same to a backend: data counts for presence only.
bool AreSame(const Question& a, const Question& b) {
  return a.socket_id == b.socket_id && a.channel == b.channel &&
         (!IsPresence(a.channel) || a.channel_data == b.channel_data);
}

// The decision, and whether the next authorizer has made it.
std::pair<core::Verdict, bool> Ask(const Question& question) {
  Next next;
  authorizer::SignatureAuthorizer authorizer(kSecret, &next);
  std::optional<core::Verdict> answer;
  authorizer.Authorize(question, [&](core::Verdict decision) {
    Require(!answer.has_value());
    answer = std::move(decision);
  });
  Require(answer.has_value());
  if (next.asked.has_value()) {
    Require(next.asked->auth_token == question.auth_token);
    Require(next.asked->channel == question.channel);
    Require(next.asked->channel_data == question.channel_data);
  }
  return {*std::move(answer), next.asked.has_value()};
}

void RequireSignedAnswer(const Question& question) {
  const auto [decision, was_passed_on] = Ask(question);
  Require(!was_passed_on);
  Require(decision.expires_after == absl::InfiniteDuration());
  const bool ok = IsOkOr(decision.status, {absl::StatusCode::kInvalidArgument});
  Require(ok || IsPresence(question.channel));
  Require(decision.member.has_value() == (ok && IsPresence(question.channel)));
  if (!decision.member.has_value()) return;
  Require(core::CheckMember(*decision.member).ok());
  Require(
      absl::StrContains(question.channel_data, decision.member->user_info()));
}

void Test(Input input) {
  Question signed_one = DrawQuestion(input);
  signed_one.auth_token = Sign(signed_one);
  RequireSignedAnswer(signed_one);

  Question other = DrawQuestion(input);
  other.auth_token = signed_one.auth_token;
  if (IsSane(signed_one) && IsSane(other) && !AreSame(signed_one, other)) {
    Require(Ask(other).second);
  }

  Question forged = signed_one;
  char& byte = forged.auth_token[static_cast<size_t>(
      input.Below(static_cast<int>(forged.auth_token.size())))];
  const auto changed = static_cast<char>(input.Byte());
  const bool is_case =
      absl::AsciiStrToLower(std::string(1, changed)) == std::string(1, byte);
  byte = changed;
  Require(Ask(forged).second == !is_case);
  forged.auth_token = std::string(input.Rest());
  Require(Ask(forged).second ||
          absl::EqualsIgnoreCase(forged.auth_token, signed_one.auth_token));
}

}  // namespace
}  // namespace herald::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  herald::fuzz::Test({data, size});
  return 0;
}
