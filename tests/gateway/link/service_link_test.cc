// SPDX-License-Identifier: Apache-2.0
//
// The promises to a gateway: there is a link whenever there is a service, it
// carries the router's items in order, and it never waits without end.
//
// Method: a real router and real gRPC on 127.0.0.1, between them the link; the
// service is a scripted fake. Nothing is polled but facts that gRPC does not
// announce.

#include "gateway/link/service_link.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "proto/contract/limits.h"
#include "tests/gateway/link/link_world.h"
#include "tests/support/deadline.h"
#include "tests/support/restartable_port.h"

namespace herald::gateway {
namespace {

using link::v1::GatewayItem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ALink = LinkWorld;
using testing_support::Clock;
using testing_support::kPatience;
using testing_support::kSlowness;
using testing_support::Milliseconds;
using Manner = FakeGatewayService::Manner;

TEST_F(ALink, BeginsWithHelloAndIsOpenWithTheFirstAnswer) {
  service_.StartServer();
  Dial({service_.target()});

  ASSERT_TRUE(witness_.WaitForSettled(1));
  const std::vector<GatewayItem> items = service_.attaches()[0].items;
  ASSERT_THAT(items, SizeIs(2));
  EXPECT_EQ(items[0].hello().gateway_id(), 7);
  EXPECT_EQ(items[0].hello().link_down_ms(), 0);
  EXPECT_TRUE(items[1].has_attached());
  EXPECT_EQ(witness_.counts().opened, 1);
  EXPECT_TRUE(link_->up());
  EXPECT_TRUE(router_.settled());
}

TEST_F(ALink, ShowsItsTokenAsABearer) {
  service_.StartServer();
  Dial({service_.target()}, "secret-token");

  ASSERT_TRUE(witness_.WaitForSettled(1));
  EXPECT_EQ(service_.attaches()[0].authorization, "Bearer secret-token");
}

TEST_F(ALink, ShowsNothingWithoutAToken) {
  service_.StartServer();
  Dial({service_.target()});

  ASSERT_TRUE(witness_.WaitForSettled(1));
  EXPECT_EQ(service_.attaches()[0].authorization, "");
}

TEST_F(ALink, IsTriedAgainWhenTheTokenIsRefused) {
  service_.SetManner(Manner::kRefuse);
  service_.StartServer();
  Dial({service_.target()}, "wrong");

  ASSERT_TRUE(witness_.WaitForEnded(2));
  EXPECT_EQ(witness_.counts().opened, 0);
  EXPECT_FALSE(link_->up());
  EXPECT_THAT(witness_.counts().ended[0],
              AllOf(HasSubstr(service_.target()), HasSubstr("UNAUTHENTICATED"),
                    HasSubstr("the token is not known")));
  service_.SetManner(Manner::kServe);
  EXPECT_TRUE(witness_.WaitForSettled(1));
}

TEST_F(ALink, IsBackSoonAfterTheServiceIs) {
  const int port = testing_support::RestartablePort();
  service_.StartServer(port);
  Dial({service_.target()});
  ASSERT_TRUE(witness_.WaitForSettled(1));

  service_.StopServer();
  ASSERT_TRUE(witness_.WaitForEnded(2));  // It broke; there is no link.
  EXPECT_FALSE(link_->up());
  service_.StartServer(port);
  const Milliseconds took =
      TimeOf([&] { ASSERT_TRUE(witness_.WaitForSettled(2)); });

  EXPECT_LT(took, Milliseconds(250 + 250) * kSlowness);
  EXPECT_GT(DownOf(1), 0);
}

TEST_F(ALink, ReportsOnceThatAServiceCannotBeReached) {
  const std::string nobody =
      "127.0.0.1:" + std::to_string(testing_support::RestartablePort());
  service_.SetManner(Manner::kRefuse);
  service_.StartServer();
  Dial({nobody, service_.target()});

  // Both targets are tried in turn.
  ASSERT_TRUE(witness_.WaitForEnded(4));
  std::vector<std::string> about_nobody;
  for (const std::string& why : witness_.counts().ended) {
    if (why.find(nobody) != std::string::npos) about_nobody.push_back(why);
  }
  EXPECT_THAT(about_nobody, SizeIs(1));
}

TEST_F(ALink, ReturnsToTheFirstServiceWhenThatServesAgain) {
  const int port = testing_support::RestartablePort();
  FakeGatewayService first;
  service_.StartServer();
  Dial({"127.0.0.1:" + std::to_string(port), service_.target()});
  ASSERT_TRUE(witness_.WaitForSettled(1));

  first.StartServer(port);

  ASSERT_TRUE(witness_.WaitForSettled(2));
  EXPECT_TRUE(first.WaitForItem(0, GatewayItem::kAttached));
  const FakeGatewayService::Attaches left = service_.attaches();
  ASSERT_THAT(left, SizeIs(1));
  EXPECT_TRUE(left[0].half_closed);
  EXPECT_EQ(left[0].items.back().moving().target(), first.target());
  EXPECT_THAT(witness_.counts().ended.back(),
              HasSubstr("returning to service " + first.target()));
}

TEST_F(ALink, StaysWithAServiceOfACluster) {
  const int port = testing_support::RestartablePort();
  FakeGatewayService first;
  service_.SetCluster(true);
  service_.StartServer();
  Dial({"127.0.0.1:" + std::to_string(port), service_.target()});
  ASSERT_TRUE(witness_.WaitForSettled(1));

  first.StartServer(port);
  std::this_thread::sleep_for(
      absl::ToChronoMilliseconds(2 * ReturnPolicy::kPauseMin));
  EXPECT_EQ(witness_.counts().settled, 1);

  // It is found as ever once the link is lost.
  service_.EndLinks();
  ASSERT_TRUE(witness_.WaitForSettled(2));
  EXPECT_THAT(first.attaches(), SizeIs(1));
}

TEST_F(ALink, ReportsForHowLongGrantsWereOutOfReach) {
  service_.StartServer();
  Dial({service_.target()});
  ASSERT_TRUE(witness_.WaitForSettled(1));

  // Links that never come into use do not end the reported time.
  service_.SetManner(Manner::kRefuse);
  service_.EndLinks();
  const auto down = TimeOf([&] { ASSERT_TRUE(witness_.WaitForEnded(4)); });
  service_.SetManner(Manner::kServe);
  ASSERT_TRUE(witness_.WaitForSettled(2));

  const size_t last = service_.attaches().size() - 1;
  EXPECT_GE(DownOf(last), down.count() - 50);
}

TEST_F(ALink, PrefersTheFirstTargetAndReturnsToIt) {
  const int port = testing_support::RestartablePort();
  FakeGatewayService second;
  second.StartServer();
  Dial({"127.0.0.1:" + std::to_string(port), second.target()});
  ASSERT_TRUE(witness_.WaitForSettled(1));
  EXPECT_THAT(second.attaches(), SizeIs(1));

  service_.StartServer(port);
  second.EndLinks();

  ASSERT_TRUE(witness_.WaitForSettled(2));
  EXPECT_THAT(service_.attaches(), SizeIs(1));
  EXPECT_THAT(second.attaches(), SizeIs(1));
}

TEST_F(ALink, GoesOnToTheNextTargetWhenOneDoesNotAnswer) {
  FakeGatewayService silent(Manner::kIgnore);
  silent.StartServer();
  service_.StartServer();
  Dial({silent.target(), service_.target()});

  ASSERT_TRUE(witness_.WaitForSettled(1));
  EXPECT_THAT(witness_.counts().ended, Contains(HasSubstr("does not answer")));
  EXPECT_EQ(witness_.counts().opened, 1);
}

TEST_F(ALink, CarriesQueuedItemsInOrderAndInFewFrames) {
  service_.StartServer();
  Dial({service_.target()});
  ASSERT_TRUE(witness_.WaitForSettled(1));

  std::vector<std::string> sent;
  for (int i = 0; i < 2000; ++i) {
    sent.push_back(std::to_string(i) + std::string(1000, ' '));
    Whisper(sent.back());
  }
  router_.Goodbye();

  ASSERT_TRUE(service_.WaitForItem(0, GatewayItem::kGoodbye));
  EXPECT_TRUE(WhispersOf(0) == sent);  // Too long to be shown.
  const auto attach = service_.attaches()[0];
  EXPECT_LE(attach.frame_bytes_max, contract::kLinkFrameBytes);
  EXPECT_LT(attach.frame_count, 2000);
  EXPECT_TRUE(
      testing_support::WaitUntil([&] { return link_->queue_bytes() == 0; }));
}

TEST_F(ALink, AttachesWithAllThatIsHeldInFramesOfAMebibyte) {
  constexpr int kChannels = 20000;
  service_.StartServer();
  Dial({service_.target()});
  ASSERT_TRUE(witness_.WaitForSettled(1));
  for (int i = 0; i < kChannels; ++i) {
    link::v1::Subscribe question;
    question.set_channel(std::to_string(i) + std::string(150, 'x'));
    question.set_socket_id("7.1");
    ASSERT_GT(router_.Subscribe(0, std::move(question)), 0);
  }
  ASSERT_TRUE(inbox_.WaitForConfirmed(kChannels));

  service_.EndLinks();
  ASSERT_TRUE(witness_.WaitForSettled(2));

  const auto attach = service_.attaches()[1];
  EXPECT_THAT(attach.items, SizeIs(kChannels + 2));
  EXPECT_LE(attach.frame_bytes_max, contract::kLinkAttachFrameBytes);
  EXPECT_LE(attach.frame_count, 5);
}

TEST_F(ALink, EndsWhenTheServiceReadsTooSlowly) {
  service_.SetManner(Manner::kStall);
  service_.StartServer();
  Dial({service_.target()});
  ASSERT_TRUE(witness_.WaitForSettled(1));
  service_.SetManner(Manner::kServe);

  int64_t queued_max = 0;
  link::v1::CallResult result;
  result.set_call_id(1);
  result.set_message(std::string(64 << 10, 'x'));
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (witness_.counts().ended.empty() && Clock::now() < deadline) {
    router_.CallDone(result);
    queued_max = std::max(queued_max, link_->queue_bytes());
  }

  EXPECT_THAT(witness_.counts().ended,
              Contains(HasSubstr("RESOURCE_EXHAUSTED")));
  EXPECT_LE(queued_max, contract::kLinkOutboxBytesMax);
  EXPECT_GT(queued_max, contract::kLinkOutboxBytesMax / 2);
  EXPECT_TRUE(witness_.WaitForSettled(2));
}

TEST_F(ALink, IsNotEndedByWhispersAndQuestions) {
  service_.SetManner(Manner::kStall);
  service_.StartServer();
  Dial({service_.target()});
  ASSERT_TRUE(witness_.WaitForSettled(1));

  link::v1::Whisper whisper;
  whisper.set_data(std::string(64 << 10, 'x'));
  absl::Status status;
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (status.ok() && Clock::now() < deadline) {
    status = router_.Whisper(whisper);
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_LE(link_->queue_bytes(), kWhisperOutboxBytesMax);

  link::v1::Subscribe question;
  question.set_channel("news");
  question.set_auth_token(std::string(64 << 10, 'x'));
  while (router_.Subscribe(0, question) != 0 && Clock::now() < deadline) {
  }
  EXPECT_GT(link_->queue_bytes(), kWhisperOutboxBytesMax);
  EXPECT_LE(link_->queue_bytes(), kQuestionOutboxBytesMax);
  EXPECT_TRUE(link_->up());
  EXPECT_THAT(witness_.counts().ended, IsEmpty());
}

TEST_F(ALink, StopsBehindAllSentItems) {
  service_.StartServer();
  Dial({service_.target()});
  ASSERT_TRUE(witness_.WaitForSettled(1));

  router_.Goodbye();
  link_->Stop();

  EXPECT_FALSE(link_->up());
  EXPECT_FALSE(router_.settled());
  ASSERT_TRUE(service_.WaitFor(
      [](const auto& all) { return all.size() == 1 && all[0].ended; }));
  const auto attach = service_.attaches()[0];
  EXPECT_TRUE(attach.items.back().has_goodbye());
  EXPECT_TRUE(attach.half_closed);
  EXPECT_THAT(witness_.counts().ended, SizeIs(1));
}

TEST_F(ALink, StopsThoughTheServiceKeepsTheStream) {
  service_.SetManner(Manner::kStall);
  service_.StartServer();
  Dial({service_.target()});
  ASSERT_TRUE(witness_.WaitForSettled(1));

  const Milliseconds took = TimeOf([&] { link_->Stop(); });

  EXPECT_LT(took, Milliseconds(2000) * kSlowness);
  EXPECT_THAT(witness_.counts().ended, SizeIs(1));
}

TEST_F(ALink, StopsWhileItConnects) {
  // Accepts connections and never sends a byte.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(listener, generic, size), 0);
  ASSERT_EQ(::listen(listener, 8), 0);
  ASSERT_EQ(::getsockname(listener, generic, &size), 0);
  Dial({"127.0.0.1:" + std::to_string(ntohs(address.sin_port))});
  // The link is connecting when its connection is here.
  const int connection = ::accept(listener, nullptr, nullptr);
  ASSERT_GE(connection, 0);

  const Milliseconds took = TimeOf([&] { link_->Stop(); });

  EXPECT_LT(took, Milliseconds(500) * kSlowness);
  EXPECT_THAT(witness_.counts().ended, IsEmpty());
  ::close(connection);
  ::close(listener);
}

TEST_F(ALink, StopsBetweenTwoTries) {
  Dial({"127.0.0.1:" + std::to_string(testing_support::RestartablePort())});
  ASSERT_TRUE(witness_.WaitForEnded(1));

  EXPECT_LT(TimeOf([&] { link_->Stop(); }), Milliseconds(500) * kSlowness);
  link_->Stop();  // Harmless.
}

// Answers every call with bytes that are no AttachResponse.
class Babbler final : public grpc::CallbackGenericService {
  class Reactor final : public grpc::ServerGenericBidiReactor {
   public:
    Reactor() {
      const grpc::Slice slice("\xFF\xFF\xFF");
      words_ = grpc::ByteBuffer(&slice, 1);
      StartWrite(&words_);
      StartRead(&ignored_);
    }

   private:
    void OnReadDone(bool ok) override {
      if (!ok) return Finish(grpc::Status::OK);
      StartRead(&ignored_);
    }
    void OnDone() override { delete this; }

    grpc::ByteBuffer words_;
    grpc::ByteBuffer ignored_;
  };

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* /*context*/) override {
    return new Reactor;
  }
};

TEST_F(ALink, EndsWithAFrameThatIsNoMessage) {
  Babbler babbler;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterCallbackGenericService(&babbler);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  Dial({"127.0.0.1:" + std::to_string(port)});

  ASSERT_TRUE(witness_.WaitForEnded(2));
  EXPECT_THAT(witness_.counts().ended[0], HasSubstr("cannot be parsed"));
  EXPECT_EQ(witness_.counts().opened, 0);
  link_->Stop();
  server->Shutdown(std::chrono::system_clock::now());
}

// Takes every call and answers none. Listens on `port` of 127.0.0.1.
class Mute final : public grpc::CallbackGenericService {
 public:
  explicit Mute(int port) {
    // It would answer for us.
    grpc::EnableDefaultHealthCheckService(false);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port),
                             grpc::InsecureServerCredentials());
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
    EXPECT_NE(server_, nullptr);
  }
  ~Mute() override {
    if (server_ != nullptr) {
      server_->Shutdown(std::chrono::system_clock::now());
    }
  }

  int calls() const { return calls_; }

 private:
  class Reactor final : public grpc::ServerGenericBidiReactor {
    void OnCancel() override { Finish(grpc::Status::CANCELLED); }
    void OnDone() override { delete this; }
  };

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* /*context*/) override {
    ++calls_;
    return new Reactor;
  }

  std::atomic<int> calls_{0};
  std::unique_ptr<grpc::Server> server_;
};

// The probe of the first target would wait for 5 s and more.
TEST_F(ALink, IsAttendedWhileTheFirstServiceDoesNotAnswerAProbe) {
  const int port = testing_support::RestartablePort();
  service_.StartServer();
  Dial({"127.0.0.1:" + std::to_string(port), service_.target()}, "",
       absl::Milliseconds(20));
  ASSERT_TRUE(witness_.WaitForSettled(1));
  Mute first(port);
  ASSERT_TRUE(testing_support::WaitUntil([&] { return first.calls() > 0; }));

  const int before = service_.attaches()[0].empty_count;
  const Milliseconds kept_alive = TimeOf([&] {
    EXPECT_TRUE(service_.WaitFor(
        [&](const auto& all) { return all[0].empty_count >= before + 5; }));
  });
  EXPECT_LT(kept_alive, Milliseconds(1000) * kSlowness);

  const size_t ended = witness_.counts().ended.size();
  const Milliseconds took = TimeOf([&] {
    service_.EndLinks();
    EXPECT_TRUE(witness_.WaitForEnded(ended + 1));
  });
  EXPECT_LT(took, Milliseconds(500) * kSlowness);
  EXPECT_FALSE(router_.settled());
  link_->Stop();
}

}  // namespace
}  // namespace herald::gateway
