// SPDX-License-Identifier: Apache-2.0

#include "tests/service/engine/mirrored_channels.h"

#include <algorithm>
#include <optional>
#include <variant>

#include "proto/contract/require.h"

namespace herald::core {

using contract::Require;

void MirroredChannels::WithChannel(const std::string& channel,
                                   absl::FunctionRef<void()> body) {
  Require(is_unlocked());
  listener_->WithChannel(channel, [&] {
    locked_ = channel;
    body();
    locked_.clear();
  });
}

MirroredChannels::Channel* MirroredChannels::Entry(absl::string_view channel) {
  const auto it = channels_.find(std::string(channel));
  return it == channels_.end() ? nullptr : &it->second;
}

MirroredChannels::Channel* MirroredChannels::Entry(absl::string_view channel,
                                                   int64_t number) {
  Channel* const found = Entry(channel);
  return found != nullptr && found->number == number ? found : nullptr;
}

Mirror* MirroredChannels::Find(absl::string_view channel) {
  Channel* const found = Entry(channel);
  return found == nullptr ? nullptr : &found->mirror;
}

const Mirror* MirroredChannels::Find(absl::string_view channel) const {
  const auto it = channels_.find(std::string(channel));
  return it == channels_.end() ? nullptr : &it->second.mirror;
}

bool MirroredChannels::is_asking() const {
  return std::any_of(channels_.begin(), channels_.end(), [](const auto& one) {
    return one.second.mirror.is_asking();
  });
}

// --- Channels ----------------------------------------------------------------

void MirroredChannels::Open(absl::string_view channel,
                            const HistoryLimits& limits, OpenDone done) {
  const std::string name(channel);
  Channel* open = Entry(name);
  if (open == nullptr) {
    const int64_t number = ++last_number_;
    open = &channels_.try_emplace(name, limits, number).first->second;
    // First, so that nothing comes between it and the answer unnoticed.
    client_->TryToNotify([this, name, number] {
      client_->store().Subscribe(client_->index(), name, number);
    });
  } else {
    open->mirror.Refresh();
  }
  open->limits = limits;
  open->mirror.SetLimits(limits);
  open->opens.push_back(std::move(done));
  Ask(name, *open);
}

void MirroredChannels::Ask(const std::string& name, Channel& channel) {
  std::optional<Mirror::LogQuestion> question = channel.mirror.Ask();
  if (!question.has_value()) return;
  std::vector<OpenDone> opens = std::exchange(channel.opens, {});
  const bool begins = !opens.empty();
  client_->Call<Mirror::LogAnswer>(
      [this, name, question = *std::move(question), begins,
       limits = channel.limits] {
        if (begins) client_->store().Open(client_->index(), name, limits);
        return client_->store().AnswerTo(name, question);
      },
      [this, name, number = channel.number, opens = std::move(opens)](
          absl::StatusOr<Mirror::LogAnswer> answer) mutable {
        WithChannel(name, [&] {
          OnAnswer(name, number, std::move(answer), std::move(opens));
        });
      });
}

void MirroredChannels::OnAnswer(const std::string& name, int64_t number,
                                absl::StatusOr<Mirror::LogAnswer> answer,
                                std::vector<OpenDone> opens) {
  Channel* const channel = Entry(name, number);
  if (channel == nullptr) {  // It was closed.
    for (OpenDone& done : opens) done(SharedClient::Unreachable());
    return;
  }
  if (!answer.ok()) return OnNoAnswer(name, *channel, std::move(opens));
  Deliver(name, channel->mirror.OnAnswer(*std::move(answer)));
  for (OpenDone& done : opens) done(absl::OkStatus());
}

// The mirror requests missed events when the store can be reached. That may be
// now, and OnConnected() be over.
void MirroredChannels::OnNoAnswer(const std::string& name, Channel& channel,
                                  std::vector<OpenDone> opens) {
  channel.mirror.OnDisconnect();
  if (!channel.mirror.is_open()) {
    for (OpenDone& done : channel.opens) opens.push_back(std::move(done));
    // The store may have opened it all the same.
    NotifyClosed(name, channel.number);
    channels_.erase(name);
  } else if (client_->IsConnected()) {
    channel.mirror.Refresh();
    Ask(name, channel);
  }
  for (OpenDone& done : opens) done(SharedClient::Unreachable());
}

void MirroredChannels::OnConnected() {
  for (const auto& [name, channel] : channels_) {
    if (!channel.mirror.is_open()) continue;
    client_->TryToNotify([this, name = name, number = channel.number] {
      client_->store().Subscribe(client_->index(), name, number);
    });
    client_->Call<SharedStore::Place>(
        [this, name = name] { return client_->store().PlaceOf(name); },
        [this, name = name, number = channel.number](auto place) {
          WithChannel(name, [&] {
            Channel* const found = Entry(name, number);
            if (found == nullptr || !place.ok()) return;
            found->mirror.Compare(place->position, place->version);
            Ask(name, *found);
          });
        });
  }
}

void MirroredChannels::Close(absl::string_view channel) {
  const std::string name(channel);
  Channel* const open = Entry(name);
  if (open == nullptr) return;
  // A channel stays open while an admission is.
  Require(open->waiting.empty());
  NotifyClosed(name, open->number);
  std::vector<OpenDone> opens = std::move(open->opens);
  channels_.erase(name);
  for (OpenDone& done : opens) done(SharedClient::Unreachable());
}

void MirroredChannels::NotifyClosed(const std::string& name, int64_t number) {
  client_->Notify([this, name, number] {
    client_->store().Unsubscribe(client_->index(), name, number);
    client_->store().Close(client_->index(), name);
  });
}

std::map<std::string, HistoryLimits> MirroredChannels::Limits() const {
  std::map<std::string, HistoryLimits> open;
  for (const auto& [name, channel] : channels_) {
    open.emplace(name, channel.limits);
  }
  return open;
}

// --- Pushes ------------------------------------------------------------------

void MirroredChannels::OnPublication(const std::string& channel, int64_t number,
                                     const std::string& epoch,
                                     const Mirror::Entry& entry) {
  WithChannel(channel, [&] {
    Channel* const open = Entry(channel, number);
    if (open == nullptr) return;
    Deliver(channel, open->mirror.OnPublication(epoch, entry));
  });
}

void MirroredChannels::OnHistory(const std::string& channel, int64_t number,
                                 const std::string& epoch,
                                 const Position& previous) {
  WithChannel(channel, [&] {
    Channel* const open = Entry(channel, number);
    if (open == nullptr) return;
    Deliver(channel, open->mirror.OnHistory(epoch, previous));
  });
}

void MirroredChannels::OnMember(const std::string& channel, int64_t number,
                                const Mirror::MemberChange& change) {
  WithChannel(channel, [&] {
    Channel* const open = Entry(channel, number);
    if (open != nullptr) Deliver(channel, open->mirror.OnMember(change));
  });
}

void MirroredChannels::Deliver(const std::string& name,
                               const Mirror::Events& events) {
  for (const Mirror::Event& event : events) {
    if (const auto* publication = std::get_if<PublicationPtr>(&event)) {
      listener_->OnPublication(*publication);
    } else if (const auto* began = std::get_if<Mirror::HistoryBegan>(&event)) {
      listener_->OnHistoryBegan(name, began->position, began->lost);
    } else if (const auto* ended = std::get_if<Mirror::HistoryEnded>(&event)) {
      listener_->OnHistoryEnded(name, ended->lost);
    } else if (const auto* added = std::get_if<Mirror::MemberAdded>(&event)) {
      listener_->OnMemberAdded(name, added->member);
    } else if (const auto* replaced =
                   std::get_if<Mirror::RosterReplaced>(&event)) {
      listener_->OnRosterReplaced(name, replaced->position);
    } else {
      listener_->OnMemberRemoved(
          name, std::get<Mirror::MemberRemoved>(event).user_id);
    }
  }
  if (Channel* const open = Entry(name)) Ask(name, *open);
  AnswerWaiting(name);
}

// The listener may close the channel as soon as an answer was passed on.
void MirroredChannels::AnswerWaiting(const std::string& name) {
  for (;;) {
    Channel* const open = Entry(name);
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

void MirroredChannels::WhenAt(const std::string& name, int64_t version,
                              Body done) {
  Channel* const open = Entry(name);
  if (open == nullptr || open->mirror.version() >= version) return done();
  open->waiting.emplace_back(version, std::move(done));
}

}  // namespace herald::core
