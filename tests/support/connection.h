// SPDX-License-Identifier: Apache-2.0
//
// The connection that a gateway has sent with a question.

#ifndef HERALD_TESTS_SUPPORT_CONNECTION_H_
#define HERALD_TESTS_SUPPORT_CONNECTION_H_

#include "gtest/gtest.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "herald/v1/authorizer_service.pb.h"

namespace herald::testing_support {

inline v1::Connection ConnectionOf(const link::v1::Subscribe& question) {
  v1::Connection connection;
  EXPECT_TRUE(connection.ParseFromString(question.connection()));
  return connection;
}

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_CONNECTION_H_
