// SPDX-License-Identifier: Apache-2.0

#include "service/link/calls.h"

#include <algorithm>
#include <utility>

#include "service/channel/encoding.h"

namespace herald::core {
namespace {

absl::Status NoAnswer() {
  return absl::UnavailableError("a gateway did not answer in time");
}

// What Calls::Claim() compares. Without the token, which is for the authorizer.
link::v1::SubscribeCall ToCompare(const link::v1::SubscribeCall& call) {
  link::v1::SubscribeCall out;
  out.set_channel(call.channel());
  if (call.has_member()) *out.mutable_member() = call.member();
  return out;
}

bool CarriesOut(const link::v1::Subscribe& subscribe,
                const link::v1::SubscribeCall& call) {
  if (subscribe.channel() != call.channel()) return false;
  // Without a member the authorizer decides, as for a browser.
  if (!subscribe.has_member()) return true;
  return call.has_member() &&
         subscribe.member().user_id() == call.member().user_id() &&
         subscribe.member().user_info() == call.member().user_info();
}

}  // namespace

void Calls::Start(link::v1::Call call, const std::vector<AttachmentPtr>& to,
                  absl::Duration deadline, Done done) {
  if (to.empty()) return done(0);
  int64_t id = 0;
  {
    contract::MutexLock lock(&state_->mu);
    id = ++state_->last_id;
    Open& open = state_->open[id];
    for (const AttachmentPtr& gateway : to) {
      open.waits_for.push_back(gateway.get());
    }
    if (call.has_subscribe()) open.subscribe = ToCompare(call.subscribe());
    open.done = std::move(done);
  }
  call.set_call_id(id);
  link::v1::ServiceItem item;
  *item.mutable_call() = std::move(call);
  const Chunk chunk = EncodeItem(std::move(item));
  for (const AttachmentPtr& gateway : to) {
    gateway->sink->Enqueue(chunk);
    gateway->sink->Flush();
    // Its link may have ended before the call was noted as open.
    if (gateway->ended) Answer(id, gateway.get(), NoAnswer());
  }
  timers_->After(deadline, [state = state_, observer = observer_, id] {
    Done late;
    {
      contract::MutexLock lock(&state->mu);
      const auto it = state->open.find(id);
      if (it == state->open.end()) return;
      late = std::move(it->second.done);
      state->open.erase(it);
    }
    observer->OnCallTimedOut();
    late(NoAnswer());
  });
}

void Calls::Answer(int64_t call_id, const Attachment* from,
                   absl::StatusOr<int64_t> result) {
  Open finished;
  {
    contract::MutexLock lock(&state_->mu);
    const auto it = state_->open.find(call_id);
    if (it == state_->open.end()) return;
    std::vector<const Attachment*>& waits_for = it->second.waits_for;
    const auto found = std::find(waits_for.begin(), waits_for.end(), from);
    if (found == waits_for.end()) return;
    waits_for.erase(found);
    if (result.ok()) {
      it->second.sum += *result;
    } else {
      it->second.status.Update(result.status());
    }
    if (!waits_for.empty()) return;
    finished = std::move(it->second);
    state_->open.erase(it);
  }
  if (finished.status.ok()) {
    finished.done(finished.sum);
  } else {
    finished.done(finished.status);
  }
}

bool Calls::Claim(const link::v1::Subscribe& subscribe,
                  const Attachment* from) {
  contract::MutexLock lock(&state_->mu);
  const auto it = state_->open.find(subscribe.call_id());
  if (it == state_->open.end()) return false;
  Open& open = it->second;
  if (!open.subscribe.has_value() || !CarriesOut(subscribe, *open.subscribe)) {
    return false;
  }
  if (std::find(open.waits_for.begin(), open.waits_for.end(), from) ==
      open.waits_for.end()) {
    return false;
  }
  open.subscribe.reset();
  return true;
}

void Calls::End(const Attachment* gateway) {
  std::vector<int64_t> ids;
  {
    contract::MutexLock lock(&state_->mu);
    for (const auto& [id, open] : state_->open) {
      for (const Attachment* waited : open.waits_for) {
        if (waited == gateway) ids.push_back(id);
      }
    }
  }
  for (const int64_t id : ids) Answer(id, gateway, NoAnswer());
}

}  // namespace herald::core
