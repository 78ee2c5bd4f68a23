// SPDX-License-Identifier: Apache-2.0

#include "gateway/core/connection_facts.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/require.h"

namespace herald::gateway {
namespace {

constexpr absl::string_view kOrigin = "origin";

// The headers whose values depend on the browser, its language, the site and
// the proxies before us, and not on the user or the connection.
bool IsShared(absl::string_view name) {
  static constexpr std::array<absl::string_view, 14> kNames = {
      "cache-control",
      "connection",
      "dnt",
      "host",
      kOrigin,
      "pragma",
      "priority",
      "upgrade",
      "user-agent",
      "via",
      "x-forwarded-host",
      "x-forwarded-port",
      "x-forwarded-proto",
      "x-forwarded-scheme"};
  return absl::StartsWith(name, "accept") || absl::StartsWith(name, "sec-") ||
         std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// Facts are texts one behind the other, each behind its length. They come in
// pairs: a header's name and value, and at first the address behind no name.
void Append(absl::string_view text, std::string* all) {
  const auto size = static_cast<uint16_t>(text.size());
  contract::Require(size == text.size());
  char bytes[sizeof size];
  std::memcpy(bytes, &size, sizeof size);
  absl::StrAppend(all, absl::string_view(bytes, sizeof size), text);
}

// The next text, which is taken off `rest`.
absl::string_view Next(absl::string_view* rest) {
  uint16_t size = 0;
  std::memcpy(&size, rest->data(), sizeof size);
  const absl::string_view text = rest->substr(sizeof size, size);
  rest->remove_prefix(sizeof size + size);
  return text;
}

void WriteAll(absl::string_view rest, v1::Connection* connection) {
  while (!rest.empty()) {
    const absl::string_view name = Next(&rest);
    const absl::string_view value = Next(&rest);
    if (name.empty()) {
      connection->set_remote_address(std::string(value));
    } else if (name == kOrigin) {
      connection->set_origin(std::string(value));
    } else {
      std::string& known = (*connection->mutable_headers())[std::string(name)];
      known =
          known.empty() ? std::string(value) : absl::StrCat(known, ", ", value);
    }
  }
}

}  // namespace

void ConnectionFacts::WriteTo(v1::Connection* connection) const {
  if (shared_ != nullptr) WriteAll(*shared_, connection);
  WriteAll(own_, connection);
}

HeaderPool::Builder::Builder(absl::string_view remote_address) {
  Append("", &own_);
  Append(remote_address, &own_);
}

void HeaderPool::Builder::AddHeader(absl::string_view name,
                                    absl::string_view value) {
  const std::string lower = absl::AsciiStrToLower(name);
  std::string* const part = IsShared(lower) ? &shared_ : &own_;
  Append(lower, part);
  Append(value, part);
}

ConnectionFacts HeaderPool::Make(Builder builder) {
  ConnectionFacts facts;
  if (!builder.shared_.empty())
    facts.shared_ = Share(std::move(builder.shared_));
  facts.own_ = std::move(builder.own_);
  facts.own_.shrink_to_fit();
  return facts;
}

HeaderPool::Block HeaderPool::Share(std::string text) {
  const auto known = blocks_.find(text);
  if (known != blocks_.end()) return known->second.lock();
  text.shrink_to_fit();
  const Block block(new std::string(std::move(text)),
                    [this](const std::string* ended) {
                      blocks_.erase(*ended);
                      delete ended;
                    });
  blocks_.emplace(*block, block);
  return block;
}

}  // namespace herald::gateway
