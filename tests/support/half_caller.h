// SPDX-License-Identifier: Apache-2.0
//
// A gRPC connection whose requests are seldom whole, in HTTP/2 by hand.
//
//   HalfCaller caller(world.grpc_address());
//   caller.Begin("/herald.v1.BroadcastService/Subscribe", 4 << 20);
//   caller.SendMore(1 << 20);
//
// Threads: one.

#ifndef HERALD_TESTS_SUPPORT_HALF_CALLER_H_
#define HERALD_TESTS_SUPPORT_HALF_CALLER_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/support/raw_socket.h"

namespace herald::testing_support {

class HalfCaller {
 public:
  // Connects from the numeric host `source`, if it is not empty.
  explicit HalfCaller(const std::string& address,
                      const std::string& source = "");

  // Begins a call with a message of `bytes` bytes, of which one is sent.
  void Begin(const std::string& path, uint32_t bytes,
             const std::string& token = "");

  // Calls with an empty message; or only the headers of a call. False if the
  // connection has ended.
  bool Call(const std::string& path);
  bool BeginHeaders(const std::string& path);

  // Sends up to `bytes` more of the messages, as far as flow control allows,
  // and never the last byte of one. Reads for a moment first. Returns how many
  // were sent.
  int64_t SendMore(int64_t bytes);

  // Whether SendMore() has seen the end of the connection.
  bool ended() { return socket_.WaitForEnd(Milliseconds(0)); }

  // Frames of an unknown type, which flow control does not count.
  void SendUnknownFrames(int bytes);

 private:
  struct Stream {
    int64_t left = 0;  // Bytes of its message, without the last one.
    int64_t window = 0;
  };

  // Takes the frames that have arrived.
  void Read();
  void OnFrame(uint8_t type, uint8_t flags, uint32_t stream,
               absl::string_view payload);
  void OnSettings(absl::string_view payload);

  RawSocket socket_;
  std::string received_;              // Less than a frame.
  uint32_t next_ = 1;                 // Of the streams.
  std::map<uint32_t, Stream> calls_;  // Those that the peer has not ended.
  int64_t window_ = 65535;            // RFC 9113 section 6.9.2.
  int64_t stream_window_ = 65535;
};

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_HALF_CALLER_H_
