// SPDX-License-Identifier: Apache-2.0
//
// Accepts connections for one loop. All loops listen on the same addresses,
// each with sockets of its own (SO_REUSEPORT; on a unix socket they share one):
// the kernel spreads connections, and no socket ever changes loops.
//
// Threads: Listen() any; all else its loop, or nobody's while the loop does not
// run.
//
// Failure: when accept(2) fails, or only the descriptors kept for the link are
// left, the listener reports it and rests for a moment. Connections wait in the
// kernel meanwhile, and one here.

#ifndef HERALD_GATEWAY_NET_LISTENER_H_
#define HERALD_GATEWAY_NET_LISTENER_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gateway/loop/timer_wheel.h"
#include "gateway/net/aliases.h"
#include "gateway/net/event_loop.h"
#include "proto/process/listening_sockets.h"

namespace herald::gateway {

class Listener final : private Timer {
 public:
  // Begins with Start(). REQUIRES: `acceptor` listens and is of `loop`.
  Listener(EventLoop* loop, StreamAcceptor acceptor);

  // Begins to accept. REQUIRES: the loop does not run yet.
  void Start() { StartAccept(); }

 private:
  void StartAccept();
  void OnAcceptDone(error_code ec, StreamSocket socket);
  void Serve(StreamSocket socket);
  void Rest();
  void OnTimer() override;
  // False if there is still no descriptor for it but a kept one.
  bool ServeWaiting();

  EventLoop* const loop_;
  StreamAcceptor acceptor_;
  std::optional<StreamSocket> waiting_;  // Has a descriptor that is kept.
};

struct Listening {
  std::vector<StreamAcceptor> acceptors;  // One at `i` is of loop `i % loops`.
  process::ListeningSockets sockets;      // The address; without descriptors.
};

// Listens on `address`, as ListeningSockets does, for each of `loops`.
absl::StatusOr<Listening> Listen(
    absl::string_view address,
    const std::vector<std::unique_ptr<EventLoop>>& loops);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_LISTENER_H_
