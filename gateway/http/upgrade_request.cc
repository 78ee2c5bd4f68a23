// SPDX-License-Identifier: Apache-2.0

#include "gateway/http/upgrade_request.h"

#include <algorithm>
#include <boost/beast/http/rfc7230.hpp>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "gateway/websocket/aliases.h"

namespace herald::gateway {
namespace {

using process::HttpRefusal;
using process::HttpRequest;
using process::View;

HttpRefusal BadRequest(absl::string_view text) {
  return {http::status::bad_request, std::string(text)};
}

// 16 bytes in base64 (RFC 4648 section 4).
bool IsKey(absl::string_view key) {
  constexpr size_t kDigits = 22;
  return key.size() == kDigits + 2 && absl::EndsWith(key, "==") &&
         std::all_of(key.begin(), key.begin() + kDigits, [](char c) {
           return absl::ascii_isalnum(c) || c == '+' || c == '/';
         });
}

bool HasToken(const http::fields::value_type& field, beast::string_view token) {
  return http::token_list(field.value()).exists(token);
}

// The relevant fields, found in one pass: one lookup would cost as much.
struct UpgradeFields {
  explicit UpgradeFields(const HttpRequest& request) {
    for (const http::fields::value_type& field : request) Add(field);
  }

  void Add(const http::fields::value_type& field) {
    switch (field.name()) {
      case http::field::connection:
        ++connections;
        asks_upgrade = asks_upgrade || HasToken(field, "upgrade");
        break;
      case http::field::upgrade:
        ++upgrades;
        asks_websocket = asks_websocket || HasToken(field, "websocket");
        break;
      case http::field::origin:
        ++origins;
        break;
      case http::field::sec_websocket_version:
        ++versions;
        version = View(field.value());
        break;
      case http::field::sec_websocket_key:
        ++keys;
        key = View(field.value());
        break;
      default:
        break;
    }
  }

  bool asks_upgrade = false;
  bool asks_websocket = false;
  int connections = 0;
  int upgrades = 0;
  int origins = 0;
  int versions = 0;
  int keys = 0;
  absl::string_view version;
  absl::string_view key;
};

}  // namespace

std::optional<HttpRefusal> CheckUpgrade(const HttpRequest& request) {
  const UpgradeFields fields(request);
  if (request.version() < 11 || !fields.asks_upgrade ||
      !fields.asks_websocket) {
    return HttpRefusal{http::status::upgrade_required,
                       "this is a WebSocket endpoint"};
  }
  if (fields.origins > 1) return BadRequest("more than one Origin header");
  if (fields.versions != 1) {
    return BadRequest("exactly one Sec-WebSocket-Version header is required");
  }
  if (fields.version != "13") {
    return HttpRefusal{http::status::upgrade_required,
                       "the only supported version of WebSocket is 13"};
  }
  if (fields.keys != 1 || !IsKey(fields.key)) {
    return BadRequest(
        "exactly one Sec-WebSocket-Key header is required, with 16 bytes in "
        "base64");
  }
  return std::nullopt;
}

void NormalizeUpgrade(HttpRequest* request) {
  const UpgradeFields fields(*request);
  if (fields.connections > 1) request->set(http::field::connection, "upgrade");
  if (fields.upgrades > 1) request->set(http::field::upgrade, "websocket");
}

}  // namespace herald::gateway
