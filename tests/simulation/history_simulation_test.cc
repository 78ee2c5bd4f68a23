// SPDX-License-Identifier: Apache-2.0
//
// Listeners who come and go at two gateways, publishers, links that break and a
// service that is restarted, thousands of times with other seeds: each hears
// everything once and in order, or is told that it does not. A failure names
// its seed; HERALD_SIMULATION_SEED=N runs that one alone, and
// HERALD_SIMULATION_SEEDS=N so many.

#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/simulation/listener.h"
#include "tests/simulation/simulated_herald.h"
#include "tests/simulation/truth.h"

namespace herald::simulation {
namespace {

constexpr int kChannels = 4;
constexpr int kListeners = 8;
constexpr int kSteps = 400;

// Room for all histories; and for some, so that others are given up.
constexpr int64_t kMuchMemory = 100'000;
constexpr int64_t kLittleMemory = 6'000;

config::v1::Config Rules() {
  config::v1::Config rules;
  config::v1::ChannelRule& rule = *rules.add_channels();
  rule.set_pattern("*");
  rule.set_history_size(6);
  rule.mutable_history_ttl()->set_seconds(20);
  return rules;
}

class Simulation {
 public:
  explicit Simulation(uint32_t seed)
      : random_(seed),
        herald_(Rules(), Draw(4) == 0 ? kLittleMemory : kMuchMemory,
                [this] { return ++last_epoch_; }) {
    for (int i = 0; i < kListeners; ++i) {
      seats_.push_back({ChannelName(i), {ChannelName(i), &truth_}});
    }
  }

  void Run() {
    for (int gateway = 0; gateway < kGateways; ++gateway) {
      herald_.Connect(gateway);
      while (herald_.Up(gateway)) {
      }
    }
    herald_.Sleep(absl::Milliseconds(500));
    for (int step = 0; step < kSteps && !testing::Test::HasFailure(); ++step) {
      Step();
    }
    Settle();
    for (Seat& seat : seats_) {
      SCOPED_TRACE(seat.channel);
      EXPECT_TRUE(seat.listener.subscribed());
      EXPECT_EQ(seat.listener.offset(), truth_.Last(seat.listener.epoch()));
      recovered_ += seat.listener.recovered();
      lost_ += seat.listener.lost();
      heard_ += seat.listener.heard();
      Leave(seat);
    }
  }

  int recovered() const { return recovered_; }
  int lost() const { return lost_; }
  int heard() const { return heard_; }

 private:
  // One listener, and its connection if it has one.
  struct Seat {
    std::string channel;
    Listener listener;
    int gateway = 0;
    std::unique_ptr<SimulatedGateway::Browser> browser = nullptr;
  };

  static std::string ChannelName(int i) {
    return absl::StrCat("chat.", i % kChannels);
  }
  int Draw(int end) {
    return static_cast<int>(random_() % static_cast<uint32_t>(end));
  }

  void Step() {
    const int what = Draw(200);
    const int gateway = Draw(kGateways);
    Seat& seat = seats_[static_cast<size_t>(Draw(kListeners))];
    if (what < 50) {
      Publish();
    } else if (what < 90) {
      for (int i = Draw(4); i >= 0; --i) herald_.Up(gateway);
    } else if (what < 130) {
      for (int i = Draw(6); i >= 0; --i) herald_.Down(gateway);
    } else if (what < 160) {
      Turn(gateway, Draw(kLoops));
    } else if (what < 178) {
      Come(seat, gateway);
    } else if (what < 185) {
      Leave(seat);
    } else if (what < 193) {
      herald_.Connect(gateway);
    } else if (what < 194) {
      herald_.Cut(gateway);
    } else if (what < 199) {
      herald_.Sleep(absl::Milliseconds(Draw(1500)));
    } else if (Draw(5) == 0) {
      herald_.RestartService();
    }
  }

  void Publish() {
    v1::BroadcastRequest request;
    request.add_channels(ChannelName(Draw(kChannels)));
    request.set_event("said");
    const std::string data = absl::StrCat("m", ++said_);
    request.set_data(absl::StrCat("\"", data, "\""));
    herald_.hub().Broadcast(request, [&](const auto& answer) {
      if (!answer.ok()) return;  // The service is starting.
      const v1::Receipt& receipt = answer->receipts(0);
      truth_.Said(receipt.epoch(), receipt.offset(), data);
    });
  }

  void Come(Seat& seat, int gateway) {
    if (seat.browser != nullptr) return;
    seat.gateway = gateway;
    seat.browser = herald_.gateway(gateway).Open(Draw(kLoops));
    Ask(seat);
  }

  void Ask(Seat& seat) {
    herald_.gateway(seat.gateway).Say(*seat.browser, seat.listener.Subscribe());
  }

  void Leave(Seat& seat) {
    if (seat.browser == nullptr) return;
    // What the kernel had is lost with the connection.
    if (Draw(2) == 0) Hear(seat);
    herald_.gateway(seat.gateway).Close(*seat.browser);
    seat.browser = nullptr;
    seat.listener.Disconnect();
  }

  void Turn(int gateway, int loop) {
    herald_.gateway(gateway).Turn(loop);
    for (Seat& seat : seats_) {
      if (seat.gateway == gateway) Hear(seat);
    }
  }

  void Hear(Seat& seat) {
    if (seat.browser == nullptr) return;
    for (const std::string& frame : seat.browser->socket.Take()) {
      SCOPED_TRACE(absl::StrCat(seat.channel, " of seat ", &seat - &seats_[0]));
      seat.listener.Hear(frame);
    }
  }

  // No more trouble: everybody comes back, and everything arrives.
  void Settle() {
    for (int round = 0; round < 20; ++round) {
      herald_.Sleep(absl::Milliseconds(500));
      for (int gateway = 0; gateway < kGateways; ++gateway) {
        herald_.Connect(gateway);
        while (herald_.Up(gateway) || herald_.Down(gateway)) {
        }
        for (int loop = 0; loop < kLoops; ++loop) Turn(gateway, loop);
      }
      for (Seat& seat : seats_) {
        Come(seat, Draw(kGateways));
        if (round > 2 && round % 3 == 0 && !seat.listener.subscribed()) {
          Ask(seat);
        }
      }
    }
  }

  std::mt19937 random_;
  uint64_t last_epoch_ = 0;
  int64_t said_ = 0;
  Truth truth_;
  SimulatedHerald herald_;
  std::vector<Seat> seats_;
  int recovered_ = 0;
  int lost_ = 0;
  int heard_ = 0;
};

uint32_t FromEnvironment(const char* name, uint32_t otherwise) {
  const char* const text = std::getenv(name);
  uint32_t number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number
                                                            : otherwise;
}

TEST(ASimulatedHerald, LosesNothingOrSaysSo) {
  const uint32_t only = FromEnvironment("HERALD_SIMULATION_SEED", 0);
  const uint32_t first = only > 0 ? only : 1;
  const uint32_t last =
      only > 0 ? only : FromEnvironment("HERALD_SIMULATION_SEEDS", 1000);
  int recovered = 0;
  int lost = 0;
  int heard = 0;
  for (uint32_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Simulation simulation(seed);
    simulation.Run();
    if (HasFailure()) return;
    recovered += simulation.recovered();
    lost += simulation.lost();
    heard += simulation.heard();
  }
  RecordProperty("recovered", recovered);
  RecordProperty("lost", lost);
  RecordProperty("heard", heard);
  if (only > 0) return;
  EXPECT_GT(recovered, 300);
  EXPECT_GT(lost, 1000);
  EXPECT_GT(heard, 10'000);
}

}  // namespace
}  // namespace herald::simulation
