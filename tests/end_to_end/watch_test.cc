// SPDX-License-Identifier: Apache-2.0
//
// A backend that listens with herald::client::Watch, over a real service: it
// misses nothing of a channel with history, or is notified.

#include "herald/client/watch.h"

#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "herald/client/control.h"
#include "herald/link/v1/gateway_service.grpc.pb.h"
#include "tests/clients/gate.h"
#include "tests/clients/mailbox.h"
#include "tests/support/herald_world.h"

namespace herald::end_to_end {
namespace {

using client::Loss;
using client::Watch;
using client::WatchOptions;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing_support::Gate;
using testing_support::HeraldWorld;
using testing_support::Mailbox;

// A file of rules that give "chat.*" a history; gone with the object.
class Rules {
 public:
  Rules() : path_(::testing::TempDir() + "/herald-rules-XXXXXX") {
    const int fd = mkstemp(path_.data());
    EXPECT_GE(fd, 0);
    close(fd);
    std::ofstream(path_)
        << R"({"channels": [{"pattern": "chat.*", "historySize": 1000}]})";
  }
  ~Rules() { unlink(path_.c_str()); }

  std::string flag() const { return absl::StrCat("--config=", path_); }

 private:
  std::string path_;
};

class AWatch : public ::testing::Test {
 protected:
  WatchOptions Options() {
    return {.target = world_.grpc_address(), .channels = {"chat.1"}};
  }

  std::unique_ptr<Watch> Start(WatchOptions options) {
    return std::make_unique<Watch>(
        std::move(options),
        [this](const v1::ServerMessage& message) {
          if (message.has_connected()) received_.Put("connected");
          if (message.has_subscribed()) received_.Put("subscribed");
          if (message.has_event()) received_.Put(message.event().data());
          gate_.Pass();
        },
        [this](const Loss&) { received_.Put("lost"); },
        [](const absl::Status&) {});
  }

  // Publishes `from` to `to`; the data is the number, and spaces behind it.
  void Publish(int from, int to, size_t bytes = 0) {
    for (int i = from; i <= to; ++i) {
      std::string data = absl::StrCat(i);
      data.resize(std::max(bytes, data.size()), ' ');
      world_.backend().Broadcast("chat.1", "said", data);
    }
  }

  void RestartService() {
    world_.service().Kill();
    world_.StartService();
    world_.WaitUntilReady();
  }

  Rules rules_;
  HeraldWorld world_{{.gateways = 0,
                      .service_flags = {rules_.flag()},
                      .is_restartable = true}};
  Mailbox<std::string> received_;
  Gate gate_;
};

TEST_F(AWatch, GoesOnWhereTheOneBeforeItEnded) {
  Publish(1, 2);
  auto watch = Start(Options());
  EXPECT_THAT(received_.Take(2), ElementsAre("connected", "subscribed"));
  Publish(3, 4);
  EXPECT_THAT(received_.Take(2), ElementsAre("3", "4"));
  WatchOptions options = Options();
  options.since = watch->positions();
  watch.reset();
  Publish(5, 6);

  watch = Start(options);
  Publish(7, 7);

  EXPECT_THAT(received_.Take(5),
              ElementsAre("connected", "subscribed", "5", "6", "7"));
}

TEST_F(AWatch, BeginsWithTheLatestEventOnRequest) {
  Publish(1, 3);
  WatchOptions options = Options();
  options.since.emplace_back().set_channel("chat.1");

  const auto watch = Start(options);
  EXPECT_THAT(received_.Take(3), ElementsAre("connected", "subscribed", "3"));
  Publish(4, 4);

  EXPECT_EQ(received_.Take(), "4");
}

TEST_F(AWatch, IsNotifiedOfALossAfterARestart) {
  const auto watch = Start(Options());
  EXPECT_THAT(received_.Take(2), ElementsAre("connected", "subscribed"));
  Publish(1, 1);
  EXPECT_EQ(received_.Take(), "1");

  RestartService();

  EXPECT_THAT(received_.Take(3),
              ElementsAre("connected", "lost", "subscribed"));
  Publish(2, 2);
  EXPECT_EQ(received_.Take(), "2");
}

TEST_F(AWatch, IsNotifiedOfABreakWithoutHistory) {
  WatchOptions options = Options();
  options.channels = {"news"};
  const auto watch = Start(options);
  EXPECT_THAT(received_.Take(2), ElementsAre("connected", "subscribed"));

  RestartService();

  EXPECT_THAT(received_.Take(3),
              ElementsAre("connected", "lost", "subscribed"));
  EXPECT_THAT(watch->positions(), IsEmpty());
}

// More events than its buffers hold arrive while the callback is busy: the
// service breaks the stream, and the next one brings the rest, which is less
// than the past that one stream may have (16 MiB).
TEST_F(AWatch, MissesNothingWhenItsCallbackIsTooSlow) {
  constexpr int kEvents = 270;
  const auto watch = Start(Options());
  EXPECT_THAT(received_.Take(2), ElementsAre("connected", "subscribed"));
  gate_.Close();
  Publish(1, kEvents, 60'000);
  gate_.Open();

  int breaks = 0;
  for (int next = 1; next <= kEvents;) {
    const auto what = received_.Take();
    ASSERT_TRUE(what.has_value());
    if (*what == "connected" || *what == "subscribed") {
      breaks += *what == "connected" ? 1 : 0;
      continue;
    }
    ASSERT_EQ(what->substr(0, what->find(' ')), absl::StrCat(next));
    ++next;
  }
  EXPECT_GE(breaks, 1);
}

TEST(AHistory, IsReadPageByPage) {
  Rules rules;
  HeraldWorld world({.gateways = 0, .service_flags = {rules.flag()}});
  for (int i = 1; i <= 5; ++i) {
    world.backend().Broadcast("chat.1", "said", absl::StrCat(i));
  }
  client::Control control({.target = world.grpc_address()});

  std::vector<std::string> read;
  auto page = control.GetHistory("chat.1", 2);
  for (int pages = 0; pages < 3; ++pages) {
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->offset(), 5);
    for (const auto& event : page->messages()) read.push_back(event.data());
    v1::Position last;
    last.set_epoch(page->epoch());
    last.set_offset(page->messages().rbegin()->offset());
    if (pages < 2) page = control.GetHistorySince("chat.1", last, 2);
  }
  EXPECT_THAT(read, ElementsAre("1", "2", "3", "4", "5"));

  v1::Position over;
  over.set_epoch("another");
  EXPECT_TRUE(
      absl::IsOutOfRange(control.GetHistorySince("chat.1", over).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(control.GetHistory("news").status()));
}

// A gateway of which the test is the link: it holds `count` members of 16 kB on
// each of the channels.
class LargeGateway {
 public:
  LargeGateway(const std::string& address,
               const std::vector<std::string>& channels, int count)
      : stub_(link::v1::GatewayService::NewStub(
            testing_support::MakeChannel(address))),
        stream_(stub_->Attach(&context_)) {
    link::v1::GatewayItem item;
    item.mutable_hello()->set_protocol_version(1);
    item.mutable_hello()->set_gateway_id(1);
    Send(item);
    const std::string info = absl::StrCat("\"", std::string(16'000, 'x'), "\"");
    for (const std::string& channel : channels) {
      for (int i = 0; i < count; ++i) {
        link::v1::Held& held = *item.mutable_held();
        held.set_channel(channel);
        held.set_subscription_count(i == 0 ? count : 0);
        link::v1::HeldMember& member = *held.add_members();
        member.mutable_member()->set_user_id(absl::StrCat("user ", i));
        member.mutable_member()->set_user_info(info);
        member.add_socket_ids(absl::StrCat("1.", i));
        Send(item);
        item.Clear();
      }
    }
    item.mutable_attached();
    Send(item);
    link::v1::AttachResponse frame;
    bool settled = false;
    while (!settled && stream_->Read(&frame)) {
      for (const auto& one : frame.items()) settled |= one.has_settled();
    }
    EXPECT_TRUE(settled);
  }
  ~LargeGateway() { context_.TryCancel(); }

 private:
  void Send(const link::v1::GatewayItem& item) {
    link::v1::AttachRequest frame;
    *frame.add_items() = item;
    EXPECT_TRUE(stream_->Write(frame));
  }

  grpc::ClientContext context_;
  const std::unique_ptr<link::v1::GatewayService::Stub> stub_;
  const std::unique_ptr<grpc::ClientReaderWriter<link::v1::AttachRequest,
                                                 link::v1::AttachResponse>>
      stream_;
};

TEST(ALargeRoster, ReachesClientsThatAcceptFourMebibytes) {
  HeraldWorld world({.gateways = 0});
  const LargeGateway gateway(world.grpc_address(), {"presence-a", "presence-b"},
                             700);
  // As a foreign client has it: with gRPC's defaults.
  const auto stub = v1::BroadcastService::NewStub(grpc::CreateChannel(
      world.grpc_address(), grpc::InsecureChannelCredentials()));

  v1::GetMembersRequest request;
  request.set_channel("presence-a");
  std::set<std::string> users;
  do {
    grpc::ClientContext context;
    v1::GetMembersResponse page;
    const grpc::Status status = stub->GetMembers(&context, request, &page);
    ASSERT_TRUE(status.ok()) << status.error_message();
    for (const auto& member : page.members()) users.insert(member.user_id());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(users.size(), 700u);
  client::Control control({.target = world.grpc_address()});
  EXPECT_EQ(control.GetMembers("presence-b")->size(), 700u);

  v1::WatchRequest watch;
  for (const char* name : {"news", "presence-a", "presence-b"}) {
    watch.add_channels(name);
  }
  grpc::ClientContext context;
  const auto reader = stub->Watch(&context, watch);
  std::map<std::string, int> members;
  v1::WatchResponse response;
  while (members["presence-a"] + members["presence-b"] < 1400) {
    ASSERT_TRUE(reader->Read(&response)) << reader->Finish().error_message();
    const v1::ServerMessage& message = response.message();
    members[message.subscribed().channel()] +=
        message.subscribed().members_size();
    if (message.has_member_added()) {
      ++members[message.member_added().channel()];
    }
  }
  world.backend().Broadcast("news", "e", "1");
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.message().event().data(), "1");
  context.TryCancel();
}

}  // namespace
}  // namespace herald::end_to_end
