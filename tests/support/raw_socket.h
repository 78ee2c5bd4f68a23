// SPDX-License-Identifier: Apache-2.0
//
// A TCP connection that sends exactly the test's bytes, for input that no
// proper client would send; and the frames of RFC 6455, written by hand.
//
//   RawSocket socket(gateway_address);
//   socket.Upgrade();
//   socket.Send(ClientFrame(kText, "{").substr(0, 3));  // Half a frame.
//
// Threads: one; calls block up to kPatience and then fail the test.

#ifndef HERALD_TESTS_SUPPORT_RAW_SOCKET_H_
#define HERALD_TESTS_SUPPORT_RAW_SOCKET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/support/deadline.h"

namespace herald::testing_support {

// RFC 6455 section 5.2.
enum Opcode : uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xA,
};

// A whole masked frame, as clients send them.
std::string ClientFrame(Opcode opcode, absl::string_view payload,
                        bool is_final = true);

// An HTTP answer.
struct HttpAnswer {
  int status = 0;  // 0: there was none.
  std::string body;
};

// A frame of a server.
struct ServerFrame {
  uint8_t opcode = 0;
  bool is_final = false;
  std::string payload;

  // The code of a close frame; 1005 if it has none, 0 if it is no close frame.
  int close_code() const;
};

class RawSocket {
 public:
  // Connects to host:port, both numeric, or unix:path; from the numeric host
  // `source`, if it is not empty.
  explicit RawSocket(const std::string& address,
                     const std::string& source = "");
  ~RawSocket();

  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  // Sends all of it; false if the peer has closed.
  bool Send(absl::string_view bytes);

  // Asks with GET and leaves the connection open.
  HttpAnswer Get(absl::string_view path, Milliseconds patience = kPatience);

  // Asks for a WebSocket and does not wait for the answer.
  bool AskToUpgrade(absl::string_view headers = "",
                    absl::string_view path = "/ws");

  // Requests a WebSocket, with `headers` (each ended by CR LF) besides the
  // required ones, and returns the status of the answer; 0 if there was none.
  int Upgrade(absl::string_view headers = "", absl::string_view path = "/ws");

  // The next frame; nothing if the connection ended or the time is over.
  std::optional<ServerFrame> ReadFrame(Milliseconds patience = kPatience);

  // Reads frames up to a close frame and returns its code; 1006 if the
  // connection ended without one.
  int ReadUntilClose(Milliseconds patience = kPatience);

  // Reads all there is until the peer closes.
  std::string ReadToEnd(Milliseconds patience = kPatience);

  // Breaks the connection without a word.
  void Reset();

  // Whether the connection ended by an error, and not by the peer's close.
  bool was_reset() const { return was_reset_; }

  // Whether the peer has closed by the end of `patience`. Received bytes are
  // dropped.
  bool WaitForEnd(Milliseconds patience = kPatience);

 private:
  bool ReadMore(Clock::time_point deadline);

  int fd_ = -1;
  bool at_end_ = false;
  bool was_reset_ = false;
  std::string buffer_;
};

// Asks with GET, on a connection of its own. No answer is no failure of the
// test: the status is 0 then.
HttpAnswer HttpGet(const std::string& address, const std::string& path);

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_RAW_SOCKET_H_
