// SPDX-License-Identifier: Apache-2.0
//
// Keeps what the hub writes to a peer. Only what was flushed has arrived, so a
// forgotten flush is seen.
//
// Threads: any.

#ifndef HERALD_TESTS_SERVICE_CORE_FAKE_SINK_H_
#define HERALD_TESTS_SERVICE_CORE_FAKE_SINK_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "herald/v1/broadcast_service.pb.h"
#include "proto/contract/mutex.h"
#include "service/core/sink.h"

namespace herald::core {

class FakeSink final : public Sink {
 public:
  void Enqueue(Chunk chunk) override {
    contract::MutexLock lock(&mu_);
    if (!closed_) waiting_.push_back(std::move(chunk));
  }
  void Flush() override {
    contract::MutexLock lock(&mu_);
    for (Chunk& chunk : waiting_) arrived_.push_back(std::move(chunk));
    waiting_.clear();
  }
  void Close(absl::Status why) override {
    contract::MutexLock lock(&mu_);
    if (!closed_) closed_ = std::move(why);
  }

  // Why the hub has closed it, if it has.
  std::optional<absl::Status> closed() const {
    contract::MutexLock lock(&mu_);
    return closed_;
  }

  // What has arrived since the last time, for a gateway and for a Watch.
  std::vector<link::v1::ServiceItem> TakeItems() {
    link::v1::AttachResponse frame;
    for (const Chunk& chunk : Take()) {
      EXPECT_TRUE(frame.MergeFromString(*chunk));
    }
    return {frame.items().begin(), frame.items().end()};
  }
  std::vector<v1::ServerMessage> TakeMessages() {
    std::vector<v1::ServerMessage> messages;
    for (const Chunk& chunk : Take()) {
      v1::WatchResponse response;
      EXPECT_TRUE(response.ParseFromString(*chunk));
      messages.push_back(response.message());
    }
    return messages;
  }

 private:
  std::vector<Chunk> Take() {
    contract::MutexLock lock(&mu_);
    return std::exchange(arrived_, {});
  }

  mutable contract::Mutex mu_;
  std::vector<Chunk> waiting_ ABSL_GUARDED_BY(mu_);
  std::vector<Chunk> arrived_ ABSL_GUARDED_BY(mu_);
  std::optional<absl::Status> closed_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_CORE_FAKE_SINK_H_
