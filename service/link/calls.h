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

// What a CallResult says, and a CallResult that says it.
absl::StatusOr<int64_t> ResultOf(const link::v1::CallResult& result);
link::v1::CallResult ToCallResult(int64_t call_id,
                                  const absl::StatusOr<int64_t>& result);

class Calls {
 public:
  // Both outlive the object.
  Calls(Timers* timers, Observer* observer)
      : open_("gateway", timers, observer) {}

  // Sends `call` to each gateway and waits `deadline` long. `call.call_id` is
  // set here. With no gateways it is done at once, with 0.
  void Start(link::v1::Call call, const std::vector<AttachmentPtr>& to,
             absl::Duration deadline, CallDone done);

  // One gateway has answered. Unknown ids are too late and mean nothing.
  void Answer(int64_t call_id, const Attachment* from,
              absl::StatusOr<int64_t> result) {
    open_.Answer(call_id, from, std::move(result));
  }

  // A gateway carries a Subscribe call out with `subscribe`. True once for a
  // call that waits for that gateway, if the channel and the member are those
  // that the backend has named. The call stays open until Answer(). False is no
  // error of the gateway: the call may have timed out meanwhile.
  bool Claim(const link::v1::Subscribe& subscribe, const Attachment* from);

  // The link of a gateway has ended: what waits for it fails.
  void End(const Attachment* gateway) { open_.FailAll(gateway); }

 private:
  // The note: the channel and the member of a Subscribe, until Claim().
  OpenCalls<const Attachment*, std::optional<link::v1::SubscribeCall>> open_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_LINK_CALLS_H_
