// SPDX-License-Identifier: Apache-2.0
//
// The ends of a gateway's core, as fakes that keep all that they are given.

#ifndef HERALD_TESTS_GATEWAY_FAKES_H_
#define HERALD_TESTS_GATEWAY_FAKES_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/protocol/observer.h"
#include "gateway/session/drain.h"
#include "gateway/session/shard.h"
#include "gateway/socket/socket.h"
#include "gateway/uplink/uplink.h"
#include "gateway/uplink/uplink_chunk.h"
#include "gtest/gtest.h"
#include "herald/link/v1/gateway_service.pb.h"

namespace herald::gateway {

// Keeps the items that a gateway sends.
class FakeUplink final : public Uplink {
 public:
  void Enqueue(UplinkChunk chunk) override {
    const int64_t size = chunk.bytes();
    std::string bytes;
    std::move(chunk).MoveTo(&bytes);
    ASSERT_EQ(static_cast<int64_t>(bytes.size()), size);
    link::v1::AttachRequest frame;
    ASSERT_TRUE(frame.ParseFromString(bytes));
    for (auto& item : *frame.mutable_items()) items.push_back(std::move(item));
  }
  bool TryEnqueue(UplinkChunk chunk, int64_t bytes_max) override {
    if (waiting_bytes + chunk.bytes() > bytes_max) return false;
    Enqueue(std::move(chunk));
    return true;
  }
  void EnqueueUnbounded(UplinkChunk chunk) override {
    Enqueue(std::move(chunk));
  }
  void Flush() override { ++flushes; }

  std::vector<link::v1::GatewayItem> Take() { return std::exchange(items, {}); }

  std::vector<link::v1::GatewayItem> items;
  int flushes = 0;
  int64_t waiting_bytes = 0;  // Of the items that wait for the service.
};

// Settings with a rule by which slow listeners of `channel` get the latest
// only.
inline link::v1::ServiceItem DropToLatest(const std::string& channel) {
  link::v1::ServiceItem item;
  link::v1::Settings& settings = *item.mutable_settings();
  settings.set_max_payload(100);
  settings.set_heartbeat_interval_ms(30'000);
  settings.set_client_timeout_ms(60'000);
  config::v1::ChannelRule& rule = *settings.add_rules();
  rule.set_pattern(channel);
  rule.set_slow_consumer(config::v1::SLOW_CONSUMER_DROP_TO_LATEST);
  return item;
}

// Has up to `count` browsers of a shard leave, as at the end of a drain.
// Returns how many are left.
inline int64_t CloseSome(Shard* shard, int64_t count) {
  Drain drain(absl::FromUnixSeconds(1000), /*time=*/absl::ZeroDuration(),
              /*sockets=*/0, /*window=*/absl::Seconds(1), /*seed=*/1);
  return shard->CloseSome(count, &drain);
}

// The most bytes of missed events that a socket of these tests gets.
inline constexpr int64_t kMissedBytesMax = 2000;

// Keeps the bytes to a browser, as they go over the wire.
class FakeSocket final : public Socket {
 public:
  bool Enqueue(const Frame& frame, size_t written) override {
    if (full) return false;
    if (frame.droppable() != nullptr) ++droppable;
    // Continues the write that WriteNow() has begun, and begins none.
    EXPECT_TRUE(written == 0 || waiting.empty());
    const absl::string_view bytes = frame.bytes();
    EXPECT_TRUE(absl::EndsWith(wire, bytes.substr(0, written)));
    waiting.append(bytes.data() + written, bytes.size() - written);
    return true;
  }
  bool HasRoomFor(size_t /*bytes*/) override { return !full && !roomless; }
  bool HasRoomForWhisper(size_t /*bytes*/) override { return !whisper_full; }
  size_t WriteNow(absl::string_view bytes) override {
    if (!waiting.empty()) return 0;
    const size_t taken = full ? 0 : std::min(room, bytes.size());
    if (taken > 0) ++writes;
    wire.append(bytes.data(), taken);
    return taken;
  }
  void Flush() override {
    ++writes;
    wire += std::exchange(waiting, {});
  }
  void Ping() override { ++pings; }
  void Close(contract::CloseReason why, const Goodbye& goodbye) override {
    if (closed.empty()) wire += goodbye.frames;
    closed.emplace_back(why, goodbye.text);
  }
  void PauseReading(ReadingPause where) override {
    paused = true;
    pause = where;
  }
  void ResumeReading() override { paused = false; }
  void SetMessageBytesMax(size_t bytes) override { message_bytes_max = bytes; }
  absl::Time BlockedSince() override { return blocked_since; }

  // The payloads of the frames that have come whole.
  std::vector<std::string> Take() {
    std::vector<std::string> payloads;
    absl::string_view left = wire;
    for (size_t size = 0; (size = FrameSize(left)) != 0;) {
      payloads.emplace_back(PayloadOf(left.substr(0, size)));
      left.remove_prefix(size);
    }
    wire = std::string(left);
    return payloads;
  }

  bool full = false;          // For Enqueue(), and for the kernel.
  bool roomless = false;      // As full, but for single frames.
  bool whisper_full = false;  // For whispers only.
  size_t room = 1 << 30;      // That the kernel takes at once.
  bool paused = false;
  ReadingPause pause = ReadingPause::kAfterMessage;  // The last one.
  int writes = 0;
  int droppable = 0;  // Frames that were marked so.
  int pings = 0;
  size_t message_bytes_max = 0;
  absl::Time blocked_since = absl::InfiniteFuture();
  std::string waiting, wire;
  std::vector<std::pair<contract::CloseReason, std::string>> closed;

 private:
  // The size of the first frame; 0 if it is not whole. No test has a payload
  // of more than 64 KiB.
  static size_t FrameSize(absl::string_view bytes) {
    if (bytes.size() < 2) return 0;
    const auto byte = [&](size_t i) {
      return static_cast<size_t>(static_cast<unsigned char>(bytes[i]));
    };
    size_t size = 2 + byte(1);
    if (byte(1) == 126) {
      if (bytes.size() < 4) return 0;
      size = 4 + (byte(2) << 8 | byte(3));
    }
    return size <= bytes.size() ? size : 0;
  }
};

// Counts calls and events.
struct CountingObserver final : GatewayObserver {
  void OnWhisper() override { ++whispers; }
  void OnWhisperRefused() override { ++whispers_refused; }
  void OnWhisperDropped(int64_t all) override { whispers_dropped += all; }
  void OnReadingPaused() override { ++pauses; }
  void OnRateLimited(RateLimit which) override { ++limited[which]; }
  void OnGrantPostponed() override { ++postponed; }
  void OnRecovery(bool done) override { ++(done ? recovered : lost); }
  void OnGap() override { ++gaps; }
  void OnDelivered(int64_t sockets, int64_t frame_bytes,
                   absl::Duration /*since_publish*/) override {
    delivered[frame_bytes] += sockets;
  }
  int whispers = 0, whispers_refused = 0;
  int64_t whispers_dropped = 0;
  int pauses = 0, postponed = 0, recovered = 0, lost = 0, gaps = 0;
  std::map<RateLimit, int> limited;
  std::map<int64_t, int64_t> delivered;  // Frames, by their size.
};

}  // namespace herald::gateway

#endif  // HERALD_TESTS_GATEWAY_FAKES_H_
