// SPDX-License-Identifier: Apache-2.0
//
// core::Authorizer over the application's AuthorizerService: one stream, on
// which questions are multiplexed, dialled again whenever it ends.
//
// The life of a question:
//
//   Authorize() -> queue_ -> being written -> in flight -> decided
//                    ^                            |
//                    +------ the stream broke ----+   (under a new id)
//
// Deadlines: a decision has `timeout` from the moment its question was written.
// Before that, a question waits at most `timeout` for a stream, and behind a
// full flight as long as the whole queue can take: kQueueWaits timeouts. A
// question that is asked again keeps its deadline. Whoever is out of time is
// answered UNAVAILABLE, and so is at once whoever finds the queue full.
//
// Bound: the authorizer has at most `in_flight_max` questions at once, and
// fewer if it is too slow for so many (authorizer_window.h). One whose time is
// over is among them for as long as the authorizer may still be at it.
//
// A stream that does not take a question for `timeout` is given up, and so is
// one that says nothing at all for three while questions go unanswered; the
// next one gets a connection of its own, for this one's may be half-open. Who
// has waited behind it for a timeout is answered UNAVAILABLE.
//
// Nothing fails open: what is not a `decision` for an open id is ignored and
// counted. One message that is malformed costs no other.
//
// Threads: any. Decisions and revocations are passed on by gRPC's threads, in
// the order of the stream, and by the timers' thread; never with a lock held.
//
// Lifetime: shared, for timers may hold on to it; Stop() before the last owner
// goes.

#ifndef HERALD_SERVICE_RPC_AUTHORIZER_LINK_H_
#define HERALD_SERVICE_RPC_AUTHORIZER_LINK_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "herald/v1/authorizer_service.pb.h"
#include "proto/contract/limits.h"
#include "proto/contract/mutex.h"
#include "service/core/authorizer.h"
#include "service/core/timers.h"
#include "service/rpc/authorizer_window.h"

namespace herald::rpc {

// What the link has seen, for metrics and logs.
//
// Threads: any; never with a lock of the link held.
class AuthorizerObserver {
 public:
  virtual ~AuthorizerObserver() = default;

  // The stream is known to work; it has ended, or could not be dialled.
  virtual void OnAuthorizerUp() {}
  virtual void OnAuthorizerDown(const absl::Status& /*why*/) {}

  // `outcome` is `allowed`, `denied` or `unavailable`; `latency` runs from the
  // first writing of the question, and is there if it was answered.
  virtual void OnDecision(absl::string_view /*outcome*/,
                          std::optional<absl::Duration> /*latency*/) {}

  // A question was answered `unavailable` because the queue was full.
  virtual void OnAuthorizerQueueFull() {}

  // A message was ignored: `malformed`, `unknown_request`, `empty`,
  // `invalid_revocation`, or `late`, an answer after its deadline.
  virtual void OnAuthorizerIgnored(absl::string_view /*reason*/) {}
};

class AuthorizerLink final
    : public core::Authorizer,
      public std::enable_shared_from_this<AuthorizerLink> {
 public:
  struct Options {
    std::string target;  // A gRPC target, for example `dns:///auth:7000`.
    absl::Duration timeout = absl::Seconds(1);
    int64_t in_flight_max = contract::kAuthorizerInFlightMax;
    int64_t queue_max = contract::kAuthorizerQueueMax;
  };

  // Takes a revocation; an error says that it names nobody.
  using Revoke = absl::AnyInvocable<absl::Status(v1::Revocation)>;

  // `timers` and `observer` outlive Stop(). REQUIRES: Start() follows.
  static std::shared_ptr<AuthorizerLink> Create(Options options,
                                                core::Timers* timers,
                                                AuthorizerObserver* observer,
                                                Revoke revoke);
  ~AuthorizerLink() override;

  // Begins to dial.
  void Start();

  // Answers everything open UNAVAILABLE, ends the stream, and returns when no
  // callback runs any more. REQUIRES: not called from a callback.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  void Authorize(core::Question question,
                 absl::AnyInvocable<void(core::Decision)> done) override
      ABSL_LOCKS_EXCLUDED(mu_);

  // Whether a stream is open on a connection that stands.
  bool connected() const ABSL_LOCKS_EXCLUDED(mu_);

  // Questions that wait to be written, and those that the authorizer has.
  struct Questions {
    int64_t queued = 0;
    int64_t in_flight = 0;
  };
  Questions questions() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  class Stream;
  using Done = absl::AnyInvocable<void(core::Decision)>;

  // Timeouts that the last of a full queue may have to wait, with a full flight
  // before it timing out each time.
  static constexpr int kQueueWaits =
      contract::kAuthorizerQueueMax / contract::kAuthorizerInFlightMax + 1;

  // Timeouts without a word after which a question that is not answered in time
  // ends the stream. One slow answer must not: others may be on their way.
  static constexpr int kSilentTimeouts = 3;

  struct Open {
    // Shared with the write in flight, which may outlive the question.
    std::shared_ptr<v1::AuthorizeRequest> request;
    Done done;
    absl::Time arrived;
    absl::Time asked = absl::InfiniteFuture();     // When first written.
    absl::Time written;                            // When last written.
    absl::Time deadline = absl::InfiniteFuture();  // Once it was written.
  };

  // A decision on its way to its owner.
  struct Ready {
    Done done;
    core::Decision decision;
    std::optional<absl::Duration> latency;
  };

  AuthorizerLink(Options options, core::Timers* timers,
                 AuthorizerObserver* observer, Revoke revoke);

  // The stream's events.
  void OnStreamWorks() ABSL_LOCKS_EXCLUDED(mu_);
  void OnWritten(Stream* stream, bool ok) ABSL_LOCKS_EXCLUDED(mu_);
  void OnRead(Stream* stream, v1::AuthorizeResponse* response)  // Or nullptr.
      ABSL_LOCKS_EXCLUDED(mu_);
  void OnReadingEnded(Stream* stream) ABSL_LOCKS_EXCLUDED(mu_);
  void OnStreamDone(Stream* stream, const absl::Status& why)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Questions that the authorizer has.
  int64_t InFlight() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsFull() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Prepares the next question for writing. True if the caller, who has the
  // pen of the stream from then on, must write it.
  bool TakeNext(Stream* stream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Puts what is in flight back to the front of the queue, in reverse order.
  void Requeue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  void Decide(Stream* stream, v1::Decision& decision) ABSL_LOCKS_EXCLUDED(mu_);
  void Dial() ABSL_LOCKS_EXCLUDED(mu_);
  void DialLater() ABSL_LOCKS_EXCLUDED(mu_);

  // Answers who is out of time, and comes back when the next one will be.
  // Only the sweep that was armed last does anything.
  void Sweep(int64_t number) ABSL_LOCKS_EXCLUDED(mu_);
  void ArmSweep(absl::Time when) ABSL_LOCKS_EXCLUDED(mu_);

  // Moves who is out of time to `late`; returns when the next one will be.
  absl::Time TakeLate(absl::Time now, std::vector<Ready>& late)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Time DeadlineOf(const Open& open) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Gives the stream up if it is of no use; returns when to look again.
  // `unanswered`: some have just had no answer in time.
  absl::Time CheckStream(absl::Time now, bool unanswered)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Gives the stream up, and its connection with it.
  void Cut(const char* why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  void Deliver(std::vector<Ready> all) ABSL_LOCKS_EXCLUDED(mu_);

  // Closes what ++busy_ has opened: Stop() waits for it.
  void Leave() ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after construction.
  const Options options_;
  core::Timers* const timers_;
  AuthorizerObserver* const observer_;
  absl::Notification idle_;

  // Called by the reads of one stream after the other.
  Revoke revoke_;

  mutable contract::Mutex mu_;
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mu_);
  std::deque<Open> queue_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<int64_t, Open> in_flight_ ABSL_GUARDED_BY(mu_);
  AuthorizerWindow window_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<Stream> stream_ ABSL_GUARDED_BY(mu_);
  // Ended streams, and channels that were given up. gRPC 1.51 joins its own
  // threads when the last channel of a process goes, so that must not happen on
  // one of them, in a reaction: they go with the next Dial(), or with Stop().
  std::vector<std::shared_ptr<void>> spent_ ABSL_GUARDED_BY(mu_);
  int64_t last_id_ ABSL_GUARDED_BY(mu_) = 0;  // Of this stream.
  bool works_ ABSL_GUARDED_BY(mu_) = false;   // The stream is known to work.
  bool told_down_ ABSL_GUARDED_BY(mu_) = false;
  absl::Time without_stream_since_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  absl::Time sweep_due_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();
  int64_t last_sweep_ ABSL_GUARDED_BY(mu_) = 0;
  int busy_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_AUTHORIZER_LINK_H_
