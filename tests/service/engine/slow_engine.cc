// SPDX-License-Identifier: Apache-2.0

#include "tests/service/engine/slow_engine.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/contract/require.h"

namespace herald::core {
namespace {

absl::Status Down() { return absl::UnavailableError("the engine is down"); }

std::string KeyOf(absl::string_view channel) {
  return absl::StrCat("channel ", channel);
}
std::string KeyOf(uint64_t gateway) {
  return absl::StrCat("gateway ", gateway);
}

}  // namespace

SlowEngine::SlowEngine(Engine* inner, std::function<uint64_t()> random,
                       std::function<void()> woken)
    : inner_(inner), woken_(std::move(woken)), random_(std::move(random)) {}

void SlowEngine::SetListener(EngineListener* listener) {
  listener_ = listener;
  inner_->SetListener(listener);
}

bool SlowEngine::Turn() {
  std::string key;
  Body body;
  {
    contract::MutexLock lock(&mu_);
    if (ready_.empty()) return false;
    std::swap(ready_[random_() % ready_.size()], ready_.back());
    key = std::move(ready_.back());
    ready_.pop_back();
    const auto turn = waiting_.find(key);
    body = std::move(turn->second.front());
    turn->second.pop_front();
    running_[key] = {std::this_thread::get_id(), std::move(turn->second)};
    waiting_.erase(turn);
  }
  body();
  contract::MutexLock lock(&mu_);
  const auto ran = running_.find(key);
  std::deque<Body> behind = std::move(ran->second.behind);
  running_.erase(ran);
  if (!behind.empty()) Wait(std::move(key), std::move(behind));
  return true;
}

void SlowEngine::Wait(std::string key, std::deque<Body> bodies) {
  ready_.push_back(key);
  waiting_.emplace(std::move(key), std::move(bodies));
}

void SlowEngine::Settle() {
  for (;;) {
    while (Turn()) {
    }
    if (Settled()) return;
    std::this_thread::yield();
  }
}

bool SlowEngine::Settled() const {
  contract::MutexLock lock(&mu_);
  // A turn that ends puts the calls behind it back into ready_, so both are
  // checked in one step.
  if (!ready_.empty()) return false;
  for (const auto& [key, running] : running_) {
    if (running.by != std::this_thread::get_id()) return false;
  }
  return true;
}

void SlowEngine::Later(std::string key, Body body) {
  {
    contract::MutexLock lock(&mu_);
    const auto running = running_.find(key);
    const auto waiting = waiting_.find(key);
    if (running != running_.end()) {
      running->second.behind.push_back(std::move(body));
    } else if (waiting != waiting_.end()) {
      waiting->second.push_back(std::move(body));
    } else {
      std::deque<Body> first;
      first.push_back(std::move(body));
      Wait(std::move(key), std::move(first));
    }
  }
  if (woken_) woken_();
}

void SlowEngine::OnChannel(absl::string_view channel, Body body) {
  Later(KeyOf(channel),
        [this, name = std::string(channel), body = std::move(body)]() mutable {
          listener_->WithChannel(name, [&] { body(); });
        });
}

template <typename Answer, typename Question>
void SlowEngine::Ask(std::string key,
                     absl::AnyInvocable<void(absl::StatusOr<Answer>)> done,
                     Question ask) {
  Later(std::move(key),
        [this, done = std::move(done), ask = std::move(ask)]() mutable {
          if (!up_) return done(Down());
          ask(std::move(done));
        });
}

bool SlowEngine::IsOpen(absl::string_view channel) const {
  contract::MutexLock lock(&mu_);
  return open_.contains(std::string(channel));
}

void SlowEngine::RequireOpen(absl::string_view channel) const {
  contract::Require(IsOpen(channel));
}

void SlowEngine::Open(absl::string_view channel, const HistoryLimits& limits,
                      OpenDone done) {
  OnChannel(channel, [this, name = std::string(channel), limits,
                      done = std::move(done)]() mutable {
    if (!up_) return done(Down());
    {
      contract::MutexLock lock(&mu_);
      open_.insert(name);
    }
    inner_->Open(name, limits, std::move(done));
  });
}

void SlowEngine::Close(absl::string_view channel) {
  {
    contract::MutexLock lock(&mu_);
    open_.erase(std::string(channel));
  }
  OnChannel(channel,
            [this, name = std::string(channel)] { inner_->Close(name); });
}

void SlowEngine::Publish(std::shared_ptr<Publication> publication,
                         const PublishOptions& options, PublishDone done) {
  const std::string key = KeyOf(publication->channel);
  Later(key, [this, publication = std::move(publication),
              idempotency_key = std::string(options.idempotency_key),
              history = options.history, done = std::move(done)]() mutable {
    absl::StatusOr<PublishResult> receipt = Down();
    const std::string channel = publication->channel;
    if (up_) {
      listener_->WithChannel(channel, [&] {
        inner_->Publish(std::move(publication), {idempotency_key, history},
                        [&](auto answer) { receipt = std::move(answer); });
      });
    }
    done(std::move(receipt));
  });
}

std::optional<Position> SlowEngine::PositionOf(absl::string_view channel) {
  RequireOpen(channel);
  return inner_->PositionOf(channel);
}

void SlowEngine::Since(absl::string_view channel,
                       const std::optional<Position>& since, size_t count_max,
                       MissedDone done) {
  RequireOpen(channel);
  OnChannel(channel, [this, name = std::string(channel), since, count_max,
                      done = std::move(done)]() mutable {
    if (!up_ || !IsOpen(name)) return done(Down());
    inner_->Since(name, since, count_max, std::move(done));
  });
}

void SlowEngine::Fetch(absl::string_view channel,
                       const std::optional<Position>& since, size_t count_max,
                       MissedDone done) {
  Ask<Missed>(
      KeyOf(channel), std::move(done),
      [this, name = std::string(channel), since, count_max](MissedDone answer) {
        inner_->Fetch(name, since, count_max, std::move(answer));
      });
}

void SlowEngine::Forget(absl::string_view channel) {
  OnChannel(channel,
            [this, name = std::string(channel)] { inner_->Forget(name); });
}

void SlowEngine::ApplyHistoryRules() {
  Later("rules", [this] { inner_->ApplyHistoryRules(); });
}

void SlowEngine::Admit(absl::string_view channel, AdmissionRequest subscription,
                       AdmitDone done) {
  OnChannel(channel, [this, name = std::string(channel),
                      subscription = std::move(subscription),
                      done = std::move(done)]() mutable {
    if (!up_) return done(Admission::kUnavailable);
    inner_->Admit(name, std::move(subscription), std::move(done));
  });
}

void SlowEngine::Dismiss(absl::string_view channel, absl::string_view user_id,
                         const SocketRef& socket, int64_t attach,
                         absl::Duration grace) {
  OnChannel(channel, [this, name = std::string(channel),
                      user = std::string(user_id), socket, attach, grace] {
    inner_->Dismiss(name, user, socket, attach, grace);
  });
}

void SlowEngine::Replace(absl::string_view channel, uint64_t gateway,
                         int64_t attach, int64_t count,
                         std::vector<GatewayMember> members,
                         absl::Duration grace, ReplaceDone done) {
  OnChannel(channel, [this, name = std::string(channel), gateway, attach, count,
                      members = std::move(members), grace,
                      done = std::move(done)]() mutable {
    if (!up_) return done(Down());
    inner_->Replace(name, gateway, attach, count, std::move(members), grace,
                    std::move(done));
  });
}

void SlowEngine::Attach(uint64_t gateway, AttachDone done) {
  Ask<int64_t>(KeyOf(gateway), std::move(done),
               [this, gateway](AttachDone answer) {
                 inner_->Attach(gateway, std::move(answer));
               });
}

void SlowEngine::Keep(uint64_t gateway, int64_t attach,
                      const std::vector<std::string>& channels) {
  Later(KeyOf(gateway), [this, gateway, attach, channels] {
    inner_->Keep(gateway, attach, channels);
  });
}

void SlowEngine::Detach(uint64_t gateway, int64_t attach, bool goodbye) {
  Later(KeyOf(gateway), [this, gateway, attach, goodbye] {
    inner_->Detach(gateway, attach, goodbye);
  });
}

void SlowEngine::ApplyPresenceRules() {
  Later("rules", [this] { inner_->ApplyPresenceRules(); });
}

void SlowEngine::Describe(absl::string_view channel, Done<ChannelState> done) {
  Ask<ChannelState>(
      KeyOf(channel), std::move(done),
      [this, name = std::string(channel)](Done<ChannelState> answer) {
        inner_->Describe(name, std::move(answer));
      });
}

void SlowEngine::ListMembers(absl::string_view channel, absl::string_view after,
                             const PageSize& size, Done<MembersPage> done) {
  Ask<MembersPage>(KeyOf(channel), std::move(done),
                   [this, name = std::string(channel),
                    from = std::string(after), size](Done<MembersPage> answer) {
                     inner_->ListMembers(name, from, size, std::move(answer));
                   });
}

void SlowEngine::ListChannels(absl::string_view prefix, absl::string_view after,
                              size_t count_max, Done<ChannelsPage> done) {
  Ask<ChannelsPage>(
      "directory", std::move(done),
      [this, begin = std::string(prefix), from = std::string(after),
       count_max](Done<ChannelsPage> answer) {
        inner_->ListChannels(begin, from, count_max, std::move(answer));
      });
}

void SlowEngine::Sum(Done<Totals> done) {
  Ask<Totals>("directory", std::move(done),
              [this](Done<Totals> answer) { inner_->Sum(std::move(answer)); });
}

void SlowEngine::ListNodes(NodesDone done) {
  Ask<std::vector<OtherNode>>("bus", std::move(done), [this](NodesDone answer) {
    inner_->ListNodes(std::move(answer));
  });
}

void SlowEngine::FindNode(uint64_t gateway, NodeDone done) {
  Ask<std::string>(KeyOf(gateway), std::move(done),
                   [this, gateway](NodeDone answer) {
                     inner_->FindNode(gateway, std::move(answer));
                   });
}

void SlowEngine::ToNode(absl::string_view node, std::string bytes) {
  Later("bus", [this, name = std::string(node), bytes = std::move(bytes)] {
    if (up_) inner_->ToNode(name, bytes);
  });
}

void SlowEngine::ToAll(std::string bytes) {
  Later("bus", [this, bytes = std::move(bytes)] {
    if (up_) inner_->ToAll(bytes);
  });
}

void SlowEngine::Record(Chunk item, RecordDone done) {
  Later("records",
        [this, item = std::move(item), done = std::move(done)]() mutable {
          if (!up_) return done(Down());
          inner_->Record(std::move(item), std::move(done));
        });
}

void SlowEngine::RecordedWithin(absl::Duration age, RecordsDone done) {
  Ask<std::vector<Chunk>>("records", std::move(done),
                          [this, age](RecordsDone answer) {
                            inner_->RecordedWithin(age, std::move(answer));
                          });
}

}  // namespace herald::core
