// SPDX-License-Identifier: Apache-2.0

#include "service/link/calls.h"

#include <string>
#include <utility>

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

}  // namespace

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
                  absl::Duration deadline, CallDone done) {
  if (to.empty()) return done(0);
  std::vector<const Attachment*> callees;
  for (const AttachmentPtr& gateway : to) callees.push_back(gateway.get());
  const int64_t id = open_.Open(std::move(callees), ToCompare(call), deadline,
                                std::move(done));
  call.set_call_id(id);
  link::v1::ServiceItem item;
  *item.mutable_call() = std::move(call);
  const Chunk chunk = EncodeItem(std::move(item));
  for (const AttachmentPtr& gateway : to) {
    gateway->sink->Enqueue(chunk);
    gateway->sink->Flush();
    // Its link may have ended before the call was noted as open.
    if (gateway->ended) open_.Fail(id, gateway.get());
  }
}

bool Calls::Claim(const link::v1::Subscribe& subscribe,
                  const Attachment* from) {
  return open_.Visit(subscribe.call_id(), from, [&](auto& call) {
    if (!call.has_value() || !CarriesOut(subscribe, *call)) return false;
    // Once: a second subscribe with this id could be admitted without the
    // authorizer, too.
    call.reset();
    return true;
  });
}

}  // namespace herald::core
