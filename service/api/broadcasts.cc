// SPDX-License-Identifier: Apache-2.0

#include "service/api/broadcasts.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "service/channel/joined_status.h"
#include "service/channel/request_checks.h"

namespace herald::core {
namespace {

// Collects the receipts of one Broadcast. The log may answer its channels in
// any order, or not at all if it is destroyed. The call itself holds a share
// until it has released all locks, and later answers come without a lock; so
// `done` runs without a lock of the core.
class Gathering {
 public:
  Gathering(const v1::BroadcastRequest& request, ServiceObserver* observer,
            Broadcasts::Done done)
      : parts_(static_cast<size_t>(request.channels_size()) + 1),
        observer_(observer),
        done_(std::move(done)) {
    for (const std::string& channel : request.channels()) {
      response_.add_receipts()->set_channel(channel);
    }
  }

  // Takes the log's answer for the channel at `index` of the request.
  void Take(int index,
            const absl::StatusOr<ChannelLog::PublishResult>& receipt) {
    if (receipt.ok()) {
      if (receipt->repeated) observer_->OnRepeated();
      v1::Receipt& out = *response_.mutable_receipts(index);
      out.set_epoch(receipt->position.epoch);
      out.set_offset(receipt->position.offset);
      out.set_subscribers(receipt->subscribers);
    }
    End(receipt.status());
  }

  // One share has ended: an answer's, or that of the call itself.
  void End(const absl::Status& share = absl::OkStatus()) {
    if (!parts_.Join(share)) return;
    absl::Status status = parts_.status();
    if (status.ok()) {
      done_(std::move(response_));
    } else {
      done_(std::move(status));
    }
  }

 private:
  JoinedStatus parts_;
  ServiceObserver* const observer_;
  v1::BroadcastResponse response_;  // Entries are made before, each set once.
  Broadcasts::Done done_;
};

}  // namespace

void Broadcasts::Broadcast(const v1::BroadcastRequest& request, Done done) {
  absl::Status status = readiness_->Check();
  if (status.ok()) {
    status = CheckBroadcast(request, payload_bytes_max_);
  }
  // All or nothing.
  if (status.ok()) status = CheckPayloads(request);
  if (!status.ok()) return done(status);
  const int64_t now_us = absl::ToUnixMicros(timers_->TimeOfDay());
  const auto all =
      std::make_shared<Gathering>(request, observer_, std::move(done));
  for (int i = 0; i < request.channels_size(); ++i) {
    auto publication = std::make_shared<Publication>();
    publication->channel = request.channels(i);
    publication->event = request.event();
    publication->data = request.data();
    publication->except_socket_id = request.except_socket_id();
    publication->published_us = now_us;
    ChannelShard& shard = table_->ShardOf(request.channels(i));
    const ShardLock lock(shard);
    log_->Publish(
        std::move(publication),
        {request.idempotency_key(), HistoryOf(shard, request.channels(i))},
        [all, i](const auto& receipt) { all->Take(i, receipt); });
  }
  all->End();
}

absl::Status Broadcasts::CheckPayloads(const v1::BroadcastRequest& request) {
  if (!table_->has_rules()) return absl::OkStatus();
  const auto bytes = static_cast<int64_t>(request.data().size());
  for (const std::string& channel : request.channels()) {
    ChannelShard& shard = table_->ShardOf(channel);
    const ShardLock lock(shard);
    const int64_t bytes_max = shard.rules->Of(channel).max_payload;
    if (bytes <= bytes_max) continue;
    return absl::ResourceExhaustedError(absl::StrCat(
        "data has ", bytes, " bytes; at most ", bytes_max,
        " are allowed on channel ", contract::Quoted(channel), " (",
        shard.rules->Source(channel, &contract::ChannelRule::max_payload,
                            "BROADCAST_MAX_PAYLOAD"),
        ")"));
  }
  return absl::OkStatus();
}

}  // namespace herald::core
