// SPDX-License-Identifier: Apache-2.0
//
// Who is written in which turn.

#include "gateway/core/write_queue.h"

#include <deque>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/gateway/core/fakes.h"

namespace herald::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Lane = WriteQueue::Lane;

class AWriteQueue : public ::testing::Test {
 protected:
  // Says when it is flushed.
  struct Client {
    FakeSocket socket;
    WriteQueue::Place place{.socket = &socket};
  };

  Client& Make() { return clients_.emplace_back(); }

  // The clients that a turn has written, by their numbers.
  std::vector<int> Turn() {
    queue_.Turn();
    std::vector<int> written;
    for (size_t i = 0; i < clients_.size(); ++i) {
      const int flushes = std::exchange(clients_[i].socket.flushes, 0);
      EXPECT_LE(flushes, 1);
      if (flushes > 0) written.push_back(static_cast<int>(i));
    }
    return written;
  }

  WriteQueue queue_;
  std::deque<Client> clients_;
};

TEST_F(AWriteQueue, WritesASocketOnceHoweverOftenItWasAdded) {
  Client& one = Make();
  queue_.Add(&one.place, Lane::kSoon);
  queue_.Add(&one.place, Lane::kSoon);
  queue_.Add(&one.place, Lane::kBulk);
  EXPECT_FALSE(queue_.empty());
  EXPECT_THAT(Turn(), ElementsAre(0));
  EXPECT_TRUE(queue_.empty());
  EXPECT_THAT(Turn(), IsEmpty());
}

TEST_F(AWriteQueue, WritesSomeOfTheBulkInEachTurnAndAllElse) {
  for (int i = 0; i < 2 * kBulkWritesPerTurn + 1; ++i) {
    queue_.Add(&Make().place, Lane::kBulk);
  }
  queue_.Add(&Make().place, Lane::kSoon);
  const std::vector<int> first = Turn();
  EXPECT_EQ(first.size(), static_cast<size_t>(kBulkWritesPerTurn + 1));
  EXPECT_EQ(first.front(), 0);
  EXPECT_EQ(first.back(), 2 * kBulkWritesPerTurn + 1);
  EXPECT_EQ(Turn().front(), kBulkWritesPerTurn);
  EXPECT_THAT(Turn(), ElementsAre(2 * kBulkWritesPerTurn));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(AWriteQueue, WritesOfTheBulkWhatIsNeededSoon) {
  for (int i = 0; i < kBulkWritesPerTurn + 2; ++i) {
    queue_.Add(&Make().place, Lane::kBulk);
  }
  queue_.Add(&clients_.back().place, Lane::kSoon);
  EXPECT_EQ(Turn().back(), kBulkWritesPerTurn + 1);
  EXPECT_THAT(Turn(), ElementsAre(kBulkWritesPerTurn));
}

TEST_F(AWriteQueue, ForgetsWhoIsRemoved) {
  Client& soon = Make();
  Client& bulk = Make();
  Client& none = Make();
  queue_.Add(&soon.place, Lane::kSoon);
  queue_.Add(&bulk.place, Lane::kBulk);
  for (Client* client : {&soon, &bulk, &none}) queue_.Remove(&client->place);
  EXPECT_THAT(Turn(), IsEmpty());
  queue_.Add(&soon.place, Lane::kBulk);
  EXPECT_THAT(Turn(), ElementsAre(0));
}

TEST_F(AWriteQueue, LosesNobodyWhateverComesAndGoes) {
  std::mt19937 random(4711);
  constexpr size_t kClients = 500;
  std::vector<bool> waits(kClients);
  while (clients_.size() < kClients) Make();
  for (int step = 0; step < 50'000; ++step) {
    const size_t i = random() % kClients;
    switch (random() % 400 == 0 ? 3 : random() % 3) {
      case 0:
        queue_.Add(&clients_[i].place, Lane::kBulk);
        waits[i] = true;
        break;
      case 1:
        queue_.Add(&clients_[i].place, Lane::kSoon);
        waits[i] = true;
        break;
      case 2:
        queue_.Remove(&clients_[i].place);
        waits[i] = false;
        break;
      default:
        for (const int written : Turn()) {
          EXPECT_TRUE(waits[static_cast<size_t>(written)]);
          waits[static_cast<size_t>(written)] = false;
        }
    }
  }
  while (!queue_.empty()) {
    for (const int written : Turn())
      waits[static_cast<size_t>(written)] = false;
  }
  EXPECT_THAT(waits, ::testing::Each(false));
}

}  // namespace
}  // namespace herald::gateway
