// SPDX-License-Identifier: Apache-2.0
//
// Turns an authorizer's answer into a decision of the core. Every answer that
// does not clearly allow is a denial. Pure.

#ifndef HERALD_SERVICE_AUTHORIZER_AUTHORIZER_ANSWER_H_
#define HERALD_SERVICE_AUTHORIZER_AUTHORIZER_ANSWER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "herald/v1/authorizer_service.pb.h"
#include "service/subscriptions/authorizer.h"

namespace herald::authorizer {

// Moves the member out of `decision`. A reason is cut to kReasonBytesMax.
core::Verdict ToDecision(v1::Decision& decision);

// `allowed`, `denied` or `unavailable`.
absl::string_view OutcomeOf(const core::Verdict& decision);

// Cut to the range that duration.proto allows. Zero, which denies, if
// `duration` is not valid.
absl::Duration ToDuration(const google::protobuf::Duration& duration);

// `CODE: message` as one line of UTF-8, for logs and reasons. The authorizer
// writes the message: at most 200 bytes of it are kept. `CODE` if it is empty.
std::string CleanStatus(const absl::Status& status);

}  // namespace herald::authorizer

#endif  // HERALD_SERVICE_AUTHORIZER_AUTHORIZER_ANSWER_H_
