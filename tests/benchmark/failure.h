// SPDX-License-Identifier: Apache-2.0
//
// The end of a measurement: a delivery that is missing or out of order, a lost
// connection, a refused call, a process that does not start. Thrown, so that
// all started processes end on the way; the row then counts as failed, and so
// does the whole run.

#ifndef HERALD_TESTS_BENCHMARK_FAILURE_H_
#define HERALD_TESTS_BENCHMARK_FAILURE_H_

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace herald::benchmark {

class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws a Failure with all of `parts`, joined.
template <typename... Parts>
[[noreturn]] void Fail(const Parts&... parts) {
  throw Failure(absl::StrCat(parts...));
}

// The same for a system call that has just failed, with the text of errno.
[[noreturn]] inline void FailCall(absl::string_view call) {
  const int error = errno;
  Fail(call, ": ", std::strerror(error));
}

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_FAILURE_H_
