// SPDX-License-Identifier: Apache-2.0
//
// Takes a server's WebSocket frames out of the bytes of a socket: several in
// one read, and one that is split across reads. A frame that arrives whole is
// not copied.

#ifndef HERALD_TESTS_BENCHMARK_FRAME_READER_H_
#define HERALD_TESTS_BENCHMARK_FRAME_READER_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace herald::benchmark {

// Opcodes of RFC 6455 section 5.2.
enum class Opcode : uint8_t {
  kText = 1,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

struct ServerFrame {
  Opcode opcode = Opcode::kText;
  absl::string_view payload;  // Holds during the call that hands it over.
};

class FrameReader {
 public:
  using Take = absl::FunctionRef<void(const ServerFrame&)>;

  // Hands over each frame that `bytes` complete, in order, and keeps the rest.
  //
  // Failure: a frame that is masked, in parts, binary, or of no known kind.
  // Herald sends none of these.
  void Feed(absl::string_view bytes, Take take);

  // Bytes of a frame that has not arrived whole.
  size_t rest_bytes() const { return rest_.size(); }

 private:
  std::string rest_;
};

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_FRAME_READER_H_
