// SPDX-License-Identifier: Apache-2.0
//
// Subscribes that another request overtakes: an unsubscribe of the client, or a
// subscribe of its socket by a backend.

#include "gateway/session/session.h"
#include "proto/contract/limits.h"
#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using ASession = GatewayWorld;

class AFloodOfSubscribesAndUnsubscribes : public GatewayWorld {
 protected:
  // Subscribes to `channel` and takes it back; returns the ticket.
  int64_t TakeBack(Browser& browser, const std::string& channel) {
    Send(browser, R"({"type":"subscribe","channel":")" + channel + "\"}");
    Send(browser, R"({"type":"unsubscribe","channel":")" + channel + "\"}");
    return Asked().ticket();
  }

  // As often as it may; returns the tickets.
  std::vector<int64_t> Flood(Browser& browser) {
    std::vector<int64_t> tickets;
    for (int i = 0; i < contract::kPendingSubscribesMax; ++i) {
      EXPECT_FALSE(browser.socket.paused) << i;
      tickets.push_back(TakeBack(browser, "private-x"));
    }
    EXPECT_TRUE(browser.socket.paused);
    return tickets;
  }
};

TEST_F(AFloodOfSubscribesAndUnsubscribes, IsNotReadUntilOneIsAnswered) {
  Attach();
  Browser& ada = Open();
  const std::vector<int64_t> tickets = Flood(ada);
  Refuse(link::v1::Refused::CODE_CANCELLED, "", tickets[7]);
  EXPECT_FALSE(ada.socket.paused);
  TakeBack(ada, "private-y");
  EXPECT_TRUE(ada.socket.paused);
  for (const int64_t ticket : tickets) {
    Refuse(link::v1::Refused::CODE_CANCELLED, "", ticket);
  }
  ada.Received();
  for (int i = 0; i < contract::kPendingSubscribesMax - 2; ++i) {
    TakeBack(ada, "private-x");
  }
  EXPECT_FALSE(ada.socket.paused) << "each answer counts once";
}

TEST_F(AFloodOfSubscribesAndUnsubscribes, IsReadAgainAfterAYesInVain) {
  Attach();
  Browser& ada = Open();
  Flood(ada);
  Allow();
  EXPECT_FALSE(ada.socket.paused);
  EXPECT_TRUE(uplink_->items.back().has_unsubscribe());
}

TEST_F(AFloodOfSubscribesAndUnsubscribes, IsReadAgainWhenAYesCrossesItsCancel) {
  Attach();
  Browser& ada = Open();
  for (int i = 1; i < contract::kPendingSubscribesMax; ++i) {
    TakeBack(ada, "private-x");
  }
  Send(ada, R"({"type":"subscribe","channel":"news"})");
  link::v1::AttachResponse frame;
  frame.add_items()->mutable_subscribed()->set_ticket(Asked().ticket());
  ASSERT_TRUE(router_.Receive(std::move(frame)).ok());
  // Before the loop has taken the delivery.
  ada.shard->Receive(ada.session, R"({"type":"unsubscribe","channel":"news"})");
  EXPECT_TRUE(ada.socket.paused);
  Run();
  EXPECT_FALSE(ada.socket.paused);
}

TEST_F(AFloodOfSubscribesAndUnsubscribes, IsReadAgainWhenTheLinkEnds) {
  Attach();
  Browser& ada = Open();
  Flood(ada);
  router_.LinkDown("it broke");
  Run();
  EXPECT_FALSE(ada.socket.paused);
}

TEST_F(AFloodOfSubscribesAndUnsubscribes, MayBeAnsweredAfterItsSocketHasGone) {
  Attach();
  Browser& ada = Open();
  const std::vector<int64_t> tickets = Flood(ada);
  Leave(ada);
  for (const int64_t ticket : tickets) {
    Refuse(link::v1::Refused::CODE_CANCELLED, "", ticket);
  }
  EXPECT_EQ(loops_[0].shard->session_count(), 0);
}

TEST_F(ASession, IsSubscribedByABackend) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  link::v1::ServiceItem item;
  item.mutable_call()->set_call_id(5);
  auto& call = *item.mutable_call()->mutable_subscribe();
  call.set_socket_id(ada.id);
  call.set_channel("presence-room");
  call.mutable_member()->set_user_id("ada");
  Say(item);
  EXPECT_EQ(Asked().call_id(), 5);
  EXPECT_EQ(Asked().member().user_id(), "ada");
  Allow("ada", {"ada"});
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr(R"("type":"subscribed")")));
  // Once more: nothing changes, and the call is answered.
  Say(item);
  EXPECT_EQ(uplink_->items.back().call_result().call_id(), 5);
  EXPECT_EQ(uplink_->items.back().call_result().code(), 0);
}

TEST_F(ASession, ReceivesNoRefusalOfABackendsSubscribe) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  link::v1::ServiceItem item;
  item.mutable_call()->set_call_id(5);
  item.mutable_call()->mutable_subscribe()->set_socket_id(ada.id);
  item.mutable_call()->mutable_subscribe()->set_channel("private-x");
  Say(item);
  Refuse(link::v1::Refused::CODE_UNAUTHORIZED, "no");
  EXPECT_THAT(ada.Received(), IsEmpty());
}

TEST_F(ASession, IsNotifiedWhenABackendUnsubscribesIt) {
  Attach();
  Browser& ada = Subscribed(Open(), "news");
  link::v1::ServiceItem item;
  item.mutable_call()->set_call_id(6);
  item.mutable_call()->mutable_unsubscribe()->set_socket_id(ada.id);
  item.mutable_call()->mutable_unsubscribe()->set_channel("news");
  Say(item);
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr(R"("reason":)")));
  EXPECT_EQ(uplink_->items.back().call_result().call_id(), 6);
  EXPECT_EQ(uplink_->items.back().call_result().code(), 0);
}

// A backend subscribes a socket while the socket's own subscribe is in flight.
class ASubscribeThatABackendOvertakes : public GatewayWorld {
 protected:
  Browser& Ask() {
    Attach();
    Browser& ada = Open();
    Send(ada, R"({"type":"subscribe","channel":"private-x","auth":"hers",)"
              R"("channel_data":{"a":1}})");
    ada.Received();
    return ada;
  }

  static link::v1::ServiceItem Call(const Browser& browser,
                                    const std::string& auth_token) {
    link::v1::ServiceItem item;
    item.mutable_call()->set_call_id(5);
    auto& call = *item.mutable_call()->mutable_subscribe();
    call.set_socket_id(browser.id);
    call.set_channel("private-x");
    call.set_auth_token(auth_token);
    return item;
  }
};

TEST_F(ASubscribeThatABackendOvertakes, HasTheSameAnswer) {
  Browser& ada = Ask();
  Say(Call(ada, "its own"));
  EXPECT_EQ(Asked().call_id(), 5);
  EXPECT_EQ(Asked().auth_token(), "its own");
  Refuse(link::v1::Refused::CODE_UNAUTHORIZED, "no");
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr("unauthorized")));
}

TEST_F(ASubscribeThatABackendOvertakes, LendsItItsOwnMember) {
  Browser& ada = Ask();
  Say(Call(ada, ""));
  EXPECT_EQ(Asked().call_id(), 5);
  EXPECT_EQ(Asked().auth_token(), "hers");
  EXPECT_EQ(Asked().channel_data(), R"({"a":1})");
  link::v1::ServiceItem with_member = Call(ada, "");
  with_member.mutable_call()->mutable_subscribe()->mutable_member();
  Say(with_member);
  EXPECT_EQ(Asked().auth_token(), "") << "the member says it all";
}

TEST_F(ASubscribeThatABackendOvertakes, IsNotSpoiltByACallThatCannotBeAsked) {
  Browser& ada = Ask();
  const int64_t ticket = Asked().ticket();
  Say(Call(ada, std::string(contract::kAuthTokenBytesMax + 1, 'x')));
  EXPECT_EQ(Asked().ticket(), ticket);
  EXPECT_NE(uplink_->items.back().call_result().code(), 0);
  Allow("ada");
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr(R"("type":"subscribed")")));
}

TEST_F(ASubscribeThatABackendOvertakes, IsAnsweredThoughTheLinkHasGone) {
  Browser& ada = Ask();
  link::v1::AttachResponse frame;
  *frame.add_items() = Call(ada, "");
  ASSERT_TRUE(router_.Receive(std::move(frame)).ok());
  router_.LinkDown("it broke");  // The loop has not seen the call yet.
  Run();
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr("unavailable")));
}

}  // namespace
}  // namespace herald::gateway
