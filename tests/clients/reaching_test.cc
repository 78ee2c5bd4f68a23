// SPDX-License-Identifier: Apache-2.0
//
// How each client of the library reaches a service, or reports that it cannot:
// proxies of the environment, and targets that are none.

#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "herald/client/broadcast_stream.h"
#include "herald/client/control.h"
#include "herald/client/publisher.h"
#include "herald/client/watch.h"
#include "tests/clients/fake_broadcast_service.h"

namespace herald::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing_support::FakeBroadcastService;
using testing_support::kPatience;
using testing_support::Mailbox;

absl::Status ByPublisher(const std::string& target) {
  Publisher publisher(
      {.target = target, .deadline = absl::FromChrono(kPatience)});
  return publisher.Broadcast("news", "created", "1").status();
}

absl::Status ByStream(const std::string& target) {
  Mailbox<absl::Status> answers;
  BroadcastStream stream({.target = target});
  const absl::Status sent = stream.Send(
      {.channels = {"news"}, .event = "created", .data = "1"},
      [&](const BroadcastResult& result) { answers.Put(result.status()); });
  if (!sent.ok()) return sent;
  return answers.Take().value_or(absl::UnknownError("no answer"));
}

absl::Status ByControl(const std::string& target) {
  Control control({.target = target, .deadline = absl::FromChrono(kPatience)});
  return control.GetStats().status();
}

// OK when the first message has come.
absl::Status ByWatch(const std::string& target) {
  Mailbox<absl::Status> news;
  Watch watch(
      {.target = target, .channels = {"news"}},
      [&](const v1::ServerMessage&) { news.Put(absl::OkStatus()); },
      [](const Loss&) {}, [&](const absl::Status& end) { news.Put(end); });
  return news.Take().value_or(absl::UnknownError("no message"));
}

struct Way {
  const char* name;
  absl::Status (*reach)(const std::string& target);
};

class AClient : public ::testing::TestWithParam<Way> {};

INSTANTIATE_TEST_SUITE_P(
    All, AClient,
    ::testing::Values(Way{"Publisher", ByPublisher}, Way{"Stream", ByStream},
                      Way{"Control", ByControl}, Way{"Watch", ByWatch}),
    [](const auto& way) { return std::string(way.param.name); });

TEST_P(AClient, AsksNoProxyOfTheEnvironment) {
  const std::vector<const char*> names = {"http_proxy", "https_proxy",
                                          "grpc_proxy"};
  for (const char* name : names) setenv(name, "http://127.0.0.1:1", 1);
  FakeBroadcastService service;
  service.watch_stays = true;
  EXPECT_EQ(GetParam().reach(service.address()), absl::OkStatus());
  for (const char* name : names) unsetenv(name);
}

// Nor does gRPC print anything.
TEST_P(AClient, RefusesATargetThatIsNone) {
  for (const std::string target :
       {"", "localhost", "http://127.0.0.1:50051", "127.0.0.1:99999",
        "127.0.0.1:0", "dns:50051", "unix:50051", "ipv4:abc:5"}) {
    ::testing::internal::CaptureStderr();
    const absl::Status status = GetParam().reach(target);
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << target << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(absl::StrCat("\"", target, "\"")),
                      HasSubstr("allowed: host:port")));
  }
}

}  // namespace
}  // namespace herald::client
