// SPDX-License-Identifier: Apache-2.0
//
// The authorizer of a service that has none configured: it denies every
// question, and names the setting.

#ifndef HERALD_SERVICE_AUTHORIZER_NO_AUTHORIZER_H_
#define HERALD_SERVICE_AUTHORIZER_NO_AUTHORIZER_H_

#include "service/subscriptions/authorizer.h"

namespace herald::authorizer {

class NoAuthorizer final : public core::Authorizer {
 public:
  void Authorize(core::Question /*question*/,
                 absl::AnyInvocable<void(core::Verdict)> done) override {
    core::Verdict no;
    no.status = absl::PermissionDeniedError(
        "private and presence channels need an authorizer "
        "(BROADCAST_AUTHORIZER), and none is configured");
    done(std::move(no));
  }
};

}  // namespace herald::authorizer

#endif  // HERALD_SERVICE_AUTHORIZER_NO_AUTHORIZER_H_
