// SPDX-License-Identifier: Apache-2.0

#include "service/channel/channel_table.h"

#include "tests/service/core/hub_fakes.h"

namespace herald::core {
namespace {

AttachmentPtr Gateway(int64_t id) {
  link::v1::Hello hello;
  hello.set_gateway_id(id);
  return std::make_shared<Attachment>(hello, std::make_shared<FakeSink>(),
                                      absl::UnixEpoch());
}

void Add(ChannelTable& table, const std::string& channel,
         const AttachmentPtr& gateway, int64_t delta) {
  ChannelShard& shard = table.ShardOf(channel);
  const ShardLock lock(shard);
  ASSERT_NE(table.Obtain(shard, channel, /*force=*/false), nullptr);
  table.Change(shard, channel, gateway, delta);
}

int64_t CountOf(ChannelTable& table, const std::string& channel) {
  ChannelShard& shard = table.ShardOf(channel);
  const ShardLock lock(shard);
  const auto it = shard.channels.find(channel);
  return it == shard.channels.end() ? 0 : it->second.subscriber_count;
}

TEST(AChannelTable, CountsSubscriptionsByGateway) {
  ChannelTable table(0);
  const auto one = Gateway(1), two = Gateway(2);
  Add(table, "news", one, 1);
  Add(table, "news", one, 2);
  Add(table, "news", two, 1);
  EXPECT_EQ(CountOf(table, "news"), 4);
  EXPECT_EQ(one->subscription_count, 3);
  EXPECT_EQ(table.subscription_count(), 4);
  Add(table, "news", one, -3);
  EXPECT_EQ(CountOf(table, "news"), 1);
  EXPECT_EQ(table.channel_count(), 1);
  Add(table, "news", two, -1);
  EXPECT_EQ(table.channel_count(), 0);
  EXPECT_EQ(table.subscription_count(), 0);
}

TEST(AChannelTable, SweepsAllOfAGatewayAndNothingElse) {
  ChannelTable table(0);
  const auto one = Gateway(1), two = Gateway(2);
  for (int i = 0; i < 500; ++i) {
    Add(table, absl::StrCat("c", i), one, 2);
    if (i % 2 == 0) Add(table, absl::StrCat("c", i), two, 1);
  }
  std::vector<std::string> removed;
  table.Remove(one, [&](ChannelShard& shard, absl::string_view channel) {
    EXPECT_EQ(&shard, &table.ShardOf(channel));
    removed.emplace_back(channel);
  });
  EXPECT_EQ(removed.size(), 500u);
  EXPECT_EQ(table.channel_count(), 250);
  EXPECT_EQ(table.subscription_count(), 250);
  EXPECT_EQ(one->subscription_count, 0);
  EXPECT_EQ(two->subscription_count, 250);
}

// One rogue link with many channels must not make the ends of others slow.
TEST(AChannelTable, VisitsOnlyTheChannelsOfTheGatewayThatEnds) {
  constexpr int kMany = 100'000;  // Several turns of each shard.
  constexpr int kGateways = 100;
  ChannelTable table(0);
  const auto rogue = Gateway(1);
  for (int i = 0; i < kMany; ++i) {
    Add(table, absl::StrCat("c", i), rogue, 1);
  }
  std::vector<AttachmentPtr> others;
  for (int i = 0; i < kGateways; ++i) {
    others.push_back(Gateway(2 + i));
    // The second one has ended before.
    Add(table, absl::StrCat("c", i), others.back(), 2);
    Add(table, absl::StrCat("c", i + 1), others.back(), 1);
    Add(table, absl::StrCat("c", i + 1), others.back(), -1);
  }
  const auto remove = [&table](const AttachmentPtr& gateway) {
    return table.Remove(gateway, [](ChannelShard&, absl::string_view) {});
  };
  for (const AttachmentPtr& other : others) EXPECT_EQ(remove(other), 1);
  EXPECT_EQ(remove(others.front()), 0);
  EXPECT_EQ(table.subscription_count(), kMany);
  EXPECT_EQ(remove(rogue), kMany);
  EXPECT_EQ(table.channel_count(), 0);
  table.ForEachShard([](ChannelShard& shard) {
    const ShardLock lock(shard);
    EXPECT_TRUE(shard.by_peer.empty());
  });
}

TEST(AChannelTable, HasALimitThatForcePassesOver) {
  ChannelTable table(1);
  const auto one = Gateway(1);
  Add(table, "a", one, 1);
  ChannelShard& shard = table.ShardOf("b");
  const ShardLock lock(shard);
  EXPECT_EQ(table.Obtain(shard, "b", /*force=*/false), nullptr);
  EXPECT_EQ(table.channel_count(), 1);
  EXPECT_NE(table.Obtain(shard, "b", /*force=*/true), nullptr);
  EXPECT_EQ(table.channel_count(), 2);
}

TEST(AShardLock, FlushesEachSinkOnceWhenTheLockIsGone) {
  class CountingSink final : public Sink {
   public:
    explicit CountingSink(ChannelShard* shard) : shard_(shard) {}
    void Enqueue(Chunk) override { ++enqueued; }
    void EnqueueState(Chunk) override { ++enqueued; }
    void EnqueueMissed(Chunk) override { ++enqueued; }
    void Flush() override {
      ++flushed;
      const ShardLock free(*shard_);  // Would never return under the lock.
    }
    void Close(absl::Status) override {}
    int enqueued = 0;
    int flushed = 0;

   private:
    ChannelShard* const shard_;
  };
  ChannelTable table(0);
  ChannelShard& shard = table.ShardOf("news");
  const auto sink = std::make_shared<CountingSink>(&shard);
  const auto chunk = std::make_shared<const std::string>("x");
  {
    const ShardLock lock(shard);
    EnqueueIn(shard, sink, chunk);
    EnqueueStateIn(shard, sink, chunk);
    EXPECT_EQ(sink->flushed, 0);
  }
  EXPECT_EQ(sink->enqueued, 2);
  EXPECT_EQ(sink->flushed, 1);
}

}  // namespace
}  // namespace herald::core
