// SPDX-License-Identifier: Apache-2.0
//
// A view of each kind of channel, and frames for it, for its tests.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_CHANNEL_VIEW_FIXTURE_H_
#define HERALD_TESTS_END_TO_END_CHAOS_CHANNEL_VIEW_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/end_to_end/chaos/channel_view.h"

namespace herald::chaos {

inline const Channel kLog{.name = "log", .history_size = 10};
inline const Channel kNews{.name = "news"};
inline const Channel kPrice{
    .name = "price", .history_size = 10, .drops_to_latest = true};
inline const Channel kWhim{
    .name = "whim", .history_size = 10, .rules_change = true};
inline const Channel kRoom{.name = "presence-room", .is_presence = true};

// Message 1/N is published once before it is received.
class AView : public ::testing::Test {
 protected:
  void Use(const Channel& channel) {
    channel_ = channel;
    view_ = std::make_unique<ChannelView>("ada", &channel_, &ledger_, &order_);
    view_->Connected("1.1");
  }

  void SetUp() override { Use(kLog); }

  void Publish(int64_t number, const std::string& except = "") {
    ledger_.Publish({1, number}, {channel_.name}, except);
    ledger_.BeginAttempt({1, number}, 0);
    ledger_.EndAttempt({1, number}, 0);
  }

  void Ask(Recover recover = {}) { view_->Asked(std::move(recover)); }
  void AskSince(const Position& position) {
    Ask({Recover::Kind::kSince, position});
  }

  Frame Of(Frame::Kind kind) const {
    Frame frame;
    frame.kind = kind;
    frame.channel = channel_.name;
    return frame;
  }
  void Subscribed(const Position& at,
                  std::optional<bool> recovered = std::nullopt) {
    Frame frame = Of(Frame::Kind::kSubscribed);
    frame.epoch = at.epoch;
    frame.offset = at.offset;
    frame.has_offset = true;
    frame.recovered = recovered;
    view_->Receive(frame);
  }
  void SubscribedPlainly(std::vector<std::string> users = {}) {
    Frame frame = Of(Frame::Kind::kSubscribed);
    frame.users = std::move(users);
    view_->Receive(frame);
  }
  void Refused(const std::string& code) {
    Frame frame = Of(Frame::Kind::kSubscriptionError);
    frame.code = code;
    view_->Receive(frame);
  }
  void Unsubscribed(const std::string& reason = "") {
    Frame frame = Of(Frame::Kind::kUnsubscribed);
    frame.text = reason;
    view_->Receive(frame);
  }
  void Event(int64_t number, int64_t offset = 0) {
    Frame frame = Of(Frame::Kind::kEvent);
    frame.data = DataOf({1, number});
    frame.offset = offset;
    frame.has_offset = offset != 0;
    view_->Receive(frame);
  }
  void Member(Frame::Kind kind, const std::string& user) {
    Frame frame = Of(kind);
    frame.users = {user};
    view_->Receive(frame);
  }

  // Subscribed at e#3, with four messages to come.
  void BeAtThree() {
    for (int64_t number = 1; number <= 20; ++number) Publish(number);
    Ask();
    Subscribed({"e", 3});
  }

  Channel channel_;
  Ledger ledger_;
  OrderBook order_;
  std::unique_ptr<ChannelView> view_;
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_CHANNEL_VIEW_FIXTURE_H_
