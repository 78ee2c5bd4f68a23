// SPDX-License-Identifier: Apache-2.0
//
// Backends' RPCs that gateways with a link to this node carry out.
//
// A gateway that does not answer must harm itself only, as must one that ends
// its link instead, or answers a call to all gateways with an error. It fails
// that call; then its address is on probation for a minute
// (probation.h): calls to all gateways do not fail for the silence of one of
// its gateways, as if that had no link. It has these calls on its link, and
// receives them again if it attaches anew. If it answers nothing for
// kAnswerMax, its link ends.
//
// Threads: any; it locks itself, and calls `done` without a lock.

#ifndef HERALD_SERVICE_CALLS_CALLS_H_
#define HERALD_SERVICE_CALLS_CALLS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "service/calls/open_calls.h"
#include "service/calls/probation.h"
#include "service/channel/observer.h"
#include "service/channel/timers.h"
#include "service/gateways/attachment.h"

namespace herald::core {

// How long a call waits for gateways.
inline constexpr absl::Duration kCallDeadline = absl::Seconds(1);

// A gateway that has not answered a call, nor any other one, for so long after
// the call's deadline is not alive. The call may be behind a large state on its
// link, so this is far more than a call waits.
inline constexpr absl::Duration kAnswerMax = absl::Seconds(30);

// Convert between a CallResult and a status with the number of disconnected
// connections.
absl::StatusOr<int64_t> ResultOf(const link::v1::CallResult& result);
link::v1::CallResult ToCallResult(int64_t call_id,
                                  const absl::StatusOr<int64_t>& result);

// The name of a callee in errors.
inline std::string NameOf(const AttachmentPtr& gateway) {
  return absl::StrCat(gateway->gateway);
}

class Calls {
 public:
  // Both outlive the object.
  Calls(Timers* timers, ServiceObserver* observer);

  // Sends `call` to each gateway and waits for `deadline`. Sets `call.call_id`.
  // Without gateways, calls `done` at once with 0.
  void Start(link::v1::Call call, const std::vector<AttachmentPtr>& to,
             absl::Duration deadline, CallDone done,
             Missing missing = Missing::kFails);

  // One gateway has answered. Ignores unknown ids: they are too late. Ignores
  // links that the call was not sent on: a gateway may answer on its next one.
  // An error of one gateway to a call to all is UNAVAILABLE.
  void Answer(int64_t call_id, const AttachmentPtr& from,
              absl::StatusOr<int64_t> result);

  // Whether a call to all gateways must not fail for this one's silence.
  bool IsOnProbation(const Attachment& gateway) const {
    return probation_->Covers(gateway, timers_->Now());
  }

  // A gateway carries out a Subscribe call with `subscribe`. True once for a
  // call that waits for that gateway, if the backend named the same channel and
  // member. The call stays open until Answer(). False is not an error of the
  // gateway: the call may have timed out meanwhile.
  bool Claim(const link::v1::Subscribe& subscribe, const AttachmentPtr& from);

  // The link of a gateway has ended: fails the calls that wait for it.
  void End(const AttachmentPtr& gateway);

 private:
  struct Note {
    // The channel and the member of a Subscribe, until Claim().
    std::optional<link::v1::SubscribeCall> subscribe;
    bool to_all = false;  // It disconnects a user.
  };

  Timers* const timers_;
  const std::shared_ptr<Probation> probation_ = std::make_shared<Probation>();

  OpenCalls<AttachmentPtr, Note> open_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CALLS_CALLS_H_
