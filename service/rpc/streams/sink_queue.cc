// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/streams/sink_queue.h"

#include <utility>

#include "grpc/grpc.h"
#include "proto/contract/require.h"

namespace herald::rpc {

using contract::MutexLock;

void SinkQueue::Enqueue(core::Chunk chunk, StreamOutbox::Kind kind) {
  MutexLock lock(&mu_);
  if (closing_.has_value()) return;
  if (!outbox_.HasRoomFor(*chunk, kind, options_)) return Overflow(*chunk);
  Append(std::move(chunk), kind);
}

bool SinkQueue::EnqueueWhisper(core::Chunk chunk) {
  MutexLock lock(&mu_);
  // Not a loss by congestion: the sender must not be slowed down for a peer
  // that leaves.
  if (closing_.has_value()) return true;
  if (!outbox_.HasRoomFor(*chunk, StreamOutbox::Kind::kWhisper, options_)) {
    Add(counters_->whispers_dropped, 1);
    return false;
  }
  Append(std::move(chunk), StreamOutbox::Kind::kWhisper);
  return true;
}

bool SinkQueue::HasRoomForState() const {
  MutexLock lock(&mu_);
  return outbox_.state_bytes() < options_.outbox_bytes_max;
}

bool SinkQueue::Flush() {
  MutexLock lock(&mu_);
  // Also if the token is held: the write in flight may never end by itself,
  // because the peer does not read.
  if (cancel_due_) Cancel();
  if (outbox_.empty() && !closing_.has_value()) return false;
  return token_.TryTake();
}

bool SinkQueue::Close(absl::Status why) {
  MutexLock lock(&mu_);
  if (closing_.has_value()) return false;
  closing_ = std::move(why);
  return token_.TryTake();
}

bool SinkQueue::Abort(absl::Status why) {
  MutexLock lock(&mu_);
  if (closing_.has_value()) return false;
  Drop();
  closing_ = std::move(why);
  // As in Flush(). With Close() alone, Finish() would wait for that write.
  Cancel();
  return token_.TryTake();
}

bool SinkQueue::KeepAlive(const core::Chunk& chunk, absl::Duration interval,
                          absl::Duration* next) {
  *next = interval;
  MutexLock lock(&mu_);
  // While the token is held, something is being written.
  if (closing_.has_value() || !token_.is_free() || !begun_) return false;
  const absl::Duration left =
      *next - absl::FromChrono(Pacer::Clock::now() - written_);
  if (left > absl::ZeroDuration()) *next = left;
  if (left > absl::ZeroDuration() || !outbox_.empty()) return false;
  Append(chunk, StreamOutbox::Kind::kState);
  return token_.TryTake();
}

SinkQueue::Step SinkQueue::Next(std::vector<core::Chunk>& chunks) {
  Step step;
  MutexLock lock(&mu_);
  contract::Require(token_.is_held());
  if (closing_.has_value()) {
    Drop();
    token_.End();
    step.kind = Step::kFinish;
    return step;
  }
  if (outbox_.empty()) {
    token_.Release();
    return step;
  }
  if (options_.pacer != nullptr && Pacer::IsEarly(written_)) {
    // The token is kept, so that chunks of this time leave with this write.
    step.kind = Step::kWait;
    return step;
  }
  const int64_t before = outbox_.bytes();
  const int64_t state_before = outbox_.state_bytes();
  step.missed = outbox_.Take(options_.frame_bytes_max, chunks);
  Count(before, state_before);
  step.kind = Step::kWrite;
  // Small messages in succession are sent in one packet. Not the first: it
  // carries the initial metadata, and its write ends when these are written.
  // With the hint gRPC would delay that until another message is written.
  step.hint = begun_ && options_.frame_bytes_max == 0 && !outbox_.empty();
  begun_ = true;
  written_ = Pacer::Clock::now();
  return step;
}

absl::Status SinkQueue::closing() const {
  MutexLock lock(&mu_);
  return closing_.value_or(absl::OkStatus());
}

bool SinkQueue::is_closing() const {
  MutexLock lock(&mu_);
  return closing_.has_value();
}

int64_t SinkQueue::bytes() const {
  MutexLock lock(&mu_);
  return outbox_.bytes();
}

void SinkQueue::End() {
  MutexLock lock(&mu_);
  // The core may keep the sink for longer than the call lives, and close it.
  context_ = nullptr;
}

void SinkQueue::Append(core::Chunk chunk, StreamOutbox::Kind kind) {
  const int64_t before = outbox_.bytes();
  const int64_t state_before = outbox_.state_bytes();
  outbox_.Append(std::move(chunk), kind);
  Count(before, state_before);
}

void SinkQueue::Overflow(const std::string& chunk) {
  Add(counters_->dropped_bytes,
      outbox_.bytes() + static_cast<int64_t>(chunk.size()));
  Drop();
  closing_ = absl::ResourceExhaustedError(options_.overflow);
  cancel_due_ = true;
  Add(counters_->overflows, 1);
}

void SinkQueue::Drop() {
  const int64_t before = outbox_.bytes();
  const int64_t state_before = outbox_.state_bytes();
  outbox_.Clear();
  Count(before, state_before);
}

void SinkQueue::Count(int64_t before, int64_t state_before) {
  Add(counters_->queue_bytes, outbox_.bytes() - before);
  const int64_t state = outbox_.state_bytes() - state_before;
  if (state != 0 && options_.account != nullptr) options_.account->Add(state);
}

void SinkQueue::Cancel() {
  cancel_due_ = false;
  if (context_ == nullptr) return;
  const std::string message(closing_->message());
  grpc_call_cancel_with_status(context_->c_call(),
                               static_cast<grpc_status_code>(closing_->code()),
                               message.c_str(), nullptr);
}

}  // namespace herald::rpc
