// SPDX-License-Identifier: Apache-2.0
//
// The mirror of one open channel in a node whose log is elsewhere: its
// position, the end of its history and its roster, as the log delivered them.
// It decides about each delivery whether it is the next one, a repeat, behind a
// gap or of another epoch, and asks the log for what is missing.
//
// The log *pushes* publications, beginnings and ends of a history, and member
// changes, in the order in which they happened. A lost connection loses some of
// the last pushes. The log *answers* questions on another path, so answers may
// overtake pushes, and pushes answers. Answers do not overtake each other, and
// each shows the channel as it was when the question arrived.
//
// A push that does not follow the mirror's position is held, with all later
// ones, until the log has answered. An epoch is adopted from an answer only: a
// push may be older than the last answer. One question is open at a time.
//
// Threads: none of its own. Pure: the engine calls it with the channel's shard
// locked and passes the events on to its EngineListener, under the same lock.
//
// Bounds: kHeldMax pushes are held, with at most kHeldBytesMax. The mirror asks
// for later ones again.
//
// A publication without a number is in no answer. If an answer of a later epoch
// overtakes it, it is delivered before that epoch if it is held already. If it
// arrives later, it is reported as lost: its place in the order has passed.
//
// Invariant: ring_ holds the publications that end at position(), gapless.

#ifndef HERALD_SERVICE_HISTORY_MIRROR_H_
#define HERALD_SERVICE_HISTORY_MIRROR_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "herald/v1/broadcast_service.pb.h"
#include "proto/contract/sequence_tracker.h"
#include "service/channel/position.h"
#include "service/channel/publication.h"

namespace herald::core {

// The members of a channel. Not nested in Mirror: for Clang, a nested struct
// with initializers is not default-constructible until its class is complete,
// so that std::optional<>::emplace() does not compile.
struct VersionedRoster {
  int64_t version = 0;              // See Mirror::MemberChange.
  std::vector<v1::Member> members;  // Each user once.
};

class Mirror {
 public:
  static constexpr size_t kHeldMax = 10'000;
  static constexpr size_t kHeldBytesMax = 8 << 20;
  static constexpr size_t kRosterChangesMax = 100;

  // A publication, and when the log took it (by the clock of Since()).
  struct Entry {
    PublicationPtr publication;
    absl::Time time;
  };

  // A user has joined or left. Versions count the changes of a channel.
  struct MemberChange {
    int64_t version = 0;
    bool added = false;
    v1::Member member;  // Without user_info if it has left.
  };

  // A question to the log.
  struct LogQuestion {
    // Asks for the publications that follow, or for all stored ones if some of
    // these are gone. Without an epoch: for all. Empty: for none.
    std::optional<Position> since;
    bool roster = false;  // Asks for the members.
  };
  struct LogAnswer {
    Position position;           // Of the log; no epoch: it has no history.
    Position previous = {};      // See OnHistory(); of the position's epoch.
    int64_t since = 0;           // The offset before the first entry.
    std::vector<Entry> entries;  // From `since` + 1 to the position's offset.
    std::optional<VersionedRoster> roster;
  };

  // Notifications for the listener, in this order. A HistoryBegan at the
  // current position, or a HistoryEnded without a history, only reports a loss.
  struct HistoryBegan {
    Position position;
    bool lost = false;  // Publications before it may not have been delivered.
  };
  struct HistoryEnded {
    bool lost = false;  // The same.
  };
  struct MemberAdded {
    v1::Member member;
  };
  struct MemberRemoved {
    std::string user_id;
  };
  // Instead of more than kRosterChangesMax of both.
  struct RosterReplaced {
    Position position;  // Where the listener is in the history.
  };
  using Event = std::variant<PublicationPtr, HistoryBegan, HistoryEnded,
                             MemberAdded, MemberRemoved, RosterReplaced>;
  using Events = absl::InlinedVector<Event, 1>;

  // A channel that is not open yet: its first question asks for everything.
  explicit Mirror(const HistoryLimits& limits) : limits_(limits) {}

  // --- Pushes

  // `epoch` is empty for a publication that is not numbered.
  Events OnPublication(absl::string_view epoch, Entry entry);
  // The history of `epoch` has begun, or the history has ended if `epoch` is
  // empty. `previous` is the last position of the history before it: nothing is
  // lost if that was delivered. It is empty if the log cannot be certain.
  Events OnHistory(absl::string_view epoch, const Position& previous);
  Events OnMember(MemberChange change);

  // --- Questions

  // The question to send now, if there is one and none is open.
  std::optional<LogQuestion> Ask();
  // The open question was answered. The first answer opens the channel: its
  // publications are not delivered.
  // REQUIRES: a question is open; there is a roster if it asked for one.
  Events OnAnswer(LogAnswer answer);
  // The connection is lost, and with it the open question and perhaps pushes.
  // Held pushes are dropped, too: lost publications without a number may stay
  // unreported. Call Compare() with the state that the next connection shows.
  void OnDisconnect();

  // Asks for the publications if the log is ahead or in another epoch, and for
  // the members if their version is another one.
  void Compare(const Position& position, int64_t version);
  // Asks for both in any case: for new limits, or if the log may have changed
  // without a push.
  void Refresh() { wants_history_ = wants_roster_ = true; }

  // --- The channel as it was delivered. All answer at once.

  // Whether the first answer was taken.
  bool is_open() const { return is_open_; }
  // Whether a question is open, so that pushes may be held.
  bool is_asking() const { return offsets_.IsAsking() || versions_.IsAsking(); }
  // Empty: it has no history.
  std::optional<Position> position() const;
  // See ChannelLog::Since().
  Missed Since(const std::optional<Position>& since, size_t count_max,
               absl::Time now);
  // In the order of user ids, without their sockets.
  std::vector<v1::PresentMember> Members() const;
  int64_t member_count() const { return static_cast<int64_t>(roster_.size()); }
  int64_t version() const { return versions_.last(); }

  // Sets how much of the history is kept. Dropped publications do not return.
  void SetLimits(const HistoryLimits& limits);

 private:
  // `publication` is nullptr for the beginning or the end of a history.
  struct Push {
    std::string epoch;
    Entry entry;
    Position previous = {};

    // Whether it is a publication that only pushes deliver. A whisper may be
    // lost.
    bool IsUnnumbered() const {
      return entry.publication != nullptr && entry.publication->offset == 0 &&
             !entry.publication->whisper;
    }
  };
  struct Kept {
    Chunk chunk;
    absl::Time time;
  };

  Events OnPush(Push push);
  void Apply(Push push, Events& events);
  // Whether the push is of another epoch than the mirror's.
  bool IsForeign(const Push& push) const;
  void Hold(Push push);
  void Take(const Entry& entry, Events& events);
  // Whether the log may have published something between this position and the
  // beginning of the answer's epoch.
  bool IsLossBefore(const LogAnswer& answer) const;
  void TakeHistory(const LogAnswer& answer, Events& events);
  void TakeUnnumbered(Events& events);
  // Moves to an epoch. `lost`: the listener is notified of a loss.
  void Adopt(const std::string& epoch, int64_t offset, bool lost);
  // Whether the loss of a push that is void was never reported.
  bool IsNewLoss(const Push& push) const;
  // The same for the pushes that could not be held. Forgets them.
  bool TakeDropped();
  void ReplayPushes(Events& events);

  void ApplyChange(MemberChange change, Events& events);
  void HoldChange(MemberChange change);
  void TakeRoster(VersionedRoster roster, Events& events);
  void ReplayChanges(Events& events);

  HistoryLimits limits_;
  bool is_open_ = false;

  std::string epoch_;                  // Empty: no history.
  contract::SequenceTracker offsets_;  // Of publications.
  std::deque<Kept> ring_;
  std::deque<Push> held_;
  size_t held_bytes_ = 0;
  size_t held_before_question_ = 0;       // The first of them: held when asked.
  bool overflowed_ = false;               // Later pushes could not be held.
  bool lost_unnumbered_ = false;          // One of those had no number.
  std::set<std::string> dropped_epochs_;  // Foreign epochs of the others.

  // The last position in the previous epoch, and whether the listener was
  // notified of a loss since, so that late pushes of earlier epochs need no
  // report. Never true without a history: late pushes look like new ones then.
  // Publications from before the channel was open are no loss.
  Position left_;
  bool loss_reported_ = true;

  absl::btree_map<std::string, std::string> roster_;  // User id to user_info.
  contract::SequenceTracker versions_;                // Of member changes.
  std::deque<MemberChange> held_changes_;
  size_t held_changes_bytes_ = 0;
  bool changes_overflowed_ = false;

  // The contents of the next Ask().
  bool wants_history_ = true;
  bool wants_roster_ = true;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_HISTORY_MIRROR_H_
