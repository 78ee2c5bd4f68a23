// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/round.h"

#include <stdlib.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/end_to_end/chaos/client.h"
#include "tests/end_to_end/chaos/closing.h"
#include "tests/end_to_end/chaos/failure.h"
#include "tests/end_to_end/chaos/nemesis.h"
#include "tests/end_to_end/chaos/op_log.h"
#include "tests/end_to_end/chaos/publisher.h"
#include "tests/end_to_end/chaos/watcher.h"
#include "tests/end_to_end/chaos/world.h"
#include "tests/support/deadline.h"

namespace herald::chaos {
namespace {

constexpr Milliseconds kTick(100);
constexpr size_t kLinesMax = 80;  // Of the operations round a failure.

struct Interrupted {};

std::string NewDirectory() {
  std::string path =
      std::filesystem::temp_directory_path() / "herald-chaos-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) Fail(path, " cannot be made");
  return path;
}

class Round {
 public:
  Round(const RoundOptions& options, const std::string& directory,
        const std::atomic<bool>& interrupted)
      : options_(options),
        plan_(MakePlan(options)),
        interrupted_(interrupted),
        log_(directory + "/operations.log"),
        world_(options, plan_, directory, &loop_) {}

  void Run() {
    Tick();
    if (!loop_.RunUntil([this] { return world_.IsReady(); },
                        testing_support::kPatience)) {
      Fail("Herald does not become ready");
    }
    Populate();
    nemesis_.Start();
    loop_.RunUntil([] { return false; }, options_.length);
    Summarize();
    Closing closing({&plan_, &world_, &loop_, &ledger_, &order_, &log_,
                     &nemesis_, &publishers_, &watchers_, &clients_});
    closing.Run();
  }

  const OpLog& log() const { return log_; }

  // A summary of the round, in a line.
  const std::string& summary() const { return summary_; }

 private:
  // Looks after processes and threads.
  void Tick() {
    loop_.After(kTick, [this] {
      if (interrupted_) throw Interrupted();
      world_.CheckAlive();
      for (const auto& publisher : publishers_) publisher->Check();
      for (const auto& watcher : watchers_) watcher->Check();
      Tick();
    });
  }

  void Populate() {
    const Random random(options_.seed);
    for (int i = 0; i < options_.clients; ++i) {
      clients_.push_back(std::make_unique<Client>(
          i, &shared_, random.For('C', static_cast<uint64_t>(i))));
      clients_.back()->Start();
    }
    for (int i = 0; i < plan_.watchers; ++i) {
      watchers_.push_back(std::make_unique<Watcher>(
          i, plan_, world_.backend_address(), &ledger_, &order_, &attendance_,
          &log_, random.For('W', static_cast<uint64_t>(i))));
    }
    const auto publish = [&](int64_t number, Publisher::Kind kind) {
      publishers_.push_back(std::make_unique<Publisher>(
          number, kind, &published_,
          random.For('B', static_cast<uint64_t>(number))));
    };
    for (int i = 1; i <= plan_.unary_publishers; ++i)
      publish(i, Publisher::Kind::kUnary);
    for (int i = 1; i <= plan_.stream_publishers; ++i) {
      publish(plan_.unary_publishers + i, Publisher::Kind::kStream);
    }
    for (int i = 0; i < plan_.feeds; ++i)
      publish(kFeedFirst + i, Publisher::Kind::kStream);
  }

  void Summarize() {
    int64_t losses = 0;
    int64_t recoveries = 0;
    int64_t cuts = 0;
    const auto count = [&](const ChannelView& view) {
      losses += view.losses();
      recoveries += view.recoveries();
    };
    for (const auto& client : clients_) {
      cuts += client->cuts();
      for (const Client::Follow& follow : client->follows()) count(follow.view);
    }
    for (const auto& watcher : watchers_) watcher->Look(count);
    summary_ = absl::StrCat(
        plan_.gateways, " gateways",
        plan_.history_memory > 0 ? ", little memory" : "", "; ",
        nemesis_.troubles(), " troubles, ", world_.service().ends_done(),
        " ends of the service; ", ledger_.message_count(), " messages, ",
        ledger_.hearing_count(), " deliveries; ", recoveries, " recoveries, ",
        losses, " announced losses, ", cuts, " slow clients cut");
  }

  const RoundOptions options_;
  const Plan plan_;
  const std::atomic<bool>& interrupted_;
  Loop loop_;
  Ledger ledger_;
  OrderBook order_;
  OpLog log_;
  SocketList sockets_;
  Attendance attendance_{kGrace};
  World world_;
  Nemesis nemesis_{&world_, &loop_, &log_, &attendance_,
                   Random(options_.seed).For('N', 0)};
  ClientWorld shared_{&plan_,  &world_,   &loop_,       &ledger_,
                      &order_, &sockets_, &attendance_, &log_};
  PublisherWorld published_{
      &plan_, world_.backend_address(), &world_.service(), &ledger_, &sockets_,
      &log_};
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Watcher>> watchers_;
  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::string summary_;
};

void Report(const RoundOptions& options, const Failure& failure,
            const std::string& around, const std::string& directory) {
  std::cout << "seed " << options.seed << " FAILED: " << failure.what()
            << "\n\n--- what was done until then, by the nemesis"
            << (failure.who().empty() ? "" : " and ") << failure.who() << ":\n"
            << around << "\n\nseed " << options.seed
            << " FAILED: " << failure.what() << "\nlogs: " << directory
            << "\nagain: ./dev chaos --seed " << options.seed << " --minutes 1"
            << std::endl;
}

}  // namespace

Verdict RunRound(const RoundOptions& options,
                 const std::atomic<bool>& interrupted) {
  std::cout << "seed " << options.seed << std::endl;
  const std::string directory = NewDirectory();
  Verdict verdict = Verdict::kHeld;
  std::string around;
  std::string summary;
  const Clock::time_point begin = Clock::now();
  {
    Round round(options, directory, interrupted);
    try {
      round.Run();
    } catch (const Failure& failure) {
      Report(options, failure,
             round.log().Around(failure.who(), failure.channel(), kLinesMax),
             directory);
      verdict = Verdict::kBroken;
    } catch (const Interrupted&) {
      verdict = Verdict::kInterrupted;
    }
    summary = round.summary();
  }
  const std::chrono::duration<double> took = Clock::now() - begin;
  if (verdict == Verdict::kHeld) {
    std::cout << "seed " << options.seed
              << " held: " << static_cast<int>(took.count()) << " s, "
              << summary << std::endl;
  }
  if (options.keeps_logs && verdict != Verdict::kBroken) {
    std::cout << "logs: " << directory << std::endl;
  } else if (verdict != Verdict::kBroken) {
    std::filesystem::remove_all(directory);
  }
  return verdict;
}

}  // namespace herald::chaos
