// SPDX-License-Identifier: Apache-2.0
//
// Accepts connections for one loop. All loops listen on the same addresses.
// Each has sockets of its own (SO_REUSEPORT), or they share one unix socket.
// The kernel spreads the connections, and a socket never changes loops.
//
// Threads: Listen() any; all other methods the loop's, or any single thread
// while the loop does not run.
//
// Failure: if accept(2) fails, or only descriptors reserved for the link are
// left, the listener reports it and pauses. Meanwhile connections wait in the
// kernel, and one here.

#ifndef HERALD_GATEWAY_HTTP_LISTENER_H_
#define HERALD_GATEWAY_HTTP_LISTENER_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gateway/loop/timer_wheel.h"
#include "gateway/net/event_loop.h"
#include "gateway/websocket/aliases.h"
#include "proto/process/listening_sockets.h"

namespace herald::gateway {

class Listener final : private Timer {
 public:
  // Idle until Start(). REQUIRES: `acceptor` listens and belongs to `loop`.
  Listener(EventLoop* loop, StreamAcceptor acceptor);

  // Starts accepting. REQUIRES: the loop does not run yet.
  void Start() { StartAccept(); }

 private:
  void StartAccept();
  void OnAcceptDone(error_code ec, StreamSocket socket);
  void Serve(StreamSocket socket);
  void Rest();
  void OnTimer() override;
  // Returns false if only reserved descriptors are free.
  bool ServeWaiting();

  EventLoop* const loop_;
  StreamAcceptor acceptor_;
  std::optional<StreamSocket> waiting_;  // Has a reserved descriptor.
};

struct Listening {
  std::vector<StreamAcceptor> acceptors;  // [i] belongs to loop `i % loops`.
  process::ListeningSockets sockets;      // The address, without descriptors.
};

// Listens on `address`, as ListeningSockets does, once for each of `loops`.
absl::StatusOr<Listening> Listen(
    absl::string_view address,
    const std::vector<std::unique_ptr<EventLoop>>& loops);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_HTTP_LISTENER_H_
