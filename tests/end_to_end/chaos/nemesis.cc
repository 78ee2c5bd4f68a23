// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/nemesis.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/end_to_end/chaos/failure.h"

namespace herald::chaos {
namespace {

// At once.
constexpr int64_t kTroublesMax = 2;
constexpr Milliseconds kEndPatience(30'000);

// Beyond keepalive (the service's takes 5 s and 8 s): both ends close the link.
constexpr Milliseconds kLongMin(13'500);
constexpr Milliseconds kLongMax(16'000);

}  // namespace

Nemesis::Nemesis(World* world, Loop* loop, OpLog* log, Attendance* attendance,
                 Random random)
    : world_(world),
      loop_(loop),
      log_(log),
      attendance_(attendance),
      random_(random) {
  targets_.push_back({"service", 20, [this](Target* target) {
                        HarmServer(target, &world_->service());
                      }});
  targets_.push_back({"authorizer", 8, [this](Target* target) {
                        HarmServer(target, &world_->authorizer());
                      }});
  targets_.push_back({"network of the publishers", 15, [this](Target* target) {
                        HarmNetwork(target, &world_->backend(),
                                    Milliseconds(1'000));
                      }});
  targets_.push_back(
      {"rules", 15, [this](Target* target) { HarmRules(target); }});
  for (size_t i = 0; i < world_->gateway_count(); ++i) {
    targets_.push_back(
        {world_->gateway(i).name(), 12, [=, this](Target* target) {
           HarmServer(target, &world_->gateway(i));
         }});
    targets_.push_back({absl::StrCat("link of ", world_->gateway(i).name()), 12,
                        [=, this](Target* target) {
                          HarmNetwork(target, &world_->link(i),
                                      Milliseconds(3'000));
                        },
                        i});
  }
}

void Nemesis::Start() { HarmAfter(Milliseconds(1'000)); }

void Nemesis::HarmAfter(Milliseconds wait) {
  loop_->After(wait, [this] {
    if (heals_) return;
    HarmOne();
    HarmAfter(random_.Between(Milliseconds(100), Milliseconds(1'200)));
  });
}

void Nemesis::HarmOne() {
  const auto in_trouble =
      std::count_if(targets_.begin(), targets_.end(),
                    [](const Target& one) { return one.is_in_trouble; });
  if (in_trouble >= kTroublesMax) return;
  int sum = 0;
  for (const Target& target : targets_) sum += target.weight;
  int64_t dice = random_.Between(0, sum - 1);
  for (Target& target : targets_) {
    dice -= target.weight;
    if (dice >= 0) continue;
    if (!target.is_in_trouble) target.harm(&target);
    return;
  }
}

void Nemesis::Begin(Target* target, const std::string& what) {
  target->is_in_trouble = true;
  target->trouble = ++troubles_;
  log_->Add("nemesis", absl::StrCat(what, " ", target->name));
  Doubt(*target);
}

void Nemesis::Doubt(const Target& target) {
  if (target.link.has_value()) attendance_->Doubt(*target.link, Clock::now());
}

void Nemesis::HealAfter(Target* target, Milliseconds wait,
                        std::function<void()> heal) {
  target->heal = std::move(heal);
  if (heals_) return HealNow(target);
  loop_->After(wait, [this, target, trouble = target->trouble] {
    if (target->trouble == trouble) HealNow(target);
  });
}

void Nemesis::HealNow(Target* target) {
  const std::function<void()> heal = std::exchange(target->heal, nullptr);
  if (heal == nullptr) return;
  heal();
  target->is_in_trouble = false;
  Doubt(*target);
  log_->Add("nemesis", absl::StrCat("heals ", target->name));
}

void Nemesis::HarmServer(Target* target, Server* server) {
  const int64_t dice = random_.Between(0, 99);
  if (dice < 40) return Kill(target, server);
  if (dice < 60) return Terminate(target, server);
  Begin(target, "stops");
  server->Freeze();
  HealAfter(target, random_.Between(Milliseconds(200), Milliseconds(3'000)),
            [server] { server->Thaw(); });
}

void Nemesis::Kill(Target* target, Server* server) {
  Begin(target, "kills");
  server->Kill();
  Restart(target, server);
}

void Nemesis::Terminate(Target* target, Server* server) {
  Begin(target, "ends");
  server->Terminate();
  if (server == &world_->service()) attendance_->DoubtAll(Clock::now());
  AwaitEnd(target, server, Clock::now() + kEndPatience);
}

void Nemesis::AwaitEnd(Target* target, Server* server,
                       Clock::time_point deadline) {
  if (server->HasEnded()) return Restart(target, server);
  if (Clock::now() > deadline) {
    Fail(server->name(), " was to end and has not within ",
         kEndPatience.count(), " ms");
  }
  loop_->After(Milliseconds(20),
               [=, this] { AwaitEnd(target, server, deadline); });
}

void Nemesis::Restart(Target* target, Server* server) {
  // Only now: until its end it may have answered requests.
  if (server == &world_->service()) attendance_->DoubtAll(Clock::now());
  const Milliseconds pause =
      random_.Chance(30)
          ? Milliseconds(0)
          : random_.Between(Milliseconds(0), Milliseconds(2'500));
  HealAfter(target, pause, [server] { server->Start(); });
}

void Nemesis::HarmRules(Target* target) {
  const bool off = random_.Chance(60);
  Begin(target, off ? "takes a history out of" : "makes a history smaller in");
  world_->SetRules(off ? Whim::kNoHistory : Whim::kSmallHistory);
  HealAfter(target, random_.Between(Milliseconds(0), Milliseconds(4'000)),
            [this] { world_->SetRules(Whim::kHistory); });
}

void Nemesis::HarmNetwork(Target* target, Proxy* proxy,
                          Milliseconds outage_max) {
  const int64_t dice = random_.Between(0, 99);
  Milliseconds outage = random_.Between(Milliseconds(0), outage_max);
  if (dice < 60) {
    const bool refuses = random_.Chance(60);
    Begin(target, refuses ? "cuts, for a while," : "cuts");
    proxy->Cut(refuses);
    if (!refuses) outage = Milliseconds(0);
  } else {
    if (dice >= 94) outage = random_.Between(kLongMin, kLongMax);
    Begin(target, absl::StrCat("holds up for ", outage.count(), " ms"));
    proxy->Freeze();
  }
  HealAfter(target, outage, [proxy] { proxy->Open(); });
}

void Nemesis::Heal() {
  heals_ = true;
  log_->Add("nemesis", "heals everything");
  for (Target& target : targets_) HealNow(&target);
}

bool Nemesis::is_over() const {
  return std::none_of(targets_.begin(), targets_.end(),
                      [](const Target& one) { return one.is_in_trouble; });
}

}  // namespace herald::chaos
