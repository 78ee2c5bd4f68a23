// SPDX-License-Identifier: Apache-2.0
//
// How many streams are open on a connection of this process's gRPC servers.
// gRPC creates a stream from a call's headers, and may keep it for ever without
// running a handler. The handler of a unary call runs when its message is
// complete. Channelz, gRPC's own bookkeeping, counts them (gRFC A14).
//
// Threads: one at a time.

#ifndef HERALD_SERVICE_RPC_GATE_OPEN_STREAMS_H_
#define HERALD_SERVICE_RPC_GATE_OPEN_STREAMS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace herald::rpc {

class OpenStreams {
 public:
  struct Connection {
    int64_t id = 0;
    std::string peer;  // As gRPC names it: `ipv4:10.0.0.1:5000`.
  };

  virtual ~OpenStreams() = default;

  // The connections that are new since the last call, and perhaps some older
  // ones.
  virtual std::vector<Connection> TakeNew() = 0;

  struct Streams {
    int64_t begun = 0;  // Since the connection was accepted.
    int64_t open = 0;
  };

  // nullopt if the connection is closed, or channelz is off.
  virtual std::optional<Streams> CountOf(int64_t id) = 0;
};

class ChannelzStreams final : public OpenStreams {
 public:
  std::vector<Connection> TakeNew() override;
  std::optional<Streams> CountOf(int64_t id) override;

 private:
  int64_t next_id_ = 0;  // Ids of all servers grow together.
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_GATE_OPEN_STREAMS_H_
