// SPDX-License-Identifier: Apache-2.0

#include "clients/cpp/positions.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "clients/cpp/dial.h"
#include "proto/contract/names.h"

namespace herald::client {
namespace {

v1::Position MakePosition(std::string epoch, int64_t offset) {
  v1::Position position;
  position.set_epoch(std::move(epoch));
  position.set_offset(offset);
  return position;
}

}  // namespace

absl::Status Positions::Start(const std::vector<v1::ChannelPosition>& since) {
  for (const v1::ChannelPosition& place : since) {
    absl::Status status =
        CheckTexts({{"channel", place.channel()}, {"epoch", place.epoch()}});
    if (!status.ok()) return status;
    const auto [it, is_new] = channels_.try_emplace(place.channel());
    if (!is_new) {
      return absl::InvalidArgumentError(absl::StrCat(
          "since names channel ", contract::Quoted(place.channel()), " twice"));
    }
    if (place.epoch().empty() && place.offset() == 0) {
      it->second.latest = true;
    } else {
      it->second.position = MakePosition(place.epoch(), place.offset());
    }
  }
  return absl::OkStatus();
}

void Positions::Begin(v1::WatchRequest* request) {
  request->clear_since();
  for (auto& [name, channel] : channels_) {
    channel.confirmed = false;
    if (!channel.latest && !channel.position.has_value()) continue;
    v1::ChannelPosition* const since = request->add_since();
    since->set_channel(name);
    if (channel.latest) continue;
    since->set_epoch(channel.position->epoch());
    since->set_offset(channel.position->offset());
  }
}

std::optional<Loss> Positions::Confirm(const v1::Subscribed& subscribed) {
  Channel& channel = channels_[subscribed.channel()];
  const bool recovered = subscribed.has_recovered() && subscribed.recovered();
  const bool refused = subscribed.has_recovered() && !subscribed.recovered();
  const bool first = !std::exchange(channel.confirmed, true);
  const bool known = std::exchange(channel.known, true);
  const std::string before = std::exchange(channel.epoch, subscribed.epoch());
  const std::optional<v1::Position> since = channel.position;
  const bool same = since.has_value() && since->epoch() == channel.epoch;

  bool lost = refused;
  if (first && since.has_value()) {
    // `recovered: false` is taken as a loss; but for the latest event it means
    // that there is none. In that case, and without the field, the offsets are
    // compared.
    const bool comparable = !refused || channel.latest;
    lost = !recovered &&
           !(comparable && same && since->offset() == subscribed.offset());
  } else if (first) {
    // Without history, the events between two streams are unknown.
    lost = !recovered && known && before.empty();
  }

  // After a recovery its events advance the position: if they do not arrive,
  // they have to be requested again.
  const bool stays = recovered || (!first && same && !lost);
  if (!stays && channel.epoch.empty()) channel.position.reset();
  if (!stays && !channel.epoch.empty()) {
    channel.position = MakePosition(channel.epoch, subscribed.offset());
  }
  if (!lost) return std::nullopt;
  return Loss{.channel = subscribed.channel(),
              .since = since.value_or(v1::Position()),
              .position = channel.position.value_or(v1::Position())};
}

bool Positions::Take(const v1::Event& event) {
  if (event.whisper() || event.offset() <= 0) return true;
  const auto it = channels_.find(event.channel());
  if (it == channels_.end() || it->second.epoch.empty()) return true;
  Channel& channel = it->second;
  if (!channel.position.has_value() ||
      channel.position->epoch() != channel.epoch) {
    channel.position = MakePosition(channel.epoch, event.offset());
    return true;
  }
  if (event.offset() <= channel.position->offset()) return false;
  channel.position->set_offset(event.offset());
  return true;
}

std::vector<v1::ChannelPosition> Positions::Get() const {
  std::vector<v1::ChannelPosition> places;
  for (const auto& [name, channel] : channels_) {
    if (!channel.position.has_value()) continue;
    v1::ChannelPosition& place = places.emplace_back();
    place.set_channel(name);
    place.set_epoch(channel.position->epoch());
    place.set_offset(channel.position->offset());
  }
  return places;
}

}  // namespace herald::client
