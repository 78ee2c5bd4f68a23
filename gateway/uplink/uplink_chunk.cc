// SPDX-License-Identifier: Apache-2.0

#include "gateway/uplink/uplink_chunk.h"

#include <utility>

namespace herald::gateway {

UplinkChunk UplinkChunk::Encode(link::v1::GatewayItem item) {
  link::v1::AttachRequest items;
  *items.add_items() = std::move(item);
  return Encode(items);
}

UplinkChunk UplinkChunk::Encode(const link::v1::AttachRequest& items) {
  UplinkChunk chunk;
  chunk.encoded_ = items.SerializeAsString();
  chunk.bytes_ = static_cast<int64_t>(chunk.encoded_.size());
  return chunk;
}

UplinkChunk UplinkChunk::Defer(link::v1::GatewayItem item) {
  UplinkChunk chunk;
  chunk.deferred_ = std::make_unique<link::v1::AttachRequest>();
  *chunk.deferred_->add_items() = std::move(item);
  chunk.bytes_ = static_cast<int64_t>(chunk.deferred_->ByteSizeLong());
  return chunk;
}

bool UplinkChunk::TryJoin(const UplinkChunk& next) {
  if (deferred_ != nullptr || next.deferred_ != nullptr) return false;
  encoded_.append(next.encoded_);
  bytes_ += next.bytes_;
  return true;
}

void UplinkChunk::MoveTo(std::string* out) && {
  if (deferred_ != nullptr) {
    deferred_->AppendToString(out);
  } else if (out->empty()) {
    *out = std::move(encoded_);
  } else {
    out->append(encoded_);
  }
}

}  // namespace herald::gateway
