// SPDX-License-Identifier: Apache-2.0
//
// Hostile gateways while the service starts: it waits for the real ones only.

#include <cstdint>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "herald/link/v1/gateway_service.grpc.pb.h"
#include "tests/support/herald_world.h"
#include "tests/support/raw_socket.h"

namespace herald::end_to_end {
namespace {

using link::v1::GatewayService;
using testing_support::Clock;
using testing_support::HeraldWorld;
using testing_support::HttpGet;
using testing_support::kSlowness;
using testing_support::Milliseconds;
using testing_support::WebSocketClient;

// A link that sends `hello`, and nothing more.
class SilentLink {
 public:
  SilentLink(const std::shared_ptr<grpc::Channel>& channel, int64_t id)
      : stub_(GatewayService::NewStub(channel)),
        stream_(stub_->Attach(&context_)) {
    link::v1::AttachRequest frame;
    link::v1::Hello& hello = *frame.add_items()->mutable_hello();
    hello.set_protocol_version(1);
    hello.set_gateway_id(id);
    EXPECT_TRUE(stream_->Write(frame));
  }
  ~SilentLink() { context_.TryCancel(); }

  // Whether the service has taken it as a gateway: it sends its settings.
  bool IsAnswered() {
    link::v1::AttachResponse frame;
    return stream_->Read(&frame) && frame.items(0).has_settings();
  }

 private:
  grpc::ClientContext context_;
  const std::unique_ptr<GatewayService::Stub> stub_;
  const std::unique_ptr<grpc::ClientReaderWriter<link::v1::AttachRequest,
                                                 link::v1::AttachResponse>>
      stream_;
};

TEST(ALinkThatSendsHelloOnly, DelaysARestartByHalfASecond) {
  constexpr int kLinks = 10;
  HeraldWorld world({.gateways = 1, .is_restartable = true});
  WebSocketClient& browser = world.Open();
  browser.Subscribe("news");
  world.service().Kill();

  const Clock::time_point restart = Clock::now();
  world.StartService();
  const auto channel = testing_support::MakeChannel(world.grpc_address());
  std::vector<std::unique_ptr<SilentLink>> links;
  for (int i = 0; i < kLinks; ++i) {
    links.push_back(std::make_unique<SilentLink>(channel, 9 + i));
    EXPECT_TRUE(links.back()->IsAnswered());
  }
  world.WaitUntil([&] {
    return HttpGet(world.metrics_address(), "/readyz").status == 200;
  });
  EXPECT_LT(Clock::now() - restart, Milliseconds(1500) * kSlowness);

  // The real gateway was waited for.
  EXPECT_EQ(world.backend().Broadcast("news", "after", "1"), 1);
  EXPECT_EQ(browser.Next().String("event"), "after");
  EXPECT_TRUE(browser.open());
}

}  // namespace
}  // namespace herald::end_to_end
