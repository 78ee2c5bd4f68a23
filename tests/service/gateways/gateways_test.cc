// SPDX-License-Identifier: Apache-2.0

#include "service/gateways/gateways.h"

#include <memory>
#include <vector>

#include "tests/service/core/hub_fakes.h"

namespace herald::core {
namespace {

constexpr admission::Source kReal = 1;
constexpr admission::Source kRogue = 2;

// All links that there may be.
class ManyLinks : public ::testing::Test {
 protected:
  static constexpr int kMax = int{kLinksMax};

  struct Link {
    AttachmentPtr gateway;
    Gateways::Displaced displaced;
    absl::Status status;
  };

  // Ends the links that it displaces, as Links does.
  Link Open(admission::Source source, bool proven = false,
            int64_t subscriptions = 0) {
    link::v1::Hello hello;
    hello.set_gateway_id(++last_id_);
    timers_.Advance(absl::Milliseconds(1));
    Link link;
    link.gateway = std::make_shared<Attachment>(
        hello, std::make_shared<FakeSink>(), timers_.Now(), proven, source);
    link.gateway->subscription_count = subscriptions;
    link.status = gateways_.Add(link.gateway, &link.displaced);
    if (const AttachmentPtr& evicted = link.displaced.evicted) End(evicted);
    return link;
  }
  std::vector<AttachmentPtr> Open(int count, admission::Source source,
                                  bool proven = false,
                                  int64_t subscriptions = 0) {
    std::vector<AttachmentPtr> links;
    for (int i = 0; i < count; ++i) {
      links.push_back(Open(source, proven, subscriptions).gateway);
    }
    return links;
  }
  void End(const AttachmentPtr& gateway) {
    gateway->ended = true;
    gateways_.Remove(gateway);
  }
  int Count(admission::Source source) {
    int count = 0;
    for (const AttachmentPtr& link : gateways_.All()) {
      if (link->source == source) ++count;
    }
    return count;
  }
  bool Has(const AttachmentPtr& link) {
    return gateways_.Find(link->gateway) == link;
  }

  FakeTimers timers_;
  Gateways gateways_{link::v1::Settings(), &timers_};
  int64_t last_id_ = 0;
};

TEST_F(ManyLinks, OfOneSourceGiveWayToAnotherSourceUpToAnEvenShare) {
  // With subscriptions, too.
  Open(kMax, kRogue, /*proven=*/true, /*subscriptions=*/1);
  Open(kMax, kReal, /*proven=*/false);
  EXPECT_EQ(Count(kReal), kMax / 2);
  EXPECT_EQ(Count(kRogue), kMax / 2);
  EXPECT_TRUE(Open(3).status.ok()) << "a third of all";
  EXPECT_EQ(Count(3), 1);
}

TEST_F(ManyLinks, GiveWayFromTheYoungestWithoutSubscriptionsAndSecret) {
  const auto idle = Open(2, kRogue);
  const auto proven = Open(2, kRogue, /*proven=*/true);
  const auto used = Open(kMax - 4, kRogue, /*proven=*/false, 1);
  for (const AttachmentPtr& next :
       {idle[1], idle[0], proven[1], proven[0], used.back()}) {
    const Link real = Open(kReal);
    ASSERT_TRUE(real.status.ok()) << real.status;
    EXPECT_EQ(real.displaced.evicted, next);
    EXPECT_FALSE(Has(next));
    EXPECT_TRUE(Has(real.gateway));
    EXPECT_EQ(gateways_.All().size(), kLinksMax);
  }
  const Link again = Open(kRogue);
  EXPECT_TRUE(absl::IsResourceExhausted(again.status)) << "all are in use";
  EXPECT_EQ(again.displaced.evicted, nullptr);
}

TEST_F(ManyLinks, OfTheSharedSourceGiveWayIfTheyHaveNoSubscription) {
  const auto used = Open(kMax - 3, kReal, /*proven=*/true, 1);
  const Link idle = Open(kReal, /*proven=*/true);
  const auto rogues = Open(2, kReal);
  const Link real = Open(kReal, /*proven=*/true);
  ASSERT_TRUE(real.status.ok()) << real.status;
  EXPECT_EQ(real.displaced.evicted, rogues[1]);
  real.gateway->subscription_count = 1;
  EXPECT_EQ(Open(kReal).displaced.evicted, rogues[0]);

  // A gateway without a secret ends none with one.
  Open(kReal).gateway->subscription_count = 1;
  EXPECT_TRUE(absl::IsResourceExhausted(Open(kReal).status));
  const Link next = Open(kReal, /*proven=*/true);
  EXPECT_EQ(next.displaced.evicted, idle.gateway);
  next.gateway->subscription_count = 1;
  EXPECT_TRUE(absl::IsResourceExhausted(Open(kReal, true).status));
  for (const AttachmentPtr& link : used) EXPECT_TRUE(Has(link));
}

TEST_F(ManyLinks, GiveWayOnceEach) {
  Open(kMax, kRogue);
  // Before the links that gave way are removed.
  std::vector<AttachmentPtr> evicted;
  for (int64_t id : {10'001, 10'002}) {
    link::v1::Hello hello;
    hello.set_gateway_id(id);
    const auto link = std::make_shared<Attachment>(
        hello, std::make_shared<FakeSink>(), timers_.Now(), true, kReal);
    Gateways::Displaced displaced;
    ASSERT_TRUE(gateways_.Add(link, &displaced).ok());
    evicted.push_back(displaced.evicted);
  }
  EXPECT_NE(evicted[0], evicted[1]);
  for (const AttachmentPtr& link : evicted) End(link);
  EXPECT_EQ(gateways_.All().size(), kLinksMax);
  EXPECT_TRUE(gateways_.Knows(evicted[0]->gateway)) << "it may return";
}

}  // namespace
}  // namespace herald::core
