// SPDX-License-Identifier: Apache-2.0
//
// The memory of all links together: the address that holds most loses links,
// and the gateways of others notice nothing.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/service/rpc/streams/link_client.h"

namespace herald::rpc {
namespace {

// A polite gateway of one address, and rogues of another one.
class LinksOfTwoAddresses : public ::testing::Test {
 protected:
  static constexpr int64_t kBytesMax = 64 << 20;

  static core::CoreOptions Options() {
    core::CoreOptions options;
    options.links_bytes_max = kBytesMax;
    return options;
  }

  int64_t Evicted() { return world_.metrics().links_evicted(); }

  // So many rogues, each with another id.
  void AddRogues(int count) {
    for (int i = 0; i < count; ++i) {
      const auto id = static_cast<int64_t>(100 + rogues_.size());
      rogues_.push_back(std::make_unique<FakeGateway>(world_, id));
      rogues_.back()->Send({rogues_.back()->Hello()});
    }
  }

  ~LinksOfTwoAddresses() override {
    EXPECT_TRUE(WaitUntil(
        [this] { return world_.hub().Counts().link_bytes <= kBytesMax; }));
    ExpectPoliteToBeServed();
    // All that was counted is released.
    rogues_.clear();
    EXPECT_TRUE(WaitUntil([this] {
      return world_.hub().Counts().link_bytes == 0;
    })) << world_.hub().Counts().link_bytes;
  }

  void ExpectPoliteToBeServed() {
    world_.Broadcast("news", "1");
    EXPECT_TRUE(polite_.Next(ServiceItem::kPublication).has_value())
        << polite_.Finish().error_message();
  }

  Loopback world_{{}, /*reflection=*/true, Options()};
  FakeGateway polite_{ChannelFrom("127.0.0.2", world_.server().address())};
  std::vector<std::unique_ptr<FakeGateway>> rogues_;
};

TEST_F(LinksOfTwoAddresses, LoseThoseOfTheOneThatHoldsTheMostChannels) {
  ASSERT_TRUE(polite_.AttachAndSubscribe("news"));
  constexpr int kRogues = 8;
  const std::vector<std::string> infos(300, Padded(0, 10'000));
  AddRogues(kRogues);
  // 12 MB each, 96 MB together. None of them attaches.
  for (int part = 0; part < 4; ++part) {
    for (size_t i = 0; i < rogues_.size(); ++i) {
      rogues_[i]->Send(
          {FakeGateway::Held(absl::StrCat("presence-", part), infos,
                             100 + static_cast<int64_t>(i))});
    }
  }
  EXPECT_TRUE(WaitUntil([this] { return Evicted() >= 3; }));
  EXPECT_LE(Evicted(), kRogues / 2 + 1) << "no more than is needed";
}

TEST_F(LinksOfTwoAddresses, LoseThoseOfTheOneThatDoesNotReadItsState) {
  constexpr int kChannels = 40;
  constexpr int kBytes = 500'000;  // Of each roster.
  const std::vector<std::string> infos(50, Padded(0, kBytes / 50));
  ASSERT_TRUE(polite_.Send({polite_.Hello(), FakeGateway::Held("news", {})}));
  for (int i = 0; i < kChannels; ++i) {
    ASSERT_TRUE(
        polite_.Send({FakeGateway::Held(absl::StrCat("presence-", i), infos)}));
  }
  ASSERT_TRUE(polite_.Send({polite_.Attached()}));
  ASSERT_TRUE(WaitUntil(
      [this] { return world_.hub().Counts().subscriptions == kChannels + 1; }));
  ExpectPoliteToBeServed();
  // The rosters of 20 MB wait for each of these.
  constexpr int kRogues = 6;
  AddRogues(kRogues);
  for (const auto& rogue : rogues_) {
    for (int i = 0; i < kChannels; ++i) {
      rogue->Send({FakeGateway::Held(absl::StrCat("presence-", i), {})});
    }
    rogue->Send({rogue->Attached()});
  }
  EXPECT_TRUE(WaitUntil([this] { return Evicted() >= 1; }));
  EXPECT_LT(Evicted(), kRogues);
}

}  // namespace
}  // namespace herald::rpc
