// SPDX-License-Identifier: Apache-2.0

#include "proto/admission/fair_shares.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "proto/contract/require.h"

namespace herald::admission {

void FairShares::Entry::Leave() {
  if (shares_ == nullptr) return;
  (older_ == nullptr ? shares_->oldest_ : older_->newer_) = newer_;
  (newer_ == nullptr ? shares_->newest_ : newer_->older_) = older_;
  older_ = newer_ = nullptr;
  shares_->weight_ -= weight_;
  shares_ = nullptr;
}

FairShares::~FairShares() {
  while (oldest_ != nullptr) oldest_->Leave();
}

void FairShares::Add(Entry* entry, Source source, int64_t weight) {
  entry->Leave();
  entry->shares_ = this;
  entry->source_ = source;
  entry->weight_ = weight;
  entry->older_ = newest_;
  (newest_ == nullptr ? oldest_ : newest_->newer_) = entry;
  newest_ = entry;
  weight_ += weight;
}

void FairShares::SetWeight(Entry* entry, int64_t weight) {
  contract::Require(entry->shares_ == this);
  weight_ += weight - std::exchange(entry->weight_, weight);
}

int64_t FairShares::EvictIfFull(absl::FunctionRef<bool(const Entry&)> may_go) {
  if (weight_ <= weight_max_) return 0;
  const int64_t target = weight_max_ - weight_max_ / 8;
  absl::flat_hash_map<Source, int64_t> by_source;
  for (const Entry* entry = oldest_; entry != nullptr; entry = entry->newer_) {
    by_source[entry->source_] += entry->weight_;
  }
  std::vector<int64_t> weights;
  for (const auto& [source, weight] : by_source) weights.push_back(weight);
  const int64_t share = ShareOf(std::move(weights), target);
  // All are chosen before the first OnEvicted(), which may destroy its entry.
  std::vector<Entry*> evicted;
  int64_t left = weight_;
  for (Entry* entry = oldest_;
       entry != nullptr && left > target && may_go(*entry);
       entry = entry->newer_) {
    int64_t& of_source = by_source[entry->source_];
    if (of_source <= share) continue;
    of_source -= entry->weight_;
    left -= entry->weight_;
    evicted.push_back(entry);
  }
  for (Entry* const entry : evicted) entry->Leave();
  for (Entry* const entry : evicted) entry->OnEvicted();
  return static_cast<int64_t>(evicted.size());
}

int64_t FairShares::ShareOf(std::vector<int64_t> weights,
                            int64_t weight) const {
  // Small weights are kept whole; the large ones divide the rest evenly.
  std::sort(weights.begin(), weights.end());
  auto count = static_cast<int64_t>(weights.size());
  for (const int64_t one : weights) {
    if (one * count > weight) return weight / count;
    weight -= one;
    --count;
  }
  return weight;
}

}  // namespace herald::admission
