// SPDX-License-Identifier: Apache-2.0

#include "tests/service/engine/shared_engine.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "proto/contract/require.h"

namespace herald::core {
namespace {

using contract::Require;

// An answer, and the version of the members that it makes visible.
template <typename T>
struct Versioned {
  T answer;
  int64_t version = 0;
};

}  // namespace

void SharedEngine::RequireUnlocked() const { Require(channels_.is_unlocked()); }

void SharedEngine::OnLeaseEnded(uint64_t gateway, int64_t attach) {
  RequireUnlocked();
  listener_->OnLeaseEnded(gateway, attach);
}

void SharedEngine::OnBus(const std::string& from, const std::string& bytes) {
  RequireUnlocked();
  if (node_listener_ != nullptr) node_listener_->OnBus(from, bytes);
}

void SharedEngine::OnCut(bool noticed) {
  FailAttaches();
  if (!noticed || reported_down_) return;
  reported_down_ = true;
  listener_->OnEngineUp(false);
}

void SharedEngine::OnConnected() {
  if (std::exchange(reported_down_, false)) listener_->OnEngineUp(true);
  channels_.OnConnected();
}

// --- The log -----------------------------------------------------------------

void SharedEngine::Publish(std::shared_ptr<Publication> publication,
                           const PublishOptions& options, PublishDone done) {
  Mirror* const open = channels_.Find(publication->channel);
  if (open != nullptr && options.history.size > 0) {
    open->SetLimits(options.history);
  }
  client_.Call<PublishResult>(
      [this, publication = std::move(publication),
       key = std::string(options.idempotency_key), history = options.history] {
        absl::StatusOr<PublishResult> receipt = SharedClient::Unreachable();
        truth().Publish(publication, {key, history},
                        [&](auto r) { receipt = std::move(r); });
        return *std::move(receipt);
      },
      std::move(done));
}

std::optional<Position> SharedEngine::PositionOf(absl::string_view channel) {
  Mirror* const open = channels_.Find(channel);
  Require(open != nullptr);
  return open->position();
}

void SharedEngine::Since(absl::string_view channel,
                         const std::optional<Position>& since, size_t count_max,
                         MissedDone done) {
  Mirror* const open = channels_.Find(channel);
  Require(open != nullptr);
  done(open->Since(since, count_max, store().Now()));
}

void SharedEngine::Fetch(absl::string_view channel,
                         const std::optional<Position>& since, size_t count_max,
                         MissedDone done) {
  RequireUnlocked();
  client_.Call<Missed>(
      [this, name = std::string(channel), since, count_max] {
        Missed missed;
        truth().Fetch(name, since, count_max,
                      [&](auto answer) { missed = *std::move(answer); });
        return missed;
      },
      std::move(done));
}

void SharedEngine::Forget(absl::string_view channel) {
  client_.Notify([this, name = std::string(channel)] { truth().Forget(name); });
}

void SharedEngine::ApplyHistoryRules() {
  RequireUnlocked();
  client_.Notify([this] { truth().ApplyHistoryRules(); });
}

// --- Members -----------------------------------------------------------------

std::vector<v1::PresentMember> SharedEngine::Members(
    absl::string_view channel) const {
  const Mirror* const open = channels_.Find(channel);
  if (open == nullptr) return {};
  return open->Members();
}

int64_t SharedEngine::MemberCount(absl::string_view channel) const {
  const Mirror* const open = channels_.Find(channel);
  return open == nullptr ? 0 : open->member_count();
}

void SharedEngine::Admit(absl::string_view channel,
                         AdmissionRequest subscription, AdmitDone done) {
  const std::string name(channel);
  Require(channels_.Find(name) != nullptr);
  const auto asked = std::make_shared<const AdmissionRequest>(subscription);
  using Answer = Versioned<Admission>;
  client_.Call<Answer>(
      [this, name, subscription = std::move(subscription)]() mutable {
        return Answer{store().Admit(client_.index(), name, subscription),
                      store().VersionOf(name)};
      },
      [this, name,
       done = std::move(done)](absl::StatusOr<Answer> answer) mutable {
        channels_.WithChannel(name, [&] {
          if (!answer.ok()) return done(Admission::kUnavailable);
          channels_.WhenAt(
              name, answer->version,
              [admission = answer->answer, done = std::move(done)]() mutable {
                done(admission);
              });
        });
      },
      [this, name, asked](const Answer& lost) {
        if (lost.answer != Admission::kAdmitted) return;
        const std::optional<v1::Member>& member = asked->member;
        Dismiss(name, member.has_value() ? member->user_id() : "",
                asked->socket, asked->attach, absl::ZeroDuration());
      });
}

void SharedEngine::Dismiss(absl::string_view channel, absl::string_view user_id,
                           const SocketRef& socket, int64_t attach,
                           absl::Duration grace) {
  client_.Notify([this, name = std::string(channel),
                  user = std::string(user_id), socket, attach, grace] {
    store().registry().Add(name, socket.gateway, attach, -1);
    truth().Dismiss(name, user, socket, attach, grace);
  });
}

void SharedEngine::Replace(absl::string_view channel, uint64_t gateway,
                           int64_t attach, int64_t count,
                           std::vector<GatewayMember> members,
                           absl::Duration grace, ReplaceDone done) {
  const std::string name(channel);
  Require(channels_.Find(name) != nullptr);
  using Answer = Versioned<absl::Status>;
  client_.Call<Answer>(
      [this, name, gateway, attach, count, members = std::move(members),
       grace]() mutable {
        Answer answer;
        store().registry().Set(name, gateway, attach, count);
        truth().Replace(
            name, gateway, attach, count, std::move(members), grace,
            [&](const absl::Status& status) { answer.answer = status; });
        answer.version = store().VersionOf(name);
        return answer;
      },
      [this, name,
       done = std::move(done)](absl::StatusOr<Answer> answer) mutable {
        channels_.WithChannel(name, [&] {
          if (!answer.ok()) return done(answer.status());
          channels_.WhenAt(
              name, answer->version,
              [status = answer->answer, done = std::move(done)]() mutable {
                done(status);
              });
        });
      });
}

void SharedEngine::Attach(uint64_t gateway, AttachDone done) {
  RequireUnlocked();
  using Answer = std::pair<int64_t, int64_t>;  // Attach number and fence.
  client_.Call<Answer>(
      [this, gateway] {
        const int64_t number = store().Attach(client_.index(), gateway);
        return Answer(number, store().PushFence(client_.index()));
      },
      [this, gateway,
       done = std::move(done)](absl::StatusOr<Answer> answer) mutable {
        if (!answer.ok()) return done(answer.status());
        attaching_.push_back(
            {answer->second, gateway, answer->first, std::move(done)});
        RunAttaches();
      },
      [this, gateway](const Answer& lost) {
        Detach(gateway, lost.first, /*goodbye=*/false);
      });
}

void SharedEngine::OnFence(int64_t fence) {
  fence_ = fence;
  RunAttaches();
}

// A gateway that comes from another node may be ahead of this one, which has
// not received all of the gateway's events yet. Its attach is answered behind
// all pushes from before it; and as they may be held, when no question is open.
void SharedEngine::RunAttaches() {
  while (!catching_up_ && !attaching_.empty() &&
         attaching_.front().fence <= fence_) {
    if (channels_.is_asking()) return CatchUp();
    Attaching next = std::move(attaching_.front());
    attaching_.pop_front();
    next.done(next.number);
  }
}

// Answers are in order, so those to the open questions come before this one.
void SharedEngine::CatchUp() {
  catching_up_ = true;
  client_.Call<bool>([] { return true; },
                     [this](const absl::StatusOr<bool>& answer) {
                       catching_up_ = false;
                       answer.ok() ? RunAttaches() : FailAttaches();
                     });
}

void SharedEngine::FailAttaches() {
  for (Attaching& one : std::exchange(attaching_, {})) {
    Detach(one.gateway, one.number, /*goodbye=*/false);
    one.done(SharedClient::Unreachable());
  }
}

void SharedEngine::Keep(uint64_t gateway, int64_t attach,
                        const std::vector<std::string>& channels) {
  RequireUnlocked();
  client_.Notify([this, gateway, attach, channels] {
    truth().Keep(gateway, attach, channels);
  });
}

void SharedEngine::Detach(uint64_t gateway, int64_t attach, bool goodbye) {
  RequireUnlocked();
  client_.Notify([this, gateway, attach, goodbye] {
    store().Detach(gateway, attach, goodbye);
  });
}

void SharedEngine::ApplyPresenceRules() {
  RequireUnlocked();
  client_.Notify([this] { truth().ApplyPresenceRules(); });
}

// --- Directory ---------------------------------------------------------------

void SharedEngine::Describe(absl::string_view channel,
                            Done<ChannelState> done) {
  RequireUnlocked();
  client_.Call<ChannelState>(
      [this, name = std::string(channel)] {
        ChannelState state;
        truth().Describe(name, [&](auto s) { state = *std::move(s); });
        return state;
      },
      std::move(done));
}

void SharedEngine::ListMembers(absl::string_view channel,
                               absl::string_view after, const PageSize& size,
                               Done<MembersPage> done) {
  RequireUnlocked();
  client_.Call<MembersPage>(
      [this, name = std::string(channel), from = std::string(after), size] {
        MembersPage page;
        truth().ListMembers(name, from, size,
                            [&](auto p) { page = *std::move(p); });
        return page;
      },
      std::move(done));
}

void SharedEngine::ListChannels(absl::string_view prefix,
                                absl::string_view after, size_t count_max,
                                Done<ChannelsPage> done) {
  RequireUnlocked();
  client_.Call<ChannelsPage>(
      [this, begin = std::string(prefix), from = std::string(after),
       count_max] {
        ChannelsPage page;
        truth().ListChannels(begin, from, count_max,
                             [&](auto p) { page = *std::move(p); });
        return page;
      },
      std::move(done));
}

void SharedEngine::Sum(Done<Totals> done) {
  RequireUnlocked();
  client_.Call<Totals>(
      [this] {
        Totals totals;
        truth().Sum([&](auto t) { totals = *t; });
        return totals;
      },
      std::move(done));
}

// --- The bus -----------------------------------------------------------------

void SharedEngine::ListNodes(NodesDone done) {
  RequireUnlocked();
  client_.Call<std::vector<OtherNode>>(
      [this] { return store().NodesBut(client_.index()); }, std::move(done));
}

void SharedEngine::FindNode(uint64_t gateway, NodeDone done) {
  RequireUnlocked();
  using Answer = absl::StatusOr<std::string>;
  client_.Call<std::shared_ptr<Answer>>(
      [this, gateway] {
        return std::make_shared<Answer>(
            store().FindNode(client_.index(), gateway));
      },
      [done = std::move(done)](auto answer) mutable {
        answer.ok() ? done(**std::move(answer)) : done(answer.status());
      });
}

void SharedEngine::ToNode(absl::string_view node, std::string bytes) {
  RequireUnlocked();
  client_.TryToNotify([this, to = std::string(node), bytes = std::move(bytes)] {
    store().SendBus(client_.index(), to, bytes);
  });
}

void SharedEngine::ToAll(std::string bytes) { ToNode("", std::move(bytes)); }

void SharedEngine::Record(Chunk item, RecordDone done) {
  RequireUnlocked();
  client_.Call<bool>(
      [this, item = std::move(item)] {
        store().registry().records().Add(store().Now(), item);
        return true;
      },
      [done = std::move(done)](absl::StatusOr<bool> recorded) mutable {
        done(recorded.status());
      });
}

void SharedEngine::RecordedWithin(absl::Duration age, RecordsDone done) {
  RequireUnlocked();
  using Answer = absl::StatusOr<std::vector<Chunk>>;
  client_.Call<std::shared_ptr<Answer>>(
      [this, age] {
        return std::make_shared<Answer>(
            store().registry().records().Within(age, store().Now()));
      },
      [done = std::move(done)](auto answer) mutable {
        answer.ok() ? done(**std::move(answer)) : done(answer.status());
      });
}

}  // namespace herald::core
