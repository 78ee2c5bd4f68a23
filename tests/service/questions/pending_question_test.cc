// SPDX-License-Identifier: Apache-2.0

#include "service/questions/pending_question.h"

#include <string>

#include "google/protobuf/unknown_field_set.h"
#include "gtest/gtest.h"

namespace herald::authorizer {
namespace {

TEST(APendingQuestion, CarriesTheBytesOfTheConnectionToTheAuthorizer) {
  v1::Connection connection;
  connection.set_remote_address("203.0.113.7");
  (*connection.mutable_headers())["cookie"] = "id=7";
  const QuestionPtr question = MakePending(
      {"7.1", "private-x", "token", "{}", connection.SerializeAsString()},
      "203.0.113.7", [](core::Verdict) {}, absl::UnixEpoch());
  question->request->set_request_id(9);

  v1::AuthorizeRequest request;
  ASSERT_TRUE(request.ParseFromString(question->request->SerializeAsString()));
  EXPECT_EQ(request.request_id(), 9);
  EXPECT_EQ(request.socket_id(), "7.1");
  EXPECT_EQ(request.channel(), "private-x");
  EXPECT_EQ(request.auth_token(), "token");
  EXPECT_EQ(request.channel_data(), "{}");
  EXPECT_EQ(request.connection().remote_address(), "203.0.113.7");
  EXPECT_EQ(request.connection().headers().at("cookie"), "id=7");
  EXPECT_EQ(request.GetReflection()->GetUnknownFields(request).field_count(),
            0);
}

TEST(APendingQuestion, HasNoConnectionIfNoneIsKnown) {
  const QuestionPtr question = MakePending(
      {"7.1", "private-x", "", "", ""}, "", [](core::Verdict) {},
      absl::UnixEpoch());
  v1::AuthorizeRequest request;
  ASSERT_TRUE(request.ParseFromString(question->request->SerializeAsString()));
  EXPECT_FALSE(request.has_connection());
}

}  // namespace
}  // namespace herald::authorizer
