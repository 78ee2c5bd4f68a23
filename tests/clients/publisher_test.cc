// SPDX-License-Identifier: Apache-2.0
//
// The promises to a publishing backend: herald/client/publisher.h, in its
// order, against a service that gives the answers of each test.

#include "herald/client/publisher.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/clients/fake_broadcast_service.h"

namespace herald::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing_support::FakeBroadcastService;
using testing_support::kPatience;
using testing_support::Mailbox;

const grpc::Status kNotReady(grpc::StatusCode::UNAVAILABLE, "not ready");

class Publishing : public ::testing::Test {
 protected:
  PublisherOptions Options() const {
    return {.target = service_.address(),
            .deadline = absl::FromChrono(kPatience)};
  }

  FakeBroadcastService service_;
};

TEST_F(Publishing, SendsTheMessageAndReturnsTheReceipt) {
  Publisher publisher(Options());

  auto receipt = publisher.Broadcast("news", "created", R"({"id":1})");

  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->channel, "news");
  EXPECT_EQ(receipt->subscribers, 1);
  const auto request = service_.broadcasts.Take();
  EXPECT_THAT(request->channels(), ElementsAre("news"));
  EXPECT_EQ(request->event(), "created");
  EXPECT_EQ(request->data(), R"({"id":1})");
  EXPECT_THAT(request->except_socket_id(), IsEmpty());
}

TEST_F(Publishing, ReachesSeveralChannelsWithOneCall) {
  service_.epoch = "a";
  Publisher publisher(Options());

  auto receipts = publisher.Broadcast({"news", "orders"}, "created", "1");

  ASSERT_TRUE(receipts.ok()) << receipts.status();
  ASSERT_EQ(receipts->size(), 2u);
  EXPECT_EQ(receipts->at(1).channel, "orders");
  EXPECT_EQ(receipts->at(1).subscribers, 2);
  EXPECT_EQ(receipts->at(1).epoch, "a");
  EXPECT_EQ(receipts->at(1).offset, 42);
  EXPECT_EQ(service_.broadcasts.size(), 1u);
}

TEST_F(Publishing, LeavesOneSocketOut) {
  Publisher publisher(Options());

  ASSERT_TRUE(publisher.BroadcastExcept("news", "created", "1", "1.2").ok());
  ASSERT_TRUE(publisher.BroadcastExcept({"a", "b"}, "e", "1", "3.4").ok());

  EXPECT_EQ(service_.broadcasts.Take()->except_socket_id(), "1.2");
  EXPECT_EQ(service_.broadcasts.Take()->except_socket_id(), "3.4");
}

TEST_F(Publishing, TakesEachFieldInTurn) {
  Publisher publisher(Options());

  auto receipts = publisher.Channel("news")
                      .Channel("orders")
                      .Channels({"a", "b"})
                      .Event("created")
                      .Data("42")
                      .Except("1.2")
                      .IdempotencyKey("once")
                      .Send();

  ASSERT_TRUE(receipts.ok()) << receipts.status();
  const auto request = service_.broadcasts.Take();
  EXPECT_THAT(request->channels(), ElementsAre("news", "orders", "a", "b"));
  EXPECT_EQ(request->event(), "created");
  EXPECT_EQ(request->data(), "42");
  EXPECT_EQ(request->except_socket_id(), "1.2");
  EXPECT_EQ(request->idempotency_key(), "once");
}

TEST_F(Publishing, ShowsTheTokenAsABearer) {
  PublisherOptions options = Options();
  options.api_token = "open sesame";
  ASSERT_TRUE(Publisher(options).Broadcast("news", "e", "1").ok());
  ASSERT_TRUE(Publisher(Options()).Broadcast("news", "e", "1").ok());

  EXPECT_EQ(service_.authorizations.Take(), "Bearer open sesame");
  EXPECT_EQ(service_.authorizations.Take(), "");
}

TEST_F(Publishing, RepeatsUnderOneKeyWhileTheServiceIsUnavailable) {
  service_.FailNext(3, kNotReady);
  Publisher publisher(Options());

  EXPECT_TRUE(publisher.Broadcast("news", "created", "1").ok());

  std::set<std::string> keys;
  for (const auto& request : service_.broadcasts.Take(4)) {
    keys.insert(request.idempotency_key());
  }
  EXPECT_EQ(keys.size(), 1u);
  EXPECT_THAT(*keys.begin(), Not(IsEmpty()));
}

TEST_F(Publishing, UsesANewKeyForEachEventAndNeverThatOfAnotherPublisher) {
  Publisher one(Options());
  Publisher two(Options());
  for (Publisher* publisher : {&one, &one, &two, &two}) {
    ASSERT_TRUE(publisher->Broadcast("news", "created", "1").ok());
  }

  std::set<std::string> keys;
  for (const auto& request : service_.broadcasts.Take(4)) {
    keys.insert(request.idempotency_key());
  }
  EXPECT_EQ(keys.size(), 4u);
}

TEST_F(Publishing, DoesNotRepeatARefusedMessage) {
  service_.FailNext(
      1, {grpc::StatusCode::INVALID_ARGUMENT, "channel \"#x\" is not valid"});
  Publisher publisher(Options());

  auto receipt = publisher.Broadcast("#x", "created", "1");

  EXPECT_EQ(receipt.status(),
            absl::InvalidArgumentError("channel \"#x\" is not valid"));
  EXPECT_EQ(service_.broadcasts.size(), 1u);
}

TEST_F(Publishing, SurvivesARestartOfTheService) {
  Publisher publisher(Options());
  ASSERT_TRUE(publisher.Broadcast("news", "before", "1").ok());
  service_.Stop();
  Mailbox<absl::Status> answers;
  publisher.BroadcastAsync(
      {.channels = {"news"}, .event = "meanwhile", .data = "1"},
      [&](BroadcastResult result) { answers.Put(result.status()); });

  service_.Restart();

  EXPECT_EQ(answers.Take(), absl::OkStatus());
  EXPECT_EQ(service_.broadcasts.Take(2).back().event(), "meanwhile");
}

TEST_F(Publishing, IsUnavailableAtTheDeadlineWithoutAService) {
  service_.Stop();
  PublisherOptions options = Options();
  options.deadline = absl::Seconds(2);
  Publisher publisher(options);

  const absl::Time start = absl::Now();
  auto receipt = publisher.Broadcast("news", "created", "1");

  EXPECT_TRUE(absl::IsUnavailable(receipt.status())) << receipt.status();
  EXPECT_LE(absl::Now() - start, absl::FromChrono(kPatience));
  service_.Restart();
}

TEST_F(Publishing, EndsAtTheDeadlineWhenTheServiceIsSilent) {
  service_.gate.Close();
  PublisherOptions options = Options();
  options.deadline = absl::Milliseconds(300);
  Publisher publisher(options);

  auto receipt = publisher.Broadcast("news", "created", "1");

  EXPECT_TRUE(absl::IsDeadlineExceeded(receipt.status())) << receipt.status();
  EXPECT_THAT(std::string(receipt.status().message()),
              HasSubstr(service_.address()));
}

TEST_F(Publishing, RefusesAtOnceBeyondTheBytesInFlight) {
  PublisherOptions options = Options();
  options.in_flight_bytes_max = 2000;
  Publisher publisher(options);
  service_.gate.Close();
  Mailbox<absl::Status> answers;
  auto put = [&](BroadcastResult result) { answers.Put(result.status()); };
  publisher.BroadcastAsync(
      {.channels = {"news"}, .event = "first", .data = std::string(1500, '1')},
      put);
  ASSERT_TRUE(service_.gate.WaitForArrivals(1));

  auto second = publisher.Broadcast("news", "second", std::string(1500, '1'));

  EXPECT_TRUE(absl::IsResourceExhausted(second.status())) << second.status();
  service_.gate.Open();
  EXPECT_EQ(answers.Take(), absl::OkStatus());
  // The bytes of the first are free again.
  EXPECT_TRUE(
      publisher.Broadcast("news", "third", std::string(1500, '1')).ok());
}

TEST_F(Publishing, FailsMessagesInFlightWhenThePublisherIsGone) {
  service_.gate.Close();
  Mailbox<absl::StatusCode> answers;
  {
    Publisher publisher(Options());
    for (int i = 0; i < 10; ++i) {
      publisher.BroadcastAsync(
          {.channels = {"news"}, .event = "e", .data = "1"},
          [&](BroadcastResult result) { answers.Put(result.status().code()); });
    }
  }
  // The destructor has waited for the callbacks.
  ASSERT_EQ(answers.size(), 10u);
  for (const absl::StatusCode code : answers.Take(10)) {
    EXPECT_EQ(code, absl::StatusCode::kCancelled);
  }
}

TEST_F(Publishing, IsCancelledByTheDestructorWhileItWaitsToRepeat) {
  service_.FailNext(1'000'000, kNotReady);
  Mailbox<absl::StatusCode> answers;
  {
    Publisher publisher(Options());
    publisher.BroadcastAsync(
        {.channels = {"news"}, .event = "e", .data = "1"},
        [&](BroadcastResult result) { answers.Put(result.status().code()); });
    ASSERT_TRUE(service_.broadcasts.Take().has_value());
  }
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers.Take(), absl::StatusCode::kCancelled);
}

TEST_F(Publishing, MayGoOnFromACallback) {
  Publisher publisher(Options());
  Mailbox<absl::Status> answers;
  publisher.BroadcastAsync(
      {.channels = {"a"}, .event = "e", .data = "1"}, [&](BroadcastResult) {
        publisher.BroadcastAsync(
            {.channels = {"b"}, .event = "e", .data = "1"},
            [&](BroadcastResult result) { answers.Put(result.status()); });
      });

  EXPECT_EQ(answers.Take(), absl::OkStatus());
}

TEST_F(Publishing, RefusesTextThatTheWireCannotCarry) {
  Publisher publisher(Options());

  const absl::Status event = publisher.Broadcast("news", "\xff", "1").status();
  PublisherOptions options = Options();
  options.api_token = "two\nlines";
  const absl::Status token =
      Publisher(options).Broadcast("news", "e", "1").status();

  EXPECT_TRUE(absl::IsInvalidArgument(event));
  EXPECT_THAT(std::string(event.message()), HasSubstr("event"));
  EXPECT_TRUE(absl::IsInvalidArgument(token));
  EXPECT_THAT(std::string(token.message()), Not(HasSubstr("lines")));
  EXPECT_EQ(service_.broadcasts.size(), 0u);
}

TEST_F(Publishing, DoesNotBelieveAServiceThatAnswersWithAnotherCount) {
  service_.receipts_per_channel = 2;
  Publisher publisher(Options());

  EXPECT_EQ(publisher.Broadcast("news", "e", "1").status().code(),
            absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace herald::client
