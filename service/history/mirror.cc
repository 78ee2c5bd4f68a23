// SPDX-License-Identifier: Apache-2.0

#include "service/history/mirror.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "proto/contract/require.h"
#include "service/history/history.h"

namespace herald::core {

using contract::Require;
using contract::SequenceTracker;
using Order = contract::SequenceTracker::Order;

namespace {

size_t BytesOf(const Publication* publication) {
  return publication == nullptr ? 0 : publication->data.size();
}

}  // namespace

// --- Publications ------------------------------------------------------------

Mirror::Events Mirror::OnPublication(absl::string_view epoch, Entry entry) {
  return OnPush({std::string(epoch), std::move(entry)});
}

Mirror::Events Mirror::OnHistory(absl::string_view epoch,
                                 const Position& previous) {
  return OnPush({std::string(epoch), Entry(), previous});
}

Mirror::Events Mirror::OnPush(Push push) {
  Events events;
  // If a question is open or due, earlier pushes may be held. This one must not
  // pass them, even if it is the next one.
  if (offsets_.IsAsking() || wants_history_) {
    Hold(std::move(push));
  } else {
    Apply(std::move(push), events);
  }
  return events;
}

bool Mirror::IsForeign(const Push& push) const {
  // Whispers are never numbered and pass in any epoch.
  const Publication* const publication = push.entry.publication.get();
  if (publication != nullptr && publication->whisper) return false;
  return push.epoch != epoch_;
}

void Mirror::Apply(Push push, Events& events) {
  // Asks and does not adopt the push's epoch: if an answer has overtaken the
  // push, that epoch may be over, and the mirror would go back. Answers do not
  // overtake each other, so only they move it to an epoch.
  if (IsForeign(push)) {
    wants_history_ = true;
    return Hold(std::move(push));
  }
  if (push.entry.publication == nullptr) return;  // An answer has shown it.
  const int64_t offset = push.entry.publication->offset;
  if (offset == 0) {
    events.emplace_back(std::move(push.entry.publication));
    return;
  }
  switch (offsets_.OrderOf(offset)) {
    case Order::kRepeat:
      return;
    case Order::kNext:
      return Take(push.entry, events);
    case Order::kBehindGap:
      offsets_.Skip(offset);
      wants_history_ = true;
      return Hold(std::move(push));
  }
}

// A numbered publication that is not held costs a question only, because an
// answer repeats it. One without a number is gone, and so may be one of another
// epoch: TakeDropped() decides when the answer shows which epoch is current.
void Mirror::Hold(Push push) {
  const size_t bytes = BytesOf(push.entry.publication.get());
  if (held_.size() < kHeldMax && held_bytes_ + bytes <= kHeldBytesMax) {
    held_bytes_ += bytes;
    held_.push_back(std::move(push));
  } else {
    overflowed_ = true;
    if (push.IsUnnumbered()) {
      lost_unnumbered_ = true;
    } else if (push.entry.publication != nullptr && IsForeign(push)) {
      dropped_epochs_.insert(std::move(push.epoch));
    }
  }
}

void Mirror::Take(const Entry& entry, Events& events) {
  offsets_.Advance();
  ring_.push_back({entry.publication->LinkChunk(), entry.time});
  if (static_cast<int64_t>(ring_.size()) > limits_.size) ring_.pop_front();
  events.emplace_back(entry.publication);
}

// A new epoch alone is no loss: a rule or an eviction ends a history that may
// have been delivered in full. So the mirror's position is compared with the
// end of the epoch before, `previous`. An answer that is ahead of the pushes
// carries it, and so does a push that is held. It is empty if the log is not
// certain, as after a failover; then it matches no position, which is a loss.
bool Mirror::IsLossBefore(const LogAnswer& answer) const {
  if (epoch_.empty()) return false;  // Without a history none is promised.
  const Position here{epoch_, offsets_.last()};
  if (answer.previous == here) return false;
  return std::none_of(held_.begin(), held_.end(), [&](const Push& push) {
    return push.epoch == answer.position.epoch && push.previous == here;
  });
}

// Decides about the loss before Adopt(), which overwrites the position that
// IsLossBefore() compares. HistoryBegan comes before the epoch's publications,
// because it voids all positions that the listener knows.
void Mirror::TakeHistory(const LogAnswer& answer, Events& events) {
  const Position& position = answer.position;
  if (position.epoch.empty()) {
    if (epoch_.empty()) return;
    const bool lost = IsLossBefore(answer);
    events.emplace_back(HistoryEnded{lost});
    return Adopt("", 0, lost);
  }
  if (position.epoch != epoch_ || answer.since > offsets_.last()) {
    // The mirror's publications are void: of another epoch, or the log no
    // longer has the ones that follow them.
    if (epoch_.empty()) TakeUnnumbered(events);
    const bool lost = answer.since > 0 || IsLossBefore(answer);
    Adopt(position.epoch, answer.since, lost || !is_open_);
    if (is_open_) {
      events.emplace_back(HistoryBegan{{epoch_, answer.since}, lost});
    }
  }
  for (const Entry& entry : answer.entries) {
    if (offsets_.OrderOf(entry.publication->offset) == Order::kNext) {
      Take(entry, events);
    }
  }
  if (!is_open_) {
    // Listeners of a channel that opens begin at its position. They read older
    // publications with Since().
    events.clear();
    events.emplace_back(HistoryBegan{position});
  }
}

// Delivers the held publications from before the first history. They are in no
// answer, and ReplayPushes() would find them foreign and report them as lost.
void Mirror::TakeUnnumbered(Events& events) {
  while (!held_.empty() && held_.front().epoch.empty() &&
         held_.front().entry.publication != nullptr) {
    held_bytes_ -= BytesOf(held_.front().entry.publication.get());
    events.emplace_back(std::move(held_.front().entry.publication));
    held_.pop_front();
    if (held_before_question_ > 0) --held_before_question_;
  }
}

void Mirror::Adopt(const std::string& epoch, int64_t offset, bool lost) {
  left_ = {epoch_, offsets_.last()};
  loss_reported_ = lost && !epoch.empty();
  epoch_ = epoch;
  ring_.clear();
  offsets_ = SequenceTracker(offset);
}

bool Mirror::IsNewLoss(const Push& push) const {
  if (loss_reported_ || push.entry.publication == nullptr) return false;
  const bool is_repeat = !push.epoch.empty() && push.epoch == left_.epoch &&
                         push.entry.publication->offset <= left_.offset;
  return !is_repeat;
}

// Dropped pushes of the adopted epoch are no loss: the mirror asks for them
// again.
bool Mirror::TakeDropped() {
  const bool unnumbered = std::exchange(lost_unnumbered_, false);
  std::set<std::string> epochs = std::exchange(dropped_epochs_, {});
  epochs.erase(epoch_);
  return unnumbered || (!loss_reported_ && !epochs.empty());
}

// A foreign push from before the question is older than the answer, which shows
// another epoch: it is void. One that arrived later may be newer, so it is held
// again, with all behind it, and the next question decides. Several losses are
// reported once, and last, so that the report carries the final position.
void Mirror::ReplayPushes(Events& events) {
  size_t older = std::exchange(held_before_question_, 0);
  held_bytes_ = 0;
  bool lost = TakeDropped();
  for (Push& push : std::exchange(held_, {})) {
    const bool is_older = older > 0;
    if (is_older) --older;
    if (is_older && IsForeign(push)) {
      lost |= IsNewLoss(push);
      continue;
    }
    if (wants_history_) {
      Hold(std::move(push));
    } else {
      Apply(std::move(push), events);
    }
  }
  offsets_.EndAnswer();
  const bool overflowed = std::exchange(overflowed_, false);
  wants_history_ |= overflowed || offsets_.HasGap();
  if (!lost) return;
  loss_reported_ = !epoch_.empty();
  if (epoch_.empty()) {
    events.emplace_back(HistoryEnded{true});
  } else {
    events.emplace_back(HistoryBegan{{epoch_, offsets_.last()}, true});
  }
}

// --- Members -----------------------------------------------------------------

Mirror::Events Mirror::OnMember(MemberChange change) {
  Events events;
  if (versions_.IsAsking() || wants_roster_) {
    HoldChange(std::move(change));
  } else {
    ApplyChange(std::move(change), events);
  }
  return events;
}

void Mirror::ApplyChange(MemberChange change, Events& events) {
  switch (versions_.OrderOf(change.version)) {
    case Order::kRepeat:
      return;
    case Order::kBehindGap:
      versions_.Skip(change.version);
      wants_roster_ = true;
      return HoldChange(std::move(change));
    case Order::kNext:
      break;
  }
  versions_.Advance();
  const std::string& user_id = change.member.user_id();
  if (!change.added) {
    if (roster_.erase(user_id) > 0) {
      events.emplace_back(MemberRemoved{user_id});
    }
  } else if (roster_.try_emplace(user_id, change.member.user_info()).second) {
    events.emplace_back(MemberAdded{std::move(change.member)});
  }
}

void Mirror::HoldChange(MemberChange change) {
  const size_t bytes = change.member.ByteSizeLong();
  if (held_changes_.size() < kHeldMax &&
      held_changes_bytes_ + bytes <= kHeldBytesMax) {
    held_changes_bytes_ += bytes;
    held_changes_.push_back(std::move(change));
  } else {
    changes_overflowed_ = true;
  }
}

// A user whose user_info has changed was away in between, because user_info is
// fixed from a user's first subscription to its last one. So it is removed and
// added. Removals come first: listeners would drop the added user otherwise.
void Mirror::TakeRoster(VersionedRoster roster, Events& events) {
  absl::btree_map<std::string, std::string> before =
      std::exchange(roster_, absl::btree_map<std::string, std::string>());
  std::vector<v1::Member> added;
  for (v1::Member& member : roster.members) {
    roster_.emplace(member.user_id(), member.user_info());
    const auto known = before.find(member.user_id());
    if (known != before.end() && known->second == member.user_info()) {
      before.erase(known);
    } else {
      added.push_back(std::move(member));
    }
  }
  versions_ = SequenceTracker(roster.version);
  if (!is_open_) return;
  if (before.size() + added.size() > kRosterChangesMax) {
    events.emplace_back(RosterReplaced{position().value_or(Position())});
    return;
  }
  for (auto& [user_id, user_info] : before) {
    events.emplace_back(MemberRemoved{user_id});
  }
  for (v1::Member& member : added) {
    events.emplace_back(MemberAdded{std::move(member)});
  }
}

void Mirror::ReplayChanges(Events& events) {
  held_changes_bytes_ = 0;
  for (MemberChange& change : std::exchange(held_changes_, {})) {
    if (wants_roster_) {
      HoldChange(std::move(change));
    } else {
      ApplyChange(std::move(change), events);
    }
  }
  versions_.EndAnswer();
  const bool overflowed = std::exchange(changes_overflowed_, false);
  wants_roster_ |= overflowed || versions_.HasGap();
}

// --- Questions ---------------------------------------------------------------

std::optional<Mirror::LogQuestion> Mirror::Ask() {
  if (is_asking()) return std::nullopt;
  if (!wants_history_ && !wants_roster_) return std::nullopt;
  LogQuestion question;
  if (std::exchange(wants_history_, false)) {
    offsets_.Ask(offsets_.last());
    held_before_question_ = held_.size();
    question.since = {epoch_, offsets_.last()};
  }
  question.roster = std::exchange(wants_roster_, false);
  if (question.roster) versions_.Ask(versions_.last());
  return question;
}

// Members first: when the listener receives HistoryBegan, it may read the
// roster. An answer is taken as a whole before held pushes are replayed,
// because they are compared with it.
Mirror::Events Mirror::OnAnswer(LogAnswer answer) {
  const bool has_history = offsets_.IsAsking();
  const bool has_roster = versions_.IsAsking();
  Require(has_history || has_roster);
  Require(has_roster == answer.roster.has_value());
  Events members;
  Events events;
  if (has_roster) TakeRoster(*std::move(answer.roster), members);
  if (has_history) TakeHistory(answer, events);
  const bool opens = !std::exchange(is_open_, true);
  if (has_roster) {
    const bool is_replaced =
        !members.empty() &&
        std::holds_alternative<RosterReplaced>(members.front());
    ReplayChanges(members);
    // The roster has these changes already.
    if (is_replaced) members.resize(1);
  }
  if (has_history) ReplayPushes(events);
  // Only now: the replay above must not report pushes from before the opening.
  if (opens && epoch_.empty()) loss_reported_ = false;
  members.insert(members.end(), std::make_move_iterator(events.begin()),
                 std::make_move_iterator(events.end()));
  return members;
}

void Mirror::OnDisconnect() {
  offsets_.Abandon();
  versions_.Abandon();
  held_.clear();
  held_changes_.clear();
  held_before_question_ = 0;
  held_bytes_ = held_changes_bytes_ = 0;
  overflowed_ = changes_overflowed_ = lost_unnumbered_ = false;
  dropped_epochs_.clear();
  // An open mirror waits for Compare(): otherwise each reconnect would read all
  // open channels again.
  wants_history_ = wants_roster_ = !is_open_;
}

void Mirror::Compare(const Position& position, int64_t version) {
  wants_history_ |=
      position.epoch != epoch_ || position.offset > offsets_.last();
  wants_roster_ |= version != versions_.last();
}

// --- The channel as it was delivered -----------------------------------------

std::optional<Position> Mirror::position() const {
  if (epoch_.empty()) return std::nullopt;
  return Position{epoch_, offsets_.last()};
}

Missed Mirror::Since(const std::optional<Position>& since, size_t count_max,
                     absl::Time now) {
  if (epoch_.empty()) return {};
  while (!ring_.empty() && ring_.front().time + limits_.ttl <= now) {
    ring_.pop_front();
  }
  return MissedOf({epoch_, offsets_.last()}, ring_, since, count_max);
}

std::vector<v1::PresentMember> Mirror::Members() const {
  std::vector<v1::PresentMember> members;
  members.reserve(roster_.size());
  for (const auto& [user_id, user_info] : roster_) {
    v1::PresentMember& member = members.emplace_back();
    member.set_user_id(user_id);
    member.set_user_info(user_info);
  }
  return members;
}

void Mirror::SetLimits(const HistoryLimits& limits) {
  limits_ = limits;
  while (static_cast<int64_t>(ring_.size()) > limits_.size) ring_.pop_front();
}

}  // namespace herald::core
