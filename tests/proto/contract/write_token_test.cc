// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/write_token.h"

#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "gtest/gtest.h"
#include "proto/contract/condition.h"
#include "proto/contract/mutex.h"

namespace herald::contract {
namespace {

static_assert(sizeof(WriteToken) == 1, "it takes the place of a bool");

TEST(AWriteToken, HasOneHolder) {
  WriteToken token;
  EXPECT_TRUE(token.is_free());
  EXPECT_TRUE(token.TryTake());
  EXPECT_TRUE(token.is_held());
  EXPECT_FALSE(token.is_free());
  EXPECT_FALSE(token.TryTake());
  EXPECT_TRUE(token.is_held()) << "by the first";
}

TEST(AWriteToken, IsTakenAgainOnceItIsReleased) {
  WriteToken token;
  ASSERT_TRUE(token.TryTake());
  token.Release();
  EXPECT_TRUE(token.is_free());
  EXPECT_TRUE(token.TryTake());
}

TEST(AWriteToken, IsNeverTakenOnceItHasEnded) {
  WriteToken token;
  EXPECT_FALSE(token.has_ended());
  ASSERT_TRUE(token.TryTake());
  EXPECT_FALSE(token.has_ended());
  token.End();
  EXPECT_TRUE(token.has_ended());
  EXPECT_FALSE(token.is_free());
  EXPECT_FALSE(token.is_held());
  EXPECT_FALSE(token.TryTake());
  EXPECT_TRUE(token.has_ended());
}

TEST(AWriteToken, MayBeHeldFromTheBeginning) {
  WriteToken token = WriteToken::Held();
  EXPECT_TRUE(token.is_held());
  EXPECT_FALSE(token.TryTake());
  token.Release();
  EXPECT_TRUE(token.TryTake());
}

TEST(AWriteTokenDeathTest, IsReleasedByItsHolderOnly) {
  WriteToken token;
  EXPECT_DEATH(token.Release(), "write_token.h");
  ASSERT_TRUE(token.TryTake());
  token.Release();
  EXPECT_DEATH(token.Release(), "write_token.h");
}

TEST(AWriteTokenDeathTest, EndsOnceAndInTheHandOfItsHolder) {
  WriteToken token;
  EXPECT_DEATH(token.End(), "write_token.h");
  ASSERT_TRUE(token.TryTake());
  token.End();
  EXPECT_DEATH(token.End(), "write_token.h");
  EXPECT_DEATH(token.Release(), "write_token.h");
}

// A stream as gRPC has it: one thread completes its writes. Each write and the
// end are recorded without a lock of their own, so ThreadSanitizer reports two
// at the same time.
class Stream {
 public:
  Stream() : completions_([this] { Complete(); }) {}
  ~Stream() { completions_.join(); }

  void Enqueue(int message) ABSL_LOCKS_EXCLUDED(mu_) {
    {
      MutexLock lock(&mu_);
      if (closing_) return;
      outbox_.push_back(message);
      if (!token_.TryTake()) return;
    }
    Write();
  }

  // Ends the stream behind all messages.
  void Close() ABSL_LOCKS_EXCLUDED(mu_) {
    {
      MutexLock lock(&mu_);
      closing_ = true;
      if (!token_.TryTake()) return;
    }
    Write();
  }

  void WaitUntilFinished() { finished_.WaitForNotification(); }

  // REQUIRES: WaitUntilFinished() has returned.
  const std::vector<int>& written() const { return written_; }

 private:
  void Write() ABSL_LOCKS_EXCLUDED(mu_) {
    bool finish = false;
    {
      MutexLock lock(&mu_);
      Require(token_.is_held());
      if (outbox_.empty() && !closing_) return token_.Release();
      finish = outbox_.empty();
      if (finish) {
        token_.End();
      } else {
        message_ = outbox_.front();
        outbox_.pop_front();
      }
    }
    if (finish) {
      EXPECT_FALSE(std::exchange(is_finished_, true));
    } else {
      EXPECT_FALSE(is_finished_);
      written_.push_back(message_);
    }
    MutexLock lock(&wire_mu_);
    ++(finish ? finishes_ : in_flight_);
    EXPECT_LE(in_flight_ + finishes_, 1);
    changed_.NotifyAll();
  }

  // The thread of gRPC: OnWriteDone() after each write.
  void Complete() {
    while (true) {
      {
        MutexLock lock(&wire_mu_);
        while (in_flight_ == 0 && finishes_ == 0) changed_.Wait(&wire_mu_);
        if (finishes_ > 0) break;
        in_flight_ = 0;
      }
      Write();
    }
    finished_.Notify();
  }

  Mutex mu_;
  WriteToken token_ ABSL_GUARDED_BY(mu_);
  bool closing_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<int> outbox_ ABSL_GUARDED_BY(mu_);

  // Touched by the holder of the token only.
  int message_ = 0;
  std::vector<int> written_;
  bool is_finished_ = false;

  Mutex wire_mu_;
  Condition changed_;
  int in_flight_ ABSL_GUARDED_BY(wire_mu_) = 0;
  int finishes_ ABSL_GUARDED_BY(wire_mu_) = 0;

  Notification finished_;
  std::thread completions_;
};

// Every message is written once, its sender's in order; one write is in flight
// at a time, and none after the end.
TEST(AWriteToken, PassesOneStreamBetweenThreads) {
  constexpr int kThreads = 3;
  constexpr int kMessages = 500;
  for (int round = 0; round < 20; ++round) {
    Stream stream;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        for (int j = 0; j < kMessages; ++j) stream.Enqueue(i * kMessages + j);
      });
    }
    for (std::thread& thread : threads) thread.join();
    stream.Close();
    stream.WaitUntilFinished();
    std::vector<int> next(kThreads, 0);
    for (const int message : stream.written()) {
      ASSERT_EQ(message % kMessages, next[message / kMessages]++);
    }
    EXPECT_EQ(next, std::vector<int>(kThreads, kMessages));
  }
}

// A change that ends the stream may come at any moment of a write.
TEST(AWriteToken, EndsOneStreamOnceThoughManyThreadsCloseIt) {
  for (int round = 0; round < 200; ++round) {
    Stream stream;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] {
        stream.Enqueue(i);
        stream.Close();
      });
    }
    for (std::thread& thread : threads) thread.join();
    stream.WaitUntilFinished();
    EXPECT_GE(stream.written().size(), 1U);
  }
}

}  // namespace
}  // namespace herald::contract
