// SPDX-License-Identifier: Apache-2.0

#include "gateway/loop/session_writer.h"

#include <memory>
#include <utility>
#include <vector>

#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ASessionWriter : public GatewayWorld {
 protected:
  static Frame FrameOf(const std::string& text,
                       std::shared_ptr<WhisperOrigin> whisper = nullptr) {
    static const NativeDialect dialect;
    EventMessage event;
    event.publication.set_channel("news");
    event.publication.set_event("e");
    event.publication.set_data(text);
    ChannelMessage message;
    message.message = ShareMessage(std::move(event));
    message.whisper = std::move(whisper);
    return Frame(message, dialect);
  }

  // An answer to a client that lacks one message.
  static Confirmed Recovering() {
    ChannelMessage message;
    EventMessage event;
    event.publication.set_channel("news");
    event.publication.set_event("e");
    event.publication.set_data("1");
    message.message = ShareMessage(std::move(event));
    Confirmed confirmed;
    confirmed.asked_to_recover = true;
    confirmed.subscribed =
        ShareMessage(SubscribedMessage{"news", nullptr, {}, false});
    confirmed.recovered =
        ShareMessage(SubscribedMessage{"news", nullptr, {}, true});
    confirmed.missed = std::make_shared<const MissedMessages>(
        std::vector<MissedMessages::Numbered>{
            {1, std::make_shared<const ChannelMessage>(message)}});
    return confirmed;
  }

  LoopState state_{{}, &router_, &loops_[0], &observer_, loops_[0].now};
  SessionWriter writer_{&state_};
  FakeSocket socket_;
  ClientState client_{nullptr, &socket_, &dialect_, 12, {}};
};

TEST_F(ASessionWriter, AppendsUntilItIsFlushed) {
  writer_.Send(&client_, PongMessage());
  writer_.SendFrame(&client_, FrameOf("1"));
  EXPECT_EQ(socket_.writes, 0);
  EXPECT_TRUE(loops_[0].flush);
  writer_.Flush();
  EXPECT_EQ(socket_.writes, 1);
  EXPECT_THAT(socket_.Take(),
              ElementsAre(R"({"type":"pong"})", Event("news", "1")));
}

TEST_F(ASessionWriter, AppendsTheRestOfAFrameThatHasBegun) {
  const Frame frame = FrameOf("1");
  socket_.room = 3;
  const size_t written = socket_.WriteNow(frame.bytes());
  writer_.SendFrame(&client_, frame, written);
  writer_.Flush();
  EXPECT_THAT(socket_.Take(), ElementsAre(Event("news", "1")));
}

TEST_F(ASessionWriter, SendsNothingBehindAFrameThatDidNotFit) {
  socket_.full = true;
  writer_.SendFrame(&client_, FrameOf("1"));
  socket_.full = false;
  writer_.SendFrame(&client_, FrameOf("2"));
  writer_.Flush();
  EXPECT_THAT(socket_.Take(), IsEmpty());
  EXPECT_TRUE(client_.closing);
  EXPECT_THAT(writer_.TakeOverflowed(), ElementsAre(12u));
  EXPECT_THAT(writer_.TakeOverflowed(), IsEmpty());
}

TEST_F(ASessionWriter, SendsNothingToOneThatCloses) {
  client_.closing = true;
  writer_.Send(&client_, PongMessage());
  EXPECT_FALSE(loops_[0].flush);
}

TEST_F(ASessionWriter, DropsWhispersThatExceedTheBound) {
  auto origin = std::make_shared<WhisperOrigin>();
  socket_.whisper_full = true;
  writer_.SendFrame(&client_, FrameOf("1", origin));
  EXPECT_TRUE(origin->is_reported);
  EXPECT_EQ(observer_.whispers_dropped, 1);
  EXPECT_FALSE(loops_[0].flush);
  writer_.SendFrame(&client_, FrameOf("2"));
  writer_.Flush();
  EXPECT_THAT(socket_.Take(), ElementsAre(Event("news", "2")));
}

TEST_F(ASessionWriter, AnswersWithTheMissedMessages) {
  writer_.SendAnswer(&client_, Recovering());
  writer_.Flush();
  EXPECT_THAT(socket_.Take(), ElementsAre(HasSubstr(R"("recovered":true)"),
                                          Event("news", "1")));
  EXPECT_EQ(observer_.recovered, 1);
  EXPECT_EQ(observer_.lost, 0);
}

TEST_F(ASessionWriter, AnswersWithoutMissedMessagesThatDoNotFit) {
  socket_.roomless = true;
  writer_.SendAnswer(&client_, Recovering());
  writer_.Flush();
  EXPECT_THAT(socket_.Take(), ElementsAre(HasSubstr(R"("recovered":false)")));
  EXPECT_FALSE(client_.closing);
  EXPECT_EQ(observer_.recovered, 0);
  EXPECT_EQ(observer_.lost, 1);
}

TEST_F(ASessionWriter, DoesNotTouchTheSocketOfAnAnswerThatComesTooLate) {
  client_.closing = true;
  client_.write_entry.socket = nullptr;
  writer_.SendAnswer(&client_, Recovering());
  EXPECT_EQ(observer_.recovered + observer_.lost, 0) << "it reaches no client";
  EXPECT_FALSE(loops_[0].flush);
}

TEST_F(ASessionWriter, DoesNotTouchASocketThatIsGone) {
  writer_.Send(&client_, PongMessage());
  writer_.Remove(&client_);
  writer_.Flush();
  EXPECT_EQ(socket_.writes, 0);
}

}  // namespace
}  // namespace herald::gateway
