// SPDX-License-Identifier: Apache-2.0
//
// A backend and an authorizer in Python, which know nothing but the .proto
// files, against the real processes.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/process.h"
#include "tests/support/restartable_port.h"

namespace herald::end_to_end {
namespace {

using ::testing::HasSubstr;
using testing_support::Clock;
using testing_support::Exit;
using testing_support::HeraldWorld;
using testing_support::Milliseconds;
using testing_support::Process;
using testing_support::WebSocketClient;

std::vector<std::string> Python(const std::string& script,
                                const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {
      HERALD_PYTHON,
      "-B",
      absl::StrCat(HERALD_PEERS, "/", script),
      absl::StrCat("--protoc=", HERALD_PROTOC),
      absl::StrCat("--plugin=", HERALD_PYTHON_PLUGIN),
      absl::StrCat("--protos=", HERALD_PROTOS)};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

std::string StreamedOf(int data) {
  return absl::StrCat(
      R"({"type":"event","event":"streamed","channel":"news","data":)", data,
      "}");
}

class APythonBackend : public ::testing::TestWithParam<std::string> {};

TEST_P(APythonBackend, CallsEveryRpc) {
  HeraldWorld world({.api_token = GetParam()});
  WebSocketClient& ada = world.Open(0);
  ada.Subscribe("news");

  Process backend(Python("backend.py", {"--address=" + world.grpc_address(),
                                        "--socket_id=" + ada.socket_id(),
                                        "--token=" + GetParam()}));

  EXPECT_EQ(backend.WaitForExit(), (Exit{0, 0}));
  EXPECT_EQ(ada.Next(), R"({"type":"event","event":"python","channel":"news",)"
                        R"("data":{"n": 1}})");
  EXPECT_EQ(ada.Next(), StreamedOf(1));
  EXPECT_EQ(ada.Next(), StreamedOf(3));
  EXPECT_EQ(ada.Next(),
            R"({"type":"subscribed","channel":"presence-python",)"
            R"("members":[{"user_id":"ada","user_info":{"from":"python"}}]})");
  EXPECT_EQ(ada.Next().type(), "unsubscribed");
  EXPECT_EQ(ada.WaitForClose(), 4003);
  EXPECT_EQ(ada.close_reason(), "python said so");
}

INSTANTIATE_TEST_SUITE_P(Tokens, APythonBackend, ::testing::Values("", "token"),
                         [](const auto& param) {
                           return std::string(param.param.empty() ? "Without"
                                                                  : "With");
                         });

class APythonAuthorizer : public ::testing::Test {
 protected:
  APythonAuthorizer() { Start(); }

  void Start() {
    authorizer_ = std::make_unique<Process>(
        Python("authorizer.py", {"--address=" + address_}));
    authorizer_->WaitForLine("listening " + address_);
  }

  const std::string address_ =
      absl::StrCat("127.0.0.1:", testing_support::RestartablePort());
  std::unique_ptr<Process> authorizer_;
};

TEST_F(APythonAuthorizer, DecidesWithMembersReasonsAndExpiry) {
  HeraldWorld world({.service_flags = {"--authorizer=" + address_,
                                       "--authorizer_timeout=10"}});
  WebSocketClient& ada =
      world.Open(0, {.headers = {{"User-Agent", "a browser"}}});
  WebSocketClient& bob = world.Open(1);

  EXPECT_EQ(ada.Subscribe("presence-room", "user:ada"),
            R"({"type":"subscribed","channel":"presence-room","members":)"
            R"([{"user_id":"ada","user_info":{"name": "ada"}}]})");
  const std::string asked = authorizer_->WaitForLine(ada.socket_id());
  EXPECT_THAT(asked, HasSubstr(R"("remote_address": "127.0.0.1")"));
  EXPECT_THAT(asked, HasSubstr(R"("user_agent": "a browser")"));
  EXPECT_EQ(bob.Subscribe("private-x", "nonsense"),
            R"({"type":"subscription_error","channel":"private-x",)"
            R"("error":"python knows no such token","code":"unauthorized"})");

  const Clock::time_point begin = Clock::now();
  EXPECT_EQ(bob.Subscribe("private-x", "brief:bob").type(), "subscribed");
  EXPECT_EQ(bob.Next(), R"({"type":"unsubscribed","channel":"private-x",)"
                        R"("reason":"python says it was brief"})");
  EXPECT_GE(Clock::now() - begin, Milliseconds(4400));
}

TEST_F(APythonAuthorizer, RevokesAlsoForAServiceThatComesLater) {
  HeraldWorld world(
      {.service_flags = {"--authorizer=" + address_, "--authorizer_timeout=10"},
       .is_restartable = true});
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  ada.Subscribe("private-x", "user:ada");
  bob.Subscribe("private-x", "user:bob");

  authorizer_->WriteLine("revoke ada private-x fired by python");
  EXPECT_EQ(ada.Next(), R"({"type":"unsubscribed","channel":"private-x",)"
                        R"("reason":"fired by python"})");

  // The service is away when bob is fired; the authorizer repeats it.
  world.service().Kill();
  authorizer_->WriteLine("revoke bob private-x him too");
  world.StartService();
  EXPECT_EQ(bob.Next(), R"({"type":"unsubscribed","channel":"private-x",)"
                        R"("reason":"him too"})");
}

TEST_F(APythonAuthorizer, MayBeKilledAndRestarted) {
  HeraldWorld world({.service_flags = {"--authorizer=" + address_}});
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  ada.Subscribe("private-x", "user:ada");

  authorizer_->Kill();
  EXPECT_EQ(bob.Subscribe("private-x", "user:bob").String("code"),
            "unavailable");
  EXPECT_EQ(world.backend().Broadcast("private-x", "e", "1"), 1);
  EXPECT_EQ(ada.Next().type(), "event");

  Start();
  world.WaitUntil([&] {
    return bob.Subscribe("private-x", "user:bob").type() == "subscribed";
  });
}

}  // namespace
}  // namespace herald::end_to_end
