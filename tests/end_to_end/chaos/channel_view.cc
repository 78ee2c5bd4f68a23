// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/channel_view.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/end_to_end/chaos/failure.h"

namespace herald::chaos {
namespace {

using FrameKind = Frame::Kind;

constexpr size_t kRecentMax = 12;

// So many events surely fit into a gateway's queue for one socket.
constexpr int64_t kFittingMax = 2'000;

// A frame in a few words.
std::string Brief(const Frame& frame) {
  switch (frame.kind) {
    case FrameKind::kSubscribed:
      return absl::StrCat(
          "subscribed",
          frame.has_offset
              ? absl::StrCat(" at ",
                             ToString(Position{frame.epoch, frame.offset}))
              : "",
          frame.recovered.has_value()
              ? (*frame.recovered ? " recovered" : " NOT recovered")
              : "");
    case FrameKind::kSubscriptionError:
      return absl::StrCat("error ", frame.code, " (", frame.text, ")");
    case FrameKind::kUnsubscribed:
      return absl::StrCat("unsubscribed ", frame.text);
    case FrameKind::kEvent:
      return absl::StrCat(
          frame.is_whisper ? "whisper " : "event ",
          frame.has_offset ? absl::StrCat("#", frame.offset, " ") : "",
          frame.data.substr(0, 20));
    case FrameKind::kMemberAdded:
      return absl::StrCat("added ", frame.users.at(0));
    case FrameKind::kMemberRemoved:
      return absl::StrCat("removed ", frame.users.at(0));
    default:
      return "a frame without a channel";
  }
}

}  // namespace

ChannelView::ChannelView(std::string name, const Channel* channel,
                         Ledger* ledger, OrderBook* order)
    : channel_(*channel), ledger_(ledger), order_(order) {
  listener_.name = std::move(name);
  listener_.channel = channel->name;
}

void ChannelView::FailWith(const std::string& what) const {
  throw Failure(
      listener_.name, channel_.name,
      absl::StrCat(listener_.name, " on ", channel_.name, ", ",
                   position_.has_value()
                       ? absl::StrCat("at ", ToString(*position_))
                       : "nowhere",
                   ": ", what, "\n  its frames before, the latest last: ",
                   absl::StrJoin(recent_, "; ")));
}

void ChannelView::Connected(std::string socket_id) {
  lags_ = false;
  listener_.socket_id = std::move(socket_id);
}

void ChannelView::Disconnected() {
  asked_.clear();
  End();
  Note("(connection lost)");
}

void ChannelView::Asked(Recover recover) {
  asked_.push_back({false, std::move(recover)});
}

void ChannelView::AskedToLeave() { asked_.push_back({true, {}}); }

std::optional<Position> ChannelView::position() const {
  if (latest_due_) return std::nullopt;
  return position_;
}

void ChannelView::Receive(const Frame& frame) {
  switch (frame.kind) {
    case FrameKind::kSubscribed:
      OnSubscribed(frame);
      break;
    case FrameKind::kSubscriptionError:
      OnError(frame);
      break;
    case FrameKind::kUnsubscribed:
      OnUnsubscribed(frame);
      break;
    case FrameKind::kEvent:
      OnEvent(frame);
      break;
    case FrameKind::kMemberAdded:
    case FrameKind::kMemberRemoved:
      OnMember(frame);
      break;
    default:
      FailWith("received a frame without a channel");
  }
  Note(Brief(frame));
}

void ChannelView::Note(std::string what) {
  recent_.push_back(std::move(what));
  if (recent_.size() > kRecentMax) recent_.pop_front();
}

// --- Answers -----------------------------------------------------------------

void ChannelView::OnSubscribed(const Frame& frame) {
  if (!channel_.rules_change && frame.has_offset != channel_.keeps_history()) {
    FailWith(absl::StrCat(Brief(frame), ", and the channel keeps ",
                          channel_.keeps_history() ? "a" : "no", " history"));
  }
  if (active_) return OnAgain(frame);
  if (asked_.empty() || asked_.front().is_leave) {
    FailWith("is `subscribed` and has not asked");
  }
  const Recover recover = std::move(asked_.front().recover);
  asked_.pop_front();
  OnAnswer(recover, frame);
  Begin(frame);
}

void ChannelView::OnAnswer(const Recover& recover, const Frame& frame) {
  const bool asked = recover.kind != Recover::Kind::kNothing;
  if (!frame.has_offset) {
    if (frame.recovered.value_or(false)) {
      FailWith("has recovered what has no history");
    }
    losses_ += position_.has_value();
    position_.reset();
    return;
  }
  if (asked != frame.recovered.has_value()) {
    FailWith(absl::StrCat(Brief(frame), ", and ", asked ? "did" : "did not",
                          " ask to recover"));
  }
  const Position place = PlaceOf(frame);
  const bool is_recovered = frame.recovered.value_or(false);
  switch (recover.kind) {
    case Recover::Kind::kNothing:
      break;
    case Recover::Kind::kSince:
      if (!is_recovered) {
        CheckLoss(recover.position, frame);
        ++losses_;
        break;
      }
      if (place.epoch != recover.position.epoch ||
          place.offset < recover.position.offset) {
        FailWith(absl::StrCat("has recovered at ", ToString(place),
                              " the events since ",
                              ToString(recover.position)));
      }
      ++recoveries_;
      position_ = recover.position;
      return;
    case Recover::Kind::kLatest:
      if (is_recovered != (place.offset > 0)) {
        FailWith(absl::StrCat("asked for the latest event, and is at ",
                              ToString(place), is_recovered ? "" : " without"));
      }
      position_ = place;
      latest_due_ = is_recovered;
      return;
    case Recover::Kind::kImpossible:
      if (is_recovered) {
        FailWith(absl::StrCat("has recovered the events since ",
                              ToString(recover.position)));
      }
      break;
  }
  position_ = place;
}

void ChannelView::OnAgain(const Frame& frame) {
  // The answer to a repeated subscribe names the position that the listener has
  // already, so anything else has come unasked.
  const bool asked = !asked_.empty() && !asked_.front().is_leave;
  const bool is_answer =
      asked && !frame.recovered.has_value() &&
      (!position_.has_value() || frame.epoch == position_->epoch);
  if (is_answer) asked_.pop_front();
  Begin(frame);
  if (channel_.keeps_history()) return OnUnasked(frame);
  if (!is_answer) FailWith("is `subscribed` again and has not asked");
}

// The channel has a new position, or none because its history has ended.
void ChannelView::OnUnasked(const Frame& frame) {
  const Position place = PlaceOf(frame);
  const Position before = position_.value_or(Position{});
  const bool latest_was_due = std::exchange(latest_due_, false);
  position_.reset();
  if (frame.has_offset) position_ = place;
  if (frame.recovered.value_or(false)) {
    FailWith("has recovered what it did not ask for");
  }
  if (frame.recovered.has_value()) {
    if (!latest_was_due && !channel_.drops_to_latest) CheckLoss(before, frame);
    ++losses_;
    return;
  }
  if (latest_was_due) {
    latest_due_ = place == before;
  } else if (place.epoch != before.epoch) {
    ledger_->MoveOn(listener_, before, place);
  } else if (place.offset > before.offset) {
    ledger_->Miss(listener_, place.epoch, before.offset + 1, place.offset);
  }
}

// The place that `subscribed` names.
Position ChannelView::PlaceOf(const Frame& frame) const {
  Position place{frame.epoch, frame.offset};
  if (place.offset < 0 ||
      (position_.has_value() && place.epoch == position_->epoch &&
       place.offset < position_->offset)) {
    FailWith(absl::StrCat("is sent back to ", ToString(place)));
  }
  return place;
}

// `recovered: false` is right if the history is another one, or does not reach
// back to the event behind `from`.
void ChannelView::CheckLoss(const Position& from, const Frame& frame) {
  if (frame.epoch != from.epoch || lags_ || channel_.rules_change) return;
  const int64_t missed = frame.offset - from.offset;
  if (missed > std::min(channel_.history_size, kFittingMax)) return;
  FailWith(absl::StrCat("has not recovered the ", missed, " events since ",
                        ToString(from), ", and the last ",
                        channel_.history_size, " are remembered"));
}

void ChannelView::Begin(const Frame& frame) {
  active_ = true;
  members_.clear();
  if (!channel_.is_presence) return;
  for (const std::string& user : frame.users) {
    if (!members_.insert(user).second) {
      FailWith(absl::StrCat("received the member ", user, " twice"));
    }
  }
}

void ChannelView::End() {
  active_ = false;
  members_.clear();
  if (latest_due_) position_.reset();
  latest_due_ = false;
  received_.clear();
  greatest_.clear();
  order_->Add(channel_.name, std::exchange(in_order_, {}));
}

void ChannelView::OnError(const Frame& frame) {
  if (asked_.empty() || asked_.front().is_leave || active_) {
    FailWith(absl::StrCat("was refused without having asked: ", Brief(frame)));
  }
  if (frame.code != "unavailable") {
    FailWith(absl::StrCat("was refused: ", Brief(frame)));
  }
  asked_.pop_front();
}

void ChannelView::OnUnsubscribed(const Frame& frame) {
  if (!frame.text.empty()) {
    FailWith(absl::StrCat("was unsubscribed: ", frame.text));
  }
  // It answers the subscribes before it, too.
  const auto leave = std::find_if(asked_.begin(), asked_.end(),
                                  [](const Ask& ask) { return ask.is_leave; });
  if (leave == asked_.end()) FailWith("was unsubscribed and has not asked");
  asked_.erase(asked_.begin(), leave + 1);
  End();
}

// --- Events ------------------------------------------------------------------

void ChannelView::OnEvent(const Frame& frame) {
  if (!active_) FailWith(absl::StrCat("is not subscribed: ", Brief(frame)));
  const MessageId id = ParseData(frame.data);
  if (frame.is_whisper) {
    if (frame.has_offset) FailWith("received a whisper that has an offset");
    ledger_->Receive(listener_, id, std::nullopt);
    if (!received_.insert(id).second) ledger_->ReceiveAgain(listener_, id);
    return;
  }
  if (frame.has_offset != HasHistoryNow()) {
    FailWith(absl::StrCat(frame.has_offset ? "an" : "no",
                          " offset: ", Brief(frame)));
  }
  latest_ = id;
  if (frame.has_offset) return OnPlacedEvent(frame, id);
  OnPlainEvent(id);
}

bool ChannelView::HasHistoryNow() const {
  return channel_.rules_change ? position_.has_value()
                               : channel_.keeps_history();
}

void ChannelView::OnPlacedEvent(const Frame& frame, MessageId id) {
  const int64_t expected = position_->offset + (latest_due_ ? 0 : 1);
  if (frame.offset < expected) {
    FailWith(absl::StrCat("received ", Brief(frame), " and is beyond that"));
  }
  if (frame.offset > expected && !latest_due_) {
    ledger_->Miss(listener_, position_->epoch, expected, frame.offset - 1);
  }
  latest_due_ = false;
  position_->offset = frame.offset;
  ledger_->Receive(listener_, id, *position_);
}

void ChannelView::OnPlainEvent(MessageId id) {
  ledger_->Receive(listener_, id, std::nullopt);
  if (!received_.insert(id).second) {
    return ledger_->ReceiveAgain(listener_, id);
  }
  in_order_.push_back(id);
  int64_t& greatest = greatest_[id.publisher];
  if (id.number < greatest) ledger_->ReceiveLate(listener_, id);
  greatest = std::max(greatest, id.number);
}

void ChannelView::OnMember(const Frame& frame) {
  const std::string& user = frame.users.at(0);
  if (!active_ || !channel_.is_presence) {
    FailWith(absl::StrCat("is no member: ", Brief(frame)));
  }
  const bool is_new = frame.kind == FrameKind::kMemberAdded
                          ? members_.insert(user).second
                          : members_.erase(user) > 0;
  if (!is_new) {
    FailWith(absl::StrCat("knows that already: ", Brief(frame),
                          "; its members are ", absl::StrJoin(members_, ", ")));
  }
}

}  // namespace herald::chaos
