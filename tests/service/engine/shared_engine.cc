// SPDX-License-Identifier: Apache-2.0

#include "tests/service/engine/shared_engine.h"

#include <algorithm>
#include <variant>

#include "proto/contract/require.h"

namespace herald::core {
namespace {

using contract::Require;

absl::Status Unreachable() {
  return absl::UnavailableError("the store cannot be reached");
}

// An answer, and the version of the members that it makes visible.
template <typename T>
struct Versioned {
  T answer;
  int64_t version = 0;
};

}  // namespace

template <typename T>
void SharedEngine::Call(absl::AnyInvocable<T()> execute,
                        absl::AnyInvocable<void(absl::StatusOr<T>)> done,
                        absl::AnyInvocable<void(T)> undo) {
  store_->Send(
      index_, {[this, execute = std::move(execute), done = std::move(done),
                undo = std::move(undo)](bool reached) mutable {
        absl::StatusOr<T> answer = Unreachable();
        if (reached) answer = execute();
        store_->Answer(index_,
                       [done = std::move(done), undo = std::move(undo),
                        answer = std::move(answer)](bool arrived) mutable {
                         if (arrived) return done(std::move(answer));
                         if (answer.ok() && undo) undo(*std::move(answer));
                         done(Unreachable());
                       });
      }});
}

void SharedEngine::Tell(Body execute) {
  store_->Send(
      index_,
      {[execute = std::move(execute)](bool /*reached*/) mutable { execute(); },
       /*lasting=*/true});
}

void SharedEngine::RequireUnlocked() const { Require(locked_.empty()); }

void SharedEngine::WithChannel(const std::string& channel,
                               absl::FunctionRef<void()> body) {
  RequireUnlocked();
  listener_->WithChannel(channel, [&] {
    locked_ = channel;
    body();
    locked_.clear();
  });
}

const SharedEngine::Channel* SharedEngine::Find(
    absl::string_view channel) const {
  const auto it = channels_.find(std::string(channel));
  return it == channels_.end() ? nullptr : &it->second;
}

SharedEngine::Channel* SharedEngine::Find(absl::string_view channel) {
  return const_cast<Channel*>(std::as_const(*this).Find(channel));
}

SharedEngine::Channel* SharedEngine::Find(absl::string_view channel,
                                          int64_t number) {
  Channel* const found = Find(channel);
  return found != nullptr && found->number == number ? found : nullptr;
}

// --- Channels ----------------------------------------------------------------

void SharedEngine::Open(absl::string_view channel, const HistoryLimits& limits,
                        OpenDone done) {
  const std::string name(channel);
  Channel* open = Find(name);
  if (open == nullptr) {
    const int64_t number = ++last_number_;
    open = &channels_.try_emplace(name, limits, number).first->second;
    // First, so that nothing comes between it and the answer unnoticed.
    store_->Send(index_, {[this, name, number](bool reached) {
                   if (reached) store_->Subscribe(index_, name, number);
                 }});
  } else {
    open->mirror.Refresh();
  }
  open->limits = limits;
  open->mirror.SetLimits(limits);
  open->opens.push_back(std::move(done));
  Ask(name, *open);
}

void SharedEngine::Ask(const std::string& name, Channel& channel) {
  std::optional<Mirror::Question> question = channel.mirror.Ask();
  if (!question.has_value()) return;
  std::vector<OpenDone> opens = std::exchange(channel.opens, {});
  const bool begins = !opens.empty();
  Call<Mirror::Answer>(
      [this, name, question = *std::move(question), begins,
       limits = channel.limits] {
        if (begins) store_->Open(index_, name, limits);
        return store_->AnswerTo(name, question);
      },
      [this, name, number = channel.number, opens = std::move(opens)](
          absl::StatusOr<Mirror::Answer> answer) mutable {
        WithChannel(name, [&] {
          OnAnswer(name, number, std::move(answer), std::move(opens));
        });
      });
}

void SharedEngine::OnAnswer(const std::string& name, int64_t number,
                            absl::StatusOr<Mirror::Answer> answer,
                            std::vector<OpenDone> opens) {
  Channel* const channel = Find(name, number);
  if (channel == nullptr) {  // It was closed.
    for (OpenDone& done : opens) done(Unreachable());
    return;
  }
  if (!answer.ok()) return OnNoAnswer(name, *channel, std::move(opens));
  Deliver(name, channel->mirror.OnAnswer(*std::move(answer)));
  for (OpenDone& done : opens) done(absl::OkStatus());
}

// What the mirror has missed is asked for when the store can be reached. That
// may be now, and OnConnected() be over.
void SharedEngine::OnNoAnswer(const std::string& name, Channel& channel,
                              std::vector<OpenDone> opens) {
  channel.mirror.OnDisconnect();
  if (!channel.mirror.is_open()) {
    for (OpenDone& done : channel.opens) opens.push_back(std::move(done));
    // The store may have opened it all the same.
    TellClosed(name, channel.number);
    channels_.erase(name);
  } else if (store_->IsConnected(index_)) {
    channel.mirror.Refresh();
    Ask(name, channel);
  }
  for (OpenDone& done : opens) done(Unreachable());
}

void SharedEngine::OnConnected() {
  for (const auto& [name, channel] : channels_) {
    if (!channel.mirror.is_open()) continue;
    store_->Send(index_,
                 {[this, name = name, number = channel.number](bool reached) {
                   if (reached) store_->Subscribe(index_, name, number);
                 }});
    Call<SharedStore::Place>(
        [this, name = name] { return store_->PlaceOf(name); },
        [this, name = name, number = channel.number](auto place) {
          WithChannel(name, [&] {
            Channel* const found = Find(name, number);
            if (found == nullptr || !place.ok()) return;
            found->mirror.Compare(place->position, place->version);
            Ask(name, *found);
          });
        });
  }
}

void SharedEngine::Close(absl::string_view channel) {
  const std::string name(channel);
  Channel* const open = Find(name);
  if (open == nullptr) return;
  // A channel stays open while an admission is.
  Require(open->waiting.empty());
  TellClosed(name, open->number);
  std::vector<OpenDone> opens = std::move(open->opens);
  channels_.erase(name);
  for (OpenDone& done : opens) done(Unreachable());
}

void SharedEngine::TellClosed(const std::string& name, int64_t number) {
  Tell([this, name, number] {
    store_->Unsubscribe(index_, name, number);
    store_->Close(index_, name);
  });
}

std::map<std::string, HistoryLimits> SharedEngine::OpenChannels() const {
  std::map<std::string, HistoryLimits> open;
  for (const auto& [name, channel] : channels_) {
    open.emplace(name, channel.limits);
  }
  return open;
}

// --- Pushes ------------------------------------------------------------------

void SharedEngine::OnPublication(const std::string& channel, int64_t number,
                                 const std::string& epoch,
                                 const Mirror::Entry& entry) {
  WithChannel(channel, [&] {
    Channel* const open = Find(channel, number);
    if (open == nullptr) return;
    Deliver(channel, open->mirror.OnPublication(epoch, entry));
  });
}

void SharedEngine::OnHistory(const std::string& channel, int64_t number,
                             const std::string& epoch,
                             const Position& previous) {
  WithChannel(channel, [&] {
    Channel* const open = Find(channel, number);
    if (open == nullptr) return;
    Deliver(channel, open->mirror.OnHistory(epoch, previous));
  });
}

void SharedEngine::OnMember(const std::string& channel, int64_t number,
                            const Mirror::MemberChange& change) {
  WithChannel(channel, [&] {
    Channel* const open = Find(channel, number);
    if (open != nullptr) Deliver(channel, open->mirror.OnMember(change));
  });
}

void SharedEngine::OnLeaseEnded(uint64_t gateway, int64_t attach) {
  RequireUnlocked();
  listener_->OnLeaseEnded(gateway, attach);
}

void SharedEngine::OnBus(const std::string& from, const std::string& bytes) {
  RequireUnlocked();
  if (node_listener_ != nullptr) node_listener_->OnBus(from, bytes);
}

void SharedEngine::OnLost(const std::string& name, bool lost) {
  if (!lost) return;
  ++lost_count_;
  if (on_lost) on_lost(name);
}

// The listener may close the channel as soon as an answer was passed on.
void SharedEngine::Deliver(const std::string& name,
                           const Mirror::Events& events) {
  for (const Mirror::Event& event : events) {
    if (const auto* publication = std::get_if<PublicationPtr>(&event)) {
      listener_->OnPublication(*publication);
    } else if (const auto* began = std::get_if<Mirror::HistoryBegan>(&event)) {
      OnLost(name, began->lost);
      listener_->OnHistoryBegan(name, began->position);
    } else if (const auto* ended = std::get_if<Mirror::HistoryEnded>(&event)) {
      OnLost(name, ended->lost);
      listener_->OnHistoryEnded(name);
    } else if (const auto* added = std::get_if<Mirror::MemberAdded>(&event)) {
      listener_->OnMemberAdded(name, added->member);
    } else {
      listener_->OnMemberRemoved(
          name, std::get<Mirror::MemberRemoved>(event).user_id);
    }
  }
  if (Channel* const open = Find(name)) Ask(name, *open);
  for (;;) {
    Channel* const open = Find(name);
    if (open == nullptr) return;
    const auto due = std::find_if(
        open->waiting.begin(), open->waiting.end(),
        [&](const auto& one) { return one.first <= open->mirror.version(); });
    if (due == open->waiting.end()) return;
    Body done = std::move(due->second);
    open->waiting.erase(due);
    done();
  }
}

void SharedEngine::WhenAt(const std::string& name, int64_t version, Body done) {
  Channel* const open = Find(name);
  if (open == nullptr || open->mirror.version() >= version) return done();
  open->waiting.emplace_back(version, std::move(done));
}

// --- The log -----------------------------------------------------------------

void SharedEngine::Publish(std::shared_ptr<Publication> publication,
                           const PublishOptions& options, PublishDone done) {
  Channel* const open = Find(publication->channel);
  if (open != nullptr && options.history.size > 0) {
    open->mirror.SetLimits(options.history);
  }
  Call<Receipt>(
      [this, publication = std::move(publication),
       key = std::string(options.idempotency_key), history = options.history] {
        absl::StatusOr<Receipt> receipt = Unreachable();
        store_->truth().Publish(publication, {key, history},
                                [&](auto r) { receipt = std::move(r); });
        return *std::move(receipt);
      },
      std::move(done));
}

std::optional<Position> SharedEngine::PositionOf(absl::string_view channel) {
  const Channel* const open = Find(channel);
  Require(open != nullptr);
  return open->mirror.position();
}

Missed SharedEngine::Since(absl::string_view channel,
                           const std::optional<Position>& since,
                           size_t count_max) {
  Channel* const open = Find(channel);
  Require(open != nullptr);
  return open->mirror.Since(since, count_max, store_->Now());
}

void SharedEngine::Fetch(absl::string_view channel,
                         const std::optional<Position>& since, size_t count_max,
                         FetchDone done) {
  RequireUnlocked();
  Call<Missed>(
      [this, name = std::string(channel), since, count_max] {
        Missed missed;
        store_->truth().Fetch(name, since, count_max, [&](auto answer) {
          missed = *std::move(answer);
        });
        return missed;
      },
      std::move(done));
}

void SharedEngine::Forget(absl::string_view channel) {
  Tell([this, name = std::string(channel)] { store_->truth().Forget(name); });
}

void SharedEngine::ApplyHistoryRules() {
  RequireUnlocked();
  Tell([this] { store_->truth().ApplyHistoryRules(); });
}

// --- Members -----------------------------------------------------------------

std::vector<v1::PresentMember> SharedEngine::Members(
    absl::string_view channel) const {
  const Channel* const open = Find(channel);
  if (open == nullptr) return {};
  return open->mirror.Members();
}

int64_t SharedEngine::MemberCount(absl::string_view channel) const {
  const Channel* const open = Find(channel);
  return open == nullptr ? 0 : open->mirror.member_count();
}

int64_t SharedEngine::AdmittedOnTheWay(const std::string& channel) const {
  const auto it = admitted_on_the_way_.find(channel);
  return it == admitted_on_the_way_.end() ? 0 : it->second;
}

void SharedEngine::Admit(absl::string_view channel, Subscription subscription,
                         AdmitDone done) {
  const std::string name(channel);
  Require(Find(name) != nullptr);
  const auto asked = std::make_shared<const Subscription>(subscription);
  using Answer = Versioned<Admission>;
  Call<Answer>(
      [this, name, subscription = std::move(subscription)]() mutable {
        if (subscription.count_max > 0) {
          subscription.count += store_->CountElsewhere(index_, name);
        }
        Answer answer{Admission::kUnavailable};
        store_->truth().Admit(name, std::move(subscription),
                              [&](Admission a) { answer.answer = a; });
        answer.version = store_->VersionOf(name);
        if (answer.answer == Admission::kAdmitted) ++admitted_on_the_way_[name];
        return answer;
      },
      [this, name,
       done = std::move(done)](absl::StatusOr<Answer> answer) mutable {
        WithChannel(name, [&] {
          if (!answer.ok()) return done(Admission::kUnavailable);
          const Admission admission = answer->answer;
          WhenAt(name, answer->version,
                 [this, name, admission, done = std::move(done)]() mutable {
                   done(admission);
                   if (admission == Admission::kAdmitted) {
                     --admitted_on_the_way_[name];
                   }
                 });
        });
      },
      [this, name, asked](const Answer& lost) {
        if (lost.answer != Admission::kAdmitted) return;
        --admitted_on_the_way_[name];
        if (!asked->member.has_value()) return;
        Dismiss(name, asked->member->user_id(), asked->socket, asked->attach,
                absl::ZeroDuration());
      });
}

void SharedEngine::Dismiss(absl::string_view channel, absl::string_view user_id,
                           const SocketRef& socket, int64_t attach,
                           absl::Duration grace) {
  Tell([this, name = std::string(channel), user = std::string(user_id), socket,
        attach,
        grace] { store_->truth().Dismiss(name, user, socket, attach, grace); });
}

void SharedEngine::Replace(absl::string_view channel, uint64_t gateway,
                           int64_t attach, std::vector<GatewayMember> members,
                           absl::Duration grace, ReplaceDone done) {
  const std::string name(channel);
  Require(Find(name) != nullptr);
  using Answer = Versioned<absl::Status>;
  Call<Answer>(
      [this, name, gateway, attach, members = std::move(members),
       grace]() mutable {
        Answer answer;
        store_->truth().Replace(
            name, gateway, attach, std::move(members), grace,
            [&](const absl::Status& status) { answer.answer = status; });
        answer.version = store_->VersionOf(name);
        return answer;
      },
      [this, name,
       done = std::move(done)](absl::StatusOr<Answer> answer) mutable {
        WithChannel(name, [&] {
          if (!answer.ok()) return done(answer.status());
          WhenAt(name, answer->version,
                 [status = answer->answer, done = std::move(done)]() mutable {
                   done(status);
                 });
        });
      });
}

void SharedEngine::Attach(uint64_t gateway, AttachDone done) {
  RequireUnlocked();
  using Answer = std::pair<int64_t, int64_t>;  // Attach number and fence.
  Call<Answer>(
      [this, gateway] {
        const int64_t number = store_->Attach(index_, gateway);
        return Answer(number, store_->PushFence(index_));
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
// not received yet what the gateway has. Its attach is answered behind all
// pushes from before it; and as they may be held, when no question is open.
void SharedEngine::RunAttaches() {
  while (!catching_up_ && !attaching_.empty() &&
         attaching_.front().fence <= fence_) {
    const bool is_behind = std::any_of(
        channels_.begin(), channels_.end(),
        [](const auto& one) { return one.second.mirror.is_asking(); });
    if (is_behind) return CatchUp();
    Attaching next = std::move(attaching_.front());
    attaching_.pop_front();
    next.done(next.number);
  }
}

// Answers are in order, so those to the open questions come before this one.
void SharedEngine::CatchUp() {
  catching_up_ = true;
  Call<bool>([] { return true; },
             [this](const absl::StatusOr<bool>& answer) {
               catching_up_ = false;
               answer.ok() ? RunAttaches() : FailAttaches();
             });
}

void SharedEngine::FailAttaches() {
  for (Attaching& one : std::exchange(attaching_, {})) {
    Detach(one.gateway, one.number, /*goodbye=*/false);
    one.done(Unreachable());
  }
}

void SharedEngine::OnCut() { FailAttaches(); }

void SharedEngine::Keep(uint64_t gateway, int64_t attach,
                        const std::vector<std::string>& channels) {
  RequireUnlocked();
  Tell([this, gateway, attach, channels] {
    store_->truth().Keep(gateway, attach, channels);
  });
}

void SharedEngine::Detach(uint64_t gateway, int64_t attach, bool goodbye) {
  RequireUnlocked();
  Tell([this, gateway, attach, goodbye] {
    store_->Detach(gateway, attach, goodbye);
  });
}

void SharedEngine::ApplyPresenceRules() {
  RequireUnlocked();
  Tell([this] { store_->truth().ApplyPresenceRules(); });
}

// --- Directory ---------------------------------------------------------------

void SharedEngine::Describe(absl::string_view channel,
                            Done<ChannelState> done) {
  RequireUnlocked();
  Call<ChannelState>(
      [this, name = std::string(channel)] {
        ChannelState state;
        store_->truth().Describe(name, [&](auto s) { state = *std::move(s); });
        return state;
      },
      std::move(done));
}

void SharedEngine::ListMembers(absl::string_view channel,
                               absl::string_view after, const PageSize& size,
                               Done<MembersPage> done) {
  RequireUnlocked();
  Call<MembersPage>(
      [this, name = std::string(channel), from = std::string(after), size] {
        MembersPage page;
        store_->truth().ListMembers(name, from, size,
                                    [&](auto p) { page = *std::move(p); });
        return page;
      },
      std::move(done));
}

void SharedEngine::ListChannels(absl::string_view prefix,
                                absl::string_view after, size_t count_max,
                                Done<ChannelsPage> done) {
  RequireUnlocked();
  Call<ChannelsPage>(
      [this, begin = std::string(prefix), from = std::string(after),
       count_max] {
        ChannelsPage page;
        store_->truth().ListChannels(begin, from, count_max,
                                     [&](auto p) { page = *std::move(p); });
        return page;
      },
      std::move(done));
}

void SharedEngine::Sum(Done<Totals> done) {
  RequireUnlocked();
  Call<Totals>(
      [this] {
        Totals totals;
        store_->truth().Sum([&](auto t) { totals = *t; });
        return totals;
      },
      std::move(done));
}

// --- The bus -----------------------------------------------------------------

void SharedEngine::ListNodes(NodesDone done) {
  RequireUnlocked();
  Call<std::vector<OtherNode>>([this] { return store_->NodesBut(index_); },
                               std::move(done));
}

void SharedEngine::FindNode(uint64_t gateway, NodeDone done) {
  RequireUnlocked();
  using Answer = absl::StatusOr<std::string>;
  Call<std::shared_ptr<Answer>>(
      [this, gateway] {
        return std::make_shared<Answer>(store_->FindNode(index_, gateway));
      },
      [done = std::move(done)](auto answer) mutable {
        answer.ok() ? done(**std::move(answer)) : done(answer.status());
      });
}

void SharedEngine::ToNode(absl::string_view node, std::string bytes) {
  RequireUnlocked();
  store_->Send(index_, {[this, to = std::string(node),
                         bytes = std::move(bytes)](bool reached) {
                 if (reached) store_->SendBus(index_, to, bytes);
               }});
}

void SharedEngine::ToAll(std::string bytes) { ToNode("", std::move(bytes)); }

void SharedEngine::Record(Chunk item, RecordDone done) {
  RequireUnlocked();
  Call<bool>(
      [this, item = std::move(item)] {
        store_->Record(item);
        return true;
      },
      [done = std::move(done)](absl::StatusOr<bool> recorded) mutable {
        done(recorded.status());
      });
}

void SharedEngine::RecordedWithin(absl::Duration age, RecordsDone done) {
  RequireUnlocked();
  using Answer = absl::StatusOr<std::vector<Chunk>>;
  Call<std::shared_ptr<Answer>>(
      [this, age] {
        return std::make_shared<Answer>(store_->RecordedWithin(age));
      },
      [done = std::move(done)](auto answer) mutable {
        answer.ok() ? done(**std::move(answer)) : done(answer.status());
      });
}

}  // namespace herald::core
