// SPDX-License-Identifier: Apache-2.0
//
// The service's core on ports that a fuzzer plays, and conditions that hold for
// any behaviour of its peers.

#ifndef HERALD_TESTS_FUZZ_WORLD_H_
#define HERALD_TESTS_FUZZ_WORLD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "herald/link/v1/gateway_service.pb.h"
#include "herald/v1/server_message.pb.h"
#include "proto/contract/require.h"
#include "service/channel/observer.h"
#include "service/channel/sink.h"
#include "service/memory/memory_engine.h"
#include "service/subscriptions/authorizer.h"
#include "tests/service/core/fake_timers.h"
#include "tests/service/core/hub.h"

namespace herald::fuzz {

inline constexpr int64_t kPayloadBytesMax = 100;

// An authorizer that answers in any order, at any time, or never.
class Judge final : public core::Authorizer {
 public:
  void Authorize(core::Question question,
                 absl::AnyInvocable<void(core::Verdict)> done) override {
    open_.emplace_back(std::move(question), std::move(done));
  }

  size_t open() const { return open_.size(); }

  // Answers one of the open questions. REQUIRES: `index` < open().
  void Decide(size_t index, core::Verdict decision);

 private:
  std::vector<
      std::pair<core::Question, absl::AnyInvocable<void(core::Verdict)>>>
      open_;
};

// The outbox of a link or of a Watch. Its contents have to be messages.
class Outbox final : public core::Sink {
 public:
  void Enqueue(core::Chunk chunk) override;
  void EnqueueState(core::Chunk chunk) override;
  bool EnqueueWhisper(core::Chunk chunk) override;
  void EnqueueMissed(core::Chunk publication) override;
  bool HasRoomForState() const override { return !state_is_full; }
  void Flush() override {}
  void Close(absl::Status why) override {
    if (closed.ok()) closed = std::move(why);
  }

  // The messages since the last call.
  std::vector<link::v1::ServiceItem> TakeItems();
  std::vector<v1::ServerMessage> TakeMessages();

  absl::Status closed;   // Why the core, or the bound, has ended it.
  bool is_full = false;  // The next chunk within the bound ends it.
  bool whispers_are_full = false;
  bool state_is_full = false;

 private:
  std::vector<core::Chunk> chunks_;
};

class World {
 public:
  World();

  core::Hub& hub() { return *hub_; }
  core::FakeTimers& timers() { return timers_; }
  core::MemoryEngine& engine() { return engine_; }
  Judge& judge() { return judge_; }

  // The start is over.
  void Settle() { timers_.Advance(absl::Seconds(5)); }

  // A link of that gateway, or nullptr if it was refused.
  core::AttachmentPtr Open(int64_t gateway,
                           const std::shared_ptr<Outbox>& outbox);

  // Gives requests something to ask for: a polite gateway, a private, a
  // presence and a public channel, and a history.
  void Populate();

  // Where the channel's history is.
  std::optional<core::Position> PositionOf(const std::string& channel);

  // No count is negative, and none contradicts another.
  void RequireSaneCounts();

  // REQUIRES: all links and Watches were ended. After leases, graces and the
  // life of histories nothing of them is left.
  void RequireEmpty();

 private:
  core::FakeTimers timers_;
  core::ServiceObserver observer_;
  uint64_t last_epoch_ = 0;
  core::MemoryEngine engine_{&timers_,
                             {.history_bytes_max = 1 << 20,
                              .random = [this] { return ++last_epoch_; }}};
  Judge judge_;
  std::unique_ptr<core::Hub> hub_;
};

// Counts the answers to one request.
class Answers {
 public:
  ~Answers() { contract::Require(count_ == 1); }
  void Add() { contract::Require(++count_ == 1); }

 private:
  int count_ = 0;
};

// The rules of number `index`; there are kRulesCount.
inline constexpr int kRulesCount = 4;
config::v1::Config Rules(int index);

}  // namespace herald::fuzz

#endif  // HERALD_TESTS_FUZZ_WORLD_H_
