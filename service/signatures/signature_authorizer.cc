// SPDX-License-Identifier: Apache-2.0

#include "service/signatures/signature_authorizer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "proto/json/json.h"
#include "proto/json/json_reader.h"
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

// Whether the token is the signature of the text. Takes the same time for every
// token of the right size.
bool IsSignature(absl::string_view secret, absl::string_view text,
                 absl::string_view token) {
  const Mac mac = MacOf(secret, text);
  const std::string expected = absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(mac.data()), mac.size()));
  // Upper case is accepted too.
  const std::string given = absl::AsciiStrToLower(token);
  return given.size() == expected.size() &&
         CRYPTO_memcmp(given.data(), expected.data(), expected.size()) == 0;
}

bool IsSigned(absl::string_view secret, const core::Question& question) {
  std::string text = absl::StrCat(question.socket_id, ":", question.channel);
  if (IsPresence(question.channel)) {
    absl::StrAppend(&text, ":", question.channel_data);
  }
  return IsSignature(secret, text, question.auth_token);
}

absl::Status NoMember(absl::string_view field, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("the signed ", field, " has no valid member: ", why));
}

// The values of an object's `id_name` and `user_info`; empty if it has none. If
// a key occurs twice, the last one counts, as in most parsers.
struct SignedObject {
  absl::string_view id;
  absl::string_view user_info;
};

absl::StatusOr<SignedObject> ReadSigned(absl::string_view field,
                                        absl::string_view json,
                                        absl::string_view id_name) {
  if (!json::IsJson(json)) return NoMember(field, "it is not JSON");
  const absl::string_view object = json::StripJsonSpace(json);
  if (!json::IsJsonObject(object)) {
    return NoMember(field, "it is not an object");
  }
  SignedObject found;
  json::JsonReader members(object);
  while (members.Next()) {
    const std::string key = json::DecodeJsonString(members.key());
    if (key == id_name) found.id = members.value();
    if (key == "user_info") found.user_info = members.value();
  }
  if (found.id.empty()) {
    return NoMember(field, absl::StrCat("it has no ", id_name));
  }
  return found;
}

absl::StatusOr<v1::Member> CheckedMember(absl::string_view field,
                                         std::string id,
                                         absl::string_view user_info) {
  v1::Member member;
  member.set_user_id(std::move(id));
  member.set_user_info(std::string(user_info));
  const absl::Status status = core::CheckMember(member);
  if (!status.ok()) return NoMember(field, status.message());
  return member;
}

bool IsWholeNumber(absl::string_view value) {
  return value.find_first_not_of("-0123456789") == absl::string_view::npos;
}

}  // namespace

absl::StatusOr<v1::Member> MemberOf(absl::string_view channel_data) {
  constexpr char kField[] = "channel_data";
  const absl::StatusOr<SignedObject> found =
      ReadSigned(kField, channel_data, "user_id");
  if (!found.ok()) return found.status();
  std::string id(found->id);
  if (json::IsJsonString(found->id)) {
    id = json::DecodeJsonString(found->id);
  } else if (!IsWholeNumber(found->id)) {
    return NoMember(kField, "user_id is neither a string nor an integer");
  }
  return CheckedMember(kField, std::move(id), found->user_info);
}

absl::StatusOr<v1::Member> UserOf(absl::string_view user_data) {
  constexpr char kField[] = "user_data";
  const absl::StatusOr<SignedObject> found =
      ReadSigned(kField, user_data, "id");
  if (!found.ok()) return found.status();
  if (!json::IsJsonString(found->id)) {
    return NoMember(kField, "id is not a string");
  }
  return CheckedMember(kField, json::DecodeJsonString(found->id),
                       found->user_info);
}

void SignatureAuthorizer::Authorize(
    core::Question question, absl::AnyInvocable<void(core::Verdict)> done) {
  if (!IsSigned(secret_, question)) {
    if (next_ != nullptr) {
      return next_->Authorize(std::move(question), std::move(done));
    }
    core::Verdict no;
    no.status = absl::PermissionDeniedError(
        question.auth_token.empty()
            ? "the channel needs a signature as auth"
            : "the signature in auth is not valid for this socket and channel");
    return done(std::move(no));
  }
  core::Verdict yes;
  if (IsPresence(question.channel)) {
    absl::StatusOr<v1::Member> member = MemberOf(question.channel_data);
    yes.status = member.status();
    if (member.ok()) yes.member = *std::move(member);
  }
  done(std::move(yes));
}

void SignatureAuthorizer::SignIn(const core::SignInQuestion& question,
                                 absl::AnyInvocable<void(core::Verdict)> done) {
  core::Verdict decision;
  const std::string text =
      absl::StrCat(question.socket_id, "::user::", question.user_data);
  if (IsSignature(secret_, text, question.auth_token)) {
    absl::StatusOr<v1::Member> user = UserOf(question.user_data);
    decision.status = user.status();
    if (user.ok()) decision.member = *std::move(user);
  } else {
    decision.status = absl::PermissionDeniedError(
        "the signature in auth is not valid for this socket and user");
  }
  done(std::move(decision));
}

}  // namespace herald::authorizer
