// SPDX-License-Identifier: Apache-2.0

#include "herald/client/publisher.h"

#include <atomic>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/notification.h"
#include "clients/cpp/caller.h"
#include "clients/cpp/convert.h"

namespace herald::client {
namespace {

std::string DrawKeyPrefix() {
  absl::BitGen generator;
  return absl::StrFormat("%016x%016x", absl::Uniform<uint64_t>(generator),
                         absl::Uniform<uint64_t>(generator));
}

// The one receipt of an event to one channel.
absl::StatusOr<Receipt> Single(BroadcastResult result) {
  if (!result.ok()) return result.status();
  if (result->size() != 1) {
    return absl::InternalError(absl::StrCat("the service sent ", result->size(),
                                            " receipts for one channel"));
  }
  return std::move(result->front());
}

OutgoingEvent MakeEvent(std::vector<std::string> channels,
                        absl::string_view event, absl::string_view data,
                        absl::string_view except_socket_id = "") {
  return {.channels = std::move(channels),
          .event = std::string(event),
          .data = std::string(data),
          .except_socket_id = std::string(except_socket_id)};
}

}  // namespace

class Publisher::Impl {
 public:
  explicit Impl(PublisherOptions options)
      : in_flight_bytes_max_(options.in_flight_bytes_max),
        caller_(options.target, std::move(options.api_token), options.deadline,
                std::move(options.on_retry)) {}

  void Start(OutgoingEvent event, BroadcastCallback done) {
    if (absl::Status status = CheckEvent(event); !status.ok()) {
      return done(std::move(status));
    }
    const int64_t bytes = BytesOf(event);
    if (in_flight_bytes_.fetch_add(bytes) + bytes > in_flight_bytes_max_) {
      in_flight_bytes_.fetch_sub(bytes);
      return done(absl::ResourceExhaustedError(
          absl::StrCat("more than in_flight_bytes_max (", in_flight_bytes_max_,
                       ") bytes would wait for an answer")));
    }
    if (event.idempotency_key.empty()) event.idempotency_key = NextKey();
    caller_.Start<v1::BroadcastRequest, v1::BroadcastResponse>(
        &Caller::Api::Broadcast, ToRequest(std::move(event)),
        [this, bytes, done = std::move(done)](
            absl::StatusOr<v1::BroadcastResponse> response) mutable {
          in_flight_bytes_.fetch_sub(bytes);
          if (response.ok()) {
            done(ToReceipts(*response));
          } else {
            done(response.status());
          }
        });
  }

 private:
  // 128 random bits name the publisher, a counter the event.
  std::string NextKey() {
    return absl::StrCat(key_prefix_, "-", next_key_.fetch_add(1));
  }

  const int64_t in_flight_bytes_max_;
  const std::string key_prefix_ = DrawKeyPrefix();
  std::atomic<uint64_t> next_key_{1};
  std::atomic<int64_t> in_flight_bytes_{0};
  Caller caller_;  // Last: its callbacks use the others.
};

Publisher::Publisher(PublisherOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

Publisher::~Publisher() = default;

absl::StatusOr<Receipt> Publisher::Broadcast(absl::string_view channel,
                                             absl::string_view event,
                                             absl::string_view data) {
  return BroadcastExcept(channel, event, data, "");
}

BroadcastResult Publisher::Broadcast(std::vector<std::string> channels,
                                     absl::string_view event,
                                     absl::string_view data) {
  return BroadcastExcept(std::move(channels), event, data, "");
}

absl::StatusOr<Receipt> Publisher::BroadcastExcept(
    absl::string_view channel, absl::string_view event, absl::string_view data,
    absl::string_view socket_id) {
  return Single(
      Broadcast(MakeEvent({std::string(channel)}, event, data, socket_id)));
}

BroadcastResult Publisher::BroadcastExcept(std::vector<std::string> channels,
                                           absl::string_view event,
                                           absl::string_view data,
                                           absl::string_view socket_id) {
  return Broadcast(MakeEvent(std::move(channels), event, data, socket_id));
}

BroadcastResult Publisher::Broadcast(OutgoingEvent event) {
  BroadcastResult result = absl::UnknownError("no answer yet");
  absl::Notification answered;
  BroadcastAsync(std::move(event), [&](BroadcastResult answer) {
    result = std::move(answer);
    answered.Notify();
  });
  answered.WaitForNotification();
  return result;
}

void Publisher::BroadcastAsync(OutgoingEvent event, BroadcastCallback done) {
  impl_->Start(std::move(event), std::move(done));
}

BroadcastBuilder Publisher::Channel(absl::string_view channel) {
  BroadcastBuilder builder(this);
  builder.Channel(channel);
  return builder;
}

BroadcastBuilder Publisher::Channels(std::vector<std::string> channels) {
  BroadcastBuilder builder(this);
  builder.Channels(channels);
  return builder;
}

BroadcastBuilder& BroadcastBuilder::Channel(absl::string_view channel) {
  event_.channels.emplace_back(channel);
  return *this;
}

BroadcastBuilder& BroadcastBuilder::Channels(
    const std::vector<std::string>& channels) {
  event_.channels.insert(event_.channels.end(), channels.begin(),
                         channels.end());
  return *this;
}

BroadcastBuilder& BroadcastBuilder::Event(absl::string_view event) {
  event_.event = std::string(event);
  return *this;
}

BroadcastBuilder& BroadcastBuilder::Data(absl::string_view data) {
  event_.data = std::string(data);
  return *this;
}

BroadcastBuilder& BroadcastBuilder::Except(absl::string_view socket_id) {
  event_.except_socket_id = std::string(socket_id);
  return *this;
}

BroadcastBuilder& BroadcastBuilder::IdempotencyKey(absl::string_view key) {
  event_.idempotency_key = std::string(key);
  return *this;
}

BroadcastResult BroadcastBuilder::Send() const {
  return publisher_->Broadcast(event_);
}

void BroadcastBuilder::SendAsync(BroadcastCallback done) const {
  publisher_->BroadcastAsync(event_, std::move(done));
}

}  // namespace herald::client
