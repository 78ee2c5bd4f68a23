// SPDX-License-Identifier: Apache-2.0

#include "gateway/socket/connection_facts.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "herald/v1/authorizer_service.pb.h"
#include "proto/contract/require.h"

namespace herald::gateway {
namespace {

using google::protobuf::io::CodedOutputStream;

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

// How a length-delimited field of a message begins. REQUIRES: number < 16.
void AppendKey(int number, size_t size, std::string* out) {
  out->push_back(static_cast<char>(number << 3 | 2));
  for (; size >= 0x80; size >>= 7) {
    out->push_back(static_cast<char>(size | 0x80));
  }
  out->push_back(static_cast<char>(size));
}

void AppendField(int number, absl::string_view value, std::string* out) {
  AppendKey(number, value.size(), out);
  absl::StrAppend(out, value);
}

// The value of a header that was there before.
std::string Join(absl::string_view name, absl::string_view values,
                 absl::string_view value) {
  if (values.empty()) return std::string(value);
  return absl::StrCat(values, name == "cookie" ? "; " : ", ", value);
}

// An entry of `headers`, as maps are encoded: the key is field 1, the value 2.
void AppendHeader(absl::string_view name, absl::string_view value,
                  std::string* out) {
  const auto field_size = [](absl::string_view text) {
    return 1 + CodedOutputStream::VarintSize64(text.size()) + text.size();
  };
  AppendKey(v1::Connection::kHeadersFieldNumber,
            field_size(name) + field_size(value), out);
  AppendField(1, name, out);
  AppendField(2, value, out);
}

}  // namespace

absl::string_view ConnectionFacts::remote_address() const {
  if (own_.empty()) return "";
  absl::string_view rest = own_;
  Next(&rest);
  return Next(&rest);
}

std::string ConnectionFacts::Serialize() const {
  absl::InlinedVector<std::pair<absl::string_view, absl::string_view>, 24> all;
  const absl::string_view shared =
      shared_ == nullptr ? absl::string_view() : *shared_;
  for (absl::string_view rest : {shared, absl::string_view(own_)}) {
    while (!rest.empty()) {
      const absl::string_view name = Next(&rest);
      all.emplace_back(name, Next(&rest));
    }
  }
  std::string out;
  out.reserve(shared.size() + own_.size() + 6 * all.size());
  for (auto fact = all.begin(); fact != all.end(); ++fact) {
    const absl::string_view name = fact->first;
    const absl::string_view value = fact->second;
    const auto has_name = [&](const auto& one) { return one.first == name; };
    if (name.empty()) {
      AppendField(v1::Connection::kRemoteAddressFieldNumber, value, &out);
    } else if (name == kOrigin) {
      AppendField(v1::Connection::kOriginFieldNumber, value, &out);
    } else if (std::none_of(all.begin(), fact, has_name)) {
      std::string joined;
      absl::string_view text = value;
      for (auto next = fact + 1; next != all.end(); ++next) {
        if (has_name(*next)) text = joined = Join(name, text, next->second);
      }
      AppendHeader(name, text, &out);
    }
  }
  return out;
}

HeaderPool::Builder::Builder(absl::string_view remote_address,
                             admission::Source source)
    : source_(source) {
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
  facts.source_ = builder.source_;
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
