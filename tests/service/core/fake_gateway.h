// SPDX-License-Identifier: Apache-2.0
//
// A gateway, as the hub knows it, and what it hears in few words: `yes 1`,
// `no 1 CODE_UNAUTHORIZED`, `user 1 ada`, `news: 1`, `+ada`, `-ada`, `roster
// ada bob`.

#ifndef HERALD_TESTS_SERVICE_CORE_FAKE_GATEWAY_H_
#define HERALD_TESTS_SERVICE_CORE_FAKE_GATEWAY_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "service/channel/encoding.h"
#include "tests/service/core/hub_fakes.h"

namespace herald::core {

inline std::string Words(const link::v1::ServiceItem& item) {
  using Item = link::v1::ServiceItem;
  switch (item.item_case()) {
    case Item::kSubscribed: {
      std::string words = absl::StrCat("yes ", item.subscribed().ticket());
      for (const auto& member : item.subscribed().roster().members()) {
        absl::StrAppend(&words, " ", member.user_id());
      }
      return words;
    }
    case Item::kRefused:
      return absl::StrCat("no ", item.refused().ticket(), " ",
                          link::v1::Refused::Code_Name(item.refused().code()));
    case Item::kPublication:
      return absl::StrCat(item.publication().channel(), ": ",
                          item.publication().data());
    case Item::kMemberAdded:
      return "+" + item.member_added().user_id();
    case Item::kMemberRemoved:
      return "-" + item.member_removed().user_id();
    case Item::kRoster: {
      std::string words = "roster";
      for (const auto& member : item.roster().members()) {
        absl::StrAppend(&words, " ", member.user_id());
      }
      return words;
    }
    case Item::kRevocation:
      return "revocation " + item.revocation().user_id();
    case Item::kSettled:
      return "settled";
    case Item::kSettings:
      return "settings";
    case Item::kRenewAll:
      return "renew all";
    case Item::kCall:
      return "call";
    case Item::kRecovery:
      return absl::StrCat("recovery ", item.recovery().since().offset(), " to ",
                          item.recovery().until(),
                          item.recovery().available() ? "" : " lost");
    case Item::kNewPosition:
      return absl::StrCat("position ", item.new_position().position().offset(),
                          item.new_position().lost() ? " lost" : "");
    case Item::kRenewed:
      return absl::StrCat("renewed ", link::v1::Renewed::Outcome_Name(
                                          item.renewed().outcome()));
    case Item::kSocketAnswer:
      return absl::StrCat("user ", item.socket_answer().ticket(), " ",
                          item.socket_answer().signed_in().user().user_id());
    case Item::kCongestion:
      return absl::StrCat("congestion of ", item.congestion().socket_id(), " ",
                          item.congestion().bytes());
    case Item::ITEM_NOT_SET:
      break;
  }
  return "nothing";
}

class FakeGateway {
 public:
  FakeGateway(Hub* hub, int64_t id, int64_t link_down_ms = 0)
      : hub_(hub), id_(id), sink_(std::make_shared<FakeSink>()) {
    link::v1::Hello hello;
    hello.set_protocol_version(1);
    hello.set_gateway_id(id);
    hello.set_link_down_ms(link_down_ms);
    auto opened = hub->Open(hello, sink_);
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (opened.ok()) attachment_ = *opened;
  }

  absl::Status Send(link::v1::GatewayItem item) {
    return hub_->Handle(attachment_, std::move(item));
  }
  void Hold(const std::string& channel, int64_t count,
            const std::vector<std::string>& users = {},
            const Position& position = {}) {
    link::v1::GatewayItem item;
    if (!position.epoch.empty()) {
      *item.mutable_held()->mutable_position() = ToProto(position);
    }
    item.mutable_held()->set_channel(channel);
    item.mutable_held()->set_subscription_count(count);
    for (const std::string& user : users) {
      auto& member = *item.mutable_held()->add_members();
      member.mutable_member()->set_user_id(user);
      member.add_socket_ids(absl::StrCat(id_, ".", ++sockets_));
    }
    EXPECT_TRUE(Send(item).ok());
  }
  void Attach() {
    link::v1::GatewayItem item;
    item.mutable_attached();
    EXPECT_TRUE(Send(item).ok());
  }
  void Subscribe(int64_t ticket, const std::string& channel,
                 int64_t call_id = 0) {
    link::v1::GatewayItem item;
    item.mutable_subscribe()->set_ticket(ticket);
    item.mutable_subscribe()->set_channel(channel);
    item.mutable_subscribe()->set_socket_id(Socket(ticket));
    item.mutable_subscribe()->set_call_id(call_id);
    EXPECT_TRUE(Send(item).ok());
  }
  absl::Status Unsubscribe(int64_t ticket, const std::string& channel,
                           const std::string& user = "") {
    link::v1::GatewayItem item;
    item.mutable_unsubscribe()->set_ticket(ticket);
    item.mutable_unsubscribe()->set_channel(channel);
    item.mutable_unsubscribe()->set_socket_id(Socket(ticket));
    item.mutable_unsubscribe()->set_user_id(user);
    return Send(item);
  }
  absl::Status Recover(const std::string& channel, const Position& since,
                       int64_t bytes_max = 0) {
    link::v1::GatewayItem item;
    item.mutable_recover()->set_channel(channel);
    item.mutable_recover()->set_bytes_max(bytes_max);
    *item.mutable_recover()->mutable_since() = ToProto(since);
    return Send(item);
  }
  void Whisper(const std::string& channel, const std::string& data,
               int64_t socket) {
    link::v1::GatewayItem item;
    item.mutable_whisper()->set_channel(channel);
    item.mutable_whisper()->set_event("e");
    item.mutable_whisper()->set_data(data);
    item.mutable_whisper()->set_socket_id(Socket(socket));
    EXPECT_TRUE(Send(item).ok());
  }
  void Cancel(int64_t ticket) {
    link::v1::GatewayItem item;
    item.mutable_cancel()->set_ticket(ticket);
    EXPECT_TRUE(Send(item).ok());
  }
  void Goodbye() {
    link::v1::GatewayItem item;
    item.mutable_goodbye();
    EXPECT_TRUE(Send(item).ok());
  }
  void Lose() { hub_->Close(attachment_, "lost"); }

  std::string Socket(int64_t number) const {
    return absl::StrCat(id_, ".", number);
  }
  FakeSink& sink() { return *sink_; }
  std::vector<link::v1::ServiceItem> Items() { return sink_->Items(); }
  std::vector<std::string> Received() {
    std::vector<std::string> words;
    for (const auto& item : sink_->Items()) words.push_back(Words(item));
    return words;
  }
  const absl::Status& closed() const { return sink_->closed; }
  void OnFlush(std::function<void()> then) {
    sink_->on_flush = std::move(then);
  }

  // The bytes among its items that were outside of its outbox's bound.
  int states() const { return sink_->states; }

 private:
  Hub* const hub_;
  const int64_t id_;
  const std::shared_ptr<FakeSink> sink_;
  AttachmentPtr attachment_;
  int64_t sockets_ = 0;
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_CORE_FAKE_GATEWAY_H_
