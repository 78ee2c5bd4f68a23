// SPDX-License-Identifier: Apache-2.0
//
// The probes and the metrics page, over real HTTP.

#include "service/rpc/http_endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/contract/settings.h"

namespace herald::rpc {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The whole answer to one request, or what came of it within 10 s.
std::string Request(const std::string& address, const std::string& line) {
  const auto where = contract::SplitHostPort(address);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(where->port);
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&peer), sizeof(peer)), 0);
  const std::string request =
      absl::StrCat(line, " HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(send(fd, request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t n = 0; (n = recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
    answer.append(buffer, static_cast<size_t>(n));
  }
  close(fd);
  return answer;
}

class TheHttpEndpoint : public ::testing::Test {
 protected:
  HttpEndpoint::Sources Sources() {
    HttpEndpoint::Sources sources;
    sources.metrics = [] { return std::string("herald_gateways 3\n"); };
    sources.ready = [this] {
      return ready_ ? absl::OkStatus() : absl::UnavailableError("starting");
    };
    return sources;
  }

  std::string Get(const std::string& path) {
    return Request(http_->address(), "GET " + path);
  }

  std::atomic<bool> ready_ = false;
  std::unique_ptr<HttpEndpoint> http_ =
      *HttpEndpoint::Listen("127.0.0.1:0", Sources());
};

TEST_F(TheHttpEndpoint, ServesTheMetrics) {
  const std::string answer = Get("/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_TRUE(absl::EndsWith(answer, "\r\n\r\nherald_gateways 3\n"));
}

TEST_F(TheHttpEndpoint, SaysThatItLives) {
  EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(TheHttpEndpoint, SaysWhetherTheServiceIsReadyAndWhyNot) {
  const std::string starting = Get("/readyz");
  EXPECT_THAT(starting, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(starting, HasSubstr("starting"));
  ready_ = true;
  EXPECT_THAT(Get("/readyz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(TheHttpEndpoint, ServesNothingElse) {
  EXPECT_THAT(Get("/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Get("/etc/passwd"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(TheHttpEndpoint, AnswersHeadWithoutABody) {
  const std::string answer = Request(http_->address(), "HEAD /metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(absl::EndsWith(answer, "\r\n\r\n"));
}

TEST_F(TheHttpEndpoint, NamesAPortThatIsTaken) {
  const absl::Status status =
      HttpEndpoint::Listen(http_->address(), Sources()).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr(http_->address()));
  EXPECT_THAT(std::string(status.message()), HasSubstr("in use"));
}

}  // namespace
}  // namespace herald::rpc
