// SPDX-License-Identifier: Apache-2.0
//
// /metrics of both processes: of the right form, one name with HELP for each
// fact, and true.

#include <signal.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/raw_socket.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using testing_support::ClientFrame;
using testing_support::HeraldWorld;
using testing_support::PrometheusText;
using testing_support::RawSocket;
using testing_support::ScriptedAuthorizer;
using testing_support::Stub;
using testing_support::WebSocketClient;

using Labels = std::map<std::string, std::string>;

void ExpectGoodForm(const PrometheusText& page) {
  EXPECT_EQ(page.error(), "");
  EXPECT_GT(page.samples().size(), 10u);
  for (const auto& [name, family] : page.families()) {
    EXPECT_GT(family.help.size(), 10u) << name << " needs a HELP";
    EXPECT_NE(family.type, "") << name;
    EXPECT_TRUE(absl::StartsWith(name, "herald_")) << name;
    EXPECT_EQ(family.type == "counter", absl::EndsWith(name, "_total")) << name;
  }
  for (const PrometheusText::Sample& sample : page.samples()) {
    EXPECT_TRUE(page.families().contains(sample.family)) << sample.name;
  }
}

// Traffic of every kind, each amount different where it matters.
class Metrics : public ::testing::Test {
 protected:
  Metrics() {
    ada_.Subscribe("news");
    ada_.Subscribe("presence-room", "user:ada");
    bob_.Subscribe("news");
    bob_.Subscribe("presence-room", "user:bob");
    bob_.Subscribe("private-x", "no");
    EXPECT_EQ(ada_.Next().type(), "member_added");
  }

  ScriptedAuthorizer authorizer_;
  HeraldWorld world_{
      {.service_flags = {"--authorizer=" + authorizer_.address()}}};
  WebSocketClient& ada_ = world_.Open(0);
  WebSocketClient& bob_ = world_.Open(1);
};

TEST_F(Metrics, OfBothProcessesAreOfTheRightForm) {
  world_.backend().Broadcast("news", "e", "1");
  ada_.Next();
  ExpectGoodForm(world_.ServiceMetrics());
  ExpectGoodForm(world_.GatewayMetrics(0));
}

TEST_F(Metrics, OfTheServiceAreTrue) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(world_.backend().Broadcast("news", "e", "1234"), 2);
  }
  ada_.Whisper("news", "w", "12");
  for (int i = 0; i < 4; ++i) bob_.Next();
  EXPECT_FALSE(
      world_.backend()
          .Call(&Stub::Broadcast, testing_support::MakeBroadcast({}, "e", "1"))
          .status.ok());
  // Counts of sockets may be a second old.
  world_.WaitUntil(
      [&] { return world_.ServiceMetrics().Sum("herald_clients") == 2; });

  const PrometheusText page = world_.ServiceMetrics();

  EXPECT_EQ(page.Sum("herald_ready"), 1);
  EXPECT_EQ(page.Sum("herald_gateways"), 2);
  EXPECT_EQ(page.Sum("herald_channels"), 2);
  EXPECT_EQ(page.Sum("herald_subscriptions"), 4);
  EXPECT_EQ(page.Sum("herald_members"), 2);
  EXPECT_EQ(page.Sum("herald_publications_total"), 4);
  EXPECT_EQ(page.Sum("herald_publication_bytes_total"), 3 * 4 + 2);
  EXPECT_EQ(page.Sum("herald_whispers_total"), 1);
  EXPECT_EQ(page.Sum("herald_authorizer_up"), 1);
  EXPECT_EQ(page.Sum("herald_authorizer_seconds_count"), 3);
  EXPECT_EQ(page.Sum("herald_authorizer_decisions_total",
                     Labels{{"outcome", "allowed"}}),
            2);
  EXPECT_EQ(page.Sum("herald_authorizer_decisions_total"), 3);
  EXPECT_EQ(page.Sum("herald_subscribes_total", Labels{{"outcome", "allowed"}}),
            4);
  EXPECT_EQ(
      page.Sum("herald_subscribes_total", Labels{{"outcome", "unauthorized"}}),
      1);
  EXPECT_EQ(page.Sum("herald_rpcs_total",
                     Labels{{"method", "Broadcast"}, {"code", "OK"}}),
            3);
  EXPECT_EQ(page.Sum("herald_rpcs_total", Labels{{"method", "Broadcast"},
                                                 {"code", "INVALID_ARGUMENT"}}),
            1);
  EXPECT_GT(page.Sum("herald_link_bytes_total", Labels{{"direction", "sent"}}),
            0);

  authorizer_.Stop();
  world_.WaitUntil(
      [&] { return world_.ServiceMetrics().Sum("herald_authorizer_up") == 0; });
}

TEST_F(Metrics, OfTheGatewayAreTrue) {
  WebSocketClient& eve = world_.Open(0);
  eve.Subscribe("news");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(world_.backend().Broadcast("news", "e", "1"), 3);
    EXPECT_EQ(ada_.Next().type(), "event");
    EXPECT_EQ(eve.Next().type(), "event");
  }
  ada_.Whisper("news", "w", "1");
  EXPECT_EQ(eve.Next().type(), "event");
  ada_.Send("{");
  EXPECT_EQ(ada_.Next().type(), "error");
  eve.Subscribe("bad name");

  const PrometheusText page = world_.GatewayMetrics(0);

  EXPECT_EQ(page.Sum("herald_gateway_connections"), 2);
  EXPECT_EQ(page.Sum("herald_gateway_connections_total"), 2);
  EXPECT_EQ(page.Sum("herald_gateway_subscriptions"), 3);
  EXPECT_EQ(page.Sum("herald_gateway_deliveries_total"), 3 * 2 + 1);
  EXPECT_GT(page.Sum("herald_gateway_delivery_bytes_total"), 7 * 50);
  EXPECT_EQ(page.Sum("herald_gateway_whispers_total"), 1);
  EXPECT_EQ(page.Sum("herald_gateway_bad_messages_total"), 1);
  EXPECT_EQ(page.Sum("herald_gateway_messages_total"), 6);
  EXPECT_EQ(page.Sum("herald_gateway_subscribes_refused_total",
                     Labels{{"code", "invalid_channel"}}),
            1);
  EXPECT_EQ(page.Sum("herald_gateway_link_up"), 1);
  EXPECT_EQ(page.Sum("herald_gateway_link_settled"), 1);
  EXPECT_EQ(page.Sum("herald_gateway_queue_bytes"), 0);
  // Once per publication and loop that had a subscriber, not per delivery:
  // between one and two loops for each of the four.
  const double observed =
      page.Sum("herald_gateway_publish_to_socket_seconds_count");
  EXPECT_GE(observed, 4);
  EXPECT_LE(observed, 2 * 4);
}

TEST_F(Metrics, OfTheGatewayShowWhyConnectionsWereRefusedAndClosed) {
  HeraldWorld world({.gateways = 1,
                     .gateway_flags = {"--allowed_origins=https://good",
                                       "--max_connections=2"}});
  const auto end_with = [&](const std::string& frame) {
    RawSocket socket(world.gateway_address(0));
    socket.Upgrade();
    socket.Send(frame);
    socket.ReadUntilClose();
  };
  const auto sum = [&](const char* name, const char* reason) {
    return world.GatewayMetrics(0).Sum(name, Labels{{"reason", reason}});
  };
  const char* const kRefused = "herald_gateway_refused_connections_total";
  const char* const kClosed = "herald_gateway_closed_connections_total";
  end_with(ClientFrame(testing_support::kBinary, "x"));
  end_with(ClientFrame(testing_support::kText, "\xff"));
  end_with(ClientFrame(testing_support::kContinuation, "x"));
  end_with(ClientFrame(testing_support::kText, std::string(1 << 20, 'x')));
  end_with(ClientFrame(testing_support::kClose, "\x03\xe8"));
  {
    RawSocket socket(world.gateway_address(0));
    EXPECT_EQ(socket.Upgrade("Origin: https://bad\r\n"), 403);
  }
  world.WaitUntil([&] {
    return world.GatewayMetrics(0).Sum("herald_gateway_connections") == 0;
  });
  EXPECT_EQ(sum(kRefused, "origin"), 1);
  for (const char* reason :
       {"binary", "bad_utf8", "protocol_error", "too_large", "normal"}) {
    EXPECT_EQ(sum(kClosed, reason), 1) << reason;
  }

  WebSocketClient& ada = world.Open();
  world.Open();
  EXPECT_EQ(world.OpenRefused(), 503);
  EXPECT_EQ(sum(kRefused, "full"), 1);
  v1::DisconnectRequest request;
  request.set_socket_id(ada.socket_id());
  EXPECT_TRUE(world.backend().Call(&Stub::Disconnect, request).status.ok());
  EXPECT_EQ(ada.WaitForClose(), 4003);
  world.WaitUntil([&] { return sum(kClosed, "disconnected") == 1; });
}

TEST_F(Metrics, OfTheGatewayShowTheLinkGoAndCome) {
  world_.service().Kill();
  world_.WaitUntil([&] {
    const PrometheusText page = world_.GatewayMetrics(0);
    return page.Sum("herald_gateway_link_up") == 0 &&
           page.Sum("herald_gateway_link_settled") == 0 &&
           page.Sum("herald_gateway_link_ended_total") >= 1;
  });
}

TEST_F(Metrics, OfTheServiceShowALostGateway) {
  world_.gateway(1).Kill();
  world_.WaitUntil([&] {
    const PrometheusText page = world_.ServiceMetrics();
    return page.Sum("herald_gateways") == 1 &&
           page.Sum("herald_subscriptions") == 2 &&
           page.Sum("herald_members") == 1;
  });
}

}  // namespace
}  // namespace herald::end_to_end
