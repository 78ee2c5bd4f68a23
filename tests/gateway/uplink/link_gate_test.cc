// SPDX-License-Identifier: Apache-2.0
//
// When the link is read: never while a loop has more than it may have.

#include "gateway/uplink/link_gate.h"

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

class ALinkGate : public ::testing::Test {
 protected:
  void Wait() {
    gate_.WhenOpen([this] { ++reads_; });
  }

  LinkGate gate_;
  int reads_ = 0;
};

TEST_F(ALinkGate, IsOpenUntilAnInboxIsFull) {
  EXPECT_TRUE(gate_.is_open());
  Wait();
  EXPECT_EQ(reads_, 1);
  gate_.Close();
  EXPECT_FALSE(gate_.is_open());
  Wait();
  EXPECT_EQ(reads_, 1);
  gate_.Open();
  EXPECT_EQ(reads_, 2);
  EXPECT_TRUE(gate_.is_open());
  EXPECT_EQ(gate_.closings(), 1);
}

TEST_F(ALinkGate, OpensWhenTheLastFullInboxHasDrained) {
  gate_.Close();
  gate_.Close();
  Wait();
  gate_.Open();
  EXPECT_EQ(reads_, 0);
  gate_.Open();
  EXPECT_EQ(reads_, 1);
}

TEST_F(ALinkGate, ReleasesWaitersWhenTheLinkEnds) {
  gate_.Close();
  Wait();
  gate_.Release();
  EXPECT_EQ(reads_, 1);
  gate_.Release();
  gate_.Open();
  EXPECT_EQ(reads_, 1) << "once";
}

TEST_F(ALinkGate, MayBeOpenedBeforeItsClosingIsNoticed) {
  gate_.Open();
  gate_.Close();
  EXPECT_TRUE(gate_.is_open());
}

using AnInbox = ALinkGate;

TEST_F(AnInbox, ClosesTheGateAboveItsBoundAndOpensItAtHalf) {
  InboxMeter inbox(&gate_);
  inbox.Add(kInboxBytesMax);
  EXPECT_TRUE(gate_.is_open());
  inbox.Add(1);
  EXPECT_FALSE(gate_.is_open());
  inbox.Add(100);
  EXPECT_EQ(inbox.bytes(), kInboxBytesMax + 101);
  Wait();
  inbox.Remove(kInboxBytesMax - kInboxBytesLow + 100);
  EXPECT_EQ(reads_, 0);
  inbox.Remove(1);
  EXPECT_EQ(reads_, 1);
  inbox.Remove(kInboxBytesLow);
  EXPECT_EQ(inbox.bytes(), 0);
}

TEST_F(AnInbox, DoesNotOpenTheGateForAnother) {
  InboxMeter one(&gate_);
  InboxMeter two(&gate_);
  one.Add(kInboxBytesMax + 1);
  two.Add(kInboxBytesMax + 1);
  one.Remove(kInboxBytesMax + 1);
  EXPECT_FALSE(gate_.is_open());
  two.Remove(kInboxBytesMax + 1);
  EXPECT_TRUE(gate_.is_open());
}

}  // namespace
}  // namespace herald::gateway
