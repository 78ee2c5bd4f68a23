// SPDX-License-Identifier: Apache-2.0

#include "tests/simulation/simulation.h"

#include <functional>

#include "absl/strings/str_cat.h"

namespace herald::simulation {
namespace {

using Wish = Listener::Wish;

constexpr int kChannels = 4;
constexpr int kBrowsers = 8;
constexpr int kWatches = 2;
constexpr int kSteps = 500;

constexpr int64_t kHistorySize = 6;
constexpr absl::Duration kHistoryTtl = absl::Seconds(20);

// Memory for all histories; and for some, so that others are evicted.
constexpr int64_t kMuchMemory = 100'000;
constexpr int64_t kLittleMemory = 6'000;

// A channel whose history the rules make smaller, or take away, for a while.
constexpr int kWhim = kChannels - 1;

std::string ChannelName(int i) { return absl::StrCat("chat.", i % kChannels); }

void AddRule(const std::string& pattern, int64_t size,
             config::v1::Config* rules) {
  config::v1::ChannelRule& rule = *rules->add_channels();
  rule.set_pattern(pattern);
  rule.set_history_size(size);
  rule.mutable_history_ttl()->set_seconds(absl::ToInt64Seconds(kHistoryTtl));
}

config::v1::Config Rules(int64_t whim_size) {
  config::v1::Config rules;
  AddRule("*", kHistorySize, &rules);
  AddRule(ChannelName(kWhim), whim_size, &rules);
  return rules;
}

}  // namespace

Simulation::Simulation(uint32_t seed, EngineKind kind)
    : random_(seed),
      has_memory_(Draw(4) != 0),
      kind_(kind),
      loses_(has_memory_ && Draw(3) == 0),
      herald_(
          Rules(kHistorySize), has_memory_ ? kMuchMemory : kLittleMemory, kind,
          [this] { return ++last_epoch_; }, [this] { return random_(); },
          [this](const core::Publication& publication,
                 const core::Position& position) {
            OnPublished(publication, position);
          }) {
  for (int i = 0; i < kBrowsers + kWatches; ++i) {
    const int channel = (i < kBrowsers ? i : i + 1) % kChannels;
    seats_.push_back({{ChannelName(channel), &truth_, MemoryOf(channel)},
                      /*watches=*/i >= kBrowsers});
  }
}

// A node may be behind another one that a listener comes from, so that it does
// not know the listener's position yet.
Listener::Memory Simulation::MemoryOf(int channel) const {
  if (kind_ == EngineKind::kShared) return {.plain_is_ordered = false};
  if (!has_memory_ || channel == kWhim) return {};
  return {kHistorySize, kHistoryTtl};
}

void Simulation::Run() {
  herald_.Start();
  for (int step = 0; step < kSteps && !testing::Test::HasFailure(); ++step) {
    Step();
  }
  Settle();
  for (Seat& seat : seats_) CheckEnd(seat);
}

// --- Steps -------------------------------------------------------------------

void Simulation::Step() {
  // About as fast as it is asked, so that there is now and then a queue.
  if (kind_ != EngineKind::kEmbedded && Draw(2) == 0) {
    for (int i = Draw(6); i >= 0; --i) herald_.EngineTurn();
  }
  const int what = Draw(200);
  const int gateway = Draw(kGateways);
  if (what < 50) {
    Publish(ChannelName(Draw(kChannels)));
  } else if (what < 85) {
    for (int i = Draw(4); i >= 0; --i) herald_.Up(gateway);
  } else if (what < 120) {
    for (int i = Draw(6); i >= 0; --i) herald_.Down(gateway);
  } else if (what < 145) {
    Turn(gateway, Draw(kLoops));
  } else if (what < 186) {
    Act(seats_[static_cast<size_t>(Draw(kBrowsers + kWatches))], gateway);
  } else {
    Trouble(gateway);
  }
}

void Simulation::Act(Seat& seat, int gateway) {
  const int what = Draw(40);
  if (what < 18) {
    Come(seat, gateway);
  } else if (what < 24) {
    Leave(seat);
  } else if (seat.watches) {
    Receive(seat);
  } else if (what < 28) {
    AskToLeave(seat);
  } else if (what < 34) {
    if (!seat.listener.subscribed()) Ask(seat);
  } else if (what < 37) {
    AskAgain(seat);
  } else {
    Call(seat);
  }
}

void Simulation::Trouble(int gateway) {
  if (herald_.store() != nullptr && Draw(4) == 0) {
    return herald_.TroubleStore([this](int end) { return Draw(end); });
  }
  const int what = Draw(73);
  if (what < 35) {
    herald_.Connect(gateway);
  } else if (what < 40) {
    herald_.Cut(gateway);
  } else if (what < 60) {
    herald_.Sleep(absl::Milliseconds(Draw(1500)));
  } else if (what < 63) {
    ChangeRules(0);
  } else if (what < 65) {
    ChangeRules(2);
  } else if (what < 69) {
    ChangeRules(kHistorySize);
  } else if (what < 72) {
    Lose(gateway);
  } else {
    Restart(herald_.nodes() > 1 ? Draw(herald_.nodes()) : 0);
  }
}

void Simulation::Restart(int node) {
  herald_.RestartService(node);
  for (Seat& seat : seats_) {
    if (!seat.watches) continue;
    const bool is_elsewhere = herald_.nodes() > 1 && (!seat.watch.has_value() ||
                                                      seat.watch->node != node);
    if (!is_elsewhere) Leave(seat);
  }
}

void Simulation::ChangeRules(int64_t size) { herald_.SetRules(Rules(size)); }

// A gap is found with the next publication; so not where an epoch may end
// before that.
void Simulation::Lose(int gateway) {
  const int channel = Draw(kWhim);
  if (loses_) herald_.Lose(gateway, ChannelName(channel));
}

void Simulation::Publish(const std::string& channel) {
  v1::BroadcastRequest request;
  request.add_channels(channel);
  request.set_event("said");
  const std::string data = absl::StrCat("m", ++published_);
  request.set_data(absl::StrCat("\"", data, "\""));
  const Seat& seat = seats_[static_cast<size_t>(Draw(kBrowsers))];
  if (Draw(4) == 0 && seat.browser != nullptr) {
    request.set_except_socket_id(seat.browser->session->socket_id());
  }
  const int node = herald_.nodes() > 1 ? Draw(herald_.nodes()) : 0;
  herald_.hub(node).Broadcast(
      request, [this, channel, data,
                except = request.except_socket_id()](const auto& answer) {
        if (!answer.ok()) return;  // The service is starting.
        // Receipts of two nodes are not in the order of the store.
        if (kind_ == EngineKind::kShared) return;
        const v1::Receipt& receipt = answer->receipts(0);
        truth_.Add(channel, receipt.epoch(), receipt.offset(),
                   {data, except, herald_.now()});
      });
}

void Simulation::OnPublished(const core::Publication& publication,
                             const core::Position& position) {
  const std::string& data = publication.data;
  truth_.Add(publication.channel, position.epoch, position.offset,
             {data.substr(1, data.size() - 2), publication.except_socket_id,
              herald_.now()});
}

// --- Listeners ---------------------------------------------------------------

Wish Simulation::DrawWish() {
  const int what = Draw(12);
  return what == 0 ? Wish::kNothing : what == 1 ? Wish::kLatest : Wish::kSince;
}

void Simulation::Come(Seat& seat, int gateway) {
  if (seat.browser != nullptr || seat.watch.has_value()) return;
  if (seat.watches) {
    seat.listener.Connect("");
    const int node = gateway % herald_.nodes();
    seat.watch = herald_.OpenWatch(seat.listener.Watch(DrawWish()), node);
    if (!seat.watch.has_value()) seat.listener.Disconnect();
    return;
  }
  seat.gateway = gateway;
  seat.browser = herald_.gateway(gateway).Open(Draw(kLoops));
  seat.listener.Connect(seat.browser->session->socket_id());
  Ask(seat);
}

void Simulation::Leave(Seat& seat) {
  // The kernel's buffers are lost with the connection.
  if (Draw(2) == 0) Receive(seat);
  if (seat.browser != nullptr) {
    herald_.gateway(seat.gateway).Close(*seat.browser);
  }
  if (seat.watch.has_value()) herald_.CloseWatch(*seat.watch);
  seat.browser = nullptr;
  seat.watch.reset();
  seat.listener.Disconnect();
}

// Asks, now and then more than once; all of it from where it is now.
void Simulation::Ask(Seat& seat) {
  if (seat.browser == nullptr) return;
  if (seat.listener.waits() && !seat.listener.leaves()) return;
  const Wish wish = DrawWish();
  for (int more = Draw(8) == 0 ? Draw(3) : 0; more > 0; --more) {
    Send(seat, seat.listener.Subscribe(Draw(2) == 0 ? Wish::kNothing : wish));
  }
  Send(seat, seat.listener.Subscribe(wish));
}

// Queries its history.
void Simulation::AskAgain(Seat& seat) {
  if (!seat.listener.subscribed() || seat.listener.waits()) return;
  Send(seat,
       seat.listener.Subscribe(Draw(2) == 0 ? Wish::kNothing : Wish::kSince));
}

void Simulation::AskToLeave(Seat& seat) {
  if (seat.browser == nullptr || seat.listener.leaves()) return;
  Send(seat, seat.listener.Unsubscribe());
}

// A backend subscribes it, at any node.
void Simulation::Call(Seat& seat) {
  if (seat.browser == nullptr) return;
  core::Hub& hub = herald_.hub(herald_.nodes() > 1 ? Draw(herald_.nodes()) : 0);
  if (!hub.ready()) return;
  v1::SubscribeRequest request;
  request.set_socket_id(seat.browser->session->socket_id());
  request.set_channel(seat.listener.channel());
  seat.listener.IsCalled();
  hub.Subscribe(request, [](const absl::Status&) {});
}

void Simulation::Send(Seat& seat, const std::string& text) {
  herald_.gateway(seat.gateway).Send(*seat.browser, text);
}

void Simulation::Turn(int gateway, int loop) {
  herald_.gateway(gateway).Turn(loop);
  for (Seat& seat : seats_) {
    if (!seat.watches && seat.gateway == gateway) Receive(seat);
  }
}

void Simulation::Receive(Seat& seat) {
  SCOPED_TRACE(
      absl::StrCat(seat.listener.channel(), " of seat ", &seat - &seats_[0]));
  if (seat.browser != nullptr) {
    for (const std::string& frame : seat.browser->socket.Take()) {
      seat.listener.Receive(frame, herald_.now());
    }
  }
  if (!seat.watch.has_value()) return;
  for (std::deque<core::Chunk>& down = seat.watch->wire->down; !down.empty();
       down.pop_front()) {
    v1::WatchResponse response;
    ASSERT_TRUE(response.ParseFromString(*down.front()));
    seat.listener.Receive(response.message(), herald_.now());
  }
  if (!seat.watch->wire->broken) return;
  herald_.CloseWatch(*seat.watch);
  seat.watch.reset();
  seat.listener.Disconnect();
}

// --- The end -----------------------------------------------------------------

// No more trouble: all listeners return, and everything arrives.
void Simulation::Settle() {
  herald_.RepairStore();
  ChangeRules(kHistorySize);
  for (int i = 0; i < kGateways; ++i) herald_.Lose(i, "");
  for (int round = 0; round < 20; ++round) {
    herald_.Sleep(absl::Milliseconds(500));
    if (loses_ && round == 15) {
      for (int i = 0; i < kChannels; ++i) Publish(ChannelName(i));
    }
    for (int gateway = 0; gateway < kGateways; ++gateway) {
      herald_.Connect(gateway);
      while (herald_.Up(gateway) || herald_.EngineTurn() ||
             herald_.Down(gateway)) {
      }
      for (int loop = 0; loop < kLoops; ++loop) Turn(gateway, loop);
    }
    for (Seat& seat : seats_) {
      Come(seat, Draw(kGateways));
      if (seat.watches) Receive(seat);
      if (round > 2 && !seat.listener.subscribed()) Ask(seat);
    }
  }
}

void Simulation::CheckEnd(Seat& seat) {
  SCOPED_TRACE(
      absl::StrCat(seat.listener.channel(), " of seat ", &seat - &seats_[0]));
  seat.listener.CheckEnd();
  recovered_ += seat.listener.recovered();
  lost_ += seat.listener.lost();
  received_ += seat.listener.received();
  Leave(seat);
}

}  // namespace herald::simulation
