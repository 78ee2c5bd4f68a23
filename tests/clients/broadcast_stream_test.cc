// SPDX-License-Identifier: Apache-2.0
//
// The promises of herald/client/broadcast_stream.h.

#include "herald/client/broadcast_stream.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/clients/fake_broadcast_service.h"

namespace herald::client {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using testing_support::Clock;
using testing_support::FakeBroadcastService;
using testing_support::kPatience;
using testing_support::kSlowness;
using testing_support::Mailbox;

constexpr auto kOk = absl::StatusCode::kOk;
constexpr auto kCancelled = absl::StatusCode::kCancelled;
constexpr auto kInternal = absl::StatusCode::kInternal;
constexpr auto kInvalidArgument = absl::StatusCode::kInvalidArgument;
constexpr auto kUnavailable = absl::StatusCode::kUnavailable;

class Streaming : public ::testing::Test {
 protected:
  BroadcastStreamOptions Options() const {
    return {.target = service_.address(),
            .send_deadline = absl::FromChrono(kPatience)};
  }

  BroadcastCallback Put() {
    return [this](BroadcastResult result) {
      answers_.Put(result.status().code());
    };
  }

  static OutgoingEvent Event(absl::string_view name, size_t bytes = 1) {
    return {.channels = {"news"},
            .event = std::string(name),
            .data = std::string(bytes, '1')};
  }

  FakeBroadcastService service_;
  Mailbox<absl::StatusCode> answers_;
};

TEST_F(Streaming, PublishesAndAnswersInTheOrderOfSending) {
  constexpr int kEvents = 2000;
  Mailbox<int> order;
  BroadcastStream stream(Options());
  for (int i = 0; i < kEvents; ++i) {
    ASSERT_TRUE(stream
                    .Send(Event(std::to_string(i)),
                          [&order, i](BroadcastResult result) {
                            ASSERT_TRUE(result.ok()) << result.status();
                            EXPECT_EQ(result->at(0).channel, "news");
                            order.Put(i);
                          })
                    .ok());
  }

  EXPECT_EQ(stream.Finish(), absl::OkStatus());
  ASSERT_EQ(order.size(), size_t{kEvents});
  for (int i = 0; i < kEvents; ++i) {
    EXPECT_EQ(order.Take(), i);
    EXPECT_EQ(service_.broadcasts.Take()->event(), std::to_string(i));
  }
}

TEST_F(Streaming, DoesNotWaitForOneAnswerBeforeTheNextEvent) {
  service_.gate.Close();
  BroadcastStream stream(Options());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(stream.TrySend(Event("e"), Put()).ok());
  }
  EXPECT_EQ(answers_.size(), 0u);

  service_.gate.Open();

  EXPECT_THAT(answers_.Take(10), Each(kOk));
}

TEST_F(Streaming, GoesOnAfterARefusedEvent) {
  BroadcastStream stream(Options());
  Mailbox<absl::Status> refusal;
  ASSERT_TRUE(stream.Send(Event("one"), Put()).ok());
  ASSERT_TRUE(stream
                  .Send(Event("refused"),
                        [&](BroadcastResult result) {
                          refusal.Put(result.status());
                          answers_.Put(result.status().code());
                        })
                  .ok());
  ASSERT_TRUE(stream.Send(Event("three"), Put()).ok());

  EXPECT_EQ(stream.Finish(), absl::OkStatus());
  EXPECT_THAT(answers_.Take(3), ElementsAre(kOk, kInvalidArgument, kOk));
  EXPECT_EQ(refusal.Take(),
            absl::InvalidArgumentError("event \"refused\" is refused"));
}

TEST_F(Streaming, SendsRequestsWithoutAnEventWhileItIsQuiet) {
  BroadcastStreamOptions options = Options();
  options.keepalive_interval = absl::Milliseconds(20);
  BroadcastStream stream(options);
  for (const v1::BroadcastRequest& request : service_.broadcasts.Take(3)) {
    EXPECT_EQ(request.ByteSizeLong(), 0u);
  }

  ASSERT_TRUE(stream.Send(Event("refused"), Put()).ok());
  ASSERT_TRUE(stream.Send(Event("two"), Put()).ok());
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
  EXPECT_THAT(answers_.Take(2), ElementsAre(kInvalidArgument, kOk));
  EXPECT_EQ(answers_.size(), 0u);
}

// HTTP/2 pings are answered all the time, as by a proxy.
TEST_F(Streaming, EndsIfNothingIsAnsweredForIntervals) {
  BroadcastStreamOptions options = Options();
  options.keepalive_interval = absl::Milliseconds(100);
  service_.gate.Close();
  BroadcastStream stream(options);
  const Clock::time_point sent = Clock::now();
  ASSERT_TRUE(stream.Send(Event("e"), Put()).ok());
  EXPECT_THAT(answers_.Take(1), ElementsAre(kUnavailable));
  EXPECT_GE(absl::FromChrono(Clock::now() - sent),
            3 * options.keepalive_interval);
  EXPECT_EQ(stream.Finish(),
            absl::UnavailableError("the service does not answer"));
  service_.gate.Open();
}

TEST_F(Streaming, SendsARequestOneIntervalAfterTheLastEvent) {
  const absl::Duration interval = kSlowness * absl::Seconds(2);
  BroadcastStreamOptions options = Options();
  options.keepalive_interval = interval;
  BroadcastStream stream(options);
  const Clock::time_point sent = Clock::now();
  ASSERT_TRUE(stream.Send(Event("e"), Put()).ok());
  EXPECT_EQ(service_.broadcasts.Take()->event(), "e");

  EXPECT_EQ(service_.broadcasts.Take()->ByteSizeLong(), 0u);

  const absl::Duration gap = absl::FromChrono(Clock::now() - sent);
  EXPECT_GE(gap, interval);
  EXPECT_LT(gap, 1.75 * interval);
}

TEST_F(Streaming, ShowsTheTokenAsABearer) {
  BroadcastStreamOptions options = Options();
  options.api_token = "sesame";
  BroadcastStream stream(options);

  EXPECT_EQ(stream.Finish(), absl::OkStatus());
  EXPECT_EQ(service_.authorizations.Take(), "Bearer sesame");
}

TEST_F(Streaming, RefusesAtOnceBeyondItsQueue) {
  BroadcastStreamOptions options = Options();
  options.in_flight_bytes_max = 3000;
  service_.gate.Close();
  BroadcastStream stream(options);
  ASSERT_TRUE(stream.TrySend(Event("one", 2000), Put()).ok());

  EXPECT_TRUE(
      absl::IsResourceExhausted(stream.TrySend(Event("two", 2000), Put())));

  service_.gate.Open();
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
  EXPECT_THAT(answers_.Take(1), ElementsAre(kOk));
  EXPECT_EQ(answers_.size(), 0u);
}

TEST_F(Streaming, WaitsWhileItIsFullAndGoesOn) {
  BroadcastStreamOptions options = Options();
  options.in_flight_bytes_max = 3000;
  BroadcastStream stream(options);
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(stream.Send(Event("e", 2000), Put()).ok()) << i;
  }

  EXPECT_EQ(stream.Finish(), absl::OkStatus());
  EXPECT_THAT(answers_.Take(200), Each(kOk));
}

TEST_F(Streaming, StopsWaitingAtTheDeadlineAndLivesOn) {
  BroadcastStreamOptions options = Options();
  options.in_flight_bytes_max = 3000;
  options.send_deadline = absl::Milliseconds(50);
  service_.gate.Close();
  BroadcastStream stream(options);
  ASSERT_TRUE(stream.Send(Event("one", 2000), Put()).ok());

  EXPECT_TRUE(
      absl::IsResourceExhausted(stream.Send(Event("two", 2000), Put())));

  service_.gate.Open();
  EXPECT_THAT(answers_.Take(1), ElementsAre(kOk));
  EXPECT_TRUE(stream.Send(Event("three", 2000), Put()).ok());
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_F(Streaming, TakesOneEventThatIsLargerThanTheBoundWhenItIsAlone) {
  BroadcastStreamOptions options = Options();
  options.in_flight_bytes_max = 10;
  BroadcastStream stream(options);

  EXPECT_TRUE(stream.TrySend(Event("large", 5 << 20), Put()).ok());
  EXPECT_THAT(answers_.Take(1), ElementsAre(kOk));
}

TEST_F(Streaming, FailsAllUnansweredOnesWhenTheServiceEndsTheStream) {
  service_.end_stream_after = 2;
  service_.gate.Close();
  BroadcastStream stream(Options());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(stream.Send(Event("e"), Put()).ok());
  }
  service_.gate.Open();

  EXPECT_THAT(answers_.Take(5),
              ElementsAre(kOk, kOk, kUnavailable, kUnavailable, kUnavailable));
  EXPECT_TRUE(absl::IsUnavailable(stream.Finish()));
  EXPECT_TRUE(absl::IsUnavailable(stream.Send(Event("late"), Put())));
  EXPECT_EQ(answers_.size(), 0u);
}

TEST_F(Streaming, FailsAllWhenTheServiceCannotBeReached) {
  service_.Stop();
  BroadcastStream stream(Options());
  // Accepted before the end, or refused with it: never lost.
  const absl::Status sent = stream.Send(Event("e"), Put());
  if (sent.ok()) {
    EXPECT_EQ(answers_.Take(), kUnavailable);
  } else {
    EXPECT_TRUE(absl::IsUnavailable(sent)) << sent;
  }
  EXPECT_TRUE(absl::IsUnavailable(stream.Finish()));
  service_.Restart();
}

TEST_F(Streaming, EndsWithTheStatusOfTheService) {
  service_.FailNext(1, {grpc::StatusCode::UNAUTHENTICATED, "wrong token"});
  BroadcastStream stream(Options());

  EXPECT_EQ(stream.Finish(), absl::UnauthenticatedError("wrong token"));
}

TEST_F(Streaming, EndsWhenFinishHasWaitedLongEnough) {
  service_.gate.Close();
  BroadcastStream stream(Options());
  ASSERT_TRUE(stream.Send(Event("e"), Put()).ok());

  const absl::Status end = stream.Finish(absl::Milliseconds(100));

  EXPECT_TRUE(absl::IsDeadlineExceeded(end)) << end;
  EXPECT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_.Take(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(stream.Finish(), end);
}

TEST_F(Streaming, TakesNothingAfterFinish) {
  BroadcastStream stream(Options());
  EXPECT_EQ(stream.Finish(), absl::OkStatus());

  EXPECT_TRUE(absl::IsFailedPrecondition(stream.Send(Event("late"), Put())));
}

TEST_F(Streaming, FailsMessagesInFlightWhenTheStreamIsGone) {
  service_.gate.Close();
  {
    BroadcastStream stream(Options());
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(stream.Send(Event("e"), Put()).ok());
    }
  }
  ASSERT_EQ(answers_.size(), 10u);
  EXPECT_THAT(answers_.Take(10), Each(kCancelled));
}

TEST_F(Streaming, MaySendFromACallback) {
  BroadcastStream stream(Options());
  Mailbox<absl::Status> sent;
  ASSERT_TRUE(stream
                  .Send(Event("one"),
                        [&](BroadcastResult) {
                          sent.Put(stream.TrySend(Event("two"), Put()));
                        })
                  .ok());

  EXPECT_EQ(sent.Take(), absl::OkStatus());
  EXPECT_EQ(answers_.Take(), kOk);
}

TEST_F(Streaming, EndsOnAnUnaskedAnswer) {
  service_.answer_twice = true;
  BroadcastStream stream(Options());
  ASSERT_TRUE(stream.Send(Event("e"), Put()).ok());

  EXPECT_EQ(answers_.Take(), kOk);
  EXPECT_EQ(stream.Finish().code(), kInternal);
}

TEST_F(Streaming, ReportsAnAnswerWithoutAMeaningAndGoesOn) {
  service_.answer_nothing = true;
  BroadcastStream stream(Options());
  ASSERT_TRUE(stream.Send(Event("e"), Put()).ok());

  EXPECT_EQ(answers_.Take(), kInternal);
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_F(Streaming, RefusesTextThatTheWireCannotCarryAndGoesOn) {
  BroadcastStream stream(Options());
  EXPECT_TRUE(absl::IsInvalidArgument(stream.Send(Event("\xff"), Put())));
  EXPECT_EQ(stream.Finish(), absl::OkStatus());

  BroadcastStreamOptions options = Options();
  options.api_token = "two\nlines";
  BroadcastStream refused(options);
  EXPECT_TRUE(absl::IsInvalidArgument(refused.Send(Event("e"), Put())));
  EXPECT_TRUE(absl::IsInvalidArgument(refused.Finish()));
  EXPECT_EQ(answers_.size(), 0u);
}

}  // namespace
}  // namespace herald::client
