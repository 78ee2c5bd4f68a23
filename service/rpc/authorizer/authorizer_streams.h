// SPDX-License-Identifier: Apache-2.0
//
// The streams of an AuthorizerLink: their roles, the channel that they use, and
// the steps that are due on idle streams.
//
// Threads: none of its own; the link's lock guards it.

#ifndef HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_STREAMS_H_
#define HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_STREAMS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "service/rpc/authorizer/authorizer_stream.h"

namespace herald::rpc {

using AuthorizerStreamPtr = std::shared_ptr<AuthorizerStream>;

// The pause before a stream is dialled again, with jitter.
absl::Duration RedialBackoff();

class AuthorizerStreams {
 public:
  using Ptr = AuthorizerStreamPtr;
  using Role = AuthorizerStream::Role;

  struct Options {
    std::string target;
    absl::Duration keepalive_interval;
    absl::Duration keepalive_timeout;
  };

  // How long a lane stays open without a question.
  static constexpr absl::Duration kLaneIdle = absl::Seconds(2);
  // How long a lane stays open after its question has timed out, and how many
  // such lanes there are at most.
  static constexpr absl::Duration kOverdueFor = absl::Seconds(10);
  static constexpr int kOverdueMax = 4;

  // Why a lane is cancelled after its question has timed out.
  static constexpr char kUnanswered[] = "the authorizer did not answer in time";

  // `host` outlives the streams.
  AuthorizerStreams(AuthorizerStream::Host* host, Options options);

  const std::vector<Ptr>& all() const { return all_; }
  const Ptr& main() const { return main_; }
  const Ptr& next() const { return next_; }
  int lanes() const;
  Ptr Share(AuthorizerStream* stream) const;
  // Whether the main stream is open on a connection that stands.
  bool connected() const;

  // Makes a stream in this role. The caller starts it.
  Ptr Open(Role role);
  // Removes a stream that has ended. The next stream, if there is one, takes
  // the place of the main stream; if that was cut, the channel is replaced.
  Ptr Remove(AuthorizerStream* stream);
  // The next stream becomes the main one. Returns the old one, which retires.
  Ptr Promote();
  // Cancels a stream; the main stream takes its connection with it.
  static void Cut(AuthorizerStream* stream, const char* why);

  // The only question of a lane has timed out: the lane is asked nothing more,
  // but stays open, because only a lane that breaks shows poison. If there are
  // too many, the one that ends first is cancelled.
  void Keep(AuthorizerStream* lane, absl::Time now);
  // Cancels an overdue lane when its time is over. Returns when to check it
  // again.
  static absl::Time CheckOverdue(AuthorizerStream* lane, absl::Time now);

  // Whether `stream` counts as working without a sign of life. Its connection
  // has to stand, and the next stream has to be a second old.
  bool Stands(const Ptr& stream, absl::Time now) const;

  // The step that is due on a stream that may be idle, and the next check.
  struct Due {
    absl::Time again = absl::InfiniteFuture();
    Ptr opened = nullptr;  // A next stream, to be started.
    Ptr write = nullptr;   // Has a keepalive to write; its token is held.
  };
  Due CheckIdle(const Ptr& stream, absl::Time now);

  // Begins to end our side of a retiring stream, if it has no question open.
  // True if the caller holds the token and must call Write().
  static bool Retire(AuthorizerStream* stream);

  // Cuts the main stream if a write takes longer than `timeout`. Also cuts it
  // if there is no sign of life for kSilentTimeouts timeouts while questions
  // time out (`unanswered`) or wait for the window (`blocked`). Returns when to
  // check again. REQUIRES: there is a main stream.
  absl::Time CheckUse(absl::Time now, absl::Duration timeout, bool unanswered,
                      bool blocked);

  // Ended streams, and replaced channels. gRPC 1.51 joins its own
  // threads when the last channel of a process is destroyed. On one of these
  // threads, in a reaction, that ended in a double free; so the owner destroys
  // them on another thread.
  std::vector<std::shared_ptr<void>> TakeSpent() { return std::move(spent_); }
  bool has_spent() const { return !spent_.empty(); }

 private:
  Due CheckIdleLane(const Ptr& stream, absl::Time now);
  Due CheckIdleMain(const Ptr& stream, absl::Time now);

  AuthorizerStream::Host* const host_;
  const Options options_;
  std::shared_ptr<grpc::Channel> channel_;
  std::vector<Ptr> all_;
  Ptr main_;
  Ptr next_;
  int64_t last_number_ = 0;
  std::vector<std::shared_ptr<void>> spent_;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_STREAMS_H_
