// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/authorizer/authorizer_streams.h"

#include <algorithm>
#include <utility>

#include "absl/random/random.h"
#include "proto/contract/redial_backoff.h"
#include "service/rpc/authorizer/authorizer_channel.h"

namespace herald::rpc {
namespace {

// How old the next stream has to be to count as working without a sign of life:
// some servers send nothing before the first answer.
constexpr absl::Duration kNextPatience = absl::Seconds(1);

// Timeouts without a sign of life after which a question that times out ends
// the stream. One slow answer must not: others may be on their way.
constexpr int kSilentTimeouts = 3;

// When to check a stream again that cannot be judged now.
constexpr absl::Duration kRecheckDelay = absl::Seconds(1);

}  // namespace

absl::Duration RedialBackoff() {
  absl::BitGen random;
  return contract::RedialBackoff(absl::Uniform(random, 0.0, 1.0));
}

AuthorizerStreams::AuthorizerStreams(AuthorizerStream::Host* host,
                                     Options options)
    : host_(host),
      options_(std::move(options)),
      channel_(MakeAuthorizerChannel(options_.target)) {}

int AuthorizerStreams::lanes() const {
  return static_cast<int>(std::count_if(
      all_.begin(), all_.end(),
      [](const Ptr& stream) { return stream->role == Role::kLane; }));
}

AuthorizerStreamPtr AuthorizerStreams::Share(AuthorizerStream* stream) const {
  for (const Ptr& one : all_) {
    if (one.get() == stream) return one;
  }
  return nullptr;
}

bool AuthorizerStreams::connected() const {
  return main_ != nullptr && !main_->reading_ended &&
         channel_->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY;
}

AuthorizerStreamPtr AuthorizerStreams::Open(Role role) {
  auto stream =
      std::make_shared<AuthorizerStream>(host_, channel_, role, ++last_number_);
  all_.push_back(stream);
  if (role == Role::kMain) main_ = stream;
  if (role == Role::kNext) next_ = stream;
  return stream;
}

AuthorizerStreamPtr AuthorizerStreams::Remove(AuthorizerStream* stream) {
  Ptr self = Share(stream);
  std::erase(all_, self);
  spent_.push_back(self);
  if (self == next_) next_ = nullptr;
  if (self != main_) return self;
  // A main stream that was cut may be on a half-open connection, which the
  // channel would use again.
  // gRPC 1.51's pauses before it asks DNS again grow to two minutes, and only
  // a new channel has none. Our own backoff paces it.
  const bool failed = channel_->GetState(/*try_to_connect=*/false) ==
                      GRPC_CHANNEL_TRANSIENT_FAILURE;
  if (stream->cut != nullptr || failed) {
    spent_.push_back(
        std::exchange(channel_, MakeAuthorizerChannel(options_.target)));
  }
  main_ = std::exchange(next_, nullptr);
  if (main_ != nullptr) main_->role = Role::kMain;
  return self;
}

AuthorizerStreamPtr AuthorizerStreams::Promote() {
  Ptr old = std::exchange(main_, std::exchange(next_, nullptr));
  main_->role = Role::kMain;
  if (old != nullptr) old->role = Role::kRetiring;
  return old;
}

void AuthorizerStreams::Cut(AuthorizerStream* stream, const char* why) {
  stream->cut = why;
  stream->Cancel();
}

void AuthorizerStreams::Keep(AuthorizerStream* lane, absl::Time now) {
  lane->role = Role::kOverdue;
  lane->half_closed = true;
  lane->overdue_until = now + kOverdueFor;
  int count = 0;
  AuthorizerStream* first = lane;
  for (const Ptr& one : all_) {
    if (one->role != Role::kOverdue || one->cut != nullptr) continue;
    ++count;
    if (one->overdue_until < first->overdue_until) first = one.get();
  }
  if (count > kOverdueMax) Cut(first, kUnanswered);
}

absl::Time AuthorizerStreams::CheckOverdue(AuthorizerStream* lane,
                                           absl::Time now) {
  if (lane->cut != nullptr) return absl::InfiniteFuture();
  if (lane->overdue_until > now) return lane->overdue_until;
  Cut(lane, kUnanswered);
  return absl::InfiniteFuture();
}

bool AuthorizerStreams::Stands(const Ptr& stream, absl::Time now) const {
  if (channel_->GetState(/*try_to_connect=*/false) != GRPC_CHANNEL_READY) {
    return false;
  }
  return stream != next_ || now - stream->last_read >= kNextPatience;
}

AuthorizerStreams::Due AuthorizerStreams::CheckIdle(const Ptr& stream,
                                                    absl::Time now) {
  if (stream->role == Role::kLane) return CheckIdleLane(stream, now);
  if (stream == main_) return CheckIdleMain(stream, now);
  if (stream == next_) return {.again = now + kRecheckDelay};
  return {};
}

AuthorizerStreams::Due AuthorizerStreams::CheckIdleLane(const Ptr& stream,
                                                        absl::Time now) {
  const absl::Time end = stream->last_write + kLaneIdle;
  if (!stream->usable() || !stream->questions.open.empty()) {
    return {.again = now + kLaneIdle};
  }
  if (end > now) return {.again = end};
  stream->half_closed = true;
  Cut(stream.get(), "the lane is idle");
  return {};
}

AuthorizerStreams::Due AuthorizerStreams::CheckIdleMain(const Ptr& stream,
                                                        absl::Time now) {
  if (stream->keepalive_due <= now) {
    Cut(stream.get(), "the authorizer did not answer a keepalive");
    return {};
  }
  if (stream->keepalive_due != absl::InfiniteFuture()) {
    return {.again = std::min(stream->keepalive_due,
                              now + options_.keepalive_interval)};
  }
  const absl::Time due = std::min(stream->last_read, stream->last_write) +
                         options_.keepalive_interval;
  if (due > now) return {.again = due};
  Due out;
  if (!stream->knows_keepalives) {
    // Proxies end a quiet stream. An authorizer of an older release ignores
    // keepalives, so a new stream takes over in time
    // (AnAuthorizer.ThatIgnoresKeepalivesGetsANewStreamAndLosesNoQuestion).
    if (next_ == nullptr && stream->works) out.opened = Open(Role::kNext);
    out.again = now + options_.keepalive_interval;
    return out;
  }
  if (!stream->usable()) return {.again = now + kRecheckDelay};
  stream->Hold(std::make_shared<v1::AuthorizeRequest>());
  stream->request->mutable_keepalive();
  stream->write_started = now;
  stream->keepalive_due = now + options_.keepalive_timeout;
  out.again =
      now + std::min(options_.keepalive_interval, options_.keepalive_timeout);
  out.write = stream;
  return out;
}

bool AuthorizerStreams::Retire(AuthorizerStream* stream) {
  if (!stream->usable() || !stream->questions.open.empty()) return false;
  stream->Hold(nullptr);
  stream->half_closed = true;
  return true;
}

absl::Time AuthorizerStreams::CheckUse(absl::Time now, absl::Duration timeout,
                                       bool unanswered, bool blocked) {
  absl::Time next = absl::InfiniteFuture();
  if (main_->token.is_held() && main_->works) {
    const absl::Time hangs = main_->write_started + timeout;
    if (hangs <= now) Cut(main_.get(), "the authorizer does not read");
    if (hangs > now) next = hangs;
  }
  if (!unanswered && !blocked) return next;
  const absl::Time silent = main_->silent_since + kSilentTimeouts * timeout;
  if (silent <= now) Cut(main_.get(), "the authorizer is silent");
  return silent > now && blocked ? std::min(next, silent) : next;
}

}  // namespace herald::rpc
