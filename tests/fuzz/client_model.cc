// SPDX-License-Identifier: Apache-2.0

#include "tests/fuzz/client_model.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "proto/contract/names.h"
#include "proto/contract/require.h"
#include "proto/json/json.h"
#include "proto/json/json_reader.h"

namespace herald::fuzz {
namespace {

using contract::Require;
using json::JsonReader;

bool IsName(const std::string& channel) {
  return contract::CheckChannelName(channel).ok();
}

// Strings are decoded.
std::map<std::string, std::string> FieldsOf(absl::string_view json) {
  Require(json::IsJson(json) && json::IsJsonObject(json));
  std::map<std::string, std::string> fields;
  json::JsonReader members(json);
  while (members.Next()) {
    const absl::string_view value = members.value();
    const bool is_new =
        fields
            .emplace(json::DecodeJsonString(members.key()),
                     json::IsJsonString(value) ? json::DecodeJsonString(value)
                                               : std::string(value))
            .second;
    Require(is_new);
  }
  return fields;
}

std::string Get(const std::map<std::string, std::string>& fields,
                const std::string& name) {
  const auto it = fields.find(name);
  return it == fields.end() ? "" : it->second;
}

int64_t NumberOf(const std::string& text) {
  int64_t number = 0;
  Require(absl::SimpleAtoi(text, &number) && number >= 0);
  return number;
}

// The size of the first frame; 0 if it is not whole.
size_t FrameSize(absl::string_view bytes) {
  if (bytes.size() < 2) return 0;
  const auto byte = [bytes](size_t at) {
    return static_cast<size_t>(static_cast<unsigned char>(bytes[at]));
  };
  Require(byte(0) == 0x81 && byte(1) < 128);
  const size_t length_size = byte(1) < 126 ? 0 : byte(1) == 126 ? 2 : 8;
  if (bytes.size() < 2 + length_size) return 0;
  size_t size = length_size == 0 ? byte(1) : 0;
  for (size_t i = 0; i < length_size; ++i) size = size << 8 | byte(2 + i);
  size += 2 + length_size;
  return size <= bytes.size() ? size : 0;
}

}  // namespace

bool ClientModel::Enqueue(const gateway::Frame& frame, size_t written) {
  Require(!is_closed_ && frame.size() > written);
  if (is_full) return false;
  // A frame that WriteNow() has begun is continued first.
  Require(written == 0 ||
          (waiting_.empty() &&
           absl::EndsWith(wire_, frame.bytes().substr(0, written))));
  const absl::string_view rest = frame.bytes().substr(written);
  waiting_.append(rest.data(), rest.size());
  return true;
}

size_t ClientModel::WriteNow(absl::string_view bytes) {
  Require(!is_closed_ && !bytes.empty());
  if (is_full || !waiting_.empty()) return 0;
  const size_t size = std::min(bytes.size(), bytes_at_once);
  wire_.append(bytes.data(), size);
  return size;
}

void ClientModel::Flush() {
  if (!is_full) wire_ += std::exchange(waiting_, {});
}

void ClientModel::Ping() { Require(!is_closed_); }

void ClientModel::Close(contract::CloseReason /*why*/,
                        const gateway::Goodbye& goodbye) {
  Require(!is_closed_ && contract::IsUtf8(goodbye.text));
  is_closed_ = true;
}

void ClientModel::OnSent(absl::string_view text) {
  gateway::ClientMessage message = dialect_.Decode(text);
  if (auto* const unsubscribe =
          std::get_if<gateway::UnsubscribeMessage>(&message)) {
    if (!IsName(unsubscribe->channel)) return;
    return subscriptions_[unsubscribe->channel].asked.push_back({});
  }
  std::string channel;
  std::optional<v1::Position> recover;
  if (auto* const subscribe =
          std::get_if<gateway::SubscribeMessage>(&message)) {
    channel = subscribe->channel;
    recover = subscribe->recover;
  } else {
    const auto* const bad = std::get_if<gateway::BadMessage>(&message);
    if (bad == nullptr || !bad->is_subscribe || !bad->channel) return;
    channel = *bad->channel;
  }
  if (!IsName(channel)) {
    ++invalid_asked_;
    return;
  }
  subscriptions_[channel].asked.push_back({true, std::move(recover)});
}

void ClientModel::Read() {
  absl::string_view rest = wire_;
  for (size_t size = 0; (size = FrameSize(rest)) > 0;) {
    const std::string payload(gateway::PayloadOf(rest.substr(0, size)));
    rest.remove_prefix(size);
    On(payload);
  }
  wire_ = std::string(rest);
}

void ClientModel::On(absl::string_view json) {
  const Fields fields = FieldsOf(json);
  const std::string type = Get(fields, "type");
  Require((type == "connected") == id_.empty());
  if (type == "connected") {
    id_ = Get(fields, "socket_id");
    Require(contract::ParseSocketId(id_).has_value());
    return;
  }
  const std::string channel = Get(fields, "channel");
  if (type == "pong" || type == "error") return;
  if (type == "subscription_error") return OnRefused(channel);
  // An unsubscribe that is wrong in its name is answered with an error.
  Require(IsName(channel));
  Subscription& subscription = subscriptions_[channel];
  if (type == "subscribed") return OnSubscribed(subscription, fields);
  if (type == "unsubscribed") return OnUnsubscribed(subscription, fields);
  Require(subscription.is_active);
  if (type == "event") return OnEvent(subscription, fields);
  Require(type == "member_added" || type == "member_removed");
  OnMember(subscription, fields);
}

std::optional<ClientModel::Asked> ClientModel::TakeAsked(
    Subscription& subscription) const {
  std::deque<Asked>& asked = subscription.asked;
  if (asked.empty() || !asked.front().is_subscribe) {
    Require(!trusts_service_ || !subscription.is_exact);
    return std::nullopt;
  }
  Asked first = std::move(asked.front());
  asked.pop_front();
  return first;
}

void ClientModel::OnSubscribed(Subscription& subscription,
                               const Fields& fields) {
  const std::optional<Asked> asked = TakeAsked(subscription);
  subscription.is_active = true;
  subscription.members.reset();
  if (fields.contains("members")) {
    std::set<std::string>& users = subscription.members.emplace();
    json::JsonReader members(fields.at("members"));
    while (members.Next()) {
      Require(users.insert(Get(FieldsOf(members.value()), "user_id")).second);
    }
  }
  Require(fields.contains("epoch") == fields.contains("offset"));
  subscription.offset.reset();
  if (!fields.contains("offset")) return;
  const int64_t offset = NumberOf(fields.at("offset"));
  if (Get(fields, "recovered") != "true") {
    subscription.offset = offset;
  } else if (subscription.is_exact && asked.has_value()) {
    // The events behind its own position follow, or the latest one.
    Require(asked->recover.has_value());
    subscription.offset =
        asked->recover->epoch().empty() ? offset - 1 : asked->recover->offset();
  }
}

void ClientModel::OnRefused(const std::string& channel) {
  if (!IsName(channel)) {
    Require(--invalid_asked_ >= 0);
    return;
  }
  TakeAsked(subscriptions_[channel]);
}

void ClientModel::OnUnsubscribed(Subscription& subscription,
                                 const Fields& fields) {
  std::deque<Asked>& asked = subscription.asked;
  if (fields.contains("reason")) {
    // It is also the answer to some that were asked before.
    subscription.is_exact = false;
  } else {
    // It is the only answer to those before.
    while (!asked.empty() && asked.front().is_subscribe) {
      asked.pop_front();
    }
    Require(!asked.empty());
    asked.pop_front();
  }
  subscription.is_active = false;
  subscription.offset.reset();
}

void ClientModel::OnEvent(Subscription& subscription, const Fields& fields) {
  Require(fields.contains("event") && fields.contains("data"));
  if (!fields.contains("offset")) return;
  const int64_t offset = NumberOf(fields.at("offset"));
  if (!trusts_service_) return;
  // Nothing is missing, and nothing comes twice.
  Require(offset == subscription.offset.value_or(offset - 1) + 1);
  subscription.offset = offset;
}

void ClientModel::OnMember(Subscription& subscription, const Fields& fields) {
  if (!trusts_service_ || !subscription.members.has_value()) return;
  const std::string user = Get(fields, "user_id");
  if (Get(fields, "type") == "member_added") {
    Require(subscription.members->insert(user).second);
  } else {
    Require(subscription.members->erase(user) == 1);
  }
}

void ClientModel::RequireAllAnswered() const {
  if (is_closed_ || is_full) return;
  Require(invalid_asked_ == 0 && waiting_.empty() && wire_.empty());
  for (const auto& [channel, subscription] : subscriptions_) {
    Require(!subscription.is_exact || subscription.asked.empty());
  }
}

}  // namespace herald::fuzz
