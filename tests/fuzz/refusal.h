// SPDX-License-Identifier: Apache-2.0
//
// The form of a refusal: text that may be logged, and sent as a gRPC status.

#ifndef HERALD_TESTS_FUZZ_REFUSAL_H_
#define HERALD_TESTS_FUZZ_REFUSAL_H_

#include <initializer_list>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/contract/names.h"
#include "proto/contract/require.h"

namespace herald::fuzz {

// A sentence in UTF-8 on one line.
inline void RequirePrintable(absl::string_view message) {
  contract::Require(!message.empty());
  contract::Require(contract::IsUtf8(message));
  contract::Require(message.find_first_of("\r\n") == absl::string_view::npos);
}

// Whether `status` is OK. REQUIRES: it has a message and one of `codes`, if it
// is not.
inline bool IsOkOr(const absl::Status& status,
                   std::initializer_list<absl::StatusCode> codes) {
  if (status.ok()) return true;
  contract::Require(absl::c_linear_search(codes, status.code()));
  RequirePrintable(status.message());
  return false;
}

}  // namespace herald::fuzz

#endif  // HERALD_TESTS_FUZZ_REFUSAL_H_
