// SPDX-License-Identifier: Apache-2.0
//
// The Pusher scheme. The signatures of the vectors were made with
// `openssl dgst -sha256 -hmac`, not with the code under test.

#include "service/signatures/signature_authorizer.h"

#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::authorizer {
namespace {

using ::testing::HasSubstr;

constexpr char kSecret[] = "7ad3773142a6692b25b8";
constexpr char kSocket[] = "1234.1234";
constexpr char kPrivateSignature[] =
    "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";
constexpr char kPresenceData[] =
    R"({"user_id":10,"user_info":{"name": "Mr. Channels"}})";
constexpr char kPresenceSignature[] =
    "f25174904cb04c6ab63d3e90ef3822ff05d9b249df20b635e97ab4cfb8ad6467";
constexpr char kNobodyData[] = R"({"user":10})";
constexpr char kNobodySignature[] =
    "ff1b2dc1805e6380815724617c6bf09293702b1ece7abc360a8ae423a77a311a";

// Allows as a user of its own, and remembers that it was asked.
class NextAuthorizer final : public core::Authorizer {
 public:
  void Authorize(core::Question question,
                 absl::AnyInvocable<void(core::Verdict)> done) override {
    asked = std::move(question);
    core::Verdict yes;
    yes.member.emplace().set_user_id("next");
    done(std::move(yes));
  }
  std::optional<core::Question> asked;
};

core::Question Ask(const std::string& channel, const std::string& token,
                   const std::string& data = "") {
  core::Question question;
  question.socket_id = kSocket;
  question.channel = channel;
  question.auth_token = token;
  question.channel_data = data;
  return question;
}

core::Verdict Decide(core::Authorizer& authorizer, core::Question question) {
  std::optional<core::Verdict> decision;
  authorizer.Authorize(std::move(question), [&](core::Verdict made) {
    EXPECT_FALSE(decision.has_value());
    decision = std::move(made);
  });
  EXPECT_TRUE(decision.has_value());
  return decision.value_or(core::Verdict{});
}

TEST(Signature, OfAPrivateChannelIsAYes) {
  SignatureAuthorizer authorizer(kSecret, nullptr);

  const core::Verdict decision =
      Decide(authorizer, Ask("private-foobar", kPrivateSignature));

  EXPECT_TRUE(decision.status.ok()) << decision.status;
  EXPECT_FALSE(decision.member.has_value());
  EXPECT_EQ(decision.expires_after, absl::InfiniteDuration());
}

TEST(Signature, MayBeInCapitals) {
  SignatureAuthorizer authorizer(kSecret, nullptr);

  EXPECT_TRUE(Decide(authorizer, Ask("private-foobar",
                                     absl::AsciiStrToUpper(kPrivateSignature)))
                  .status.ok());
}

TEST(Signature, OfAPresenceChannelBringsTheMemberThatWasSigned) {
  SignatureAuthorizer authorizer(kSecret, nullptr);

  const core::Verdict decision = Decide(
      authorizer, Ask("presence-foobar", kPresenceSignature, kPresenceData));

  ASSERT_TRUE(decision.status.ok()) << decision.status;
  ASSERT_TRUE(decision.member.has_value());
  EXPECT_EQ(decision.member->user_id(), "10");
  EXPECT_EQ(decision.member->user_info(), R"({"name": "Mr. Channels"})");
}

TEST(Signature, HoldsForItsChannelSocketDataAndSecretOnly) {
  SignatureAuthorizer authorizer(kSecret, nullptr);
  core::Question other_socket = Ask("private-foobar", kPrivateSignature);
  other_socket.socket_id = "1234.1235";
  std::string other_data = kPresenceData;
  other_data.insert(1, " ");
  std::string flipped = kPrivateSignature;
  flipped[0] = flipped[0] == '0' ? '1' : '0';
  SignatureAuthorizer other_secret("7ad3773142a6692b25b9", nullptr);

  const core::Verdict decisions[] = {
      Decide(authorizer, Ask("private-foobaz", kPrivateSignature)),
      Decide(authorizer, other_socket),
      Decide(authorizer,
             Ask("presence-foobar", kPresenceSignature, other_data)),
      Decide(authorizer, Ask("private-foobar", flipped)),
      Decide(authorizer, Ask("private-foobar", "")),
      Decide(authorizer, Ask("private-foobar", std::string(64, 'z'))),
      Decide(authorizer,
             Ask("private-foobar", std::string(kPrivateSignature) + "00")),
      Decide(other_secret, Ask("private-foobar", kPrivateSignature)),
  };

  for (const core::Verdict& decision : decisions) {
    EXPECT_TRUE(absl::IsPermissionDenied(decision.status)) << decision.status;
  }
}

TEST(Signature, ThatIsNotValidIsPutToTheNextAuthorizerAsAToken) {
  NextAuthorizer next;
  SignatureAuthorizer authorizer(kSecret, &next);

  const core::Verdict decision =
      Decide(authorizer, Ask("private-foobar", "a session cookie"));

  EXPECT_TRUE(decision.status.ok());
  ASSERT_TRUE(next.asked.has_value());
  EXPECT_EQ(next.asked->auth_token, "a session cookie");
}

TEST(Signature, ThatIsValidNeedsNoOtherAuthorizer) {
  NextAuthorizer next;
  SignatureAuthorizer authorizer(kSecret, &next);

  EXPECT_TRUE(
      Decide(authorizer, Ask("private-foobar", kPrivateSignature)).status.ok());
  EXPECT_FALSE(next.asked.has_value());
}

TEST(Signature, OverDataWithoutAUserIsARefusalWithAReason) {
  NextAuthorizer next;
  SignatureAuthorizer authorizer(kSecret, &next);

  const core::Verdict decision =
      Decide(authorizer, Ask("presence-foobar", kNobodySignature, kNobodyData));

  EXPECT_TRUE(absl::IsInvalidArgument(decision.status)) << decision.status;
  EXPECT_THAT(std::string(decision.status.message()), HasSubstr("user_id"));
  EXPECT_FALSE(next.asked.has_value());
}

core::Verdict SignIn(core::Authorizer& authorizer, const std::string& token,
                     const std::string& data,
                     const std::string& socket = kSocket) {
  std::optional<core::Verdict> decision;
  authorizer.SignIn({socket, token, data, ""}, [&](core::Verdict made) {
    EXPECT_FALSE(decision.has_value());
    decision = std::move(made);
  });
  EXPECT_TRUE(decision.has_value());
  return decision.value_or(core::Verdict{});
}

// Pusher's documentation has this vector.
constexpr char kUserData[] = R"({"id":"12345"})";
constexpr char kUserSignature[] =
    "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba";

TEST(ASignIn, NamesTheUserThatWasSigned) {
  SignatureAuthorizer authorizer(kSecret, nullptr);
  const core::Verdict yes = SignIn(authorizer, kUserSignature, kUserData);
  EXPECT_TRUE(yes.status.ok()) << yes.status;
  ASSERT_TRUE(yes.member.has_value());
  EXPECT_EQ(yes.member->user_id(), "12345");
}

TEST(ASignIn, HoldsForItsSocketAndUserOnlyAndAsksNoOtherAuthorizer) {
  NextAuthorizer next;
  SignatureAuthorizer authorizer(kSecret, &next);
  SignatureAuthorizer other("another secret", &next);
  for (const core::Verdict& no :
       {SignIn(authorizer, kUserSignature, R"({"id":"12346"})"),
        SignIn(authorizer, kUserSignature, kUserData, "1234.1235"),
        SignIn(authorizer, "", kUserData),
        SignIn(authorizer, kPrivateSignature, kUserData),
        SignIn(other, kUserSignature, kUserData)}) {
    EXPECT_EQ(no.status.code(), absl::StatusCode::kPermissionDenied);
    EXPECT_FALSE(no.member.has_value());
  }
  EXPECT_FALSE(next.asked.has_value());
}

TEST(ASignIn, IsDeniedByAnAuthorizerWithoutSignIns) {
  NextAuthorizer next;
  EXPECT_EQ(SignIn(next, kUserSignature, kUserData).status.code(),
            absl::StatusCode::kPermissionDenied);
}

TEST(AUser, IsTheStringOfItsId) {
  const auto user = UserOf(R"( {"id":"a\u0064a","user_info":{"n": 1}} )");
  ASSERT_TRUE(user.ok()) << user.status();
  EXPECT_EQ(user->user_id(), "ada");
  EXPECT_EQ(user->user_info(), R"({"n": 1})");
}

TEST(AUser, IsRefusedWithoutAnId) {
  for (const char* data : {"", "7", "[]", "{}", R"({"id":7})", R"({"id":""})",
                           R"({"user_id":"ada"})", R"({"id":"\ud83d"})"}) {
    const auto user = UserOf(data);
    EXPECT_EQ(user.status().code(), absl::StatusCode::kInvalidArgument) << data;
    EXPECT_THAT(std::string(user.status().message()), HasSubstr("user_data"));
  }
}

TEST(Member, IsReadFromChannelData) {
  EXPECT_EQ(MemberOf(R"({"user_id":"ada"})")->user_id(), "ada");
  EXPECT_EQ(MemberOf(R"({"user_id":-7})")->user_id(), "-7");
  EXPECT_EQ(MemberOf(R"({"user_id":18446744073709551615})")->user_id(),
            "18446744073709551615");
  EXPECT_EQ(MemberOf(R"({"user_id":"\u00e9"})")->user_id(), "é");
  EXPECT_EQ(MemberOf(R"({"user_id":"a"})")->user_info(), "");
  EXPECT_EQ(MemberOf(R"({"user_info": [1, 2.50] ,"user_id":"a"})")->user_info(),
            "[1, 2.50]");
  EXPECT_EQ(MemberOf(R"({"user_id":"a","user_info": 12 })")->user_info(), "12");
  EXPECT_EQ(MemberOf(R"({"user_id":"a","user_info":"x\"y"})")->user_info(),
            R"("x\"y")");
}

TEST(Member, MayHaveAnyJsonThatTheRfcAllows) {
  const std::string info = R"({"name":"Zo\u00eb \ud83d","n":[1e400,-0]})";
  const auto member = MemberOf(R"({"user_id":"zoe","user_info":)" + info + "}");
  ASSERT_TRUE(member.ok()) << member.status();
  EXPECT_EQ(member->user_info(), info);
  EXPECT_EQ(MemberOf(R"({"user_id":99999999999999999999})")->user_id(),
            "99999999999999999999");
  EXPECT_EQ(
      MemberOf(R"( {"user\u005fid" : "a", "x":{"user_id":"b"}} )")->user_id(),
      "a");
}

TEST(Member, IsRefusedWhereThereIsNone) {
  for (const char* data :
       {"", "null", "[]", "{}", "\"user_id\"", R"({"user_id":null})",
        R"({"user_id":1.5})", R"({"user_id":true})", R"({"user_id":["a"]})",
        R"({"user_id":"a")", R"({"user_id":"a","user_info":nul})",
        R"({"user_id":""})", R"({"user_id":"\ud83d"})", R"({"user_id":1e3})",
        R"([{"user_id":"a"}])", "{\"user_id\":\"\xff\"}"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(MemberOf(data).status())) << data;
  }
  EXPECT_FALSE(
      MemberOf("{\"user_id\":\"" + std::string(129, 'a') + "\"}").ok());
  const std::string deep = std::string(512, '[') + std::string(512, ']');
  EXPECT_FALSE(MemberOf(R"({"user_id":"a","user_info":)" + deep + "}").ok());
  EXPECT_TRUE(MemberOf(R"({"user_id":"a","user_info":)" +
                       deep.substr(1, deep.size() - 2) + "}")
                  .ok());
}

}  // namespace
}  // namespace herald::authorizer
