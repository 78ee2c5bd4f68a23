// SPDX-License-Identifier: Apache-2.0
//
// Gateways that are none: what a peer on the link may not do to the service, to
// the real gateways and to their browsers.

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "herald/link/v1/gateway_service.grpc.pb.h"
#include "tests/support/herald_world.h"

namespace herald::end_to_end {
namespace {

using link::v1::GatewayItem;
using ::testing::HasSubstr;
using testing_support::Backend;
using testing_support::HeraldWorld;
using testing_support::Stub;
using testing_support::WebSocketClient;

constexpr int64_t kRogue = 9;

GatewayItem Hello(int64_t id, const std::string& secret = "") {
  GatewayItem item;
  item.mutable_hello()->set_protocol_version(1);
  item.mutable_hello()->set_gateway_id(id);
  item.mutable_hello()->set_secret(secret);
  return item;
}

GatewayItem Attached() {
  GatewayItem item;
  item.mutable_attached();
  return item;
}

// A link whose other end is the test.
class RogueGateway {
 public:
  RogueGateway(const std::shared_ptr<grpc::Channel>& channel,
               const std::vector<GatewayItem>& items)
      : stub_(link::v1::GatewayService::NewStub(channel)),
        stream_(stub_->Attach(&context_)) {
    link::v1::AttachRequest frame;
    for (const GatewayItem& item : items) *frame.add_items() = item;
    stream_->Write(frame);
  }
  ~RogueGateway() { context_.TryCancel(); }

  // Whether a frame comes before the end.
  bool Answers() {
    link::v1::AttachResponse frame;
    return stream_->Read(&frame);
  }

  // Reads to the end.
  grpc::Status Finish() {
    while (Answers()) continue;
    return stream_->Finish();
  }

 private:
  grpc::ClientContext context_;
  const std::unique_ptr<link::v1::GatewayService::Stub> stub_;
  const std::unique_ptr<grpc::ClientReaderWriter<link::v1::AttachRequest,
                                                 link::v1::AttachResponse>>
      stream_;
};

// A real gateway with a browser that must notice nothing.
class ARogueGateway : public ::testing::Test {
 protected:
  ARogueGateway() { browser_.Subscribe("news"); }

  ~ARogueGateway() override {
    EXPECT_TRUE(browser_.open());
    EXPECT_FALSE(world_.service().has_ended());
    EXPECT_EQ(world_.backend().Broadcast("news", "after", "1"), 1);
    EXPECT_EQ(browser_.Next().String("event"), "after")
        << "the first that the browser receives";
  }

  std::unique_ptr<RogueGateway> Rogue(const std::vector<GatewayItem>& items) {
    return std::make_unique<RogueGateway>(channel_, items);
  }

  HeraldWorld world_{{.gateways = 1}};
  WebSocketClient& browser_ = world_.Open();
  const std::shared_ptr<grpc::Channel> channel_ =
      testing_support::MakeChannel(world_.grpc_address());
};

// Each of them is sent on a link of its own.
std::vector<std::vector<GatewayItem>> BadLinks() {
  std::vector<std::vector<GatewayItem>> links;
  const auto add = [&links](bool attached, auto change) {
    GatewayItem held;
    held.mutable_held()->set_channel("news");
    held.mutable_held()->set_subscription_count(1);
    links.push_back({Hello(kRogue)});
    if (attached) {
      links.back().push_back(held);
      links.back().push_back(Attached());
    }
    change(links.back().emplace_back());
  };
  const auto hold = [&](int64_t count, const std::string& info,
                        const std::string& socket_id) {
    add(false, [&](GatewayItem& item) {
      item.mutable_held()->set_channel("presence-room");
      item.mutable_held()->set_subscription_count(count);
      auto& member = *item.mutable_held()->add_members();
      member.mutable_member()->set_user_id("eve");
      member.mutable_member()->set_user_info(info);
      member.add_socket_ids(socket_id);
    });
  };
  hold(std::numeric_limits<int64_t>::max(), "{}", "9.1");
  hold(-1, "{}", "9.1");
  hold(1, "1}],\"forged\":[{", "9.1");
  hold(1, "{}", "8.1");
  const auto whisper = [&](const std::string& event, const std::string& data) {
    add(true, [&](GatewayItem& item) {
      item.mutable_whisper()->set_channel("news");
      item.mutable_whisper()->set_event(event);
      item.mutable_whisper()->set_data(data);
      item.mutable_whisper()->set_socket_id("9.1");
    });
  };
  whisper("e", "1,\"event\":\"forged\",\"x\":");
  whisper("e", "");
  whisper("", "1");
  whisper("line\nbreak", "1");
  add(true, [](GatewayItem& item) {
    item.mutable_subscribe()->set_ticket(1);
    item.mutable_subscribe()->set_socket_id("9.1");
    item.mutable_subscribe()->set_channel("presence-room");
    item.mutable_subscribe()->mutable_member()->set_user_id("eve");
  });
  add(true, [](GatewayItem& item) {
    item.mutable_report()->set_client_count(
        std::numeric_limits<int64_t>::min());
  });
  add(true, [](GatewayItem& item) {
    item.mutable_call_result()->set_call_id(1);
    item.mutable_call_result()->set_code(4711);
  });
  return links;
}

TEST_F(ARogueGateway, LosesItsLinkForABadItemAndHarmsNothingElse) {
  const auto links = BadLinks();
  for (size_t i = 0; i < links.size(); ++i) {
    const grpc::Status status = Rogue(links[i])->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT)
        << "link " << i << ": " << status.error_message();
  }
  EXPECT_THAT(world_.service().WaitForLine("link refused"),
              HasSubstr("held.subscription_count"));
}

TEST_F(ARogueGateway, TakesNoIdFromAGatewayThatHasShownItsSecret) {
  const std::string& socket_id = browser_.socket_id();
  int64_t id = 0;
  ASSERT_TRUE(absl::SimpleAtoi(socket_id.substr(0, socket_id.find('.')), &id));
  for (const std::string& secret : {std::string(), std::string(32, 'x')}) {
    const grpc::Status status =
        Rogue({Hello(id, secret), Attached()})->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED)
        << status.error_message();
  }
}

TEST_F(ARogueGateway, WithoutASecretIsServedAsOneOfTheReleaseBefore) {
  const auto first = Rogue({Hello(kRogue), Attached()});
  EXPECT_TRUE(first->Answers());
  const auto second = Rogue({Hello(kRogue), Attached()});
  EXPECT_EQ(first->Finish().error_code(), grpc::StatusCode::ABORTED);
  EXPECT_TRUE(second->Answers());
}

TEST_F(ARogueGateway, IsOneOfABoundedNumber) {
  constexpr int kLinksMax = 1024;
  std::vector<std::unique_ptr<RogueGateway>> rogues;
  int refused = 0;
  for (int i = 0; i < kLinksMax + 10; ++i) {
    rogues.push_back(Rogue({Hello(kRogue + i), Attached()}));
    if (rogues.back()->Answers()) continue;
    ++refused;
    EXPECT_EQ(rogues.back()->Finish().error_code(),
              grpc::StatusCode::RESOURCE_EXHAUSTED);
  }
  EXPECT_EQ(refused, 11) << "the real one has a link, too";
  world_.service().WaitForLine("link refused");

  // None of them answers a call.
  v1::DisconnectRequest request;
  request.set_user_id("nobody");
  const auto result = world_.backend().Call(&Stub::Disconnect, request);
  EXPECT_TRUE(result.status.ok()) << result.status.error_message();
  EXPECT_EQ(result.response.disconnected_count(), 0);
}

TEST(ARefusedToken, LeavesALineInBothProcesses) {
  HeraldWorld world({.gateways = 1, .api_token = "right"});
  const auto publish = [&world](const std::string& token) {
    return Backend(world.grpc_address(), token)
        .Call(&Stub::Broadcast,
              testing_support::MakeBroadcast({"news"}, "e", "1"))
        .status.error_code();
  };
  EXPECT_EQ(publish("wrong"), grpc::StatusCode::UNAUTHENTICATED);
  const std::string line = world.service().WaitForLine("call refused");
  EXPECT_THAT(line, HasSubstr("warning"));
  EXPECT_THAT(line, HasSubstr("peer=ipv4:127.0.0.1"));
  EXPECT_THAT(line, HasSubstr("BROADCAST_API_TOKEN"));
  EXPECT_THAT(line, ::testing::Not(HasSubstr("wrong ")));
  for (int i = 0; i < 100; ++i) publish("wrong");
  int lines = 0;
  for (const std::string& one : world.service().StandardError()) {
    lines += one.find("call refused") != std::string::npos ? 1 : 0;
  }
  EXPECT_LE(lines, 10) << "few, however many calls are refused";

  testing_support::Process gateway(
      {testing_support::kGatewayBinary, "--ws_address=127.0.0.1:0",
       "--service=" + world.grpc_address(), "--api_token=wrong"});
  EXPECT_THAT(gateway.WaitForLine("link ended"), HasSubstr("token"));
}

}  // namespace
}  // namespace herald::end_to_end
