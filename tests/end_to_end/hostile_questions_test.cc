// SPDX-License-Identifier: Apache-2.0
//
// A rogue gateway with more questions for the authorizer than may wait, each of
// a client with another address: browsers of real gateways are answered.

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "herald/link/v1/gateway_service.grpc.pb.h"
#include "herald/v1/authorizer_service.pb.h"
#include "tests/support/canary.h"
#include "tests/support/channel_from.h"
#include "tests/support/herald_world.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using testing_support::Canary;
using testing_support::ChannelFrom;
using testing_support::Clock;
using testing_support::HeraldWorld;
using testing_support::kSlowness;
using testing_support::kUnnoticed;
using testing_support::Milliseconds;
using testing_support::ScriptedAuthorizer;
using testing_support::WebSocketClient;

// A link from 127.0.0.2 that asks, 20,000 times a second, until it is
// destroyed.
class RogueAsker {
 public:
  explicit RogueAsker(const HeraldWorld& world)
      : stub_(link::v1::GatewayService::NewStub(
            ChannelFrom("127.0.0.2", world.grpc_address()))),
        stream_(stub_->Attach(&context_)),
        writer_([this] { Ask(); }),
        reader_([this] { Read(); }) {}

  ~RogueAsker() {
    context_.TryCancel();
    writer_.join();
    reader_.join();
  }

  int refused() const { return refused_; }

 private:
  static constexpr int kRogue = 9;

  void Ask() {
    link::v1::AttachRequest hello;
    hello.add_items()->mutable_hello()->set_protocol_version(1);
    hello.mutable_items(0)->mutable_hello()->set_gateway_id(kRogue);
    hello.add_items()->mutable_attached();
    for (bool open = stream_->Write(hello); open;) {
      link::v1::AttachRequest frame;
      for (int i = 0; i < 200; ++i) Add(*frame.add_items());
      open = stream_->Write(frame);
      std::this_thread::sleep_for(Milliseconds(10));
    }
  }

  void Add(link::v1::GatewayItem& item) {
    ++asked_;
    v1::Connection connection;
    connection.set_remote_address(absl::StrCat(
        "10.", asked_ >> 16 & 255, ".", asked_ >> 8 & 255, ".", asked_ & 255));
    link::v1::Subscribe& subscribe = *item.mutable_subscribe();
    subscribe.set_ticket(asked_);
    subscribe.set_socket_id(absl::StrCat(kRogue, ".", asked_));
    subscribe.set_channel("private-rogue");
    subscribe.set_auth_token("yes");
    subscribe.set_connection(connection.SerializeAsString());
  }

  void Read() {
    link::v1::AttachResponse frame;
    while (stream_->Read(&frame)) {
      for (const auto& item : frame.items()) refused_ += item.has_refused();
    }
  }

  grpc::ClientContext context_;
  const std::unique_ptr<link::v1::GatewayService::Stub> stub_;
  const std::unique_ptr<grpc::ClientReaderWriter<link::v1::AttachRequest,
                                                 link::v1::AttachResponse>>
      stream_;
  int asked_ = 0;  // Touched by writer_ only.
  std::atomic<int> refused_ = 0;
  std::thread writer_;  // They use all of the above.
  std::thread reader_;
};

TEST(ARogueLink, ThatAsksForManyAddressesDelaysNoQuestionOfAnotherGateway) {
  ScriptedAuthorizer authorizer;
  authorizer.DecideOnThreads(8, Milliseconds(5));  // 1,600 a second.
  HeraldWorld world({.gateways = 1,
                     .service_flags = {"--authorizer=" + authorizer.address(),
                                       "--authorizer-timeout=3"}});
  Canary canary(world.gateway_address(0), world.grpc_address());
  WebSocketClient& browser = world.Open();
  const RogueAsker rogue(world);
  // The queue is full.
  ASSERT_TRUE(world.WaitUntil([&] { return rogue.refused() > 1000; }));

  Clock::duration worst{};
  for (int i = 0; i < 10; ++i) {
    const Clock::time_point began = Clock::now();
    browser.AskToSubscribe(absl::StrCat("private-", i), "yes");
    ASSERT_TRUE(world.WaitUntil([&] { return browser.waiting() > 0; }));
    ASSERT_EQ(browser.Next().type(), "subscribed") << i;
    worst = std::max(worst, Clock::now() - began);
  }
  // The authorizer decides those first that it has, up to 1,000, in 0.7 s.
  RecordProperty("worst_ms", std::to_string(worst / Milliseconds(1)));
  EXPECT_LT(worst, Milliseconds(1500) * kSlowness);
  EXPECT_GT(rogue.refused(), 1000);
  EXPECT_LT(canary.TakeWorst(), kUnnoticed);
}

}  // namespace
}  // namespace herald::end_to_end
