// SPDX-License-Identifier: Apache-2.0

#include "service/gateways/link_bytes.h"

#include <memory>

#include "tests/service/core/hub_fakes.h"

namespace herald::core {
namespace {

class TheBytesOfLinks : public ::testing::Test, private ServiceObserver {
 protected:
  static constexpr int64_t kMax = 1000;

  struct Link {
    std::shared_ptr<FakeSink> sink = std::make_shared<FakeSink>();
    LinkBytes::AccountPtr account;

    bool ended() const { return absl::IsResourceExhausted(sink->closed); }
  };

  Link Open(admission::Source source, int64_t held) {
    Link link;
    link.account = bytes_.Open(source);
    link.account->SetSink(link.sink);
    link.account->Add(held);
    return link;
  }
  void Sweep() { timers_.Advance(absl::Milliseconds(20)); }

  void OnLinkEvicted() override { ++evicted_; }

  FakeTimers timers_;
  LinkBytes bytes_{kMax, &timers_, this};
  int evicted_ = 0;
};

TEST_F(TheBytesOfLinks, MayAllBelongToOne) {
  const Link one = Open(1, kMax);
  Sweep();
  EXPECT_FALSE(one.ended());
}

TEST_F(TheBytesOfLinks, AreTakenFromTheLargestOfTheSourceWithMost) {
  const Link polite = Open(1, 400);  // The largest of all.
  const Link small = Open(2, 150), large = Open(2, 350);
  Sweep();
  EXPECT_EQ(evicted_, 0);
  const Link last = Open(3, 101);  // The one that meets the bound.
  Sweep();
  EXPECT_TRUE(large.ended());
  EXPECT_FALSE(polite.ended() || small.ended() || last.ended());
  EXPECT_EQ(evicted_, 1);
}

TEST_F(TheBytesOfLinks, OfOneThatIsEndingEndNoOther) {
  const Link rogue = Open(1, 900), polite = Open(2, 500);
  for (int i = 0; i < 10; ++i) Sweep();
  EXPECT_TRUE(rogue.ended());
  EXPECT_FALSE(polite.ended());
  EXPECT_EQ(bytes_.total(), 1400) << "its memory is not free yet";
}

TEST_F(TheBytesOfLinks, AreReleasedWithTheLink) {
  Link one = Open(1, 900);
  one.account = nullptr;
  EXPECT_EQ(bytes_.total(), 0);
  const Link two = Open(1, 900);
  two.account->Add(-800);
  const Link three = Open(1, 900);
  Sweep();
  EXPECT_FALSE(two.ended() || three.ended());
}

// Again and again, with polite links that come and go beside it.
TEST_F(TheBytesOfLinks, AreTakenFromAFloodHoweverManyLinksItHas) {
  const Link polite = Open(1, 300);
  for (int round = 0; round < 20; ++round) {
    std::vector<Link> flood;
    for (int i = 0; i < 50; ++i) flood.push_back(Open(2, 50));
    Sweep();
    int left = 0;
    for (const Link& link : flood) left += link.ended() ? 0 : 1;
    EXPECT_EQ(left, (kMax - 300) / 50);
    EXPECT_FALSE(Open(3, 100).ended());
  }
  Sweep();
  EXPECT_FALSE(polite.ended());
}

// Real gateways and rogues at one address, behind a NAT for example.
class TheBytesOfOneSource : public TheBytesOfLinks {
 protected:
  // Opened later than all before it.
  Link OpenNext(int64_t held) {
    timers_.Advance(absl::Seconds(1));
    return Open(1, held);
  }
  // A gateway that attached long ago.
  Link OpenSettled(int64_t held) {
    Link link = OpenNext(held);
    link.account->SetSettled();
    timers_.Advance(absl::Seconds(61));
    return link;
  }
};

TEST_F(TheBytesOfOneSource, AreTakenFromTheYoungest) {
  const Link real = OpenNext(500);
  const Link first = OpenNext(200), last = OpenNext(301);
  Sweep();
  EXPECT_TRUE(last.ended());
  EXPECT_FALSE(real.ended() || first.ended());
}

TEST_F(TheBytesOfOneSource, AreNotTakenFromATrustedLinkIfOthersHaveTheExcess) {
  Link rogue = OpenNext(0);
  rogue.account->SetSettled();
  timers_.Advance(absl::Seconds(59));
  const Link settled = OpenSettled(400);
  const Link proven = OpenNext(400);
  proven.account->SetProven();
  const Link young = OpenNext(0);
  young.account->SetSettled();
  young.account->Add(201);
  Sweep();
  EXPECT_TRUE(young.ended());
  EXPECT_FALSE(settled.ended() || proven.ended());

  // It has grown since.
  settled.account->Add(200);
  rogue.account->Add(1);
  const Link late = OpenNext(1);
  Sweep();
  EXPECT_TRUE(proven.ended()) << "the youngest that is trusted";
  EXPECT_FALSE(settled.ended() || rogue.ended()) << "they are older";
  EXPECT_FALSE(late.ended()) << "alone it does not hold the excess";
}

TEST_F(TheBytesOfOneSource, AreTakenFromAnOlderLinkIfTheYoungHaveTooLittle) {
  const Link oldest = OpenSettled(100);
  const Link rogue = OpenSettled(900);
  const Link small = OpenNext(10), smaller = OpenNext(5);
  Sweep();
  EXPECT_TRUE(small.ended() || smaller.ended() || rogue.ended());
  EXPECT_FALSE(oldest.ended());
  rogue.account->Add(1000);
  Sweep();
  EXPECT_TRUE(rogue.ended());
  EXPECT_FALSE(oldest.ended());
}

}  // namespace
}  // namespace herald::core
