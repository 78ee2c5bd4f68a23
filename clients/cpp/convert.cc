// SPDX-License-Identifier: Apache-2.0

#include "clients/cpp/convert.h"

#include <string>
#include <utility>

#include "clients/cpp/dial.h"

namespace herald::client {
namespace {

// Roughly the memory for the bookkeeping of one event.
constexpr int64_t kEventOverheadBytes = 256;

}  // namespace

absl::Status CheckEvent(const OutgoingEvent& event) {
  for (const std::string& channel : event.channels) {
    absl::Status status = CheckTexts({{"channel", channel}});
    if (!status.ok()) return status;
  }
  return CheckTexts({{"event", event.event},
                     {"except_socket_id", event.except_socket_id},
                     {"idempotency_key", event.idempotency_key}});
}

int64_t BytesOf(const OutgoingEvent& event) {
  size_t bytes = event.event.size() + event.data.size() +
                 event.except_socket_id.size() + event.idempotency_key.size();
  for (const std::string& channel : event.channels) bytes += channel.size();
  return static_cast<int64_t>(bytes) + kEventOverheadBytes;
}

v1::BroadcastRequest ToRequest(OutgoingEvent event) {
  v1::BroadcastRequest request;
  for (std::string& channel : event.channels) {
    request.add_channels(std::move(channel));
  }
  request.set_event(std::move(event.event));
  request.set_data(std::move(event.data));
  request.set_except_socket_id(std::move(event.except_socket_id));
  request.set_idempotency_key(std::move(event.idempotency_key));
  return request;
}

std::vector<Receipt> ToReceipts(const v1::BroadcastResponse& response) {
  std::vector<Receipt> receipts;
  receipts.reserve(static_cast<size_t>(response.receipts_size()));
  for (const v1::Receipt& receipt : response.receipts()) {
    receipts.push_back({.channel = receipt.channel(),
                        .subscribers = receipt.subscribers(),
                        .epoch = receipt.epoch(),
                        .offset = receipt.offset()});
  }
  return receipts;
}

}  // namespace herald::client
