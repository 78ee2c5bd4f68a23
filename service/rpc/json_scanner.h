// SPDX-License-Identifier: Apache-2.0
//
// Walks over JSON text (RFC 8259) and knows on which line it is, which parsers
// do not tell. It finds where values begin and end; what they mean is for
// others to read.
//
// Failure: the first error ends the walk; it is `path:line: reason`, with the
// line on which JSON ends to be JSON.

#ifndef HERALD_SERVICE_RPC_JSON_SCANNER_H_
#define HERALD_SERVICE_RPC_JSON_SCANNER_H_

#include <cstddef>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace herald::rpc {

class JsonScanner {
 public:
  // Both outlive the scanner. `path` is for messages.
  JsonScanner(absl::string_view path, absl::string_view text)
      : path_(path), text_(text) {}

  // The first byte of what comes next, or 0 at the end.
  char Peek();

  // The line of what comes next.
  int Line();

  // Walks over an object; `member` has to walk over the value of `key`, which
  // is as it was written.
  absl::Status Object(
      absl::FunctionRef<absl::Status(absl::string_view key)> member);

  // Walks over an array; `element` has to walk over one.
  absl::Status Array(absl::FunctionRef<absl::Status()> element);

  // Walks over any value and returns its text.
  absl::StatusOr<absl::string_view> Value();

  // OK if nothing comes any more.
  absl::Status End();

 private:
  absl::Status Expect(char c);
  absl::StatusOr<absl::string_view> String();
  absl::Status Scalar();
  absl::Status Unexpected(absl::string_view expected);

  const absl::string_view path_;
  const absl::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
  int depth_ = 0;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_JSON_SCANNER_H_
