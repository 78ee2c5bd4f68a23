// SPDX-License-Identifier: Apache-2.0

#include "proto/admission/source.h"

#include "absl/hash/hash.h"
#include "absl/strings/strip.h"

namespace herald::admission {
namespace {

constexpr size_t kPrefixBytes = 8;  // Of 16: a /64.
constexpr absl::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);

}  // namespace

Source SourceOf(absl::string_view address) {
  if (address.empty()) return kNoSource;
  absl::ConsumePrefix(&address, kMapped);
  return static_cast<Source>(
      absl::Hash<absl::string_view>{}(address.substr(0, kPrefixBytes)));
}

}  // namespace herald::admission
