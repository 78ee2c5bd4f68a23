// SPDX-License-Identifier: Apache-2.0
//
// A simulation: one channel, a service with a part of its history, a link with
// a delay, and listeners that subscribe and leave. In every order, each
// receives all events since its position once and in order, or the notice that
// they are lost. (Single promises are in router/history_tracker_test.cc.)

#include "gateway/channels/channel_history.h"

#include <deque>
#include <map>
#include <random>
#include <variant>

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

constexpr int64_t kRemembered = 6;
constexpr int64_t kKeptMax = 4;  // No listener takes more.

class Simulation {
 public:
  explicit Simulation(uint32_t seed) : random_(seed) {
    history_ = HistoryAt(At(0));
    listeners_[0] = 0;  // Is there from the beginning.
  }

  void Run() {
    for (int step = 0; step < 300; ++step) {
      switch (Draw(7)) {
        case 0:
        case 1:
          Publish(/*lost=*/Draw(20) == 0);
          break;
        case 2:
          Return(std::max<int64_t>(0, gateway_ - Draw(kRemembered + 3)));
          break;
        case 6:
          Return(v1::Position());  // For the latest.
          break;
        case 3:
          Serve();
          break;
        default:
          Receive();
      }
    }
    while (!questions_.empty() || !link_.empty()) {
      Serve();
      Receive();
    }
    // A last one without loss shows the gaps that are left.
    Publish(false);
    while (!questions_.empty() || !link_.empty()) {
      Receive();
      Serve();
    }
    for (const auto& [name, offset] : listeners_) EXPECT_EQ(offset, published_);
    EXPECT_TRUE(waiting_.empty());
    EXPECT_EQ(history_->position().offset(), published_);
  }

  int recovered() const { return recovered_; }
  int lost() const { return lost_; }
  int gaps() const { return gaps_; }
  int latest() const { return latest_; }

 private:
  using Item = std::variant<link::v1::Recovery, int64_t>;

  static v1::Position At(int64_t offset) {
    v1::Position position;
    position.set_epoch("e");
    position.set_offset(offset);
    return position;
  }
  int64_t Draw(int64_t end) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(end));
  }

  // --- The service.
  void Publish(bool lost) {
    ++published_;
    if (!lost) link_.emplace_back(published_);
  }
  void Serve() {
    if (questions_.empty()) return;
    const v1::Position question = questions_.front();
    questions_.pop_front();
    const bool latest = question.epoch().empty();
    const int64_t since = latest ? published_ - 1 : question.offset();
    link::v1::Recovery answer;
    *answer.mutable_since() = At(since);
    answer.set_available(published_ - since <= kRemembered);
    // As an older service, now and then: it sends nothing more.
    if (!answer.available() && Draw(4) > 0) {
      answer.set_available_since(published_ - kRemembered);
    }
    answer.set_until(published_);
    link_.emplace_back(answer);
    if (!answer.available()) return;
    for (int64_t i = since + 1; i <= published_; ++i) link_.emplace_back(i);
  }

  // --- The router.
  void Return(int64_t since) { Return(At(since)); }
  void Return(const v1::Position& recover) {
    // The yes comes in the order of the link, so everything before it first.
    while (!link_.empty()) Receive();
    const int name = ++names_;
    const auto found = history_->Find(recover);
    if (!found.has_value()) return;
    if (*found == history_->position().offset()) {
      listeners_[name] = *found;
      return;
    }
    ChannelHistory::WaitingSubscribe waiting;
    waiting.confirmed.ticket = name;
    waiting.recover = recover;
    waiting.since = *found;
    waiting_[name] = *found;
    history_->Park(std::move(waiting));
    Settle();
  }

  void Receive() {
    if (link_.empty()) return;
    const Item item = link_.front();
    link_.pop_front();
    if (const auto* recovery = std::get_if<link::v1::Recovery>(&item)) {
      return OnRecovery(*recovery);
    }
    const int64_t offset = std::get<int64_t>(item);
    if (!history_->Wants(offset)) {
      if (history_->Skip(offset)) {
        ++gaps_;
        Settle();
      }
      return;
    }
    auto message = std::make_shared<ChannelMessage>();
    message->message = ShareMessage(PongMessage());
    if (history_->Take(offset, std::move(message),
                       kKeptMax * MessageBytes(PongMessage()))) {
      for (auto& [name, received] : listeners_)
        EXPECT_EQ(++received, offset) << name;
    }
    if (history_->IsComplete()) Settle();
  }
  void OnRecovery(const link::v1::Recovery& recovery) {
    if (recovery.available()) {
      ASSERT_TRUE(history_->Begin(recovery.since(), recovery.until()));
      if (history_->IsComplete()) Settle();
      return;
    }
    auto refused =
        history_->Refuse(recovery.since(), recovery.available_since());
    for (const auto& one : refused) {
      EXPECT_FALSE(one.WantsLatest());
      const int64_t available = recovery.available_since();
      EXPECT_TRUE(one.since <= recovery.since().offset() ||
                  one.since < available);
    }
    if (history_->PassOverGap()) {
      for (auto& [name, received] : listeners_) {
        received = history_->position().offset();
      }
    }
    for (const auto& one : refused) Place(one, /*recovered=*/false);
    Settle();
  }
  void Settle() {
    if (history_->IsComplete()) {
      std::vector<ChannelHistory::KeptMessage> kept;
      for (const auto& one : history_->TakeServed(&kept)) {
        EXPECT_LE(kept.size(), static_cast<size_t>(kKeptMax));
        if (one.WantsLatest()) {
          // It is there after any number of publications, and it is the last.
          ASSERT_FALSE(kept.empty());
          EXPECT_EQ(kept.back().offset, history_->position().offset());
          ++latest_;
          Place(one, /*recovered=*/true);
          continue;
        }
        ASSERT_FALSE(kept.empty());
        if (kept.front().offset > one.since + 1) {
          EXPECT_EQ(kept.size(), static_cast<size_t>(kKeptMax));
          Place(one, /*recovered=*/false);
          continue;
        }
        int64_t received = waiting_.at(static_cast<int>(one.confirmed.ticket));
        for (const auto& publication : kept) {
          if (publication.offset <= one.since) continue;
          EXPECT_EQ(++received, publication.offset);
        }
        EXPECT_EQ(received, history_->position().offset());
        Place(one, /*recovered=*/true);
      }
    }
    if (const auto since = history_->Ask()) questions_.push_back(*since);
  }
  void Place(const ChannelHistory::WaitingSubscribe& one, bool recovered) {
    const int name = static_cast<int>(one.confirmed.ticket);
    ASSERT_EQ(waiting_.erase(name), 1u) << "answered twice";
    listeners_[name] = history_->position().offset();
    ++(recovered ? recovered_ : lost_);
  }

  std::mt19937 random_;
  int64_t published_ = 0;
  const int64_t& gateway_ = published_;
  std::deque<Item> link_;
  std::deque<v1::Position> questions_;
  std::unique_ptr<ChannelHistory> history_;
  int names_ = 0;
  std::map<int, int64_t> listeners_;  // The last event of each.
  std::map<int, int64_t> waiting_;    // Where each was.
  int recovered_ = 0;
  int lost_ = 0;
  int gaps_ = 0;
  int latest_ = 0;
};

TEST(AChannelHistory, GivesEachAllLaterEventsOrReportsALoss) {
  int recovered = 0;
  int lost = 0;
  int gaps = 0;
  int latest = 0;
  for (uint32_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Simulation simulation(seed);
    simulation.Run();
    if (testing::Test::HasFailure()) return;
    recovered += simulation.recovered();
    lost += simulation.lost();
    gaps += simulation.gaps();
    latest += simulation.latest();
  }
  EXPECT_GT(recovered, 1000);
  EXPECT_GT(lost, 1000);
  EXPECT_GT(gaps, 1000);
  EXPECT_GT(latest, 1000);
}

}  // namespace
}  // namespace herald::gateway
