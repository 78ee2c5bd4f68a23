// SPDX-License-Identifier: Apache-2.0
//
// Backends' RPCs that gateways carry out: which are open, and who still has to
// answer. Each ends once: with the last answer, at its deadline, or when a
// gateway that it waits for is lost.
//
// Threads: any; it locks itself, and calls `done` without a lock.

#ifndef HERALD_SERVICE_LINK_CALLS_H_
#define HERALD_SERVICE_LINK_CALLS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/mutex.h"
#include "service/channel/observer.h"
#include "service/channel/timers.h"
#include "service/link/attachment.h"

namespace herald::core {

// How long a call waits for gateways.
inline constexpr absl::Duration kCallDeadline = absl::Seconds(1);

class Calls {
 public:
  // The sum of what the gateways did, or the first error.
  using Done = absl::AnyInvocable<void(absl::StatusOr<int64_t>)>;

  // Both outlive the object.
  //
  // Ids begin at a random number: an answer that a gateway still has for the
  // service before this one must not match.
  Calls(Timers* timers, Observer* observer)
      : state_(std::make_shared<State>(int64_t{std::random_device{}()} << 24)),
        timers_(timers),
        observer_(observer) {}

  // Sends `call` to each gateway and waits `deadline` long. `call.call_id` is
  // set here. With no gateways it is done at once, with 0.
  void Start(link::v1::Call call, const std::vector<AttachmentPtr>& to,
             absl::Duration deadline, Done done);

  // One gateway has answered. Unknown ids are too late and mean nothing.
  void Answer(int64_t call_id, const Attachment* from,
              absl::StatusOr<int64_t> result);

  // A gateway carries a Subscribe call out with `subscribe`. True once for a
  // call that waits for that gateway, if the channel and the member are those
  // that the backend has named. The call stays open until Answer(). False is no
  // error of the gateway: the call may have timed out meanwhile.
  bool Claim(const link::v1::Subscribe& subscribe, const Attachment* from);

  // The link of a gateway has ended: what waits for it fails.
  void End(const Attachment* gateway);

 private:
  struct Open {
    std::vector<const Attachment*> waits_for;
    // The channel and the member of a Subscribe, until Claim().
    std::optional<link::v1::SubscribeCall> subscribe;
    int64_t sum = 0;
    absl::Status status;
    Done done;
  };
  // Shared with the timers, which may outlive this object's use of them.
  struct State {
    explicit State(int64_t first_id) : last_id(first_id) {}

    contract::Mutex mu;
    int64_t last_id ABSL_GUARDED_BY(mu);
    absl::flat_hash_map<int64_t, Open> open ABSL_GUARDED_BY(mu);
  };

  const std::shared_ptr<State> state_;
  Timers* const timers_;
  Observer* const observer_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_LINK_CALLS_H_
