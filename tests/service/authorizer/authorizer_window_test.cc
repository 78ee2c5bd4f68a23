// SPDX-License-Identifier: Apache-2.0

#include "service/authorizer/authorizer_window.h"

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

#include "gtest/gtest.h"

namespace herald::authorizer {
namespace {

constexpr int64_t kMax = 1000;
constexpr absl::Duration kWindowTimeout = absl::Seconds(1);
const absl::Time kOpened = absl::FromUnixSeconds(1000);

absl::Time After(double seconds) { return kOpened + absl::Seconds(seconds); }

// `count` answers that took a tenth of the timeout, while others wait.
void Answer(AuthorizerWindow& window, int count, absl::Time written = kOpened) {
  for (int i = 0; i < count; ++i) {
    window.OnAnswer(written, written + kWindowTimeout / 10, /*more=*/true);
  }
}

TEST(AWindow, BeginsSmallAndGrowsWithEachQuickAnswerUpToItsBound) {
  AuthorizerWindow window(kMax, kWindowTimeout);
  EXPECT_EQ(window.size(), AuthorizerWindow::kFirst);
  Answer(window, 50);
  EXPECT_EQ(window.size(), AuthorizerWindow::kFirst + 50);
  Answer(window, 2000);
  EXPECT_EQ(window.size(), kMax);
}

TEST(AWindow, IsNoLargerThanItsBoundFromTheStart) {
  AuthorizerWindow window(3, kWindowTimeout);
  EXPECT_EQ(window.size(), 3);
  window.OnLate(1, After(0), After(1));
  EXPECT_EQ(window.size(), 3) << "it is smaller than kLeast already";
}

TEST(AWindow, DoesNotGrowWhenNoQuestionWaits) {
  AuthorizerWindow window(kMax, kWindowTimeout);
  window.OnAnswer(After(0), After(0.1), /*more=*/false);
  EXPECT_EQ(window.size(), AuthorizerWindow::kFirst);
}

TEST(AWindow, StaysAsItIsWhenAnswersTakeHalfOfTheTimeout) {
  AuthorizerWindow window(kMax, kWindowTimeout);
  window.OnAnswer(After(0), After(0.5), /*more=*/true);
  EXPECT_EQ(window.size(), AuthorizerWindow::kFirst);
}

TEST(AWindow, GrowsByAQuarterWithSlowerAnswers) {
  AuthorizerWindow window(kMax, kWindowTimeout);
  for (int i = 0; i < 40; ++i) {
    window.OnAnswer(After(0), After(0.2), /*more=*/true);
  }
  EXPECT_EQ(window.size(), AuthorizerWindow::kFirst + 10);
}

TEST(AWindow, IsHalvedOnceForAllThatWereWrittenBefore) {
  AuthorizerWindow window(kMax, kWindowTimeout);
  for (int id = 1; id <= 20; ++id) {
    window.OnLate(id, After(id * 0.01), After(1 + id * 0.01));
  }
  EXPECT_EQ(window.size(), AuthorizerWindow::kFirst / 2);
  window.OnLate(21, After(1.5), After(2.5));
  EXPECT_EQ(window.size(), AuthorizerWindow::kFirst / 4);
}

TEST(AWindow, DoesNotClose) {
  AuthorizerWindow window(kMax, kWindowTimeout);
  for (int i = 0; i < 20; ++i) window.OnLate(i, After(2 * i), After(2 * i + 1));
  EXPECT_EQ(window.size(), AuthorizerWindow::kLeast);
}

TEST(AWindow, AllowsQuestionsUpToItsSize) {
  AuthorizerWindow window(kMax, kWindowTimeout);
  EXPECT_TRUE(window.HasRoom(AuthorizerWindow::kFirst - 1));
  EXPECT_FALSE(window.HasRoom(AuthorizerWindow::kFirst));
  window.OnLate(1, After(0), After(1));
  EXPECT_TRUE(window.HasRoom(AuthorizerWindow::kFirst / 2 - 2));
  EXPECT_FALSE(window.HasRoom(AuthorizerWindow::kFirst / 2 - 1));
}

TEST(AWindow, ThatIsFullOfLateQuestionsAllowsAFewUpToItsBound) {
  AuthorizerWindow window(200, kWindowTimeout);
  for (int id = 1; id <= 100; ++id) window.OnLate(id, After(0), After(1));
  EXPECT_TRUE(window.HasRoom(AuthorizerWindow::kLeast - 1));
  EXPECT_FALSE(window.HasRoom(AuthorizerWindow::kLeast));
  for (int id = 101; id <= 199; ++id) window.OnLate(id, After(0), After(1));
  EXPECT_TRUE(window.HasRoom(0));
  EXPECT_FALSE(window.HasRoom(1));
}

TEST(ALateQuestion, CountsUntilItIsAnsweredAfterAll) {
  AuthorizerWindow window(kMax, kWindowTimeout);
  window.OnLate(7, After(0), After(1));
  window.OnLate(8, After(0), After(1));
  EXPECT_EQ(window.late(), 2);
  EXPECT_TRUE(window.TakeLate(7));
  EXPECT_FALSE(window.TakeLate(7));
  EXPECT_FALSE(window.TakeLate(9));
  EXPECT_EQ(window.late(), 1);
  window.OnStreamEnd();
  EXPECT_EQ(window.late(), 0);
}

TEST(ALateQuestion, IsLostOnceALaterQuestionIsAnsweredQuickly) {
  AuthorizerWindow window(kMax, kWindowTimeout);
  window.OnLate(1, After(0), After(1));
  window.OnLate(2, After(0.9), After(1.9));
  window.OnAnswer(After(0.8), After(1.9), /*more=*/true);  // Not quickly.
  EXPECT_EQ(window.late(), 2);
  window.OnAnswer(After(0.8), After(1.0), /*more=*/true);
  EXPECT_EQ(window.late(), 1);
}

TEST(ALateQuestion, ThatIsLostDoesNotHalveTheWindow) {
  AuthorizerWindow window(kMax, kWindowTimeout);
  window.OnAnswer(After(0.5), After(0.6), /*more=*/false);
  window.OnLate(1, After(0), After(1));
  EXPECT_EQ(window.size(), AuthorizerWindow::kFirst);
  EXPECT_EQ(window.late(), 0);
}

// An authorizer that answers `per_second` questions a second, in order, and a
// storm of questions.
class Simulation {
 public:
  explicit Simulation(int per_second) : per_second_(per_second) {}

  // Runs for `seconds`; there is always a next question.
  void Run(int seconds, AuthorizerWindow* window) {
    for (int tick = 0; tick < seconds * 1000; ++tick) {
      const absl::Time now = After(tick / 1000.0);
      GiveUp(now, window);
      owed_ += per_second_;
      for (; owed_ >= 1000 && !open_.empty(); owed_ -= 1000) {
        AnswerOne(now, window);
      }
      while (window->HasRoom(in_flight())) {
        open_.push_back({++last_id_, now});
      }
      open_max_ = std::max(open_max_, static_cast<int64_t>(open_.size()));
    }
  }

  int64_t in_time = 0;
  int64_t in_vain = 0;
  int64_t open_max() const { return open_max_; }

 private:
  struct Question {
    int64_t id;
    absl::Time written;
    bool late = false;
  };

  int64_t in_flight() const {
    return std::count_if(open_.begin(), open_.end(),
                         [](const Question& one) { return !one.late; });
  }

  void GiveUp(absl::Time now, AuthorizerWindow* window) {
    for (Question& one : open_) {
      if (one.late || one.written + kWindowTimeout > now) continue;
      one.late = true;
      window->OnLate(one.id, one.written, now);
    }
  }

  void AnswerOne(absl::Time now, AuthorizerWindow* window) {
    const Question one = open_.front();
    open_.pop_front();
    if (one.late) {
      ++in_vain;
      EXPECT_TRUE(window->TakeLate(one.id));
    } else {
      ++in_time;
      window->OnAnswer(one.written, now, /*more=*/true);
    }
  }

  const int per_second_;
  int owed_ = 0;  // Thousandths of an answer.
  int64_t last_id_ = 0;
  int64_t open_max_ = 0;
  std::deque<Question> open_;
};

// An authorizer with that many threads, each of which takes `latency` seconds
// for an answer, and a burst of questions.
struct Pool {
  int threads;
  double latency;
};

// How many of the burst are not answered in time.
int LateOf(Pool pool, int questions) {
  AuthorizerWindow window(kMax, kWindowTimeout);
  std::vector<double> free_at(static_cast<size_t>(pool.threads), 0);
  std::multimap<double, double> open;  // When it is answered, was written.
  const auto write = [&](double now) {
    while (questions > 0 && window.HasRoom(static_cast<int64_t>(open.size()))) {
      --questions;
      double& thread = *std::min_element(free_at.begin(), free_at.end());
      thread = std::max(thread, now) + pool.latency;
      open.emplace(thread, now);
    }
  };
  int late = 0;
  write(0);
  while (!open.empty()) {
    const auto [now, written] = *open.begin();
    open.erase(open.begin());
    if (After(now) - After(written) > kWindowTimeout) ++late;
    window.OnAnswer(After(written), After(now), /*more=*/questions > 0);
    write(now);
  }
  return late;
}

TEST(ABurst, IsDecidedInTimeByAPoolOfThreads) {
  EXPECT_EQ(LateOf({64, 0.2}, 500), 0);
  for (const Pool pool : std::vector<Pool>{{64, 0.2},
                                           {64, 0.05},
                                           {30, 0.1},
                                           {90, 0.25},
                                           {300, 0.3},
                                           {100, 0.4},
                                           {200, 0.45},
                                           {1000, 0.2}}) {
    EXPECT_EQ(LateOf(pool, 5000), 0) << pool.threads << " " << pool.latency;
  }
}

TEST(AStorm, HasASlowAuthorizerAnswerInTimeFromTheStart) {
  for (const int per_second : {300, 500, 1000, 5000}) {
    AuthorizerWindow window(kMax, kWindowTimeout);
    Simulation simulation(per_second);
    simulation.Run(/*seconds=*/5, &window);
    EXPECT_GE(simulation.in_time, per_second * 5 * 95 / 100) << per_second;
    EXPECT_LE(simulation.open_max(), kMax);
  }
}

TEST(AStorm, IsSurvivedByAnAuthorizerThatWasQuickUntilThen) {
  for (const int per_second : {50, 200, 500}) {
    AuthorizerWindow window(kMax, kWindowTimeout);
    Answer(window, kMax, kOpened - absl::Seconds(10));
    Simulation simulation(per_second);
    simulation.Run(/*seconds=*/60, &window);
    // Answers to the questions of its quick times are in vain.
    EXPECT_LE(simulation.in_vain, 2 * kMax) << per_second;
    EXPECT_GE(simulation.in_time, per_second * 30) << per_second;
    EXPECT_LE(simulation.open_max(), kMax);
  }
}

}  // namespace
}  // namespace herald::authorizer
