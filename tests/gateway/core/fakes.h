// SPDX-License-Identifier: Apache-2.0
//
// The two ends of a gateway's core, as fakes that keep what they are given.

#ifndef HERALD_TESTS_GATEWAY_CORE_FAKES_H_
#define HERALD_TESTS_GATEWAY_CORE_FAKES_H_

#include <string>
#include <utility>
#include <vector>

#include "gateway/core/socket.h"
#include "gateway/core/uplink.h"
#include "gtest/gtest.h"
#include "herald/link/v1/gateway_service.pb.h"

namespace herald::gateway {

// Keeps what a gateway says, as items.
class FakeUplink final : public Uplink {
 public:
  void Enqueue(std::string chunk) override {
    link::v1::AttachRequest frame;
    ASSERT_TRUE(frame.ParseFromString(chunk));
    for (auto& item : *frame.mutable_items()) items.push_back(std::move(item));
  }
  bool TryEnqueue(std::string chunk, int64_t bytes_max) override {
    if (waiting_bytes + static_cast<int64_t>(chunk.size()) > bytes_max) {
      return false;
    }
    Enqueue(std::move(chunk));
    return true;
  }
  void EnqueueUnbounded(std::string chunk) override {
    Enqueue(std::move(chunk));
  }
  void Flush() override { ++flushes; }

  std::vector<link::v1::GatewayItem> Take() { return std::exchange(items, {}); }

  std::vector<link::v1::GatewayItem> items;
  int flushes = 0;
  int64_t waiting_bytes = 0;  // What it says that waits for the service.
};

// Keeps what a browser is sent, as payloads.
class FakeSocket final : public Socket {
 public:
  bool Enqueue(const Frame& frame) override {
    if (full) return false;
    waiting.emplace_back(PayloadOf(frame.bytes()));
    return true;
  }
  void Flush() override {
    ++flushes;
    for (std::string& text : waiting) heard.push_back(std::move(text));
    waiting.clear();
  }
  void Ping() override { ++pings; }
  void Close(contract::CloseReason why, absl::string_view text) override {
    closed.emplace_back(why, std::string(text));
  }
  void PauseReading() override { paused = true; }
  void ResumeReading() override { paused = false; }
  void SetMessageBytesMax(size_t bytes) override { message_bytes_max = bytes; }

  std::vector<std::string> Take() { return std::exchange(heard, {}); }

  bool full = false;
  bool paused = false;
  int flushes = 0;
  int pings = 0;
  size_t message_bytes_max = 0;
  std::vector<std::string> waiting, heard;
  std::vector<std::pair<contract::CloseReason, std::string>> closed;
};

}  // namespace herald::gateway

#endif  // HERALD_TESTS_GATEWAY_CORE_FAKES_H_
