// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/port_probe.h"

#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/process/listening_sockets.h"
#include "tests/support/deadline.h"

namespace herald::rpc {
namespace {

using ::testing::HasSubstr;
using testing_support::kSlowness;

// The report for a port that answers each connection with `text` and closes it.
absl::Status DialOneThatSends(absl::string_view text) {
  const auto sockets = process::ListeningSockets::Listen("127.0.0.1:0");
  const int listening = sockets->descriptors().front();
  std::thread server([&] {
    int fd = -1;
    while (fd < 0) fd = accept(listening, nullptr, nullptr);
    send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    close(fd);
  });
  absl::Status status = DialOwnPort(listening, absl::Seconds(5 * kSlowness));
  server.join();
  return status;
}

TEST(DialOwnPort, IsContentWithTheFirstBytes) {
  EXPECT_TRUE(DialOneThatSends("settings!").ok());
}

TEST(DialOwnPort, ReportsThatConnectionsAreClosed) {
  const absl::Status status = DialOneThatSends("");
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("closes connections"));
}

TEST(DialOwnPort, ReportsThatThereIsNoAnswer) {
  const auto sockets = process::ListeningSockets::Listen("127.0.0.1:0");
  const absl::Status status =
      DialOwnPort(sockets->descriptors().front(), absl::Milliseconds(50));
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("sends nothing"));
}

TEST(PortProbe, ReportsTheOutcomeOfTheDials) {
  const auto sockets = process::ListeningSockets::Listen("127.0.0.1:0");
  PortProbe probe(sockets->descriptors().front());
  EXPECT_TRUE(probe.status().ok()) << "nothing is known yet";
  EXPECT_TRUE(testing_support::WaitUntil([&] { return !probe.status().ok(); }));
  probe.Stop();
  EXPECT_THAT(std::string(probe.status().message()),
              HasSubstr("the gRPC port does not answer"));
}

}  // namespace
}  // namespace herald::rpc
