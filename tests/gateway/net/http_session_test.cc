// SPDX-License-Identifier: Apache-2.0
//
// What an HTTP client gets, and who may become a WebSocket.

#include "gateway/net/http_session.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "herald/v1/authorizer_service.pb.h"
#include "tests/gateway/net/test_gateway.h"
#include "tests/support/raw_socket.h"

namespace herald::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;
using testing_support::ClientFrame;
using testing_support::Clock;
using testing_support::kText;
using testing_support::Milliseconds;
using testing_support::RawSocket;

constexpr char kUpgrade[] =
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

// Sends `request` and reads until the gateway closes.
std::string Ask(TestGateway& gateway, absl::string_view request) {
  RawSocket socket(gateway.address());
  socket.Send(request);
  return socket.ReadToEnd();
}

std::string Request(absl::string_view line, absl::string_view headers = "") {
  return absl::StrCat(line, " HTTP/1.1\r\nHost: herald\r\n", headers,
                      "Connection: close\r\n\r\n");
}

// Asks for a WebSocket and reads until the gateway closes.
std::string AskToUpgrade(TestGateway& gateway) {
  return Ask(gateway, absl::StrCat("GET /ws HTTP/1.1\r\nHost: herald\r\n",
                                   kUpgrade, "\r\n"));
}

// The seconds of the header, or 0 if there is none.
int RetryAfter(absl::string_view answer) {
  constexpr absl::string_view kName = "\r\nRetry-After: ";
  const size_t begin = answer.find(kName);
  if (begin == absl::string_view::npos) return 0;
  absl::string_view value = answer.substr(begin + kName.size());
  value = value.substr(0, value.find('\r'));
  int seconds = 0;
  EXPECT_TRUE(absl::SimpleAtoi(value, &seconds)) << value;
  return seconds;
}

struct Case {
  std::string request;
  std::string status;
  std::string body;
};

TEST(ARequest, IsAnsweredByItsPathAndMethod) {
  TestGateway gateway;
  const std::vector<Case> cases = {
      {Request("GET /livez"), "200", "alive\n"},
      {Request("GET /livez?verbose=1"), "200", "alive\n"},
      {Request("GET /readyz"), "503", "there is no service\n"},
      {Request("GET /metrics"), "200", "herald_gateway_connections 0\n"},
      {Request("GET /"), "404", "no such path"},
      {Request("GET /livez/"), "404", "no such path"},
      {Request("GET /wss"), "404", "no such path"},
      {Request("POST /nowhere"), "404", "no such path"},
      {Request("POST /livez"), "405", "use GET"},
      {Request("PUT /metrics"), "405", "Allow: GET\r\n"},
      {Request("POST /ws"), "405", "use GET"},
      {Request("GET /ws"), "426", "Upgrade: websocket\r\n"},
      {"GET /ws HTTP/1.0\r\n\r\n", "426", "WebSocket"},
      {"this is not HTTP\r\n\r\n", "400", "bad"},
  };
  for (const Case& c : cases) {
    const std::string answer = Ask(gateway, c.request);
    EXPECT_THAT(answer, StartsWith(absl::StrCat("HTTP/1.1 ", c.status, " ")));
    EXPECT_THAT(answer, HasSubstr(c.body)) << c.request;
    EXPECT_THAT(answer, HasSubstr("Server: herald\r\n"));
  }
}

TEST(Readiness, FollowsTheService) {
  TestGateway gateway;
  EXPECT_THAT(Ask(gateway, Request("GET /readyz")), StartsWith("HTTP/1.1 503"));
  gateway.Settle();
  EXPECT_THAT(Ask(gateway, Request("GET /readyz")), StartsWith("HTTP/1.1 200"));
  gateway.router().LinkDown("it broke");
  EXPECT_THAT(Ask(gateway, Request("GET /readyz")), StartsWith("HTTP/1.1 503"));
}

TEST(AConnection, TakesSeveralRequests) {
  TestGateway gateway;
  const std::string answers =
      Ask(gateway, absl::StrCat("GET /livez HTTP/1.1\r\nHost: herald\r\n\r\n",
                                Request("GET /nowhere")));
  EXPECT_THAT(answers, HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(answers, HasSubstr("HTTP/1.1 404"));
}

TEST(ABody, IsNotReadAndEndsTheConnection) {
  TestGateway gateway;
  const std::string answers =
      Ask(gateway,
          absl::StrCat(
              "GET /livez HTTP/1.1\r\nHost: herald\r\nContent-Length: 40\r\n"
              "\r\n",
              "GET /nowhere HTTP/1.1\r\nHost: herald\r\n\r\n"));
  EXPECT_THAT(answers, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answers, HasSubstr("Connection: close"));
  EXPECT_THAT(answers, testing::Not(HasSubstr("404")));
}

TEST(AHeader, MayHaveSixteenKibibytes) {
  TestGateway gateway;
  const auto with = [](size_t bytes) {
    return Request("GET /livez",
                   absl::StrCat("X-Long: ", std::string(bytes, 'x'), "\r\n"));
  };
  EXPECT_THAT(Ask(gateway, with(15 << 10)), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Ask(gateway, with(16 << 10)), StartsWith("HTTP/1.1 431"));
  // What follows is read away for a while, so that the answer arrives.
  EXPECT_THAT(Ask(gateway, with(60 << 10)), StartsWith("HTTP/1.1 431"));
}

TEST(ASlowHeader, IsGivenTenSeconds) {
  TestGateway gateway;
  RawSocket socket(gateway.address());
  const Clock::time_point start = Clock::now();
  socket.Send("GET /livez HTTP/1.1\r\nHost:");
  EXPECT_EQ(socket.ReadToEnd(Milliseconds(20'000)), "");
  EXPECT_GE(Clock::now() - start, Milliseconds(9'900));
  EXPECT_LE(Clock::now() - start, Milliseconds(19'000));
}

TEST(AnOrigin, MustBeAllowedIfThereIsOne) {
  TestGateway gateway({.origins = {"https://*.example.org"}});
  RawSocket none(gateway.address());
  EXPECT_EQ(none.Upgrade(), 101);
  RawSocket allowed(gateway.address());
  EXPECT_EQ(allowed.Upgrade("Origin: https://chat.EXAMPLE.org\r\n"), 101);
  RawSocket refused(gateway.address());
  EXPECT_EQ(refused.Upgrade("Origin: https://evil.net\r\n"), 403);
  EXPECT_EQ(gateway.Metric("herald_gateway_refused_connections_total",
                           {{"reason", "origin"}}),
            1);
}

TEST(AFullGateway, RefusesUntilSomebodyLeaves) {
  TestGateway gateway({.threads = 2, .connections_max = 2});
  RawSocket first(gateway.address());
  EXPECT_EQ(first.Upgrade(), 101);
  {
    RawSocket second(gateway.address());
    EXPECT_EQ(second.Upgrade(), 101);
    const std::string answer = AskToUpgrade(gateway);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
    EXPECT_GE(RetryAfter(answer), 3);
    EXPECT_LE(RetryAfter(answer), 8);
    EXPECT_EQ(gateway.state().connections, 2);
  }
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_connections", 1));
  RawSocket third(gateway.address());
  EXPECT_EQ(third.Upgrade(), 101);
  EXPECT_EQ(gateway.Metric("herald_gateway_refused_connections_total",
                           {{"reason", "full"}}),
            1);
}

TEST(ADrainingGateway, RefusesUpgradesAndStaysAlive) {
  TestGateway gateway;
  gateway.state().draining = true;
  const std::string answer = AskToUpgrade(gateway);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  EXPECT_GE(RetryAfter(answer), 3);
  EXPECT_LE(RetryAfter(answer), 8);
  EXPECT_THAT(Ask(gateway, Request("GET /livez")), StartsWith("HTTP/1.1 200"));
}

TEST(AnOverrunGateway, RefusesWhoComesAboveItsRateAndSaysWhenToComeBack) {
  TestGateway gateway({.threads = 2, .connect_rate_max = 1});
  RawSocket first(gateway.address());
  EXPECT_EQ(first.Upgrade(), 101);
  // As if all of an hour's worth had been taken.
  gateway.state().connect_rate.Take(
      absl::FromChrono(Clock::now().time_since_epoch()) + absl::Hours(1));

  const std::string answer = AskToUpgrade(gateway);

  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, HasSubstr("too many connect at once"));
  EXPECT_GE(RetryAfter(answer), 1);
  EXPECT_LE(RetryAfter(answer), 2);
  EXPECT_EQ(gateway.Metric("herald_gateway_refused_connections_total",
                           {{"reason", "overrun"}}),
            1);
  EXPECT_EQ(gateway.state().connections, 1);
  EXPECT_THAT(Ask(gateway, Request("GET /livez")), StartsWith("HTTP/1.1 200"));
}

TEST(AnOverrunGateway, IsNotOneBecauseOfThoseWhoWouldNotGetIn) {
  TestGateway gateway({.connect_rate_max = 1, .origins = {"https://good"}});
  for (int i = 0; i < 10; ++i) {
    RawSocket bad(gateway.address());
    EXPECT_EQ(bad.Upgrade("Origin: https://bad\r\n"), 403);
    EXPECT_THAT(Ask(gateway, Request("GET /ws")), StartsWith("HTTP/1.1 426"));
  }
  RawSocket good(gateway.address());
  EXPECT_EQ(good.Upgrade(), 101);
}

TEST(WhoIsSentAway, HasASecondToReadTheAnswer) {
  TestGateway gateway;
  gateway.state().draining = true;
  RawSocket socket(gateway.address());
  const Clock::time_point start = Clock::now();
  EXPECT_EQ(socket.Upgrade(), 503);
  // The gateway has closed when what is sent is answered with a reset.
  EXPECT_TRUE(testing_support::WaitUntil([&] { return !socket.Send("x"); }));
  EXPECT_GE(Clock::now() - start, Milliseconds(900));
  EXPECT_LE(Clock::now() - start, Milliseconds(8'000));
}

TEST(AnUpgrade, MustBeRightInDetail) {
  TestGateway gateway({.connections_max = 1});
  const std::string start =
      "GET /ws HTTP/1.1\r\nHost: herald\r\nUpgrade: websocket\r\n"
      "Connection: Upgrade\r\n";
  EXPECT_THAT(Ask(gateway,
                  absl::StrCat(start, "Sec-WebSocket-Version: 13\r\n", "\r\n")),
              StartsWith("HTTP/1.1 400"));
  const std::string old = Ask(
      gateway,
      absl::StrCat(start, "Sec-WebSocket-Version: 8\r\n",
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "\r\n"));
  EXPECT_THAT(old, StartsWith("HTTP/1.1 426"));
  EXPECT_THAT(old, HasSubstr("Sec-WebSocket-Version: 13\r\n"));
  EXPECT_THAT(Ask(gateway, absl::StrCat("GET /ws HTTP/1.1\r\nHost: herald\r\n",
                                        kUpgrade, "\r\n", "too early")),
              StartsWith("HTTP/1.1 400"));
  // None of them keeps a connection's place.
  RawSocket socket(gateway.address());
  EXPECT_EQ(socket.Upgrade(), 101);
}

TEST(AnUpgrade, TellsTheServiceOfItsConnection) {
  TestGateway gateway;
  gateway.Settle();
  RawSocket ada(gateway.address());
  ASSERT_EQ(ada.Upgrade("Origin: https://example.org\r\n"
                        "Cookie: session=1\r\n"
                        "X-Twice: a\r\n"
                        "x-twice: b\r\n"
                        "X-Latin: caf\xE9\r\n"
                        "Sec-WebSocket-Protocol: chat\r\n"),
            101);
  ada.Send(ClientFrame(kText, R"({"type":"subscribe","channel":"private-x"})"));
  const v1::Connection connection =
      gateway.WaitForSubscribe("private-x").connection();
  EXPECT_EQ(connection.remote_address(), "127.0.0.1");
  EXPECT_EQ(connection.origin(), "https://example.org");
  EXPECT_THAT(connection.headers(),
              UnorderedElementsAre(
                  Pair("host", "herald"), Pair("upgrade", "websocket"),
                  Pair("connection", "Upgrade"), Pair("cookie", "session=1"),
                  Pair("x-twice", "a, b"), Pair("x-latin", "café")));
}

}  // namespace
}  // namespace herald::gateway
