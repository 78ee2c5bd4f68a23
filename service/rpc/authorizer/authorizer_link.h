// SPDX-License-Identifier: Apache-2.0
//
// core::Authorizer over the application's AuthorizerService: the streams on
// which questions are multiplexed. QuestionDispatcher decides which question is
// asked next and how it ends, AuthorizerTraffic on which stream; this class
// dials, writes, reads, and keeps the deadlines. A question that cannot be
// asked is answered UNAVAILABLE.
//
// Streams: one is the main stream, and it is dialled again whenever it ends.
// Lanes are for questions that may have broken a stream; they are opened when
// needed and closed when idle. After its question has timed out, a lane is
// kept for a while, because it may break yet.
//
// A stream that does not take a question for `timeout` is cancelled, and so is
// one that sends nothing for three timeouts while questions are open. The next
// one gets a new connection, because the old one may be half-open.
//
// Idle: proxies end streams on which no data flow. After `keepalive_interval`
// of silence in one direction a keepalive is written, if the authorizer has
// announced with `ready` that it answers keepalives. The stream is cancelled if
// no message follows within `keepalive_timeout`. Without `ready` a new stream
// is opened. Once it works, or has been open for a second on a connection that
// stands, questions go there. Our side of the old one is ended, and it is read
// to its end.
//
// Nothing fails open: a message that is not a `decision` for an open id is
// ignored and counted. A malformed message affects no other.
//
// A pause of this process is not the authorizer's silence. So a deadline that
// is checked long after it was due is checked again, after the bytes that have
// arrived meanwhile were read.
//
// Threads: any. Decisions and revocations are passed on by gRPC's threads, in
// the order of each stream, and by the timers' thread; never with a lock held.
//
// Lifetime: shared, because timers may still refer to it; call Stop() before
// the last owner releases it.

#ifndef HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_LINK_H_
#define HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_LINK_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "herald/v1/authorizer_service.pb.h"
#include "proto/contract/mutex.h"
#include "service/channel/timers.h"
#include "service/rpc/authorizer/authorizer_observer.h"
#include "service/rpc/authorizer/authorizer_stream.h"
#include "service/rpc/authorizer/authorizer_traffic.h"
#include "service/subscriptions/authorizer.h"

namespace herald::rpc {

class AuthorizerLink final
    : public core::Authorizer,
      private AuthorizerStream::Host,
      public std::enable_shared_from_this<AuthorizerLink> {
 public:
  using Options = AuthorizerOptions;

  // Applies a revocation; an error if it names neither a user nor a socket.
  // Called by several threads at once.
  using Revoke = absl::AnyInvocable<absl::Status(v1::Revocation) const>;

  // `timers` and `observer` outlive Stop(). REQUIRES: Start() follows.
  static std::shared_ptr<AuthorizerLink> Create(Options options,
                                                core::Timers* timers,
                                                AuthorizerObserver* observer,
                                                Revoke revoke);
  ~AuthorizerLink() override;

  // Begins to dial.
  void Start() { Dial(); }

  // Answers all questions UNAVAILABLE, ends the streams, and returns when no
  // callback runs any more. REQUIRES: not called from a callback.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  void Authorize(core::Question question,
                 absl::AnyInvocable<void(core::Verdict)> done) override
      ABSL_LOCKS_EXCLUDED(mu_);

  // Whether a stream is open on a connection that stands.
  bool connected() const ABSL_LOCKS_EXCLUDED(mu_);

  // Questions that wait to be written, suspects among them, and those that the
  // authorizer has.
  struct Questions {
    int64_t queued = 0;
    int64_t suspects = 0;
    int64_t in_flight = 0;
  };
  Questions questions() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using StreamPtr = AuthorizerStreamPtr;
  using Work = AuthorizerWork;

  AuthorizerLink(Options options, core::Timers* timers,
                 AuthorizerObserver* observer, Revoke revoke);

  // AuthorizerStream::Host:
  void OnStreamWorks(AuthorizerStream* stream) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void OnWritten(AuthorizerStream* stream, bool ok) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void OnRead(AuthorizerStream* stream,
              v1::AuthorizeResponse* response) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void OnReadingEnded(AuthorizerStream* stream) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void OnStreamDone(AuthorizerStream* stream,
                    const grpc::Status& status) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void Decide(AuthorizerStream* stream, v1::Decision& decision)
      ABSL_LOCKS_EXCLUDED(mu_);

  void Do(Work work) ABSL_LOCKS_EXCLUDED(mu_);
  // Calls `body` later if there is still a link.
  void After(absl::Duration delay,
             absl::AnyInvocable<void(AuthorizerLink&)> body);
  void Dial() ABSL_LOCKS_EXCLUDED(mu_);
  // Releases streams that have ended.
  void Reap() ABSL_LOCKS_EXCLUDED(mu_);

  // Check a stream from time to time: until its connection stands; whether it
  // is idle.
  void WatchStart(const std::weak_ptr<AuthorizerStream>& stream,
                  absl::Duration delay);
  void WatchIdle(const std::weak_ptr<AuthorizerStream>& stream,
                 absl::Duration delay);
  std::optional<absl::Duration> CheckStart(const StreamPtr& stream)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Refuses questions that have timed out, and arms the next sweep for the
  // next deadline. Only the sweep that was armed last has an effect.
  void Sweep(int64_t number) ABSL_LOCKS_EXCLUDED(mu_);
  void ArmSweep(absl::Time when) ABSL_LOCKS_EXCLUDED(mu_);

  // Undoes ++busy_. Stop() waits until is_idle().
  void Leave() ABSL_LOCKS_EXCLUDED(mu_);
  bool is_idle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  const absl::Duration timeout_;
  const absl::Duration keepalive_interval_;
  core::Timers* const timers_;
  AuthorizerObserver* const observer_;
  const Revoke revoke_;
  absl::Notification idle_;

  mutable contract::Mutex mu_;
  AuthorizerTraffic traffic_ ABSL_GUARDED_BY(mu_);
  absl::Time sweep_due_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();
  int64_t last_sweep_ ABSL_GUARDED_BY(mu_) = 0;
  bool sweep_put_off_ ABSL_GUARDED_BY(mu_) = false;
  int busy_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_LINK_H_
