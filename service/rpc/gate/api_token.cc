// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/gate/api_token.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/log/log.h"

namespace herald::rpc {

ApiTokens::ApiTokens(const std::vector<std::string>& tokens) {
  for (const std::string& token : tokens) digests_.push_back(DigestOf(token));
}

ApiTokens::Digest ApiTokens::DigestOf(absl::string_view text) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         digest.data());
  return digest;
}

absl::Status ApiTokens::Check(
    const grpc::CallbackServerContext& context) const {
  if (digests_.empty()) return absl::OkStatus();
  const auto& metadata = context.client_metadata();
  const auto [begin, end] = metadata.equal_range("authorization");
  absl::string_view shown;
  // Two values contradict each other, so they count as none.
  if (begin != end && std::next(begin) == end) {
    shown = absl::string_view(begin->second.data(), begin->second.size());
  }
  absl::Status status = CheckAuthorization(shown);
  if (!status.ok()) LogRefusal(context, status.message());
  return status;
}

void ApiTokens::LogRefusal(const grpc::CallbackServerContext& context,
                           absl::string_view why) const {
  const std::optional<int64_t> unlogged = refusals_.Pass();
  if (!unlogged.has_value()) return;
  process::Log(process::LogLevel::kWarning, "call refused",
               {{"peer", context.peer()},
                {"why", std::string(why)},
                {"not_logged", *unlogged},
                {"see", "BROADCAST_API_TOKEN"}});
}

absl::Status ApiTokens::CheckAuthorization(
    absl::string_view authorization) const {
  constexpr absl::string_view kScheme = "Bearer ";
  if (digests_.empty()) return absl::OkStatus();
  if (!absl::StartsWithIgnoreCase(authorization, kScheme)) {
    return absl::UnauthenticatedError(
        "the call has no API token (authorization: Bearer <token>)");
  }
  const Digest shown = DigestOf(
      absl::StripAsciiWhitespace(authorization.substr(kScheme.size())));
  bool known = false;
  for (const Digest& digest : digests_) {
    known |= CRYPTO_memcmp(shown.data(), digest.data(), digest.size()) == 0;
  }
  return known ? absl::OkStatus()
               : absl::UnauthenticatedError("the API token is wrong");
}

}  // namespace herald::rpc
