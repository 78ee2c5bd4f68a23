// SPDX-License-Identifier: Apache-2.0

#include "service/gateways/gateways.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "service/channel/encoding.h"

namespace herald::core {

namespace {

// Links of the lowest rank give way first.
int RankOf(const Attachment& link) {
  if (link.subscription_count > 0) return 2;
  return link.proven ? 1 : 0;
}

// Whether the link is about to be removed.
bool IsLeaving(const Attachment& link) { return link.evicted || link.ended; }

}  // namespace

absl::Status Gateways::Add(const AttachmentPtr& gateway, Displaced* displaced) {
  link::v1::ServiceItem item;
  contract::MutexLock lock(&mu_);
  absl::StatusOr<AttachmentPtr> evicted = CheckRoom(*gateway);
  if (!evicted.ok()) return evicted.status();
  // It stays until Remove(), which begins its lease. The mark keeps a newcomer
  // that comes before that from choosing it once more.
  if (*evicted != nullptr) (*evicted)->evicted = true;
  displaced->evicted = *std::move(evicted);
  // Under the lock, so that no link receives an older revision last.
  *item.mutable_settings() = settings_;
  gateway->sink->Enqueue(EncodeItem(std::move(item)));
  // After CheckRoom(): a link that is refused must not replace the gateway's
  // own.
  AttachmentPtr& slot = attachments_[gateway->gateway];
  displaced->old = std::exchange(slot, gateway);
  leases_.Forget(gateway->gateway);
  return absl::OkStatus();
}

absl::StatusOr<AttachmentPtr> Gateways::CheckRoom(
    const Attachment& newcomer) const {
  const uint64_t id = newcomer.gateway;
  const auto live = attachments_.find(id);
  const bool is_live = live != attachments_.end();
  const bool was_proven = is_live ? live->second->proven : leases_.IsProven(id);
  // The id is no secret, because browsers see it in their socket ids.
  if (was_proven && !newcomer.proven) {
    return absl::PermissionDeniedError(
        absl::StrCat("gateway ", id, " has shown a secret, this link has not"));
  }
  // Proven gateways that had a link may return, up to twice the bound.
  const size_t links_max = was_proven ? 2 * kLinksMax : kLinksMax;
  if (is_live || attachments_.size() < links_max) return nullptr;
  if (AttachmentPtr evicted = LinkToEvict(newcomer)) return evicted;
  return absl::ResourceExhaustedError(
      absl::StrCat("there are ", attachments_.size(),
                   " gateways already, and none of them has to give way"));
}

AttachmentPtr Gateways::LinkToEvict(const Attachment& newcomer) const {
  absl::flat_hash_map<admission::Source, size_t> links;
  for (const auto& [id, link] : attachments_) {
    if (!IsLeaving(*link)) ++links[link->source];
  }
  // Another source has to have more than the newcomer's will have. Otherwise
  // two sources with an even share would end each other's links in turns.
  admission::Source source = newcomer.source;
  size_t most = links[source] + 1;
  for (const auto& [of, count] : links) {
    if (count <= most) continue;
    source = of;
    most = count;
  }
  int rank = 2;
  // A newcomer must not cost its own address a gateway that is in use.
  if (source == newcomer.source) rank = newcomer.proven ? 1 : 0;
  AttachmentPtr chosen;
  for (const auto& [id, link] : attachments_) {
    if (link->source != source || IsLeaving(*link)) continue;
    const int own = RankOf(*link);
    if (own > rank) continue;
    if (own == rank && chosen != nullptr && link->since <= chosen->since) {
      continue;
    }
    rank = own;
    chosen = link;
  }
  return chosen;
}

bool Gateways::Remove(const AttachmentPtr& gateway) {
  contract::MutexLock lock(&mu_);
  const auto it = attachments_.find(gateway->gateway);
  if (it == attachments_.end() || it->second != gateway) return false;
  // In one section with the lease: in between, Knows() would be false, and a
  // call for a socket that will return would be NOT_FOUND.
  attachments_.erase(it);
  if (!gateway->goodbye) {
    leases_.Begin(gateway->gateway,
                  {gateway->attach, gateway->proven, gateway->moving});
  }
  return true;
}

std::optional<Leases::Lease> Gateways::EndLease(uint64_t gateway,
                                                int64_t attach,
                                                absl::Duration memory) {
  std::optional<Leases::Lease> lease;
  {
    contract::MutexLock lock(&mu_);
    lease = leases_.End(gateway, attach);
  }
  if (!lease.has_value()) return lease;
  timers_->After(memory, [this, gateway, attach = lease->attach] {
    contract::MutexLock lock(&mu_);
    leases_.ForgetLost(gateway, attach);
  });
  return lease;
}

// SettleAll() makes the service ready under the same lock.
bool Gateways::MarkAttached(const AttachmentPtr& gateway,
                            const Readiness& readiness) {
  contract::MutexLock lock(&mu_);
  // So a gateway that attaches at the end of the start gets `settled` from one
  // of the two, and from one only.
  gateway->attached = true;
  return readiness.settled();
}

std::optional<std::vector<AttachmentPtr>> Gateways::SettleAll(
    Readiness* readiness) {
  std::vector<AttachmentPtr> attached;
  contract::MutexLock lock(&mu_);
  if (!readiness->Settle()) return std::nullopt;
  for (const auto& [id, gateway] : attachments_) {
    if (gateway->attached) attached.push_back(gateway);
  }
  return attached;
}

bool Gateways::IsAnyAttaching(absl::Time since) const {
  contract::MutexLock lock(&mu_);
  for (const auto& [id, gateway] : attachments_) {
    if (gateway->attached) continue;
    if (gateway->adopting || absl::FromUnixNanos(gateway->held_at) >= since) {
      return true;
    }
  }
  return false;
}

std::vector<AttachmentPtr> Gateways::All() const {
  std::vector<AttachmentPtr> all;
  contract::MutexLock lock(&mu_);
  for (const auto& [id, gateway] : attachments_) all.push_back(gateway);
  return all;
}

AttachmentPtr Gateways::Find(uint64_t id) const {
  contract::MutexLock lock(&mu_);
  const auto it = attachments_.find(id);
  return it == attachments_.end() ? nullptr : it->second;
}

bool Gateways::Knows(uint64_t id) const {
  contract::MutexLock lock(&mu_);
  return attachments_.contains(id) || leases_.Knows(id);
}

void Gateways::SetRules(const config::v1::Config& config) {
  std::vector<AttachmentPtr> gateways;
  {
    contract::MutexLock lock(&mu_);
    settings_.set_revision(settings_.revision() + 1);
    *settings_.mutable_rules() = config.channels();
    link::v1::ServiceItem item;
    *item.mutable_settings() = settings_;
    const Chunk chunk = EncodeItem(std::move(item));
    for (const auto& [id, gateway] : attachments_) {
      gateway->sink->Enqueue(chunk);
      gateways.push_back(gateway);
    }
  }
  // Without the lock: Flush() may call gRPC.
  for (const AttachmentPtr& gateway : gateways) gateway->sink->Flush();
}

}  // namespace herald::core
