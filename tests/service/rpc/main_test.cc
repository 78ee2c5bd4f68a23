// SPDX-License-Identifier: Apache-2.0
//
// The process itself: its settings, its log, its ports and its end. Every test
// runs the real herald-service.

#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "simdjson.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace herald::rpc {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using testing_support::Exit;
using testing_support::Process;
using testing_support::TemporaryFolder;

// The binary stands beside the tests: <build>/tests and <build>/bin.
std::string Binary() {
  const std::filesystem::path test =
      std::filesystem::read_symlink("/proc/self/exe");
  return (test.parent_path().parent_path() / "bin" / "herald-service").string();
}

std::vector<std::string> Command(std::vector<std::string> more) {
  std::vector<std::string> command = {Binary(), "--grpc_address=127.0.0.1:0",
                                      "--metrics_address=127.0.0.1:0"};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

// Expects exit code 2 and one line with all of `parts`.
void ExpectRefused(Process& process, const std::vector<std::string>& parts) {
  EXPECT_EQ(process.WaitForExit(), (Exit{.code = 2}));
  EXPECT_TRUE(process.WaitForEndOfOutput());
  std::string all;
  for (const std::string& line : process.StandardError()) {
    absl::StrAppend(&all, line, "\n");
  }
  for (const std::string& part : parts) EXPECT_THAT(all, HasSubstr(part));
}

TEST(Settings, ThatCannotBeParsedEndTheProcessWithTheirName) {
  const std::pair<const char*, const char*> wrong[] = {
      {"max_channels", "abc"},        {"max_subscribers", "-1"},
      {"max_payload", "17000000"},    {"heartbeat_interval", "0"},
      {"client_timeout", "soon"},     {"allow_client_events", "maybe"},
      {"grpc_address", "nowhere"},    {"metrics_address", "127.0.0.1:99999"},
      {"authorizer_timeout", "-0.5"}, {"log_level", "loud"},
      {"log_format", "xml"},          {"history_memory", "-1"}};
  for (const auto& [name, value] : wrong) {
    SCOPED_TRACE(name);
    std::string variable = absl::StrCat("BROADCAST_", name);
    for (char& c : variable) c = static_cast<char>(std::toupper(c));
    Process by_flag({Binary(), absl::StrCat("--", name, "=", value)});
    ExpectRefused(by_flag, {variable, value, "allowed"});
    Process by_variable({Binary()},
                        {.environment = {absl::StrCat(variable, "=", value)}});
    ExpectRefused(by_variable, {variable, value, "allowed"});
  }
}

TEST(Settings, AreReadFromAnEnvFile) {
  TemporaryFolder folder;
  folder.Write(".env", "# Mine\nexport BROADCAST_MAX_CHANNELS='many'\n");
  Process here({Binary()}, {.directory = folder.path(), .environment = {}});
  ExpectRefused(here, {"BROADCAST_MAX_CHANNELS", "many"});
  const std::string other =
      folder.Write("other", "BROADCAST_LOG_LEVEL=shrill\n");
  Process named({Binary(), "--env_file=" + other});
  ExpectRefused(named, {"BROADCAST_LOG_LEVEL", "shrill"});
}

TEST(Settings, NeedAnEnvFileThatIsNamed) {
  Process process({Binary(), "--env_file=/nonexistent/env"});
  ExpectRefused(process, {"--env_file", "/nonexistent/env"});
}

TEST(Settings, AreExplained) {
  Process help({Binary(), "--help"});
  EXPECT_EQ(help.WaitForExit(), Exit{.code = 0});
  EXPECT_TRUE(help.WaitForEndOfOutput());
  EXPECT_THAT(help.StandardOutput(), Contains(HasSubstr("--max-channels=N")));
  Process version({Binary(), "--version"});
  EXPECT_EQ(version.WaitForExit(), Exit{.code = 0});
  EXPECT_TRUE(version.WaitForEndOfOutput());
  EXPECT_THAT(version.StandardOutput(),
              Contains("herald-service " HERALD_VERSION));
}

TEST(Rules, ThatAreWrongEndTheProcessWithTheirLine) {
  TemporaryFolder folder;
  const std::string file =
      folder.Write("rules.json", "{\"channels\": [\n{\"histroySize\": 1}]}");
  Process named({Binary(), "--config=" + file});
  ExpectRefused(named, {"BROADCAST_CONFIG", file + ":2: ", "histroySize"});
  // Found where the process runs, as the .env file is.
  folder.Write(".env", "BROADCAST_CONFIG=rules.json\n");
  Process here({Binary()}, {.directory = folder.path(), .environment = {}});
  ExpectRefused(here, {"BROADCAST_CONFIG", " rules.json:2: "});
  Process none({Binary(), "--config=/nonexistent/rules.json"});
  ExpectRefused(none, {"BROADCAST_CONFIG", "/nonexistent/rules.json"});
  // The allowed rules depend on other settings.
  const std::string large = folder.Write(
      "large.json", R"({"channels": [{"pattern": "a", "maxPayload": 101}]})");
  Process bounded({Binary(), "--config=" + large, "--max_payload=100"});
  ExpectRefused(bounded, {"large.json:1: ", "1 to 100"});
}

TEST(Rules, AreReadAgainOnSighup) {
  TemporaryFolder folder;
  const std::string file = folder.Write("rules", "channels { pattern: 'a' }");
  Process process(Command({"--config=" + file}));
  process.WaitForLine("ready");
  folder.Write("rules", "\n\nchannels { pattern: '' }");
  process.Signal(SIGHUP);
  EXPECT_THAT(process.WaitForLine("rules refused"), HasSubstr(file + ":3: "));
  folder.Write("rules", "# None.");
  process.Signal(SIGHUP);
  EXPECT_THAT(process.WaitForLine("rules in force"), HasSubstr("rules=0"));
  folder.Write("rules", "\nchannels { pattern: 'a' history_size: 10000 }");
  process.Signal(SIGHUP);
  EXPECT_THAT(process.WaitForLine("history_size of pattern"),
              AllOf(HasSubstr(file + ":2: "), HasSubstr("is 10000;"),
                    HasSubstr("of 65536 bytes"), HasSubstr("early")));
  process.WaitForLine("rules=1");
  // Nothing that can keep the process from its end.
  ASSERT_EQ(std::remove(file.c_str()), 0);
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  process.Signal(SIGHUP);
  process.WaitForLine("not a regular file");
  process.Signal(SIGTERM);
  EXPECT_EQ(process.WaitForExit(), Exit{.code = 0});
}

TEST(Rules, ThatAreInNoFileAreNotReadOnSighup) {
  Process process(Command({}));
  process.WaitForLine("ready");
  process.Signal(SIGHUP);
  process.WaitForLine("no BROADCAST_CONFIG");
  process.Signal(SIGTERM);
  EXPECT_EQ(process.WaitForExit(), Exit{.code = 0});
}

TEST(Ports, ThatAreTakenEndTheProcessWithTheNameOfTheSetting) {
  Process first(Command({}));
  for (const auto& [what, name] : {std::pair("grpc", "grpc-address"),
                                   std::pair("metrics", "metrics-address")}) {
    const std::string address = first.ListeningAddress(what);
    Process second(Command({absl::StrCat("--", name, "=", address)}));
    EXPECT_EQ(second.WaitForExit(), Exit{.code = 1});
    EXPECT_TRUE(second.WaitForEndOfOutput());
    EXPECT_THAT(second.StandardError(),
                Contains(AllOf(HasSubstr(name), HasSubstr(address),
                               HasSubstr("in use"))));
  }
}

TEST(JsonLog, IsJsonOnEveryLineGrpcsOwnIncluded) {
  // With this variable gRPC logs its work, from its start on.
  Process first(Command({"--log_format=json", "--log_level=debug",
                         "--authorizer=127.0.0.1:1"}),
                {.environment = {"GRPC_VERBOSITY=DEBUG",
                                 "GRPC_TRACE=connectivity_state"}});
  const std::string address = first.ListeningAddress("grpc");
  first.WaitForLine("authorizer lost");
  Process second(Command({"--log_format=json", "--grpc_address=" + address}));
  EXPECT_EQ(second.WaitForExit(), Exit{.code = 1});
  Process third(Command({"--log_format=json", "--max_channels=\"x\\"}));
  EXPECT_EQ(third.WaitForExit(), Exit{.code = 2});
  first.Signal(SIGTERM);
  EXPECT_EQ(first.WaitForExit(), Exit{.code = 0});

  bool grpc_talked = false;
  for (Process* process : {&first, &second, &third}) {
    EXPECT_TRUE(process->WaitForEndOfOutput());
    EXPECT_FALSE(process->StandardError().empty());
    for (const std::string& line : process->StandardError()) {
      simdjson::dom::parser parser;
      simdjson::dom::element object;
      ASSERT_EQ(parser.parse(line).get(object), simdjson::SUCCESS) << line;
      for (const char* field : {"time", "level", "message"}) {
        EXPECT_TRUE(object[field].is_string()) << line;
      }
      grpc_talked |= absl::StrContains(line, "\"message\":\"grpc\"");
    }
  }
  EXPECT_TRUE(grpc_talked);
}

TEST(TheLog, HoldsNoSecrets) {
  Process process(Command(
      {"--secret=hunter2", "--api_token=swordfish", "--log_level=debug"}));
  process.WaitForLine("ready");
  process.Signal(SIGTERM);
  process.WaitForExit();
  EXPECT_TRUE(process.WaitForEndOfOutput());
  for (const std::string& line : process.StandardError()) {
    EXPECT_FALSE(absl::StrContains(line, "hunter2")) << line;
    EXPECT_FALSE(absl::StrContains(line, "swordfish")) << line;
  }
}

class Stopping : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Signals, Stopping, ::testing::Values(SIGTERM, SIGINT));

TEST_P(Stopping, IsPoliteAndEndsWithZero) {
  Process process(Command({}));
  const std::string address = process.ListeningAddress("grpc");
  process.WaitForLine("ready");
  const auto stub = v1::BroadcastService::NewStub(
      grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::WatchRequest request;
  request.add_channels("news");
  const auto watch = stub->Watch(&context, request);
  v1::WatchResponse response;
  ASSERT_TRUE(watch->Read(&response));

  process.Signal(GetParam());

  while (watch->Read(&response)) {
  }
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(process.WaitForExit(), Exit{.code = 0});
}

}  // namespace
}  // namespace herald::rpc
