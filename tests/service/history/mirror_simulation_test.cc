// SPDX-License-Identifier: Apache-2.0
//
// A log that is slow, loses pushes, is cut off and begins new epochs; a mirror
// of it; and a listener that is notified of everything once and in order, or of
// the loss, in every order of pushes, questions and answers.

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "service/channel/encoding.h"
#include "service/history/mirror.h"

namespace herald::core {
namespace {

const absl::Time kLogTime = absl::FromUnixSeconds(1000);

// Checks its notifications.
class Listener {
 public:
  // `ends` has the last offset of each epoch, `eras` its number.
  Listener(const std::map<std::string, int64_t>* ends,
           const std::map<std::string, int>* eras)
      : ends_(ends), eras_(eras) {}

  void operator()(const PublicationPtr& publication) {
    if (publication->offset == 0) {
      EXPECT_EQ(at.epoch, "");
      const int number = std::stoi(publication->data);
      EXPECT_GT(number, last_plain_);
      last_plain_ = number;
      expected_plain.erase(number);
      return;
    }
    EXPECT_EQ(publication->offset, ++at.offset) << "in " << at.epoch;
    delivered_.emplace(at.epoch, at.offset);
    expected_.erase({at.epoch, at.offset});
    ++delivered;
  }
  void operator()(const Mirror::HistoryBegan& began) {
    if (began.position.epoch == at.epoch) {
      EXPECT_TRUE(began.lost);
      EXPECT_GE(began.position.offset, at.offset);
    } else {
      ExpectAllOfEpoch(began.lost);
      EXPECT_TRUE(began.lost || began.position.offset == 0 || !is_open);
      EXPECT_TRUE(epochs_.insert(began.position.epoch).second)
          << began.position.epoch << " begins again";
    }
    at = began.position;
    if (!is_open) opened_ = at;
    if (began.lost) OnLost();
  }
  void operator()(const Mirror::HistoryEnded& ended) {
    EXPECT_TRUE(ended.lost || !at.epoch.empty());
    ExpectAllOfEpoch(ended.lost);
    at = {};
    if (ended.lost) OnLost();
  }
  void operator()(const Mirror::MemberAdded& added) {
    EXPECT_TRUE(members.insert(added.member.user_id()).second);
  }
  void operator()(const Mirror::RosterReplaced& /*replaced*/) {
    ADD_FAILURE() << "there are not so many";
  }
  void operator()(const Mirror::MemberRemoved& removed) {
    EXPECT_EQ(members.erase(removed.user_id), 1u);
  }

  bool is_open = false;  // Until then nothing was promised.
  Position at;
  std::set<std::string> members;
  // A publication without a number must come, unless a loss is reported: has to
  // be, or was in an epoch that is newer.
  void ExpectPlain(int number, int era) {
    if (era >= lost_era_) expected_plain.insert(number);
  }

  // The same for one with a number, if it was not delivered before.
  void ExpectNumbered(const Position& position, int era) {
    if (delivered_.contains({position.epoch, position.offset})) return;
    const bool is_covered =
        era < lost_era_ ||
        (era == lost_era_ && position.offset <= lost_offset_);
    const int opened_era = opened_.epoch.empty() ? 0 : eras_->at(opened_.epoch);
    const bool was_there =
        era < opened_era ||
        (era == opened_era && position.offset <= opened_.offset);
    if (is_covered || was_there) return;
    expected_.emplace(position.epoch, position.offset);
  }
  bool ExpectsMore() const {
    return !expected_plain.empty() || !expected_.empty();
  }
  void ExpectNothing() {
    expected_plain.clear();
    expected_.clear();
  }

  std::set<int> expected_plain;
  int lost = 0;
  int delivered = 0;

 private:
  void OnLost() {
    ++lost;
    ExpectNothing();
    if (at.epoch.empty()) return;
    lost_era_ = eras_->at(at.epoch);
    lost_offset_ = at.offset;
  }
  void ExpectAllOfEpoch(bool lost_some) const {
    if (lost_some || at.epoch.empty()) return;
    EXPECT_EQ(at.offset, ends_->at(at.epoch)) << "of " << at.epoch;
  }

  const std::map<std::string, int64_t>* const ends_;
  const std::map<std::string, int>* const eras_;
  int lost_era_ = 0;
  int64_t lost_offset_ = 0;
  Position opened_;
  std::set<std::pair<std::string, int64_t>> delivered_;
  std::set<std::pair<std::string, int64_t>> expected_;
  std::set<std::string> epochs_;
  int last_plain_ = 0;
};

// Stores the last publications of its epoch.
class Log {
 public:
  Mirror::Entry Publish() {
    if (position_.epoch.empty()) return Plain(++plain_);
    return Numbered(++position_.offset);
  }
  // `previous` is the end of the log before that.
  void Begin(const std::string& epoch, const Position& previous) {
    previous_ = previous;
    ends_[position_.epoch] = position_.offset;
    position_ = {epoch, 0};
    eras_[epoch] = ++era_;
  }
  // The user comes, or goes if it is there.
  Mirror::MemberChange Change(const std::string& user) {
    const bool added = members_.erase(user) == 0;
    if (added) members_.insert(user);
    return {++version_, added, User(user)};
  }
  Mirror::LogAnswer AnswerTo(const Mirror::LogQuestion& question) const {
    Mirror::LogAnswer answer;
    if (question.since.has_value()) {
      answer.position = position_;
      answer.previous = previous_;
      answer.since = std::max<int64_t>(0, position_.offset - kStored);
      if (question.since->epoch == position_.epoch) {
        answer.since = std::max(answer.since, question.since->offset);
      }
      for (int64_t i = answer.since + 1; i <= position_.offset; ++i) {
        answer.entries.push_back(Numbered(i));
      }
    }
    if (question.roster) {
      answer.roster.emplace().version = version_;
      for (const std::string& user : members_) {
        answer.roster->members.push_back(User(user));
      }
    }
    return answer;
  }

  const Position& position() const { return position_; }
  const std::set<std::string>& members() const { return members_; }
  int64_t version() const { return version_; }
  const std::map<std::string, int64_t>& ends() const { return ends_; }
  // Epochs and times without a history are counted.
  int era() const { return era_; }
  const std::map<std::string, int>& eras() const { return eras_; }

 private:
  static constexpr int64_t kStored = 6;

  static Mirror::Entry Numbered(int64_t offset) {
    auto publication = std::make_shared<Publication>();
    publication->offset = offset;
    return {std::move(publication), kLogTime};
  }
  static Mirror::Entry Plain(int number) {
    auto publication = std::make_shared<Publication>();
    publication->data = absl::StrCat(number);
    return {std::move(publication), kLogTime};
  }
  static v1::Member User(const std::string& id) {
    v1::Member member;
    member.set_user_id(id);
    return member;
  }

  Position position_;
  Position previous_;
  std::map<std::string, int64_t> ends_;  // By epoch.
  std::map<std::string, int> eras_;      // The same.
  int era_ = 0;
  std::set<std::string> members_;
  int64_t version_ = 0;
  int plain_ = 0;
};

class Simulation {
 public:
  explicit Simulation(uint32_t seed) : random_(seed) {}

  void Run() {
    Ask();
    for (int step = 0; step < 400 && !::testing::Test::HasFailure(); ++step) {
      Step(Draw(20));
    }
    Settle();
    Compare();
    Settle();
    EXPECT_FALSE(listener_.ExpectsMore());
    EXPECT_EQ(listener_.at, log_.position());
    EXPECT_EQ(listener_.members, log_.members());
  }

  const Listener& listener() const { return listener_; }

 private:
  using Queue = std::deque<std::function<void()>>;

  int Draw(int end) {
    return static_cast<int>(random_() % static_cast<uint32_t>(end));
  }
  bool IsLost() { return Draw(12) == 0; }

  void Step(int what) {
    if (what < 6) {
      Publish();
    } else if (what < 8) {
      Change();
    } else if (what < 13) {
      Turn(pushes_);
    } else if (what < 15) {
      Turn(questions_);
    } else if (what < 18) {
      Turn(answers_);
    } else if (Draw(4) == 0) {
      what == 18 ? Cut() : Begin();
    }
  }

  void Publish() {
    const std::string epoch = log_.position().epoch;
    const Mirror::Entry entry = log_.Publish();
    if (IsLost()) return;
    pushes_.emplace_back([this, epoch, entry, era = log_.era()] {
      if (epoch.empty() && mirror_.is_open()) {
        listener_.ExpectPlain(std::stoi(entry.publication->data), era);
      } else if (mirror_.is_open()) {
        listener_.ExpectNumbered({epoch, entry.publication->offset}, era);
      }
      Deliver(mirror_.OnPublication(epoch, entry));
    });
  }
  void Begin() {
    const std::string epoch =
        Draw(3) == 0 ? "" : absl::StrCat("e", ++epoch_count_);
    // A failover does not know its losses.
    const Position previous = Draw(3) == 0 ? Position() : log_.position();
    log_.Begin(epoch, previous);
    if (IsLost()) return;
    pushes_.emplace_back([this, epoch, previous] {
      Deliver(mirror_.OnHistory(epoch, previous));
    });
  }
  void Change() {
    const auto change =
        log_.Change(std::string(1, static_cast<char>('a' + Draw(4))));
    if (IsLost()) return;
    pushes_.emplace_back([this, change] { Deliver(mirror_.OnMember(change)); });
  }

  void Cut() {
    pushes_.clear();
    questions_.clear();
    answers_.clear();
    mirror_.OnDisconnect();
    listener_.ExpectNothing();
    for (int i = Draw(3); i > 0; --i) log_.Publish();
    Compare();
  }
  void Compare() {
    questions_.emplace_back([this] {
      answers_.emplace_back(
          [this, position = log_.position(), version = log_.version()] {
            mirror_.Compare(position, version);
            Ask();
          });
    });
    Ask();
  }
  void Ask() {
    const std::optional<Mirror::LogQuestion> question = mirror_.Ask();
    if (!question.has_value()) return;
    EXPECT_FALSE(mirror_.Ask().has_value()) << "one at a time";
    questions_.emplace_back([this, question] {
      answers_.emplace_back(
          [this, answer = log_.AnswerTo(*question), members = log_.members()] {
            // The events of a channel from before its opening are not
            // delivered.
            if (!mirror_.is_open()) listener_.members = members;
            Deliver(mirror_.OnAnswer(answer));
          });
    });
  }

  static void Turn(Queue& queue) {
    if (queue.empty()) return;
    const auto body = std::move(queue.front());
    queue.pop_front();
    body();
  }
  void Settle() {
    while (!pushes_.empty() || !questions_.empty() || !answers_.empty()) {
      Turn(pushes_);
      Turn(questions_);
      Turn(answers_);
    }
  }

  void Deliver(const Mirror::Events& events) {
    for (const Mirror::Event& event : events) std::visit(listener_, event);
    listener_.is_open = mirror_.is_open();
    EXPECT_EQ(mirror_.position().value_or(Position()), listener_.at);
    const Missed missed = mirror_.Since(std::nullopt, 1000, kLogTime);
    int64_t offset = missed.since;
    for (const Chunk& chunk : missed.chunks) {
      EXPECT_EQ(DecodeEvent(chunk)->offset(), ++offset);
    }
    EXPECT_TRUE(!missed.available || offset == listener_.at.offset);
    Ask();
  }

  std::mt19937 random_;
  Log log_;
  Mirror mirror_{{.size = 4}};
  Listener listener_{&log_.ends(), &log_.eras()};
  Queue pushes_;
  Queue questions_;
  Queue answers_;
  int epoch_count_ = 0;
};

TEST(AMirrorOfALogFarAway, DeliversEverythingOnceOrReportsTheLoss) {
  int lost = 0;
  int delivered = 0;
  for (uint32_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Simulation simulation(seed);
    simulation.Run();
    if (HasFailure()) return;
    lost += simulation.listener().lost;
    delivered += simulation.listener().delivered;
  }
  EXPECT_GT(lost, 1000);
  EXPECT_GT(delivered, 10'000);
}

}  // namespace
}  // namespace herald::core
