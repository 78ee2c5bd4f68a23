// SPDX-License-Identifier: Apache-2.0
//
// Accepts connections for one loop. All loops listen on the same address, each
// with a socket of its own (SO_REUSEPORT): the kernel spreads connections, and
// no socket ever changes loops.
//
// Threads: Listen() any; all else its loop, or nobody's while the loop does not
// run.
//
// Failure: when accept(2) fails, or only the descriptors kept for the link are
// left (then the connection is closed), the listener reports it and rests for a
// moment; connections wait in the kernel.

#ifndef HERALD_GATEWAY_NET_LISTENER_H_
#define HERALD_GATEWAY_NET_LISTENER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gateway/core/timer_wheel.h"
#include "gateway/net/aliases.h"
#include "gateway/net/event_loop.h"

namespace herald::gateway {

class Listener final : private Timer {
 public:
  // Begins with Start(). REQUIRES: `acceptor` listens and is of `loop`.
  Listener(EventLoop* loop, TcpAcceptor acceptor);

  // Begins to accept. REQUIRES: the loop does not run yet.
  void Start() { StartAccept(); }

 private:
  void StartAccept();
  void OnAcceptDone(error_code ec, TcpSocket socket);
  void OnTimer() override { StartAccept(); }

  EventLoop* const loop_;
  TcpAcceptor acceptor_;
};

// One listening socket per loop.
struct Listening {
  std::vector<TcpAcceptor> acceptors;
  std::string address;  // With the port that was learned, if 0 was asked for.
};

// Listens on `address`, `host:port`, once for each of `loops`. An error says
// what is wrong with the address; a port that another process (or another
// gateway) has is one.
absl::StatusOr<Listening> Listen(
    absl::string_view address,
    const std::vector<std::unique_ptr<EventLoop>>& loops);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_LISTENER_H_
