// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/signature_authorizer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "simdjson.h"

namespace herald::rpc {
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

// Whether the token is the signature of the question.
bool IsSigned(absl::string_view secret, const core::Question& question) {
  const std::string& token = question.auth_token;
  if (token.size() != 2 * sizeof(Mac)) return false;
  for (const char c : token) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return false;
  }
  std::string text = absl::StrCat(question.socket_id, ":", question.channel);
  if (IsPresence(question.channel)) {
    absl::StrAppend(&text, ":", question.channel_data);
  }
  const Mac expected = MacOf(secret, text);
  const std::string shown = absl::HexStringToBytes(token);
  return CRYPTO_memcmp(shown.data(), expected.data(), expected.size()) == 0;
}

absl::Status NoMember(absl::string_view why) {
  return absl::PermissionDeniedError(
      absl::StrCat("the signed channel_data names no member: ", why));
}

absl::string_view View(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

absl::StatusOr<v1::Member> MemberOf(absl::string_view channel_data) {
  // The DOM parser validates and reads the id; On Demand finds the exact bytes
  // of user_info, which the DOM does not keep.
  const simdjson::padded_string text(channel_data.data(), channel_data.size());
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(text).get(object) != simdjson::SUCCESS) {
    return NoMember("it is no JSON object");
  }
  v1::Member member;
  simdjson::dom::element id;
  std::string_view name;
  int64_t number = 0;
  uint64_t large = 0;
  if (object.at_key("user_id").get(id) != simdjson::SUCCESS) {
    return NoMember("it has no user_id");
  }
  if (id.get(name) == simdjson::SUCCESS) {
    member.set_user_id(std::string(name));
  } else if (id.get(number) == simdjson::SUCCESS) {
    member.set_user_id(absl::StrCat(number));
  } else if (id.get(large) == simdjson::SUCCESS) {
    member.set_user_id(absl::StrCat(large));
  } else {
    return NoMember("user_id is neither a string nor an integer");
  }
  simdjson::ondemand::parser exact;
  simdjson::ondemand::document document;
  simdjson::ondemand::value info;
  std::string_view raw;
  if (exact.iterate(text).get(document) == simdjson::SUCCESS &&
      document.find_field_unordered("user_info").get(info) ==
          simdjson::SUCCESS &&
      simdjson::to_json_string(info).get(raw) == simdjson::SUCCESS) {
    member.set_user_info(std::string(absl::StripAsciiWhitespace(View(raw))));
  }
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

}  // namespace herald::rpc
