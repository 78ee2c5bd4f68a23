// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/streams/pacer.h"

#include <algorithm>
#include <utility>

namespace herald::rpc {

Pacer::Pacer() : thread_([this] { Run(); }) {}

Pacer::~Pacer() {
  bool wake = false;
  {
    contract::MutexLock lock(&mu_);
    stopped_ = true;
    wake = std::exchange(idle_, false);
  }
  if (wake) wake_.release();
  thread_.join();
}

void Pacer::AtNextBeat(absl::AnyInvocable<void()> body) {
  bool wake = false;
  {
    contract::MutexLock lock(&mu_);
    bodies_.push_back(std::move(body));
    wake = std::exchange(idle_, false);
  }
  if (wake) wake_.release();
}

void Pacer::Run() {
  for (auto beat = Clock::now();;) {
    std::vector<absl::AnyInvocable<void()>> due;
    bool waits = false;
    {
      contract::MutexLock lock(&mu_);
      due = std::exchange(bodies_, {});
      if (due.empty() && stopped_) return;
      waits = idle_ = due.empty();
    }
    for (auto& body : due) body();
    if (waits) {
      wake_.acquire();
      beat = Clock::now();
    }
    beat = std::max(beat + kBeat, Clock::now());
    std::this_thread::sleep_until(beat);
  }
}

}  // namespace herald::rpc
