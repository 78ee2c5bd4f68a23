// SPDX-License-Identifier: Apache-2.0
//
// Serves a ChannelAuthorizer to Herald. Point `BROADCAST_AUTHORIZER` at it.
//
//   Rooms rooms;
//   auto server = AuthorizerServer::Start({.address = "[::]:50052"}, &rooms);
//   if (!server.ok()) return Fail(server.status());
//   …
//   (*server)->RevokeUser("ada", "private-orders", "the order was closed");
//
// Herald keeps a stream open to it; several Herald services may do so at once.
// The server hides the streams: it calls Authorize() for each question, sends
// the answers in any order, and sends revocations to every service.
//
// Threads: every method may be called from any thread. Authorize() is called on
// `threads` threads that belong to the server and do nothing else; a slow
// decision occupies one of them and delays no other as long as one is free.
//
// Bounds: a stream with 1,024 open questions is not read until one of them is
// answered. The stream of a Herald service that does not read is ended when 16
// MiB of answers wait for it, or when a revocation that it has not received is
// evicted. The service dials again and repeats its questions.
//
// Files: while the process has no file descriptor left (RLIMIT_NOFILE), new
// connections wait, and are served as soon as there is one.

#ifndef HERALD_CLIENT_AUTHORIZER_SERVER_H_
#define HERALD_CLIENT_AUTHORIZER_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "herald/client/channel_authorizer.h"

namespace herald::client {

struct AuthorizerServerOptions {
  // Where to listen: `host:port`; port 0 picks a free one, see port().
  std::string address = "127.0.0.1:50052";

  // Questions decided at the same time: with a lookup of 50 ms, 64 threads
  // decide 1,280 a second. A waiting thread costs next to nothing.
  // REQUIRES: > 0.
  int threads = 64;

  // How long, and how many, revocations are remembered and repeated to a
  // Herald service that dials again. Herald has renewed its grants after that.
  // REQUIRES: > 0.
  absl::Duration revocation_memory = absl::Minutes(10);
  int64_t revocations_max = 100'000;

  // Most streams at once, of which each Herald service has up to 20; another
  // one is refused with RESOURCE_EXHAUSTED. REQUIRES: > 0.
  int streams_max = 400;
};

class AuthorizerServer {
 public:
  // Listens and serves. `authorizer` must outlive the server.
  //
  //   INVALID_ARGUMENT  the address is neither `host:port` nor `unix:path`
  //   UNAVAILABLE       the address cannot be listened on, for example because
  //                     the port is taken
  static absl::StatusOr<std::unique_ptr<AuthorizerServer>> Start(
      AuthorizerServerOptions options, ChannelAuthorizer* authorizer);

  // As Shutdown().
  ~AuthorizerServer();

  AuthorizerServer(const AuthorizerServer&) = delete;
  AuthorizerServer& operator=(const AuthorizerServer&) = delete;

  // The port that it listens on; 0 for a unix socket.
  int port() const;

  // Takes grants back: the sockets lose the channel at once. An empty `channel`
  // means every private and presence channel. `reason`, a sentence, reaches the
  // client in `unsubscribed`; at most 1 KiB is passed on.
  //
  // Goes to every Herald service, and again to one that dials within
  // `revocation_memory`. It is not an error if there is no such grant.
  //
  // Change your own data first, then revoke: a decision that begins after this
  // call counts; a yes of one that was under way during the call becomes a no.
  //
  //   INVALID_ARGUMENT  the socket, user or channel is not of valid form, or
  //                     the reason is not UTF-8
  absl::Status RevokeSocket(absl::string_view socket_id,
                            absl::string_view channel,
                            absl::string_view reason);
  absl::Status RevokeUser(absl::string_view user_id, absl::string_view channel,
                          absl::string_view reason);

  // Ends all streams with UNAVAILABLE and the server with them; returns when
  // the decisions under way have returned. Questions that still wait are not
  // decided. May be repeated.
  // REQUIRES: not called from Authorize().
  void Shutdown();

 private:
  class Impl;
  explicit AuthorizerServer(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace herald::client

#endif  // HERALD_CLIENT_AUTHORIZER_SERVER_H_
