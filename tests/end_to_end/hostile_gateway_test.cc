// SPDX-License-Identifier: Apache-2.0
//
// Hostile gateways: a peer on the link must not harm the service, the real
// gateways and their browsers. Beside each of them a polite browser of a real
// gateway and a polite backend are timed.

#include <chrono>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "herald/link/v1/gateway_service.grpc.pb.h"
#include "tests/support/canary.h"
#include "tests/support/herald_world.h"

namespace herald::end_to_end {
namespace {

using link::v1::GatewayItem;
using ::testing::HasSubstr;
using testing_support::Backend;
using testing_support::Canary;
using testing_support::Clock;
using testing_support::HeraldWorld;
using testing_support::kUnnoticed;
using testing_support::Milliseconds;
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

// A link whose gateway is the test.
class RogueGateway {
 public:
  RogueGateway(const std::shared_ptr<grpc::Channel>& channel,
               const std::vector<GatewayItem>& items)
      : stub_(link::v1::GatewayService::NewStub(channel)),
        stream_(stub_->Attach(&context_)) {
    if (!items.empty()) Send(items);
  }
  ~RogueGateway() { context_.TryCancel(); }

  // False if the link has ended.
  bool Send(const std::vector<GatewayItem>& items) {
    link::v1::AttachRequest frame;
    for (const GatewayItem& item : items) *frame.add_items() = item;
    return stream_->Write(frame);
  }

  // Sends an item that is these bytes, and nothing more.
  void SendLastBytes(const std::string& bytes) {
    link::v1::AttachRequest frame;
    frame.GetReflection()->MutableUnknownFields(&frame)->AddLengthDelimited(
        link::v1::AttachRequest::kItemsFieldNumber, bytes);
    stream_->Write(frame);
    stream_->WritesDone();
  }

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

// A real gateway with browsers that must notice nothing.
class ARogueGateway : public ::testing::Test {
 protected:
  ARogueGateway() { browser_.Subscribe("news"); }

  ~ARogueGateway() override {
    EXPECT_LT(canary_.TakeWorst(), kUnnoticed);
    EXPECT_TRUE(browser_.open());
    EXPECT_FALSE(world_.service().has_ended());
    EXPECT_EQ(world_.backend().Broadcast("news", "after", "1"), 1);
    EXPECT_EQ(browser_.Next().String("event"), "after")
        << "the first that the browser receives";
  }

  std::unique_ptr<RogueGateway> Rogue(const std::vector<GatewayItem>& items) {
    return std::make_unique<RogueGateway>(channel_, items);
  }

  double Metric(const std::string& name) {
    return world_.ServiceMetrics().Sum(name);
  }

  // Waits until the service knows the real gateway only, with its
  // subscriptions.
  void ExpectRoguesToBeGone() {
    EXPECT_TRUE(world_.WaitUntil([&] {
      return Metric("herald_gateways") == 1 &&
             Metric("herald_subscriptions") == 2 &&
             Metric("herald_members") == 0;
    }));
  }

  HeraldWorld world_{{.gateways = 1}};
  WebSocketClient& browser_ = world_.Open();
  Canary canary_{world_.gateway_address(0), world_.grpc_address()};
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
  hold(1, "{}", "9.1");
  links.back().push_back(links.back().back());  // The same channel twice.
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
  for (int i = 0; i < kLinksMax + 10; ++i) {
    rogues.push_back(Rogue({Hello(kRogue + i), Attached()}));
    EXPECT_TRUE(rogues.back()->Answers());
  }
  // The youngest gave way to each next one, and the real one to none.
  EXPECT_EQ(rogues[kLinksMax - 2]->Finish().error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);

  // A gateway that has just started is served, also from their address.
  world_.AddGateway();
  world_.WaitUntilReady();
  EXPECT_EQ(world_.Open(1).Subscribe("fresh").type(), "subscribed");
  EXPECT_EQ(world_.backend().Broadcast("fresh", "e", "1"), 1);
  EXPECT_EQ(Metric("herald_gateways"), kLinksMax);

  // None of them answers a call.
  v1::DisconnectRequest request;
  request.set_user_id("nobody");
  const auto result = world_.backend().Call(&Stub::Disconnect, request);
  EXPECT_TRUE(result.status.ok()) << result.status.error_message();
  EXPECT_EQ(result.response.disconnected_count(), 0);

  rogues.clear();
  EXPECT_TRUE(world_.WaitUntil([&] { return Metric("herald_gateways") == 2; }));
}

// Items that a gateway might send, for bytes to be changed in.
std::vector<std::string> GoodItems() {
  std::vector<std::string> items;
  const auto add = [&items](auto fill) {
    GatewayItem item;
    fill(item);
    items.push_back(item.SerializeAsString());
  };
  add([](GatewayItem& item) {
    item.mutable_held()->set_channel("presence-garbage");
    item.mutable_held()->set_subscription_count(3);
    auto& held = *item.mutable_held()->add_members();
    held.mutable_member()->set_user_id("eve");
    held.mutable_member()->set_user_info("{}");
    held.add_socket_ids("9.1");
    item.mutable_held()->mutable_position()->set_epoch("e");
  });
  add([](GatewayItem& item) {
    item.mutable_subscribe()->set_ticket(1);
    item.mutable_subscribe()->set_socket_id("9.1");
    item.mutable_subscribe()->set_channel("garbage");
    item.mutable_subscribe()->set_channel_data("{}");
  });
  add([](GatewayItem& item) {
    item.mutable_whisper()->set_channel("garbage");
    item.mutable_whisper()->set_event("e");
    item.mutable_whisper()->set_data("[1]");
    item.mutable_whisper()->set_socket_id("9.1");
  });
  add([](GatewayItem& item) {
    item.mutable_call_result()->set_call_id(1);
    item.mutable_call_result()->set_disconnected_count(2);
  });
  add([](GatewayItem& item) {
    item.mutable_recover()->set_channel("garbage");
    item.mutable_recover()->mutable_since()->set_epoch("e");
    item.mutable_recover()->set_bytes_max(1000);
  });
  return items;
}

TEST_F(ARogueGateway, DelaysNoOtherWithGarbage) {
  constexpr int kLinks = 1000;
  std::mt19937 random(13);
  const auto below = [&random](size_t count) { return random() % count; };
  const std::vector<std::string> items = GoodItems();
  for (int i = 0; i < kLinks; ++i) {
    std::string bytes = items.at(below(items.size()));
    for (size_t changes = 1 + below(3); changes > 0; --changes) {
      bytes.at(below(bytes.size())) = static_cast<char>(random());
    }
    if (i % 5 == 0) bytes = std::string(50'000, static_cast<char>(random()));
    // Before and after the items that it holds.
    std::vector<GatewayItem> begin = {Hello(kRogue)};
    if (i % 2 == 0) begin.push_back(Attached());
    const auto rogue = Rogue(begin);
    rogue->SendLastBytes(bytes);
    const grpc::StatusCode code = rogue->Finish().error_code();
    EXPECT_TRUE(code == grpc::StatusCode::OK ||
                code == grpc::StatusCode::INVALID_ARGUMENT ||
                code == grpc::StatusCode::FAILED_PRECONDITION)
        << "link " << i << ": " << code;
  }
  ExpectRoguesToBeGone();
}

// So many channels, and a channel with so many members, in few messages.
std::vector<std::vector<GatewayItem>> HugeHeld(int channels, int members) {
  constexpr int kAtOnce = 5000;
  std::vector<std::vector<GatewayItem>> frames;
  const auto add = [&frames](int number) -> link::v1::Held& {
    if (number % kAtOnce == 0) frames.emplace_back();
    return *frames.back().emplace_back().mutable_held();
  };
  for (int i = 0; i < channels; ++i) {
    link::v1::Held& held = add(i);
    held.set_channel(absl::StrCat("rogue-", i));
    held.set_subscription_count(1000);
  }
  constexpr int kMembersAtOnce = 500;
  for (int i = 0; i < members; i += kMembersAtOnce) {
    link::v1::Held& held = add(0);
    held.set_channel("presence-rogue");
    held.set_subscription_count(i == 0 ? members : 0);
    for (int j = i; j < i + kMembersAtOnce; ++j) {
      auto& member = *held.add_members();
      member.mutable_member()->set_user_id(absl::StrCat("user-", j));
      member.mutable_member()->set_user_info(
          absl::StrCat("\"", std::string(1000, 'i'), "\""));
      member.add_socket_ids(absl::StrCat(kRogue, ".", j + 1));
    }
  }
  return frames;
}

TEST_F(ARogueGateway, DelaysNoOtherWithAllThatItHolds) {
  const auto frames = HugeHeld(/*channels=*/100'000, /*members=*/1000);
  for (int i = 0; i < 3; ++i) {
    auto rogue = Rogue({Hello(kRogue)});
    for (const auto& frame : frames) ASSERT_TRUE(rogue->Send(frame));
    ASSERT_TRUE(rogue->Send({Attached()}));
    EXPECT_TRUE(
        world_.WaitUntil([&] { return Metric("herald_channels") == 100'003; }));
    EXPECT_EQ(Metric("herald_members"), 1000);
    rogue.reset();  // All of it at once.
    ExpectRoguesToBeGone();
  }
}

TEST_F(ARogueGateway, ThatReadsNothingIsEndedAlone) {
  GatewayItem held;
  held.mutable_held()->set_channel("flood");
  held.mutable_held()->set_subscription_count(1);
  const auto deaf = Rogue({Hello(kRogue), held, Attached()});
  EXPECT_TRUE(deaf->Answers());
  const std::string data = absl::StrCat("\"", std::string(60'000, 'x'), "\"");
  // 16 MiB wait for it at most.
  EXPECT_TRUE(world_.WaitUntil([&] {
    world_.backend().Broadcast("flood", "e", data);
    return Metric("herald_link_overflows_total") == 1;
  }));
  EXPECT_EQ(deaf->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  ExpectRoguesToBeGone();
}

TEST_F(ARogueGateway, ThatIsSilentDelaysNoOther) {
  constexpr int kSilent = 500;
  std::vector<std::unique_ptr<RogueGateway>> rogues;
  for (int i = 0; i < kSilent; ++i) {
    // Without hello, before attached, and one that answers no call.
    rogues.push_back(Rogue({}));
    rogues.push_back(Rogue({Hello(kRogue + 2 * i)}));
    rogues.push_back(Rogue({Hello(kRogue + 2 * i + 1), Attached()}));
  }
  EXPECT_TRUE(world_.WaitUntil(
      [&] { return Metric("herald_gateways") == 1 + kSilent; }));
  for (int i = 0; i < 3; ++i) {
    v1::DisconnectRequest request;
    request.set_user_id("nobody");
    EXPECT_TRUE(world_.backend().Call(&Stub::Disconnect, request).status.ok());
    EXPECT_EQ(world_.Open().Subscribe("more").type(), "subscribed");
  }
  rogues.clear();
  EXPECT_TRUE(world_.WaitUntil([&] { return Metric("herald_gateways") == 1; }));
}

// It holds a subscription, so it may have the user.
TEST_F(ARogueGateway, ThatAnswersNoCallFailsOneDisconnect) {
  GatewayItem held;
  held.mutable_held()->set_channel("news");
  held.mutable_held()->set_subscription_count(1);
  v1::DisconnectRequest request;
  request.set_user_id("nobody");
  for (int64_t i = 0; i < 4; ++i) {
    const auto rogue = Rogue({Hello(kRogue + i), held, Attached()});
    EXPECT_TRUE(world_.WaitUntil([&] {
      return Metric("herald_gateways") == 2 &&
             Metric("herald_subscriptions") == 3;
    }));
    const auto result = world_.backend().Call(&Stub::Disconnect, request);
    if (i > 0) {
      EXPECT_TRUE(result.status.ok()) << result.status.error_message();
      continue;
    }
    EXPECT_EQ(result.status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(result.status.error_message(),
              absl::StrCat("gateway ", kRogue, " did not answer in time"));
  }
  ExpectRoguesToBeGone();
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
  testing_support::Process gateway(
      {testing_support::kGatewayBinary, "--ws_address=127.0.0.1:0",
       "--service=" + world.grpc_address(), "--api_token=wrong"});
  EXPECT_THAT(gateway.WaitForLine("link ended"), HasSubstr("token"));
}

TEST(ARefusedToken, IsCountedWhereItLeavesNoLine) {
  constexpr int kCalls = 200;
  HeraldWorld world({.gateways = 0, .api_token = "right"});
  Backend backend(world.grpc_address(), "wrong");
  const auto publish = [&backend] {
    EXPECT_EQ(backend
                  .Call(&Stub::Broadcast,
                        testing_support::MakeBroadcast({"news"}, "e", "1"))
                  .status.error_code(),
              grpc::StatusCode::UNAUTHENTICATED);
  };
  const Clock::time_point began = Clock::now();
  for (int i = 1; i < kCalls; ++i) publish();
  // The last one is more than a second behind those, so it has a line.
  std::this_thread::sleep_for(Milliseconds(1100));
  publish();
  const double seconds =
      std::chrono::duration<double>(Clock::now() - began).count();
  // A line is written a moment after its call was answered.
  EXPECT_TRUE(world.WaitUntil([&] {
    return absl::c_count_if(world.service().StandardError(),
                            [](const std::string& line) {
                              return absl::StrContains(line, "call refused");
                            }) >= 2;
  }));
  world.service().Kill();
  ASSERT_TRUE(world.service().WaitForEndOfOutput());
  int lines = 0;
  int unlogged = 0;
  for (const std::string& line : world.service().StandardError()) {
    if (!absl::StrContains(line, "call refused")) continue;
    ++lines;
    const std::vector<std::string> parts = absl::StrSplit(line, "not_logged=");
    ASSERT_EQ(parts.size(), 2) << line;
    int count = -1;
    const std::string number = parts[1].substr(0, parts[1].find(' '));
    EXPECT_TRUE(absl::SimpleAtoi(number, &count)) << line;
    unlogged += count;
  }
  EXPECT_GE(lines, 2);
  EXPECT_LE(lines, 1 + seconds) << "one in a second";
  EXPECT_EQ(lines + unlogged, kCalls);
}

}  // namespace
}  // namespace herald::end_to_end
