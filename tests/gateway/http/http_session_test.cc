// SPDX-License-Identifier: Apache-2.0
//
// The answers to HTTP clients, and the requests that become a WebSocket.

#include "gateway/http/http_session.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "herald/v1/authorizer_service.pb.h"
#include "tests/gateway/net/test_gateway.h"
#include "tests/support/connection.h"
#include "tests/support/raw_socket.h"

namespace herald::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;
using testing_support::ClientFrame;
using testing_support::Clock;
using testing_support::ConnectionOf;
using testing_support::kClose;
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

struct RequestCase {
  std::string request;
  std::string status;
  std::string body;
};

TEST(ARequest, IsAnsweredByItsPathAndMethod) {
  TestGateway gateway;
  const std::vector<RequestCase> cases = {
      {Request("GET /livez"), "200", "alive\n"},
      {Request("GET /livez?verbose=1"), "200", "alive\n"},
      {Request("GET /readyz"), "503", "there is no service\n"},
      {Request("GET /metrics"), "200", "herald_gateway_connections 0\n"},
      {Request("GET /"), "404", "no such path"},
      {Request("GET /livez/"), "404", "no such path"},
      {Request("GET /wss"), "404", "no such path"},
      {Request("POST /nowhere"), "404", "no such path"},
      {Request("POST /livez"), "405", "use GET"},
      {Request("PUT /metrics"), "405", "Allow: GET, HEAD, OPTIONS\r\n"},
      {Request("POST /ws"), "405", "use GET"},
      {Request("GET /ws"), "426", "Upgrade: websocket\r\n"},
      {"GET /ws HTTP/1.0\r\n\r\n", "426", "WebSocket"},
      {"this is not HTTP\r\n\r\n", "400", "bad"},
  };
  for (const RequestCase& c : cases) {
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
  // Further bytes are drained for a while, so that the answer arrives.
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

TEST(AFullGateway, RefusesUntilASocketLeaves) {
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
    EXPECT_EQ(gateway.state().connections.total(), 2);
  }
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_connections", 1));
  RawSocket third(gateway.address());
  EXPECT_EQ(third.Upgrade(), 101);
  EXPECT_EQ(gateway.Metric("herald_gateway_refused_connections_total",
                           {{"reason", "full"}}),
            1);
}

TEST(AFullGateway, AcceptsNewcomersBesideAGreedyClient) {
  TestGateway gateway({.threads = 2, .connections_max = 16});
  RawSocket polite(gateway.address(), "127.0.0.3");
  EXPECT_EQ(polite.Upgrade(), 101);
  std::vector<std::unique_ptr<RawSocket>> greedy;
  int admitted = 0;
  for (int i = 0; i < 20; ++i) {
    greedy.push_back(
        std::make_unique<RawSocket>(gateway.address(), "127.0.0.2"));
    admitted += greedy.back()->Upgrade() == 101;
  }
  EXPECT_EQ(admitted, 13) << "the last two of sixteen are kept";
  RawSocket again(gateway.address(), "127.0.0.3");
  EXPECT_EQ(again.Upgrade(), 101);
  RawSocket newcomer(gateway.address(), "127.0.0.4");
  EXPECT_EQ(newcomer.Upgrade(), 101);
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

TEST(AnOverrunGateway, RefusesConnectionsAboveItsRateWithARetryTime) {
  TestGateway gateway({.threads = 2, .connect_rate_max = 1});
  RawSocket first(gateway.address());
  EXPECT_EQ(first.Upgrade(), 101);
  // As if all of an hour's worth had been taken.
  gateway.state().connect_rate.Take(
      absl::FromChrono(Clock::now().time_since_epoch()) + absl::Hours(1));

  const std::string answer = AskToUpgrade(gateway);

  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, HasSubstr("connection rate limit reached"));
  EXPECT_GE(RetryAfter(answer), 1);
  EXPECT_LE(RetryAfter(answer), 2);
  EXPECT_EQ(gateway.Metric("herald_gateway_refused_connections_total",
                           {{"reason", "overrun"}}),
            1);
  EXPECT_EQ(gateway.state().connections.total(), 1);
  EXPECT_THAT(Ask(gateway, Request("GET /livez")), StartsWith("HTTP/1.1 200"));
}

TEST(AnOverrunGateway, IsNotOneBecauseOfRefusedConnections) {
  TestGateway gateway({.connect_rate_max = 1, .origins = {"https://good"}});
  for (int i = 0; i < 10; ++i) {
    RawSocket bad(gateway.address());
    EXPECT_EQ(bad.Upgrade("Origin: https://bad\r\n"), 403);
    EXPECT_THAT(Ask(gateway, Request("GET /ws")), StartsWith("HTTP/1.1 426"));
  }
  RawSocket good(gateway.address());
  EXPECT_EQ(good.Upgrade(), 101);
}

TEST(ARefusedClient, HasASecondToReadTheAnswer) {
  TestGateway gateway;
  gateway.state().draining = true;
  RawSocket socket(gateway.address());
  const Clock::time_point start = Clock::now();
  EXPECT_EQ(socket.Upgrade(), 503);
  // The gateway has closed once bytes are answered with a reset.
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
  // None of them keeps a connection's place.
  RawSocket socket(gateway.address());
  EXPECT_EQ(socket.Upgrade(), 101);
}

TEST(AnUpgrade, HasSomeFieldsOnce) {
  TestGateway gateway({.connections_max = 1});
  for (const char* twice :
       {"Origin: https://a.example\r\nOrigin: https://b.example\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Sec-WebSocket-Version: 13\r\n", "Host: b.example\r\n",
        "Content-Length: 3\r\n", "Transfer-Encoding: gzip\r\n",
        "X-Folded: a\r\n b\r\n"}) {
    RawSocket socket(gateway.address());
    EXPECT_EQ(socket.Upgrade(twice), 400) << twice;
  }
  const std::string start =
      "GET /ws HTTP/1.1\r\nHost: herald\r\nUpgrade: websocket\r\n"
      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
  for (const char* key : {"c2hvcnQ=", "dGhlIHNhbXBsZSBub25jZQ", "", "x y",
                          "dGhlIHNhbXBsZSBub25jZ!=="}) {
    EXPECT_THAT(Ask(gateway, absl::StrCat(start, "Sec-WebSocket-Key: ", key,
                                          "\r\n\r\n")),
                StartsWith("HTTP/1.1 400"))
        << key;
  }
  RawSocket socket(gateway.address());
  EXPECT_EQ(socket.Upgrade(), 101);
}

TEST(AnUpgrade, MayComeInManyForms) {
  TestGateway gateway;
  const std::string rest =
      "Sec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  for (const char* start :
       {"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
        "Connection: keep-alive\r\nConnection: Upgrade\r\n",
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n"
        "Connection: keep-alive, UPGRADE\r\n",
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n",
        "GET http://a.example/ws HTTP/1.1\r\nHost: a\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n",
        "GET /ws/ HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\n",
        "\r\nGET /%77s?a=%2F&b=/ HTTP/1.1\r\nHost: a\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"}) {
    RawSocket socket(gateway.address());
    socket.Send(absl::StrCat(start, rest, ClientFrame(kClose, "")));
    EXPECT_THAT(socket.ReadToEnd(), StartsWith("HTTP/1.1 101")) << start;
  }
}

TEST(AnUpgrade, MayBringFramesAlong) {
  TestGateway gateway;
  gateway.Settle();
  RawSocket ada(gateway.address());
  std::string frames;
  for (int i = 0; i < 100; ++i) {
    frames += ClientFrame(kText, R"({"type":"ping"})");
  }
  frames += ClientFrame(kText, R"({"type":"subscribe","channel":"early"})");
  ada.Send(absl::StrCat("GET /ws HTTP/1.1\r\nHost: herald\r\n", kUpgrade,
                        "\r\n", frames.substr(0, frames.size() - 5)));
  ada.Send(frames.substr(frames.size() - 5));
  EXPECT_EQ(gateway.WaitForSubscribe("early").channel(), "early");
}

TEST(AnUpgrade, IsAtAPathThatCanBeChosen) {
  TestGateway gateway({.ws_path = "/live/socket"});
  EXPECT_THAT(Ask(gateway, Request("GET /live/socket")),
              StartsWith("HTTP/1.1 426"));
  const std::string answer = Ask(gateway, Request("GET /ws"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(answer, HasSubstr("/live/socket (WebSocket), /livez"));
}

// Where the answer's body begins.
std::string Body(const std::string& answer) {
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

TEST(Head, IsAnsweredAsGetIsWithoutTheBody) {
  TestGateway gateway;
  for (const char* path :
       {"/livez", "/readyz", "/ws", "/nothing", "/metrics"}) {
    const std::string head = Ask(gateway, Request(absl::StrCat("HEAD ", path)));
    const std::string get = Ask(gateway, Request(absl::StrCat("GET ", path)));
    EXPECT_EQ(Body(head), "") << path;
    EXPECT_EQ(head.substr(0, 12), get.substr(0, 12)) << path;
    if (path == absl::string_view("/metrics")) continue;  // It changes.
    EXPECT_EQ(head, get.substr(0, get.size() - Body(get).size())) << path;
  }
}

TEST(AConnection, StaysInStepAfterAnyRequest) {
  TestGateway gateway;
  std::string requests;
  const std::vector<std::string> lines = {
      "HEAD /nothing", "GET /livez",   "OPTIONS /readyz", "OPTIONS *",
      "POST /livez",   "HEAD /livez",  "OPTIONS /",       "DELETE /nothing",
      "OPTIONS /ws",   "HEAD /readyz", "GET /nothing"};
  for (const std::string& line : lines) {
    requests +=
        absl::StrCat(line, " HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  }
  const std::string answers = Ask(gateway, requests + Request("GET /livez"));
  std::vector<std::string> statuses;
  for (size_t at = 0; (at = answers.find("HTTP/1.1 ", at)) != std::string::npos;
       at += 9) {
    statuses.push_back(answers.substr(at + 9, 3));
  }
  EXPECT_THAT(statuses,
              testing::ElementsAre("404", "200", "503", "200", "405", "200",
                                   "503", "404", "200", "503", "404", "200"));
}

TEST(AConnection, OfHttp10StaysIfAsked) {
  TestGateway gateway;
  const std::string answers =
      Ask(gateway,
          "GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
          "GET /nothing HTTP/1.0\r\n\r\n");
  EXPECT_THAT(answers, HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_THAT(answers, HasSubstr("HTTP/1.1 404"));
}

TEST(APort, OfOtherMachinesIsNotForMetrics) {
  TestGateway gateway;
  gateway.state().pages.metrics = nullptr;
  const std::string answer = Ask(gateway, Request("GET /metrics"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Body(answer), testing::Not(HasSubstr("/metrics")));
}

// The address in the question to the authorizer.
std::string AddressOf(TestGateway& gateway, absl::string_view before,
                      absl::string_view headers) {
  RawSocket socket(gateway.address());
  socket.Send(before);
  EXPECT_EQ(socket.Upgrade(headers), 101);
  socket.Send(
      ClientFrame(kText, R"({"type":"subscribe","channel":"private-x"})"));
  return ConnectionOf(gateway.WaitForSubscribe("private-x")).remote_address();
}

TEST(AProxy, IsBelievedIfItIsTrusted) {
  TestGateway gateway({.trusted_proxies = {"127.0.0.0/8", "10.0.0.0/8"}});
  gateway.Settle();
  EXPECT_EQ(AddressOf(gateway, "",
                      "X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\n"
                      "X-Forwarded-For: 10.0.0.1\r\n"),
            "203.0.113.7");
  TestGateway other;
  other.Settle();
  EXPECT_EQ(AddressOf(other, "", "X-Forwarded-For: 203.0.113.7\r\n"),
            "127.0.0.1");
}

TEST(AProxy, NamesTheClientByTheProxyProtocol) {
  TestGateway gateway(
      {.proxy_protocol = true, .trusted_proxies = {"127.0.0.1"}});
  gateway.Settle();
  EXPECT_EQ(
      AddressOf(gateway, "PROXY TCP4 203.0.113.7 127.0.0.1 12345 8080\r\n", ""),
      "203.0.113.7");
  EXPECT_EQ(AddressOf(gateway, "PROXY UNKNOWN\r\n",
                      "X-Forwarded-For: 203.0.113.8\r\n"),
            "203.0.113.8");
  EXPECT_EQ(Ask(gateway, Request("GET /livez")), "");
  EXPECT_EQ(gateway.Metric("herald_gateway_refused_connections_total",
                           {{"reason", "no_proxy"}}),
            1);
}

TEST(AnUpgrade, SendsItsConnectionToTheService) {
  TestGateway gateway;
  gateway.Settle();
  RawSocket ada(gateway.address());
  ASSERT_EQ(ada.Upgrade("Origin: https://example.org\r\n"
                        "Cookie: session=1\r\n"
                        "Cookie: theme=dark\r\n"
                        "X-Twice: a\r\n"
                        "x-twice: b\r\n"
                        "X-Latin: caf\xE9\r\n"
                        "Sec-WebSocket-Protocol: chat\r\n"),
            101);
  ada.Send(ClientFrame(kText, R"({"type":"subscribe","channel":"private-x"})"));
  const v1::Connection connection =
      ConnectionOf(gateway.WaitForSubscribe("private-x"));
  EXPECT_EQ(connection.remote_address(), "127.0.0.1");
  EXPECT_EQ(connection.origin(), "https://example.org");
  EXPECT_THAT(
      connection.headers(),
      UnorderedElementsAre(Pair("host", "herald"), Pair("upgrade", "websocket"),
                           Pair("connection", "Upgrade"),
                           Pair("cookie", "session=1; theme=dark"),
                           Pair("x-twice", "a, b"), Pair("x-latin", "café")));
}

}  // namespace
}  // namespace herald::gateway
