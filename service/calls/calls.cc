// SPDX-License-Identifier: Apache-2.0

#include "service/calls/calls.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/channel/encoding.h"
#include "service/channel/request_checks.h"

namespace herald::core {
namespace {

// The fields that Calls::Claim() compares, without the authorizer's token.
std::optional<link::v1::SubscribeCall> ToCompare(const link::v1::Call& call) {
  if (!call.has_subscribe()) return std::nullopt;
  link::v1::SubscribeCall out;
  out.set_channel(call.subscribe().channel());
  if (call.subscribe().has_member()) {
    *out.mutable_member() = call.subscribe().member();
  }
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

// The gateway did not answer a call in time. Ends its link unless it answers
// any call within kAnswerMax.
void AwaitAnswer(const AttachmentPtr& gateway, Timers* timers) {
  if (gateway->awaits_answer.exchange(true)) return;
  timers->After(kAnswerMax, [weak = std::weak_ptr<Attachment>(gateway),
                             answers = gateway->answers.load()] {
    const AttachmentPtr late = weak.lock();
    if (late == nullptr) return;
    late->awaits_answer = false;
    if (late->answers != answers) return;
    late->sink->Abort(absl::DeadlineExceededError(
        absl::StrCat("gateway ", late->gateway, " answered no call for ",
                     absl::FormatDuration(kAnswerMax))));
  });
}

}  // namespace

Calls::Calls(Timers* timers, ServiceObserver* observer)
    : timers_(timers),
      open_(
          "gateway", timers, observer,
          // May run after the end of this object.
          [timers, probation = probation_](const auto& late, Missing missing) {
            const absl::Time now = timers->Now();
            for (const AttachmentPtr& gateway : late) {
              // A gateway that was not needed has failed no call.
              if (missing == Missing::kFails ||
                  probation->Covers(*gateway, now)) {
                probation->Begin(*gateway, now);
              }
              AwaitAnswer(gateway, timers);
            }
          }) {}

void Calls::Answer(int64_t call_id, const AttachmentPtr& from,
                   absl::StatusOr<int64_t> result) {
  ++from->answers;
  if (!result.ok() && open_.Visit(call_id, from, [](const Note& note) {
        return note.to_all;
      })) {
    probation_->Begin(*from, timers_->Now());
    result = absl::UnavailableError(absl::StrCat(
        "gateway ", from->gateway, ": ", result.status().message()));
  }
  open_.Answer(call_id, from, std::move(result));
}

void Calls::End(const AttachmentPtr& gateway) {
  if (open_.FailAll(gateway)) probation_->Begin(*gateway, timers_->Now());
}

absl::StatusOr<int64_t> ResultOf(const link::v1::CallResult& result) {
  if (result.code() == 0) return result.disconnected_count();
  return absl::Status(static_cast<absl::StatusCode>(result.code()),
                      PassableReason(result.message()));
}

link::v1::CallResult ToCallResult(int64_t call_id,
                                  const absl::StatusOr<int64_t>& result) {
  link::v1::CallResult out;
  out.set_call_id(call_id);
  if (result.ok()) {
    out.set_disconnected_count(*result);
  } else {
    out.set_code(static_cast<int32_t>(result.status().code()));
    out.set_message(std::string(result.status().message()));
  }
  return out;
}

void Calls::Start(link::v1::Call call, const std::vector<AttachmentPtr>& to,
                  absl::Duration deadline, CallDone done, Missing missing) {
  if (to.empty()) return done(0);
  const int64_t id =
      open_.Open(to, {ToCompare(call), !call.disconnect().user_id().empty()},
                 deadline, std::move(done), missing);
  call.set_call_id(id);
  link::v1::ServiceItem item;
  *item.mutable_call() = std::move(call);
  const Chunk chunk = EncodeItem(std::move(item));
  for (const AttachmentPtr& gateway : to) {
    gateway->sink->Enqueue(chunk);
    gateway->sink->Flush();
    // Its link may have ended before the call was noted as open.
    if (gateway->ended) open_.Fail(id, gateway);
  }
}

bool Calls::Claim(const link::v1::Subscribe& subscribe,
                  const AttachmentPtr& from) {
  return open_.Visit(subscribe.call_id(), from, [&](Note& note) {
    if (!note.subscribe.has_value()) return false;
    if (!CarriesOut(subscribe, *note.subscribe)) return false;
    // Once: a second subscribe with this id could be admitted without the
    // authorizer, too.
    note.subscribe.reset();
    return true;
  });
}

}  // namespace herald::core
