// SPDX-License-Identifier: Apache-2.0
//
// The probes and the metrics page, over real HTTP.

#include "proto/http/http_endpoint.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/contract/address.h"
#include "proto/process/files.h"

namespace herald::process {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

int Dial(const std::string& address, const char* from = "127.0.0.1") {
  const auto where = contract::SplitHostPort(address);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(where->port);
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  inet_pton(AF_INET, from, &own.sin_addr);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof(own)), 0);
  const timeval patience{10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&peer), sizeof(peer)), 0);
  return fd;
}

// The whole answer to these bytes, or the outcome within 10 s.
std::string Exchange(const std::string& address, const std::string& request) {
  const int fd = Dial(address);
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

// The answer to one request.
std::string Request(const std::string& address, const std::string& line) {
  return Exchange(
      address,
      absl::StrCat(line, " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
}

class TheHttpEndpoint : public ::testing::Test {
 protected:
  HttpPages Pages() {
    HttpPages pages;
    pages.metrics = [] { return std::string("herald_gateways 3\n"); };
    pages.not_ready = [this] { return std::string(ready_ ? "" : "starting"); };
    pages.warning = [this] {
      return std::string(warns_ ? "warning: alone" : "");
    };
    return pages;
  }

  std::string Get(const std::string& path) {
    return Request(http_->address(), "GET " + path);
  }

  std::atomic<bool> ready_{false};
  std::atomic<bool> warns_{false};
  std::unique_ptr<HttpEndpoint> http_ =
      *HttpEndpoint::Listen("127.0.0.1:0", Pages());
};

TEST_F(TheHttpEndpoint, ServesTheMetrics) {
  const std::string answer = Get("/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_TRUE(absl::EndsWith(answer, "\r\n\r\nherald_gateways 3\n"));
}

TEST_F(TheHttpEndpoint, IsAlive) {
  EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(TheHttpEndpoint, ShowsWhetherTheServiceIsReadyAndWhyNot) {
  const std::string starting = Get("/readyz");
  EXPECT_THAT(starting, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(starting, HasSubstr("starting"));
  ready_ = true;
  const std::string ready = Get("/readyz");
  EXPECT_THAT(ready, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ready, EndsWith("\r\n\r\nready\n"));
  warns_ = true;
  const std::string warned = Get("/readyz");
  EXPECT_THAT(warned, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(warned, EndsWith("\r\n\r\nready\nwarning: alone\n"));
}

TEST_F(TheHttpEndpoint, ServesNothingElse) {
  EXPECT_THAT(Get("/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Get("/etc/passwd"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(TheHttpEndpoint, AnswersHeadWithoutABody) {
  const std::string answer = Request(http_->address(), "HEAD /metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 18\r\n"));
  EXPECT_TRUE(absl::EndsWith(answer, "\r\n\r\n"));
}

// As `printf 'GET /livez HTTP/1.0\n\n' | nc` does.
TEST_F(TheHttpEndpoint, AnswersAProbeWithBareLineFeeds) {
  for (const char* request :
       {"GET /livez HTTP/1.0\n\n", "\nGET /livez HTTP/1.0\nHost: a\n\n",
        "GET /livez HTTP/1.1\nHost: a\nConnection: close\n\n"}) {
    const std::string answer = Exchange(http_->address(), request);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 ")) << request;
    EXPECT_THAT(answer, EndsWith("\r\n\r\nalive\n")) << request;
  }
}

TEST_F(TheHttpEndpoint, RefusesAHeaderWithMixedLineEnds) {
  for (const char* request :
       {"GET /livez HTTP/1.0\r\nHost: a\n\n",
        "GET /livez HTTP/1.0\nHost: a\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: a\r\nX: a\nForged: b\r\n\r\n"}) {
    EXPECT_THAT(Exchange(http_->address(), request),
                StartsWith("HTTP/1.1 400 "))
        << request;
  }
}

// How many bytes one read brings is up to the network.
TEST_F(TheHttpEndpoint, AnswersARequestThatIsReadAtOnceAsOneInPieces) {
  const std::string rest = " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  EXPECT_THAT(Exchange(http_->address(), "\n\r\n\nGET /livez" + rest),
              StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Exchange(http_->address(), "\x16\x03\r\n\r\n"),
              HasSubstr("this is no HTTP request"));
  const std::string path(16 << 10, 'x');
  EXPECT_THAT(Exchange(http_->address(), "GET /" + path + rest),
              StartsWith("HTTP/1.1 414"));
  const std::string begin = "GET /livez HTTP/1.1\r\nHost: h\r\nX: ";
  const std::string end = "\r\nConnection: close\r\n\r\n";
  const std::string most((16 << 10) - begin.size() - end.size(), 'x');
  EXPECT_THAT(Exchange(http_->address(), begin + most + end),
              StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Exchange(http_->address(), begin + most + "x" + end),
              StartsWith("HTTP/1.1 431"));
}

TEST_F(TheHttpEndpoint, ServesALaterMinorVersionAsHttp11) {
  const auto status = [this](const std::string& version) {
    const std::string answer =
        Exchange(http_->address(),
                 absl::StrCat("GET /livez ", version,
                              "\r\nHost: a\r\nConnection: close\r\n\r\n"));
    return answer.substr(0, 12);
  };
  EXPECT_EQ(status("HTTP/1.2"), "HTTP/1.1 200");
  EXPECT_EQ(status("HTTP/1.9"), "HTTP/1.1 200");
  EXPECT_EQ(status("HTTP/2.0"), "HTTP/1.1 505");
  EXPECT_EQ(status("HTTP/1.10"), "HTTP/1.1 400");
  // The rules of HTTP/1.1 hold.
  EXPECT_THAT(Exchange(http_->address(), "GET /livez HTTP/1.2\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
}

TEST_F(TheHttpEndpoint, NamesAPortThatIsTaken) {
  const absl::Status status =
      HttpEndpoint::Listen(http_->address(), Pages()).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr(http_->address()));
  EXPECT_THAT(std::string(status.message()), HasSubstr("in use"));
}

// Slow clients, also more of them than there is room for.
TEST_F(TheHttpEndpoint, AnswersProbesBesideSlowClients) {
  std::vector<int> slow;
  for (size_t i = 0; i < HttpEndpoint::kConnectionsMax + 50; ++i) {
    slow.push_back(Dial(http_->address()));
    EXPECT_EQ(send(slow.back(), "GET /live", 9, MSG_NOSIGNAL), 9);
  }
  EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 "));
  for (const int fd : slow) close(fd);
}

TEST_F(TheHttpEndpoint, ClosesAConnectionOfTheAddressThatHasTheMost) {
  const int polite = Dial(http_->address(), "127.0.0.2");
  const std::string request = "GET /livez HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(send(polite, request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));
  std::vector<int> flood;
  for (size_t i = 0; i < HttpEndpoint::kConnectionsMax + 50; ++i) {
    flood.push_back(Dial(http_->address()));
  }
  EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(send(polite, "\r\n", 2, MSG_NOSIGNAL), 2);
  char answer[12] = {};
  EXPECT_EQ(recv(polite, answer, sizeof(answer), MSG_WAITALL), 12);
  EXPECT_EQ(std::string(answer, sizeof(answer)), "HTTP/1.1 200");
  close(polite);
  for (const int fd : flood) close(fd);
}

// The process has none but those that it keeps for itself while this lives.
class FewFiles {
 public:
  FewFiles() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = 256;
    setrlimit(RLIMIT_NOFILE, &few);
    do {
      taken_.push_back(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
    } while (taken_.back() >= 0 && taken_.back() < PeerDescriptorsMax() - 1);
  }
  ~FewFiles() {
    for (const int fd : taken_) close(fd);
    setrlimit(RLIMIT_NOFILE, &before_);
  }

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

TEST_F(TheHttpEndpoint, LeavesTheProcessItsFilesAndAnswersProbes) {
  constexpr size_t kSlow = 20;
  // Its thread runs, so nothing that starts gives back a file.
  EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 "));
  const FewFiles few;
  std::vector<int> slow;
  for (size_t i = 0; i < kSlow; ++i) {
    slow.push_back(Dial(http_->address()));
    send(slow.back(), "GET /live", 9, MSG_NOSIGNAL);
  }
  EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 "));
  // The oldest were closed, at once.
  for (size_t i = 0; i <= kSlow - HttpEndpoint::kConnectionsWhenShort; ++i) {
    char byte = 0;
    errno = 0;
    EXPECT_LE(recv(slow[i], &byte, 1, 0), 0);
    EXPECT_NE(errno, EAGAIN) << i;
  }
  for (const int fd : slow) close(fd);
}

}  // namespace
}  // namespace herald::process
