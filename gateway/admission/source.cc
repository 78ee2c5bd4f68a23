// SPDX-License-Identifier: Apache-2.0

#include "gateway/admission/source.h"

#include "absl/hash/hash.h"

namespace herald::gateway {
namespace {

constexpr size_t kPrefixBytes = 8;  // Of 16: a /64.

}  // namespace

Source SourceOf(absl::string_view address) {
  return static_cast<Source>(
      absl::Hash<absl::string_view>{}(address.substr(0, kPrefixBytes)));
}

}  // namespace herald::gateway
