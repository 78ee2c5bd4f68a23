// SPDX-License-Identifier: Apache-2.0
//
// Questions that are out of time, and streams that are given up for them.

#include <algorithm>

#include "service/rpc/authorizer_link.h"
#include "service/rpc/authorizer_stream.h"

namespace herald::rpc {
namespace {

// Sweeps come no closer together, however close the deadlines are.
constexpr absl::Duration kSweepPauseMin = absl::Milliseconds(5);

}  // namespace

absl::Time AuthorizerLink::DeadlineOf(const Open& open) const {
  if (open.deadline != absl::InfiniteFuture()) return open.deadline;
  const absl::Time last = open.arrived + kQueueWaits * options_.timeout;
  if (works_) return last;
  return std::min(
      last, std::max(open.arrived, without_stream_since_) + options_.timeout);
}

absl::Time AuthorizerLink::TakeLate(absl::Time now, std::vector<Ready>& late) {
  absl::Time next = absl::InfiniteFuture();
  const auto in_time = [&](const Open& open) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const absl::Time deadline = DeadlineOf(open);
    if (deadline > now) next = std::min(next, deadline);
    return deadline > now;
  };
  for (auto it = in_flight_.begin(); it != in_flight_.end();) {
    const auto here = it++;
    if (in_time(here->second)) continue;
    window_.OnLate(here->first, here->second.written, now);
    late.push_back({std::move(here->second.done),
                    Undecided("the authorizer did not answer in time"),
                    std::nullopt});
    in_flight_.erase(here);
  }
  next = std::min(next, CheckStream(now, /*unanswered=*/!late.empty()));
  // Nobody waits for long behind a stream that was of no use.
  const bool useless = stream_ != nullptr && stream_->cut != nullptr;
  const auto rest = std::stable_partition(
      queue_.begin(), queue_.end(), [&](const Open& open) {
        const bool asked = open.deadline != absl::InfiniteFuture();
        const bool waits = useless && !asked;
        return in_time(open) &&
               !(waits && open.arrived + options_.timeout <= now);
      });
  const char* const why = works_ && !useless
                              ? "the authorizer has too much to do"
                              : "the authorizer cannot be reached";
  for (auto it = rest; it != queue_.end(); ++it) {
    late.push_back({std::move(it->done), Undecided(why), std::nullopt});
  }
  queue_.erase(rest, queue_.end());
  return next;
}

absl::Time AuthorizerLink::CheckStream(absl::Time now, bool unanswered) {
  absl::Time next = absl::InfiniteFuture();
  if (stream_ == nullptr) return next;
  if (stream_->writing && works_) {
    const absl::Time hangs = stream_->write_started + options_.timeout;
    if (hangs <= now) Cut("the authorizer does not read");
    if (hangs > now) next = hangs;
  }
  const bool blocked = !queue_.empty() && IsFull();
  if (!unanswered && !blocked) return next;
  const absl::Time silent =
      stream_->silent_since + kSilentTimeouts * options_.timeout;
  if (silent <= now) Cut("the authorizer is silent");
  return silent > now && blocked ? std::min(next, silent) : next;
}

void AuthorizerLink::Cut(const char* why) {
  stream_->cut = why;
  stream_->Cancel();
}

void AuthorizerLink::Sweep(int64_t number) {
  std::vector<Ready> late;
  std::shared_ptr<Stream> write;
  absl::Time next = absl::InfiniteFuture();
  {
    contract::MutexLock lock(&mu_);
    if (stopped_ || number != last_sweep_) return;
    ++busy_;
    sweep_due_ = absl::InfiniteFuture();
    next = TakeLate(SteadyNow(), late);
    if (TakeNext(stream_.get())) write = stream_;
  }
  if (write != nullptr) write->Write();
  Deliver(std::move(late));
  ArmSweep(next);
  Leave();
}

void AuthorizerLink::ArmSweep(absl::Time when) {
  int64_t number = 0;
  {
    contract::MutexLock lock(&mu_);
    if (stopped_ || when >= sweep_due_) return;
    sweep_due_ = when;
    number = ++last_sweep_;
  }
  timers_->After(std::max(kSweepPauseMin, when - SteadyNow()),
                 [weak = weak_from_this(), number] {
                   if (const auto self = weak.lock()) self->Sweep(number);
                 });
}

}  // namespace herald::rpc
