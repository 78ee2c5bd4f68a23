// SPDX-License-Identifier: Apache-2.0

#include "service/authorizer/signature_authorizer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/json.h"
#include "proto/contract/json_reader.h"
#include "proto/contract/names.h"
#include "service/channel/request_checks.h"

namespace herald::authorizer {
namespace {

using Mac = std::array<unsigned char, 32>;

Mac MacOf(absl::string_view secret, absl::string_view text) {
  Mac mac;
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       mac.data(), &size);
  return mac;
}

bool IsPresence(absl::string_view channel) {
  return contract::TypeOfChannel(channel) == contract::ChannelType::kPresence;
}

// Whether the token is the signature of the question. Takes the same time for
// every token of the right size.
bool IsSigned(absl::string_view secret, const core::Question& question) {
  std::string text = absl::StrCat(question.socket_id, ":", question.channel);
  if (IsPresence(question.channel)) {
    absl::StrAppend(&text, ":", question.channel_data);
  }
  const Mac mac = MacOf(secret, text);
  const std::string expected = absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(mac.data()), mac.size()));
  // Upper case is accepted too.
  const std::string token = absl::AsciiStrToLower(question.auth_token);
  return token.size() == expected.size() &&
         CRYPTO_memcmp(token.data(), expected.data(), expected.size()) == 0;
}

absl::Status NoMember(absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("the signed channel_data has no valid member: ", why));
}

bool IsWholeNumber(absl::string_view value) {
  return value.find_first_not_of("-0123456789") == absl::string_view::npos;
}

}  // namespace

absl::StatusOr<v1::Member> MemberOf(absl::string_view channel_data) {
  if (!contract::IsJson(channel_data)) return NoMember("it is not JSON");
  const absl::string_view object = contract::StripJsonSpace(channel_data);
  if (!contract::IsJsonObject(object)) return NoMember("it is not an object");
  // If a key occurs twice, the last one counts, as in most parsers.
  absl::string_view user_id;
  absl::string_view user_info;
  contract::JsonReader members(object);
  while (members.Next()) {
    const std::string key = contract::DecodeJsonString(members.key());
    if (key == "user_id") user_id = members.value();
    if (key == "user_info") user_info = members.value();
  }
  v1::Member member;
  if (user_id.empty()) return NoMember("it has no user_id");
  if (contract::IsJsonString(user_id)) {
    member.set_user_id(contract::DecodeJsonString(user_id));
  } else if (IsWholeNumber(user_id)) {
    member.set_user_id(std::string(user_id));
  } else {
    return NoMember("user_id is neither a string nor an integer");
  }
  member.set_user_info(std::string(user_info));
  const absl::Status status = core::CheckMember(member);
  if (!status.ok()) return NoMember(status.message());
  return member;
}

void SignatureAuthorizer::Authorize(
    core::Question question, absl::AnyInvocable<void(core::Decision)> done) {
  if (!IsSigned(secret_, question)) {
    if (next_ != nullptr) {
      return next_->Authorize(std::move(question), std::move(done));
    }
    core::Decision no;
    no.status = absl::PermissionDeniedError(
        question.auth_token.empty()
            ? "the channel needs a signature as auth"
            : "the signature in auth is not valid for this socket and channel");
    return done(std::move(no));
  }
  core::Decision yes;
  if (IsPresence(question.channel)) {
    absl::StatusOr<v1::Member> member = MemberOf(question.channel_data);
    yes.status = member.status();
    if (member.ok()) yes.member = *std::move(member);
  }
  done(std::move(yes));
}

}  // namespace herald::authorizer
