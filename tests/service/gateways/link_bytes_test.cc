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

}  // namespace
}  // namespace herald::core
