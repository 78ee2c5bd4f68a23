// SPDX-License-Identifier: Apache-2.0
//
// Backends' RPCs that gateways with a link to this node carry out.
//
// Threads: any; it locks itself, and calls `done` without a lock.

#ifndef HERALD_SERVICE_LINK_CALLS_H_
#define HERALD_SERVICE_LINK_CALLS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "service/channel/observer.h"
#include "service/channel/timers.h"
#include "service/link/attachment.h"
#include "service/link/open_calls.h"

namespace herald::core {

// How long a call waits for gateways.
inline constexpr absl::Duration kCallDeadline = absl::Seconds(1);

// Convert between a CallResult and a status with the number of disconnected
// connections.
absl::StatusOr<int64_t> ResultOf(const link::v1::CallResult& result);
link::v1::CallResult ToCallResult(int64_t call_id,
                                  const absl::StatusOr<int64_t>& result);

class Calls {
 public:
  // Both outlive the object.
  Calls(Timers* timers, ServiceObserver* observer)
      : open_("gateway", timers, observer) {}

  // Sends `call` to each gateway and waits for `deadline`. Sets `call.call_id`.
  // Without gateways, calls `done` at once with 0.
  void Start(link::v1::Call call, const std::vector<AttachmentPtr>& to,
             absl::Duration deadline, CallDone done);

  // One gateway has answered. Ignores unknown ids: they are too late. Ignores
  // links that the call was not sent on: a gateway may answer on its next one.
  void Answer(int64_t call_id, const Attachment* from,
              absl::StatusOr<int64_t> result) {
    open_.Answer(call_id, from, std::move(result));
  }

  // A gateway carries out a Subscribe call with `subscribe`. True once for a
  // call that waits for that gateway, if the backend named the same channel and
  // member. The call stays open until Answer(). False is not an error of the
  // gateway: the call may have timed out meanwhile.
  bool Claim(const link::v1::Subscribe& subscribe, const Attachment* from);

  // The link of a gateway has ended: fails the calls that wait for it.
  void End(const Attachment* gateway) { open_.FailAll(gateway); }

 private:
  // The note: the channel and the member of a Subscribe, until Claim().
  OpenCalls<const Attachment*, std::optional<link::v1::SubscribeCall>> open_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_LINK_CALLS_H_
