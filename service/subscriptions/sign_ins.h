// SPDX-License-Identifier: Apache-2.0
//
// Questions of gateways about their sockets: which user a socket is. Nothing of
// the answer is kept here; the gateway owns the user of a socket.
//
// Threads: any.

#ifndef HERALD_SERVICE_SUBSCRIPTIONS_SIGN_INS_H_
#define HERALD_SERVICE_SUBSCRIPTIONS_SIGN_INS_H_

#include "absl/status/status.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "service/channel/readiness.h"
#include "service/gateways/attachment.h"
#include "service/subscriptions/authorizer.h"

namespace herald::core {

class SignIns {
 public:
  // Both outlive the object.
  SignIns(const Readiness* readiness, Authorizer* authorizer)
      : readiness_(readiness), authorizer_(authorizer) {}

  // An item of a gateway. Always answered, unless the link ends.
  void OnQuestion(const AttachmentPtr& gateway,
                  link::v1::SocketQuestion question);

 private:
  const Readiness* const readiness_;
  Authorizer* const authorizer_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_SUBSCRIPTIONS_SIGN_INS_H_
