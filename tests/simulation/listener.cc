// SPDX-License-Identifier: Apache-2.0

#include "tests/simulation/listener.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "simdjson.h"

namespace herald::simulation {
namespace {

std::string Text(simdjson::dom::element object, const char* field) {
  std::string_view text;
  if (object[field].get(text) != simdjson::SUCCESS) return "";
  return std::string(text);
}

int64_t Number(simdjson::dom::element object, const char* field) {
  int64_t number = 0;
  return object[field].get(number) == simdjson::SUCCESS ? number : 0;
}

}  // namespace

void Listener::Connect(std::string socket) { socket_ = std::move(socket); }

void Listener::Disconnect() {
  asks_.clear();
  subscribed_ = is_called_ = owes_ = false;
}

Listener::Ask Listener::MakeAsk(Wish wish) const {
  if (wish == Wish::kSince && epoch_.empty()) wish = Wish::kNothing;
  return {.wish = wish, .epoch = epoch_, .offset = offset_};
}

std::string Listener::Subscribe(Wish wish) {
  const Ask& ask = asks_.emplace_back(MakeAsk(wish));
  std::string recover;
  if (ask.wish == Wish::kLatest) recover = R"(,"recover":{"offset":0})";
  if (ask.wish == Wish::kSince) {
    recover = absl::StrCat(R"(,"recover":{"epoch":")", ask.epoch,
                           R"(","offset":)", ask.offset, "}");
  }
  return absl::StrCat(R"({"type":"subscribe","channel":")", channel_, "\"",
                      recover, "}");
}

std::string Listener::Unsubscribe() {
  asks_.push_back({.leave = true});
  return absl::StrCat(R"({"type":"unsubscribe","channel":")", channel_, "\"}");
}

v1::WatchRequest Listener::Watch(Wish wish) {
  const Ask& ask = asks_.emplace_back(MakeAsk(wish));
  v1::WatchRequest request;
  request.add_channels(channel_);
  if (ask.wish == Wish::kNothing) return request;
  v1::ChannelPosition& since = *request.add_since();
  since.set_channel(channel_);
  if (ask.wish == Wish::kSince) {
    since.set_epoch(ask.epoch);
    since.set_offset(ask.offset);
  }
  return request;
}

void Listener::Receive(absl::string_view text, absl::Time now) {
  simdjson::dom::parser parser;
  simdjson::dom::element object;
  ASSERT_EQ(parser.parse(text.data(), text.size()).get(object),
            simdjson::SUCCESS)
      << text;
  SCOPED_TRACE(text);
  Frame frame{Text(object, "type"), Text(object, "epoch"),
              Number(object, "offset"), std::nullopt, Text(object, "data")};
  bool flag = false;
  if (object["recovered"].get(flag) == simdjson::SUCCESS) {
    frame.recovered = flag;
  }
  On(frame, now);
}

void Listener::Receive(const v1::ServerMessage& message, absl::Time now) {
  if (message.has_connected()) return;
  SCOPED_TRACE(message.ShortDebugString());
  Frame frame;
  if (message.has_subscribed()) {
    const v1::Subscribed& in = message.subscribed();
    frame = {"subscribed", in.epoch(), in.offset(), std::nullopt, ""};
    if (in.has_recovered()) frame.recovered = in.recovered();
  } else {
    ASSERT_TRUE(message.has_event());
    const std::string& data = message.event().data();
    frame = {"event", "", message.event().offset(), std::nullopt,
             data.substr(1, data.size() - 2)};
  }
  On(frame, now);
}

void Listener::On(const Frame& frame, absl::Time now) {
  if (frame.type == "event") return OnEvent(frame);
  if (frame.type == "unsubscribed") return OnUnsubscribed();
  if (frame.type == "subscribed") {
    return subscribed_ ? OnAgain(frame) : OnFirst(frame, now);
  }
  ASSERT_EQ(frame.type, "subscription_error");
  ASSERT_TRUE(!subscribed_ && waits() && !asks_.front().leave);
  asks_.pop_front();
}

// --- Answers -----------------------------------------------------------------

// The first open ask, before the next leave, that wants to recover.
const Listener::Ask* Listener::AskToRecover() const {
  for (const Ask& ask : asks_) {
    if (ask.leave) return nullptr;
    if (ask.wish != Wish::kNothing) return &ask;
  }
  return nullptr;
}

// Whether a `subscribed` without `recovered` may be that of a backend's call,
// while the ask that comes next wants one with it.
bool Listener::MayBeOfCall() const {
  return is_called_ && waits() && asks_.front().wish != Wish::kNothing;
}

// One ask has its answer. A listener that asks to recover is notified, if not
// with the first answer then with another.
void Listener::Answer() {
  owes_ |= asks_.front().wish != Wish::kNothing;
  asks_.pop_front();
  const bool is_last = asks_.empty() || asks_.front().leave;
  ASSERT_FALSE(owes_ && is_last)
      << "it has asked to recover, and is not answered";
}

void Listener::OnFirst(const Frame& frame, absl::Time now) {
  const bool asked = waits() && !asks_.front().leave;
  ASSERT_TRUE(asked || is_called_) << "there was no ask";
  const Ask* const recover = AskToRecover();
  subscribed_ = true;
  if (!frame.recovered.has_value()) {
    Move(frame);
    if (asked && !MayBeOfCall()) Answer();
    return;
  }
  ASSERT_NE(recover, nullptr) << "it did not ask to recover";
  const Ask ask = *recover;
  if (*frame.recovered) {
    ASSERT_NE(frame.epoch, "");
    epoch_ = frame.epoch;
    offset_ = frame.offset - 1;
    if (ask.wish == Wish::kSince) {
      ASSERT_EQ(frame.epoch, ask.epoch);
      ASSERT_GE(frame.offset, ask.offset);
      offset_ = ask.offset;
    }
    ASSERT_GE(offset_, 0) << "nothing was published yet";
    ++recovered_;
  } else {
    CheckNeed(ask, frame, now);
    Move(frame);
    ++lost_;
  }
  for (Ask& one : asks_) {
    if (one.leave) break;
    one.wish = Wish::kNothing;  // It is answered.
    one.is_refused = !*frame.recovered;
  }
  Answer();
}

// `recovered: false` is right only if not all is remembered.
void Listener::CheckNeed(const Ask& ask, const Frame& frame,
                         absl::Time now) const {
  if (memory_.size == 0 || frame.epoch.empty()) return;
  int64_t since = ask.offset;
  if (ask.wish == Wish::kLatest) {
    since = frame.offset - 1;
  } else if (ask.epoch != frame.epoch) {
    return;
  }
  // The events since then may have been too many by the time of the question.
  if (truth_->Last(frame.epoch) - since > memory_.size) return;
  const Entry* const first = truth_->At(frame.epoch, since + 1);
  if (since < 0 || (first != nullptr && first->time + memory_.ttl <= now)) {
    return;
  }
  FAIL() << "all since " << since << " is remembered";
}

void Listener::OnAgain(const Frame& frame) {
  const bool asked = waits() && !asks_.front().leave;
  const bool is_same = frame.epoch == epoch_;
  if (frame.recovered.value_or(false)) {
    // Another answer: nothing is missing between this place and its own.
    ASSERT_TRUE(asked) << "there was no ask";
    ASSERT_FALSE(asks_.front().is_refused) << "that was reported as lost";
    ASSERT_TRUE(is_same);
    ASSERT_GE(frame.offset, offset_);
  } else {
    // It has everything, or is notified that it has not.
    if (!frame.recovered.has_value() && !epoch_.empty()) {
      const int64_t until = is_same ? frame.offset : truth_->Last(epoch_);
      ASSERT_TRUE(truth_->IsNothing(epoch_, offset_, until, socket_))
          << "it has not received all of " << epoch_;
    }
    if (is_same) {
      ASSERT_GE(frame.offset, offset_);
    }
    lost_ += frame.recovered.has_value();
    Move(frame);
  }
  if (frame.recovered.has_value() && asked) {
    asks_.front().wish = Wish::kNothing;
    owes_ = false;
  }
  const bool is_mine = frame.recovered.has_value() || !MayBeOfCall();
  if (asked && is_same && is_mine) Answer();
}

void Listener::OnUnsubscribed() {
  const auto leave = std::find_if(asks_.begin(), asks_.end(),
                                  [](const Ask& ask) { return ask.leave; });
  ASSERT_NE(leave, asks_.end()) << "there was no ask";
  asks_.erase(asks_.begin(), leave + 1);
  subscribed_ = owes_ = false;
}

void Listener::Move(const Frame& frame) {
  epoch_ = frame.epoch;
  offset_ = frame.offset;
}

// --- Events ------------------------------------------------------------------

void Listener::OnEvent(const Frame& frame) {
  ASSERT_TRUE(subscribed_);
  ++received_;
  if (frame.offset == 0) {
    ASSERT_EQ(epoch_, "") << "an event without a number";
    const size_t since = memory_.plain_is_ordered ? plain_ : 0;
    const size_t place = truth_->PlainAfter(channel_, since, frame.data);
    ASSERT_GT(place, 0u) << "not published, or doubled, or late";
    plain_ = place;
    return;
  }
  ASSERT_NE(epoch_, "") << "an event of an unknown epoch";
  ASSERT_GT(frame.offset, offset_) << "doubled, or late";
  ASSERT_TRUE(truth_->IsNothing(epoch_, offset_, frame.offset - 1, socket_))
      << "lost events behind " << offset_;
  offset_ = frame.offset;
  const Entry* const entry = truth_->At(epoch_, offset_);
  ASSERT_NE(entry, nullptr) << "not published";
  ASSERT_EQ(frame.data, entry->data);
  ASSERT_TRUE(entry->except.empty() || entry->except != socket_);
}

void Listener::CheckEnd() const {
  EXPECT_TRUE(subscribed_);
  EXPECT_FALSE(waits()) << "for an answer";
  EXPECT_FALSE(truth_->IsOver(epoch_)) << epoch_ << ", and was not notified";
  EXPECT_TRUE(truth_->IsNothing(epoch_, offset_, truth_->Last(epoch_), socket_))
      << "it is at " << offset_ << " of " << epoch_ << ", which has "
      << truth_->Last(epoch_);
}

}  // namespace herald::simulation
