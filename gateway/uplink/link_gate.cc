// SPDX-License-Identifier: Apache-2.0

#include "gateway/uplink/link_gate.h"

#include <utility>

#include "proto/contract/require.h"

namespace herald::gateway {

using contract::MutexLock;

void LinkGate::Close() {
  MutexLock lock(&mu_);
  if (++closed_ == 1) ++closings_;
}

void LinkGate::Open() {
  Waiter waiter;
  {
    MutexLock lock(&mu_);
    // Meters call without their locks, so an Open() may overtake its Close().
    // The counter then evens out with that Close().
    if (--closed_ > 0) return;
    waiter = std::exchange(waiter_, nullptr);
  }
  if (waiter != nullptr) waiter();
}

bool LinkGate::is_open() const {
  MutexLock lock(&mu_);
  return closed_ <= 0;
}

int64_t LinkGate::closings() const {
  MutexLock lock(&mu_);
  return closings_;
}

void LinkGate::WhenOpen(Waiter waiter) {
  {
    MutexLock lock(&mu_);
    contract::Require(waiter_ == nullptr);
    if (closed_ > 0) {
      waiter_ = std::move(waiter);
      return;
    }
  }
  waiter();
}

void LinkGate::Release() {
  Waiter waiter;
  {
    MutexLock lock(&mu_);
    waiter = std::exchange(waiter_, nullptr);
  }
  if (waiter != nullptr) waiter();
}

void InboxMeter::Add(int64_t bytes) {
  {
    MutexLock lock(&mu_);
    bytes_ += bytes;
    if (full_ || bytes_ <= kInboxBytesMax) return;
    full_ = true;
  }
  gate_->Close();
}

void InboxMeter::Remove(int64_t bytes) {
  {
    MutexLock lock(&mu_);
    bytes_ -= bytes;
    contract::Require(bytes_ >= 0);
    if (!full_ || bytes_ > kInboxBytesLow) return;
    full_ = false;
  }
  gate_->Open();
}

int64_t InboxMeter::bytes() const {
  MutexLock lock(&mu_);
  return bytes_;
}

}  // namespace herald::gateway
