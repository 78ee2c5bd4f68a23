// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/authorizer/authorizer_link.h"

#include <algorithm>
#include <utility>

#include "proto/contract/condition.h"
#include "proto/contract/require.h"
#include "service/authorizer/authorizer_answer.h"
#include "service/authorizer/connection_bytes.h"
#include "service/questions/address_key.h"

namespace herald::rpc {
namespace {

using authorizer::Answered;
using contract::SteadyNow;

// The shortest time between sweeps, even if deadlines are closer.
constexpr absl::Duration kSweepPauseMin = absl::Milliseconds(5);

// If a timer is later than this, the whole process was paused.
constexpr absl::Duration kAway = absl::Seconds(1);

// If a sweep is later than this, answers may have arrived and be unread; they
// have this time to be read.
constexpr absl::Duration kLate = absl::Milliseconds(100);

// When the connection of a new stream is checked first.
constexpr absl::Duration kFirstStartCheck = absl::Milliseconds(20);

// How long a retired stream stays open after the end of our side, and how long
// an ended one stays in memory.
constexpr absl::Duration kRetirePatience = absl::Seconds(5);
constexpr absl::Duration kReapAfter = absl::Seconds(1);

// Cancels a stream unless it has ended by itself by then.
void CancelLater(core::Timers* timers, const AuthorizerStreamPtr& stream,
                 absl::Duration delay) {
  timers->After(delay, [ending = std::weak_ptr(stream)] {
    if (const auto late = ending.lock()) late->Cancel();
  });
}

}  // namespace

AuthorizerLink::AuthorizerLink(Options options, core::Timers* timers,
                               AuthorizerObserver* observer, Revoke revoke)
    : timeout_(options.timeout),
      keepalive_interval_(options.keepalive_interval),
      timers_(timers),
      observer_(observer),
      revoke_(std::move(revoke)),
      traffic_(this, std::move(options)) {}

std::shared_ptr<AuthorizerLink> AuthorizerLink::Create(
    Options options, core::Timers* timers, AuthorizerObserver* observer,
    Revoke revoke) {
  return std::shared_ptr<AuthorizerLink>(new AuthorizerLink(
      std::move(options), timers, observer, std::move(revoke)));
}

AuthorizerLink::~AuthorizerLink() {
  contract::MutexLock lock(&mu_);
  contract::Require(traffic_.streams().all().empty());
}

void AuthorizerLink::Stop() {
  Work work;
  {
    contract::MutexLock lock(&mu_);
    const bool first = !traffic_.stopped();
    traffic_.Stop(SteadyNow(), work);
    if (first && is_idle()) idle_.Notify();
  }
  Do(std::move(work));
  idle_.WaitForNotification();
  // Takes mu_, so the thread that notified has released it, and the object may
  // be destroyed.
  Reap();
}

// Reactions of an open stream do not count in busy_: Stop() waits until the
// stream is removed. The reaction that removes it, and timers, do count: they
// use the observer after that.
void AuthorizerLink::Leave() {
  contract::MutexLock lock(&mu_);
  --busy_;
  if (traffic_.stopped() && is_idle() && !idle_.HasBeenNotified()) {
    idle_.Notify();
  }
}

bool AuthorizerLink::is_idle() const {
  return busy_ == 0 && traffic_.streams().all().empty();
}

bool AuthorizerLink::connected() const {
  contract::MutexLock lock(&mu_);
  return traffic_.streams().connected();
}

AuthorizerLink::Questions AuthorizerLink::questions() const {
  contract::MutexLock lock(&mu_);
  const authorizer::QuestionDispatcher& all = traffic_.dispatcher();
  return {all.queued(), all.suspects(), all.in_flight()};
}

void AuthorizerLink::Authorize(core::Question question,
                               absl::AnyInvocable<void(core::Verdict)> done) {
  const auto address = authorizer::RemoteAddressOf(question.connection);
  Work work;
  if (!address.ok()) {
    core::Verdict no;
    no.status = address.status();
    work.answers.push_back({std::move(done), std::move(no)});
    return Do(std::move(work));
  }
  const absl::Time now = SteadyNow();
  auto pending = authorizer::MakePending(std::move(question),
                                         authorizer::AddressKey(*address),
                                         std::move(done), now);
  bool has_room = false;
  {
    contract::MutexLock lock(&mu_);
    has_room = traffic_.Ask(std::move(pending), now, work);
  }
  if (!has_room) observer_->OnAuthorizerQueueFull();
  Do(std::move(work));
}

// Runs without the lock: no callback into the core may run with it held. Writes
// come first, so that no question waits for the callbacks of others. If their
// stream starts below, gRPC holds them back until then.
void AuthorizerLink::Do(Work work) {
  for (const StreamPtr& stream : work.write) stream->Write();
  for (const StreamPtr& stream : work.start) {
    stream->Start();
    WatchStart(stream, kFirstStartCheck);
    WatchIdle(stream, stream->questions.lane ? AuthorizerStreams::kLaneIdle
                                             : keepalive_interval_);
  }
  for (const StreamPtr& stream : work.retire) {
    CancelLater(timers_, stream, kRetirePatience);
  }
  if (work.redial.has_value()) {
    After(*work.redial, [](AuthorizerLink& self) { self.Dial(); });
  }
  if (work.went_up) observer_->OnAuthorizerUp();
  for (Answered& one : work.answers) {
    observer_->OnDecision(authorizer::OutcomeOf(one.decision), one.latency);
    one.done(std::move(one.decision));
  }
  if (work.sweep != absl::InfiniteFuture()) ArmSweep(work.sweep);
}

void AuthorizerLink::OnStreamWorks(AuthorizerStream* stream) {
  Work work;
  {
    contract::MutexLock lock(&mu_);
    traffic_.OnStreamWorks(stream, SteadyNow(), work);
  }
  Do(std::move(work));
}

void AuthorizerLink::OnWritten(AuthorizerStream* stream, bool ok) {
  Work work;
  bool release = false;
  {
    contract::MutexLock lock(&mu_);
    traffic_.OnWritten(stream, ok, SteadyNow(), work);
    release = stream->reading_ended;
  }
  // So that reading ends, too; OnReadingEnded() follows.
  if (!ok && !release) stream->Cancel();
  Do(std::move(work));
  // Last: without its hold the stream may end, and `stream` be destroyed.
  if (release) stream->RemoveHold();
}

void AuthorizerLink::OnReadingEnded(AuthorizerStream* stream) {
  bool release = false;
  {
    contract::MutexLock lock(&mu_);
    stream->reading_ended = true;
    // With a write in flight, OnWritten() releases the hold.
    release = !stream->token.is_held();
    // The status follows. If it does not, a cancel ends the stream, because it
    // is not read any more. Not immediately: the cancel could take the place of
    // the status that is logged.
    CancelLater(timers_, traffic_.streams().Share(stream), timeout_);
  }
  if (release) stream->RemoveHold();
}

void AuthorizerLink::OnStreamDone(AuthorizerStream* stream,
                                  const grpc::Status& status) {
  Work work;
  const absl::Status why = stream->WhyEnded(status);
  AuthorizerTraffic::StreamLoss loss;
  {
    contract::MutexLock lock(&mu_);
    // Before the stream is removed: until Leave(), Stop() must not return.
    ++busy_;
    // Not here: gRPC 1.51 must not destroy its last channel on a thread of its
    // own (AuthorizerStreams::TakeSpent()). One timer reaps all that end before
    // it runs.
    if (!traffic_.streams().has_spent()) {
      After(kReapAfter, [](AuthorizerLink& self) { self.Reap(); });
    }
    loss = traffic_.OnStreamDone(stream, status, SteadyNow(), work);
  }
  if (loss.lost) observer_->OnAuthorizerStreamLost();
  if (loss.down) observer_->OnAuthorizerDown(why);
  if (loss.broken) observer_->OnAuthorizerStreamBroken(why, loss.poisoned);
  Do(std::move(work));
  Leave();
}

void AuthorizerLink::After(absl::Duration delay,
                           absl::AnyInvocable<void(AuthorizerLink&)> body) {
  timers_->After(delay,
                 [weak = weak_from_this(), body = std::move(body)]() mutable {
                   if (const auto self = weak.lock()) body(*self);
                 });
}

void AuthorizerLink::Reap() {
  // Declared before the lock, so it is destroyed after mu_ is released.
  std::vector<std::shared_ptr<void>> spent;
  contract::MutexLock lock(&mu_);
  spent = traffic_.streams().TakeSpent();
}

void AuthorizerLink::Dial() {
  Work work;
  {
    contract::MutexLock lock(&mu_);
    if (traffic_.stopped() || traffic_.streams().main() != nullptr) return;
    ++busy_;
    traffic_.Dial(SteadyNow(), work);
  }
  Do(std::move(work));
  Leave();
}

void AuthorizerLink::OnRead(AuthorizerStream* stream,
                            v1::AuthorizeResponse* response) {
  if (response != nullptr && response->has_decision()) {
    return Decide(stream, *response->mutable_decision());
  }
  Work work;
  {
    contract::MutexLock lock(&mu_);
    traffic_.OnRead(stream, response, SteadyNow(), work);
  }
  Do(std::move(work));
  if (response == nullptr) return observer_->OnAuthorizerIgnored("malformed");
  if (response->has_revocation()) {
    if (!revoke_(std::move(*response->mutable_revocation())).ok()) {
      observer_->OnAuthorizerIgnored("invalid_revocation");
    }
  } else if (response->response_case() ==
             v1::AuthorizeResponse::RESPONSE_NOT_SET) {
    observer_->OnAuthorizerIgnored("empty");
  }
}

void AuthorizerLink::Decide(AuthorizerStream* stream, v1::Decision& decision) {
  using DecisionOutcome = authorizer::QuestionDispatcher::DecisionOutcome;
  Work work;
  DecisionOutcome used = DecisionOutcome::kUnknown;
  {
    contract::MutexLock lock(&mu_);
    used = traffic_.OnDecision(stream, decision, SteadyNow(), work);
  }
  if (used != DecisionOutcome::kUsed) {
    observer_->OnAuthorizerIgnored(
        used == DecisionOutcome::kLate ? "late" : "unknown_request");
  }
  Do(std::move(work));
}

void AuthorizerLink::WatchStart(const std::weak_ptr<AuthorizerStream>& stream,
                                absl::Duration delay) {
  timers_->After(delay, [weak = weak_from_this(), stream] {
    const auto self = weak.lock();
    const auto one = stream.lock();
    if (self == nullptr || one == nullptr) return;
    const auto again = self->CheckStart(one);
    if (again.has_value()) self->WatchStart(stream, *again);
  });
}

std::optional<absl::Duration> AuthorizerLink::CheckStart(
    const StreamPtr& stream) {
  Work work;
  std::optional<absl::Duration> again;
  {
    contract::MutexLock lock(&mu_);
    if (traffic_.stopped()) return std::nullopt;
    ++busy_;
    again = traffic_.CheckStart(stream, SteadyNow(), work);
  }
  Do(std::move(work));
  Leave();
  return again;
}

void AuthorizerLink::WatchIdle(const std::weak_ptr<AuthorizerStream>& stream,
                               absl::Duration delay) {
  const absl::Time due = SteadyNow() + delay;
  timers_->After(delay, [weak = weak_from_this(), stream, due] {
    const auto self = weak.lock();
    const auto one = stream.lock();
    if (self == nullptr || one == nullptr) return;
    const absl::Time now = SteadyNow();
    Work work;
    absl::Time again = now + kAway;
    {
      contract::MutexLock lock(&self->mu_);
      if (self->traffic_.stopped() || one->reading_ended) return;
      ++self->busy_;
      // After a pause of the process the keepalive's answer may be unread, so
      // the stream is judged kAway later.
      if (now - due < kAway) again = self->traffic_.CheckIdle(one, now, work);
    }
    self->Do(std::move(work));
    if (again != absl::InfiniteFuture()) {
      self->WatchIdle(stream, std::max(again - now, absl::Milliseconds(1)));
    }
    self->Leave();
  });
}

void AuthorizerLink::Sweep(int64_t number) {
  Work work;
  {
    contract::MutexLock lock(&mu_);
    if (traffic_.stopped() || number != last_sweep_) return;
    ++busy_;
    const absl::Time now = SteadyNow();
    const absl::Time due = std::exchange(sweep_due_, absl::InfiniteFuture());
    // A late sweep is put off, because answers may be unread. A sweep that was
    // put off is put off again only after a pause of the process: on a busy
    // machine all sweeps are late, and questions would never time out. Tried:
    // to put it off once only. After a second pause it denied a question while
    // the answer lay unread.
    if (now - due > (sweep_put_off_ ? kAway : kLate)) {
      sweep_put_off_ = true;
      work.sweep = now + kLate;
    } else {
      sweep_put_off_ = false;
      traffic_.Sweep(now, work);
    }
  }
  Do(std::move(work));
  Leave();
}

void AuthorizerLink::ArmSweep(absl::Time when) {
  int64_t number = 0;
  {
    contract::MutexLock lock(&mu_);
    // The sweep that is armed comes sooner, and arms the next one itself.
    if (traffic_.stopped() || when >= sweep_due_) return;
    // Timers cannot be cancelled: the later sweep sees that its number is old.
    sweep_due_ = when;
    number = ++last_sweep_;
  }
  After(std::max(kSweepPauseMin, when - SteadyNow()),
        [number](AuthorizerLink& self) { self.Sweep(number); });
}

}  // namespace herald::rpc
