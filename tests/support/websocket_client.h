// SPDX-License-Identifier: Apache-2.0
//
// A browser, from a gateway's point of view: a Boost.Beast WebSocket client.
//
//   Loop loop;
//   WebSocketClient ada(&loop, {.address = gateway_address});
//   ASSERT_TRUE(ada.WaitForConnected());
//   EXPECT_EQ(ada.Subscribe("news").text(),
//             R"({"type":"subscribed","channel":"news"})");
//
// All clients of a test share one loop, so waiting for one serves all: pings
// are answered and frames are kept while the test looks elsewhere.
//
// Threads: one; the loop runs inside the calls that wait.
//
// Failure: a wait that ends without its event fails the test and returns an
// empty Frame.

#ifndef HERALD_TESTS_SUPPORT_WEBSOCKET_CLIENT_H_
#define HERALD_TESTS_SUPPORT_WEBSOCKET_CLIENT_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "tests/support/deadline.h"
#include "tests/support/frame.h"

namespace herald::testing_support {

// The one thread of many clients.
class Loop {
 public:
  Loop();
  ~Loop();

  // Serves the clients until `done` or for `patience`; returns whether done.
  bool RunUntil(absl::FunctionRef<bool()> done,
                Milliseconds patience = kPatience);

 private:
  friend class WebSocketClient;
  struct Context;
  const std::unique_ptr<Context> context_;
};

struct WebSocketOptions {
  std::string address = {};  // host:port of a gateway.
  std::string path = "/ws";
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string source = {};  // The address to come from; empty: any.
  int receive_buffer = 0;   // SO_RCVBUF in bytes; 0: the system's choice.
};

class WebSocketClient {
 public:
  // Begins to connect.
  WebSocketClient(Loop* loop, WebSocketOptions options);

  // Drops the connection without a word.
  ~WebSocketClient();

  WebSocketClient(const WebSocketClient&) = delete;
  WebSocketClient& operator=(const WebSocketClient&) = delete;

  // Waits for `connected`, the first frame, and takes it.
  bool WaitForConnected();

  // Waits for an upgrade to be refused and returns its HTTP status.
  int WaitForRefusal();

  // The HTTP status of the refusal, and one of its headers; 0 and empty if the
  // upgrade was not refused.
  int refusal() const;
  std::string RefusalHeader(absl::string_view name) const;

  // As the gateway named the connection; empty before `connected`.
  const std::string& socket_id() const;

  // Whether the connection has been opened and neither side has closed it.
  bool open() const;

  // Whether it was refused, could not be opened, or has ended.
  bool ended() const;

  // Sends a text or a binary message.
  void Send(absl::string_view text);
  void SendBinary(absl::string_view bytes);

  // The next frame, in the order of their arrival.
  Frame Next();

  // Frames that have arrived and were not taken by Next().
  size_t waiting() const;

  // Sends a `subscribe` and returns the next frame, which should answer it.
  Frame Subscribe(absl::string_view channel, absl::string_view auth = "");
  // Without waiting for the answer. `channel_data` is JSON text.
  void AskToSubscribe(absl::string_view channel, absl::string_view auth = "",
                      absl::string_view channel_data = "");
  Frame Unsubscribe(absl::string_view channel);
  void Whisper(absl::string_view channel, absl::string_view event,
               absl::string_view data);

  // Sends a `ping` and returns the next frame: the `pong`, unless the gateway
  // sent another frame before it.
  Frame Ping();

  // Waits until the gateway has closed the connection and returns the close
  // code; 1006 if it broke without a close frame.
  int WaitForClose(Milliseconds patience = kPatience);
  std::string close_reason() const;

  // Closes politely, or breaks the connection.
  void Close();
  void Drop();

  // Reads no more than the message that is being read; pings are not answered
  // either. And the opposite.
  void StopReading();
  void ResumeReading();

 private:
  class Impl;
  const std::shared_ptr<Impl> impl_;
  Loop* const loop_;
};

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_WEBSOCKET_CLIENT_H_
