// SPDX-License-Identifier: Apache-2.0
//
// The promises to a publishing backend: the comments of Broadcast and
// BroadcastStream in broadcast_service.proto, over real processes.

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"

namespace herald::end_to_end {
namespace {

using ::testing::HasSubstr;
using testing_support::HeraldWorld;
using testing_support::kPongText;
using testing_support::MakeBroadcast;
using testing_support::Stub;
using testing_support::WebSocketClient;

std::string EventOf(absl::string_view channel, absl::string_view data) {
  return absl::StrCat(R"({"type":"event","event":"e","channel":")", channel,
                      R"(","data":)", data, "}");
}

TEST(ABroadcast, ReachesEverySubscriberOfEveryGatewayInTheOrderOfItsChannel) {
  constexpr int kPublishers = 4;
  constexpr int kEach = 50;
  HeraldWorld world;
  std::vector<WebSocketClient*> clients = world.OpenMany(6);
  for (WebSocketClient* client : clients) client->Subscribe("news");

  // Several backends at once, so that the order is the service's to make.
  std::vector<std::thread> publishers;
  for (int publisher = 0; publisher < kPublishers; ++publisher) {
    publishers.emplace_back([&, publisher] {
      for (int i = 0; i < kEach; ++i) {
        EXPECT_EQ(world.backend().Broadcast(
                      "news", "e", absl::StrCat(publisher * kEach + i)),
                  6);
      }
    });
  }
  for (std::thread& publisher : publishers) publisher.join();

  std::vector<std::string> first;
  for (int i = 0; i < kPublishers * kEach; ++i) {
    first.push_back(clients[0]->Next().text());
  }
  for (size_t i = 1; i < clients.size(); ++i) {
    for (const std::string& expected : first) {
      ASSERT_EQ(clients[i]->Next(), expected) << "client " << i;
    }
  }
  // And the messages of one publisher are in its order.
  std::vector<size_t> places(kPublishers * kEach);
  for (size_t place = 0; place < first.size(); ++place) {
    for (size_t value = 0; value < places.size(); ++value) {
      if (first[place] == EventOf("news", absl::StrCat(value))) {
        places[value] = place;
      }
    }
  }
  for (size_t value = 0; value < places.size(); ++value) {
    if (value % kEach == 0) continue;
    EXPECT_LT(places[value - 1], places[value]);
  }
}

TEST(ABroadcast, LeavesOutTheExceptedSocketButCountsIt) {
  HeraldWorld world;
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(0);
  WebSocketClient& eve = world.Open(1);
  for (WebSocketClient* client : {&ada, &bob, &eve}) client->Subscribe("news");

  EXPECT_EQ(world.backend().Broadcast("news", "e", "1", ada.socket_id()), 3);
  EXPECT_EQ(world.backend().Broadcast("news", "e", "2"), 3);
  EXPECT_EQ(world.backend().Broadcast("news", "e", "3", "1.2"), 3)
      << "a socket that is not connected is no error";

  EXPECT_EQ(ada.Next(), EventOf("news", "2"));
  for (WebSocketClient* client : {&bob, &eve}) {
    EXPECT_EQ(client->Next(), EventOf("news", "1"));
    EXPECT_EQ(client->Next(), EventOf("news", "2"));
  }
}

TEST(ABroadcast, GoesToSeveralChannelsWithAReceiptEach) {
  HeraldWorld world;
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  ada.Subscribe("a");
  ada.Subscribe("b");
  bob.Subscribe("b");

  const auto [status, response] = world.backend().Call(
      &Stub::Broadcast, MakeBroadcast({"b", "a", "nobody"}, "e", "1"));

  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.receipts_size(), 3);
  EXPECT_EQ(response.receipts(0).channel(), "b");
  EXPECT_EQ(response.receipts(0).subscribers(), 2);
  EXPECT_EQ(response.receipts(1).channel(), "a");
  EXPECT_EQ(response.receipts(1).subscribers(), 1);
  EXPECT_EQ(response.receipts(2).channel(), "nobody");
  EXPECT_EQ(response.receipts(2).subscribers(), 0);
  EXPECT_EQ(bob.Next(), EventOf("b", "1"));
  const std::string first = ada.Next().text();
  const std::string second = ada.Next().text();
  EXPECT_THAT(
      (std::vector<std::string>{first, second}),
      ::testing::UnorderedElementsAre(EventOf("a", "1"), EventOf("b", "1")));
}

TEST(ABroadcast, PassesDataOnByteForByte) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  ada.Subscribe("news");
  const std::vector<std::string> values = {
      "null",
      "0.10e-1",
      R"("\u00e9 ümläut \"")",
      " [ 1 , 2 ] ",
      R"({ "b":1,"a":{"a":1,"a":2} })",
      R"("line\nend")",
      R"({"text":"😀\ud83d"})",
      "[1e400,99999999999999999999]",
      std::string(512, '[') + std::string(512, ']')};
  for (const std::string& value : values) {
    EXPECT_EQ(world.backend().Broadcast("news", "e", value), 1);
    EXPECT_EQ(ada.Next(), EventOf("news", value));
  }
}

TEST(ABroadcast, EscapesTheNameOfItsEvent) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  ada.Subscribe("news");
  const std::string event = R"(App\Events\"Créé")";

  EXPECT_EQ(world.backend().Broadcast("news", event, "1"), 1);

  EXPECT_EQ(ada.Next().String("event"), event);
}

struct BadBroadcast {
  v1::BroadcastRequest request;
  grpc::StatusCode code;
  std::string named;  // The message must name it.
};

std::vector<BadBroadcast> BadBroadcasts() {
  const auto make = [](std::vector<std::string> channels,
                       const std::string& event, const std::string& data) {
    return MakeBroadcast(std::move(channels), event, data);
  };
  std::vector<std::string> too_many;
  for (int i = 0; i < 101; ++i) too_many.push_back(absl::StrCat("c", i));
  v1::BroadcastRequest bad_socket = make({"news"}, "e", "1");
  bad_socket.set_except_socket_id("nobody");
  v1::BroadcastRequest long_key = make({"news"}, "e", "1");
  long_key.set_idempotency_key(std::string(129, 'k'));
  const auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;
  return {
      {make({}, "e", "1"), kInvalid, "channel"},
      {make(too_many, "e", "1"), kInvalid, "101"},
      {make({"news", "news"}, "e", "1"), kInvalid, "news"},
      {make({"news", "bad name"}, "e", "1"), kInvalid, "bad name"},
      {make({"#server"}, "e", "1"), kInvalid, "#server"},
      {make({""}, "e", "1"), kInvalid, "channel"},
      {make({std::string(165, 'x')}, "e", "1"), kInvalid, "165"},
      {make({"news"}, "", "1"), kInvalid, "event"},
      {make({"news"}, "tab\there", "1"), kInvalid, "tab"},
      {make({"news"}, std::string(201, 'e'), "1"), kInvalid, "201"},
      {make({"news"}, "e", ""), kInvalid, "data"},
      {make({"news"}, "e", "[1,,2]"), kInvalid, "data"},
      {make({"news"}, "e", R"({"a":nul})"), kInvalid, "data"},
      {make({"news"}, "e", "1 2"), kInvalid, "data"},
      {make({"news"}, "e", "\"\xff\""), kInvalid, "data"},
      {make({"news"}, "e", R"("\ud83")"), kInvalid, "data"},
      {make({"news"}, "e", std::string(513, '[') + std::string(513, ']')),
       kInvalid, "512"},
      {bad_socket, kInvalid, "nobody"},
      {long_key, kInvalid, "idempotency_key"},
      {make({"news"}, "e", absl::StrCat("\"", std::string(65535, 'x'), "\"")),
       grpc::StatusCode::RESOURCE_EXHAUSTED, "65537"},
      {make({"news"}, "e", absl::StrCat("\"", std::string(1 << 20, 'x'), "\"")),
       grpc::StatusCode::RESOURCE_EXHAUSTED, "1048578"},
  };
}

TEST(ABadBroadcast, IsRefusedWithACodeAndTheValueAndReachesNoSubscriber) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  ada.Subscribe("news");
  for (const BadBroadcast& bad : BadBroadcasts()) {
    const auto [status, response] =
        world.backend().Call(&Stub::Broadcast, bad.request);
    EXPECT_EQ(status.error_code(), bad.code)
        << bad.named << ": " << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr(bad.named));
    EXPECT_EQ(response.receipts_size(), 0);
  }

  EXPECT_EQ(world.backend().Broadcast("news", "e", "1"), 1);
  EXPECT_EQ(ada.Next(), EventOf("news", "1")) << "and nothing came before";
}

TEST(APayload, MayBeAsLargeAsTheSettingAllows) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  ada.Subscribe("news");
  const std::string data = absl::StrCat("\"", std::string(65534, 'x'), "\"");

  EXPECT_EQ(world.backend().Broadcast("news", "e", data), 1);
  EXPECT_EQ(ada.Next(), EventOf("news", data));
}

TEST(APayload, OfMegabytesArrivesIfAllowedAndMakesNoSocketSlow) {
  HeraldWorld world(
      {.gateways = 1, .service_flags = {"--max_payload=4194304"}});
  WebSocketClient& ada = world.Open();
  ada.Subscribe("news");
  // Four times the bound of a socket's queue.
  const std::string data =
      absl::StrCat("\"", std::string((4 << 20) - 2, 'x'), "\"");

  EXPECT_EQ(world.backend().Broadcast("news", "e", data), 1);

  EXPECT_EQ(ada.Next().text().size(), EventOf("news", data).size());
  EXPECT_EQ(ada.Ping(), kPongText);
}

TEST(AnIdempotencyKey, PublishesOnceAndAnswersAlike) {
  HeraldWorld world;
  WebSocketClient& ada = world.Open(0);
  ada.Subscribe("news");
  v1::BroadcastRequest request = MakeBroadcast({"news"}, "e", "1");
  request.set_idempotency_key("5f0c");

  const auto first = world.backend().Call(&Stub::Broadcast, request);
  world.Open(1).Subscribe("news");
  const auto second = world.backend().Call(&Stub::Broadcast, request);

  ASSERT_TRUE(first.status.ok() && second.status.ok());
  EXPECT_EQ(second.response.receipts(0).subscribers(), 1)
      << "the first receipt, though there are two by now";
  EXPECT_EQ(ada.Next(), EventOf("news", "1"));
  // Keys belong to their channel: another channel has not seen it.
  request.set_channels(0, "other");
  ada.Subscribe("other");
  EXPECT_TRUE(world.backend().Call(&Stub::Broadcast, request).status.ok());
  EXPECT_EQ(ada.Next(), EventOf("other", "1"));
}

TEST(AnIdempotencyKey, OfConcurrentRepeatsCountsOnceAndARefusedOneIsNotUsedUp) {
  constexpr int kRepeats = 8;
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  ada.Subscribe("news");
  v1::BroadcastRequest request = MakeBroadcast({"news"}, "e", "[1,,2]");
  request.set_idempotency_key("key");
  EXPECT_FALSE(world.backend().Call(&Stub::Broadcast, request).status.ok());

  request.set_data("1");
  std::vector<std::thread> repeats;
  for (int i = 0; i < kRepeats; ++i) {
    repeats.emplace_back([&] {
      EXPECT_TRUE(world.backend().Call(&Stub::Broadcast, request).status.ok());
    });
  }
  for (std::thread& repeat : repeats) repeat.join();
  world.backend().Broadcast("news", "e", "2");

  EXPECT_EQ(ada.Next(), EventOf("news", "1"));
  EXPECT_EQ(ada.Next(), EventOf("news", "2"));
}

TEST(ABroadcastStream, AnswersEveryMessageInOrderAndABadOneDoesNotEndIt) {
  constexpr int kMessages = 500;
  HeraldWorld world;
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  ada.Subscribe("news");
  bob.Subscribe("news");
  const auto context = world.backend().MakeContext();
  const auto stream = world.backend().stub()->BroadcastStream(context.get());

  // Every fifth is bad; all are sent before the first answer is read.
  for (int i = 0; i < kMessages; ++i) {
    v1::BroadcastStreamRequest request;
    *request.mutable_broadcast() =
        MakeBroadcast({i % 5 == 0 ? "bad name" : "news"}, "e", absl::StrCat(i));
    ASSERT_TRUE(stream->Write(request));
  }
  stream->WritesDone();
  for (int i = 0; i < kMessages; ++i) {
    v1::BroadcastStreamResponse response;
    ASSERT_TRUE(stream->Read(&response)) << i;
    if (i % 5 == 0) {
      EXPECT_EQ(response.error().code(), grpc::StatusCode::INVALID_ARGUMENT);
      EXPECT_THAT(response.error().message(), HasSubstr("bad name"));
    } else {
      ASSERT_EQ(response.broadcast().receipts_size(), 1) << i;
      EXPECT_EQ(response.broadcast().receipts(0).subscribers(), 2);
    }
  }
  EXPECT_TRUE(stream->Finish().ok());

  for (WebSocketClient* client : {&ada, &bob}) {
    for (int i = 0; i < kMessages; ++i) {
      if (i % 5 == 0) continue;
      ASSERT_EQ(client->Next(), EventOf("news", absl::StrCat(i)));
    }
  }
}

TEST(ABroadcastStream, SharesIdempotencyKeysWithTheUnaryCall) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  ada.Subscribe("news");
  v1::BroadcastStreamRequest request;
  *request.mutable_broadcast() = MakeBroadcast({"news"}, "e", "1");
  request.mutable_broadcast()->set_idempotency_key("key");
  EXPECT_TRUE(
      world.backend().Call(&Stub::Broadcast, request.broadcast()).status.ok());

  const auto context = world.backend().MakeContext();
  const auto stream = world.backend().stub()->BroadcastStream(context.get());
  // The empty request has no broadcast in it: as bad as any.
  ASSERT_TRUE(stream->Write(v1::BroadcastStreamRequest()));
  ASSERT_TRUE(stream->Write(request));
  stream->WritesDone();
  v1::BroadcastStreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.error().code(), grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.broadcast().receipts(0).subscribers(), 1);
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());

  world.backend().Broadcast("news", "e", "2");
  EXPECT_EQ(ada.Next(), EventOf("news", "1"));
  EXPECT_EQ(ada.Next(), EventOf("news", "2"));
}

}  // namespace
}  // namespace herald::end_to_end
