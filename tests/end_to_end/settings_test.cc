// SPDX-License-Identifier: Apache-2.0
//
// Wrong settings, ports in use, and the sources of settings: each process
// reports the precise mistake and ends.

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/frame.h"
#include "tests/support/herald_world.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace herald::end_to_end {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing_support::Exit;
using testing_support::HeraldWorld;
using testing_support::IsJson;
using testing_support::kGatewayBinary;
using testing_support::kServiceBinary;
using testing_support::Process;
using testing_support::ProcessOptions;
using testing_support::TemporaryFolder;
using testing_support::WebSocketClient;

struct Ended {
  Exit exit;
  std::string error;
};

// Runs a process that must end by itself.
Ended RunToEnd(std::vector<std::string> arguments,
               ProcessOptions options = {}) {
  Process process(std::move(arguments), std::move(options));
  Ended ended;
  ended.exit = process.WaitForExit();
  EXPECT_TRUE(process.WaitForEndOfOutput());
  ended.error = absl::StrJoin(process.StandardError(), "\n");
  return ended;
}

// A port of 127.0.0.1 where connections are awaited and not accepted.
class ListeningSocket {
 public:
  ListeningSocket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(fd_, generic, size), 0);
    EXPECT_EQ(::listen(fd_, 1), 0);
    EXPECT_EQ(::getsockname(fd_, generic, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~ListeningSocket() { ::close(fd_); }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

  // Waits for a connection.
  bool IsDialled() const {
    pollfd readable = {.fd = fd_, .events = POLLIN, .revents = 0};
    return ::poll(&readable, 1, 20'000) == 1;
  }

 private:
  const int fd_;
  int port_ = 0;
};

struct BadSetting {
  const char* binary;
  std::string flag;
  std::string value;
  std::string allowed;  // A part of the allowed values in the message.
};

TEST(ABadSetting, StopsTheProcessWithItsNameItsValueAndTheAllowedOnes) {
  const std::vector<BadSetting> settings = {
      {kServiceBinary, "max_channels", "many", "number"},
      {kServiceBinary, "max_channels", "-1", "0"},
      {kServiceBinary, "max_subscribers", "1e3", "number"},
      {kServiceBinary, "max_payload", "99999999999", "16777216"},
      {kServiceBinary, "heartbeat_interval", "soon", "seconds"},
      {kServiceBinary, "client_timeout", "0", "seconds"},
      {kServiceBinary, "heartbeat_interval", "0.0004", "0.001"},
      {kServiceBinary, "authorizer_timeout", "-1", "seconds"},
      {kServiceBinary, "allow_client_events", "maybe", "true or false"},
      {kServiceBinary, "grpc_address", "here", "host:port"},
      {kServiceBinary, "metrics_address", "127.0.0.1:99999", "host:port"},
      {kServiceBinary, "log_level", "loud", "debug"},
      {kServiceBinary, "log_format", "xml", "json"},
      {kServiceBinary, "authorizer", "http://127.0.0.1:50052", "host:port"},
      {kServiceBinary, "authorizer", "127.0.0.1:99999", "host:port"},
      {kGatewayBinary, "service", "grpc://127.0.0.1:50051", "host:port"},
      {kGatewayBinary, "service", "localhost", "host:port"},
      {kGatewayBinary, "service", "dns:50051", "dns:///dns:50051"},
      {kServiceBinary, "authorizer", "unix:50052", "dns:///unix:50052"},
      {kServiceBinary, "grpc_address", "unix:50051", "unix:path"},
      {kServiceBinary, "grpc_address", "unix:/tmp/a%41", "% in its path"},
      {kServiceBinary, "grpc_address", "unix:/tmp/a b", "white space"},
      {kServiceBinary, "authorizer", "unix:/tmp/a%41", "% in its path"},
      {kGatewayBinary, "service", "unix:/tmp/a%41", "% in its path"},
      {kGatewayBinary, "ws_address", "unix:/tmp/a b", "white space"},
      {kGatewayBinary, "ws_address", "127.0.0.1", "host:port"},
      {kGatewayBinary, "gateway_threads", "two", "number"},
      {kGatewayBinary, "max_connections", "-5", "number"},
      {kGatewayBinary, "max_connect_rate", "-1", "number"},
      {kGatewayBinary, "max_connect_rate", "1000001", "1000000"},
      {kGatewayBinary, "max_subscriptions", "x", "number"},
      {kGatewayBinary, "max_queue", "1MB", "number"},
      {kGatewayBinary, "drain_time", "later", "seconds"},
      {kGatewayBinary, "log_level", "loud", "debug"},
  };
  for (const BadSetting& bad : settings) {
    const std::string variable = "BROADCAST_" + absl::AsciiStrToUpper(bad.flag);
    const Ended by_flag =
        RunToEnd({bad.binary, absl::StrCat("--", bad.flag, "=", bad.value)});
    const Ended by_variable =
        RunToEnd({bad.binary},
                 {.environment = {absl::StrCat(variable, "=", bad.value)}});
    for (const Ended& ended : {by_flag, by_variable}) {
      EXPECT_GT(ended.exit.code, 0) << bad.flag;
      EXPECT_THAT(ended.error, HasSubstr(variable));
      EXPECT_THAT(ended.error, HasSubstr(absl::StrCat("\"", bad.value, "\"")));
      EXPECT_THAT(ended.error, HasSubstr(bad.allowed));
    }
  }
}

TEST(Settings, ThatExcludeEachOtherStopTheProcessWithTheirSource) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{kServiceBinary, "--metrics-address=127.0.0.1:50051"},
       "BROADCAST_GRPC_ADDRESS, \"127.0.0.1:50051\"; from --metrics-address"},
      {{kGatewayBinary, "--gateway-metrics-address=127.0.0.1:8080"},
       "BROADCAST_WS_ADDRESS, \"127.0.0.1:8080\"; from "
       "--gateway-metrics-address"},
      {{kGatewayBinary, "--ws-path=ws"}, "; from --ws-path"},
      {{kGatewayBinary, "--trusted-proxies=x"}, "; from --trusted-proxies"},
  };
  for (auto [arguments, message] : wrong) {
    for (const char* more : {"--strict", "--check"}) {
      arguments.emplace_back(more);
      const Ended ended = RunToEnd(arguments);
      EXPECT_EQ(ended.exit.code, 2) << message;
      EXPECT_THAT(ended.error, HasSubstr(message));
    }
  }
}

TEST(TheProxyProtocol, WithoutAnAddressForProbesIsWarnedOf) {
  const std::vector<std::string> required = {kGatewayBinary, "--check",
                                             "--proxy-protocol=required",
                                             "--trusted-proxies=127.0.0.1"};
  const Ended warned = RunToEnd(required);
  EXPECT_EQ(warned.exit.code, 0);
  EXPECT_THAT(warned.error, HasSubstr("BROADCAST_GATEWAY_METRICS_ADDRESS"));
  std::vector<std::string> quiet = required;
  quiet.emplace_back("--gateway-metrics-address=127.0.0.1:9091");
  EXPECT_EQ(RunToEnd(quiet).error, "");
}

TEST(ABadToken, StopsTheProcessAndIsNotShown) {
  for (const char* binary : {kServiceBinary, kGatewayBinary}) {
    for (const std::string token : {",", "t\xc3\xb6ken", "one\nother"}) {
      const Ended ended = RunToEnd({binary, "--api-token=" + token});
      EXPECT_EQ(ended.exit.code, 2) << binary;
      EXPECT_THAT(ended.error, HasSubstr("BROADCAST_API_TOKEN: the value "));
      EXPECT_THAT(ended.error, Not(HasSubstr("\"" + token)));
    }
  }
}

TEST(MetricsOnTheBrowsersPort, AreWarnedOfWhereStrangersReachIt) {
  const auto check = [](const std::string& address) {
    Process process({kGatewayBinary, "--check", "--ws-address=" + address,
                     "--service=127.0.0.1:50051"});
    EXPECT_EQ(process.WaitForExit(), (Exit{0, 0}));
    EXPECT_TRUE(process.WaitForEndOfOutput());
    return absl::StrJoin(process.StandardError(), "\n") +
           absl::StrJoin(process.StandardOutput(), "\n");
  };
  constexpr char kWarning[] = "/metrics is served on the browsers' port";
  EXPECT_THAT(check("0.0.0.0:8080"), HasSubstr(kWarning));
  EXPECT_THAT(check("[::]:8080"), HasSubstr(kWarning));
  EXPECT_THAT(check("127.0.0.1:8080"), Not(HasSubstr(kWarning)));
}

TEST(SettingsThatAreNoDefaults, AreLoggedAtTheStart) {
  Process service({kServiceBinary, "--grpc_address=127.0.0.1:0",
                   "--metrics_address=127.0.0.1:0", "--secret=hunter2"});
  service.ListeningAddress("grpc");
  const std::string log = absl::StrJoin(service.StandardError(), "\n");
  EXPECT_THAT(log, HasSubstr("setting name=BROADCAST_GRPC_ADDRESS "
                             "value=127.0.0.1:0 from=--grpc_address"));
  EXPECT_THAT(log, HasSubstr("setting name=BROADCAST_SECRET"));
  EXPECT_THAT(log, Not(HasSubstr("hunter2")));
  EXPECT_THAT(log, Not(HasSubstr("name=BROADCAST_MAX_CHANNELS")));
}

TEST(AnEnvFile, ThatCannotBeReadStopsTheProcessIfItIsNamed) {
  TemporaryFolder directory;
  const std::string file = directory.Path(".env");
  ASSERT_EQ(::mkdir(file.c_str(), 0700), 0);
  for (const char* binary : {kServiceBinary, kGatewayBinary}) {
    const Ended ended = RunToEnd({binary, "--env-file=.env", "--check"},
                                 {.directory = directory.path()});
    EXPECT_EQ(ended.exit.code, 2);
    EXPECT_THAT(ended.error, HasSubstr("cannot read .env"));
    const Ended found =
        RunToEnd({binary, "--check"}, {.directory = directory.path()});
    EXPECT_EQ(found.exit.code, 0);
    EXPECT_THAT(found.error, HasSubstr("warning: cannot read .env"));
  }
}

TEST(ACheck, PrintsSettingsWithTheirSourcesAndOpensNoPort) {
  HeraldWorld world({.gateways = 1});  // Has the ports.
  TemporaryFolder directory;
  directory.Write(".env", "BROADCAST_MAX_CHANNELS=5 # five\n");
  Process check({kServiceBinary, "--check", "--secret=hunter2",
                 "--grpc-address=" + world.grpc_address()},
                {.directory = directory.path()});
  EXPECT_EQ(check.WaitForExit(), (Exit{0, 0}));
  EXPECT_TRUE(check.WaitForEndOfOutput());
  const std::string output = absl::StrJoin(check.StandardOutput(), "\n");
  EXPECT_THAT(output, HasSubstr("BROADCAST_MAX_CHANNELS=5 # .env:1"));
  EXPECT_THAT(output, HasSubstr("BROADCAST_MAX_SUBSCRIBERS=0 # default"));
  EXPECT_THAT(output, HasSubstr("BROADCAST_SECRET=(secret) # --secret"));
  EXPECT_FALSE(absl::StrContains(output, "hunter2"));
  const std::string rules = directory.Write("rules", "nonsense: 1\n");
  const Ended wrong =
      RunToEnd({kServiceBinary, "--check", "--config=" + rules});
  EXPECT_EQ(wrong.exit.code, 2);
  EXPECT_THAT(wrong.error, HasSubstr("BROADCAST_CONFIG"));
}

TEST(AnAnswer, ThatCannotBeWrittenMakesTheExitCodeOne) {
  for (const char* const binary : {kServiceBinary, kGatewayBinary}) {
    for (const char* const question : {"--check", "--help", "--version"}) {
      SCOPED_TRACE(absl::StrCat(binary, " ", question));
      const Ended ended = RunToEnd(
          {"/bin/sh", "-c",
           absl::StrCat("exec ", binary, " ", question, " >/dev/full")});
      EXPECT_EQ(ended.exit, (Exit{1, 0}));
      EXPECT_THAT(ended.error, HasSubstr("cannot write the output: No space"));
    }
  }
}

TEST(Sighup, IsLoggedByTheGatewayAndEndsNothing) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  world.gateway(0).Signal(SIGHUP);
  world.gateway(0).WaitForLine("SIGHUP");
  EXPECT_EQ(ada.Subscribe("news").type(), "subscribed");
}

TEST(ASignalWithoutAMeaning, EndsNeitherProcess) {
  HeraldWorld world({.gateways = 1});
  for (const int number : {SIGPIPE, SIGUSR1, SIGUSR2}) {
    world.service().Signal(number);
    world.gateway(0).Signal(number);
  }
  EXPECT_EQ(world.Open().Subscribe("news").type(), "subscribed");
}

TEST(AProxyOfTheEnvironment, IsNotAsked) {
  const ProcessOptions proxied = {
      .environment = {"http_proxy=http://127.0.0.1:1",
                      "https_proxy=http://127.0.0.1:1",
                      "grpc_proxy=http://127.0.0.1:1"}};
  const ListeningSocket authorizer;
  Process service(
      {kServiceBinary, "--grpc-address=127.0.0.1:0",
       "--metrics-address=127.0.0.1:0", "--authorizer=" + authorizer.address()},
      proxied);
  const std::string address = service.ListeningAddress("grpc");
  Process gateway(
      {kGatewayBinary, "--ws-address=127.0.0.1:0", "--service=" + address},
      proxied);
  gateway.WaitForLine("link settled");
  EXPECT_TRUE(authorizer.IsDialled());
}

TEST(AFlagThatDoesNotExist, StopsTheProcessWithItsName) {
  for (const char* binary : {kServiceBinary, kGatewayBinary}) {
    const Ended ended = RunToEnd({binary, "--max_chanels=1"});
    EXPECT_GT(ended.exit.code, 0);
    EXPECT_THAT(ended.error, HasSubstr("max_chanels"));
  }
}

TEST(APortInUse, StopsTheProcessWithItsName) {
  HeraldWorld world({.gateways = 1});
  const std::string& grpc = world.grpc_address();
  const std::string& metrics = world.metrics_address();
  const std::string& ws = world.gateway_address(0);
  const std::vector<std::pair<std::vector<std::string>, std::string>> starts = {
      {{kServiceBinary, "--grpc_address=" + grpc,
        "--metrics_address=127.0.0.1:0"},
       grpc},
      {{kServiceBinary, "--grpc_address=127.0.0.1:0",
        "--metrics_address=" + metrics},
       metrics},
      {{kGatewayBinary, "--ws_address=" + ws, "--service=" + grpc}, ws},
  };
  for (const auto& [arguments, address] : starts) {
    const Ended ended = RunToEnd(arguments);
    EXPECT_GT(ended.exit.code, 0) << address;
    EXPECT_THAT(ended.error, HasSubstr(address));
  }
  // The first owner of the ports has noticed nothing.
  WebSocketClient& ada = world.Open();
  EXPECT_EQ(ada.Subscribe("news").type(), "subscribed");
}

TEST(ASetting, OfTheFlagWinsOverTheEnvironmentAndThatOverTheFile) {
  TemporaryFolder directory;
  directory.Write(".env",
                  "# settings of a test\n"
                  "BROADCAST_GRPC_ADDRESS=127.0.0.1:bad-port-of-the-file\n"
                  "export BROADCAST_MAX_CHANNELS='from the file'\n"
                  "BROADCAST_METRICS_ADDRESS=127.0.0.1:0\n");
  const ProcessOptions both = {
      .directory = directory.path(),
      .environment = {"BROADCAST_GRPC_ADDRESS=127.0.0.1:0",
                      "BROADCAST_MAX_CHANNELS=from the environment"}};

  EXPECT_THAT(
      RunToEnd({kServiceBinary, "--max_channels=from the flag"}, both).error,
      HasSubstr("\"from the flag\""));
  EXPECT_THAT(RunToEnd({kServiceBinary}, both).error,
              HasSubstr("\"from the environment\""));
  EXPECT_THAT(RunToEnd({kServiceBinary, "--grpc_address=127.0.0.1:0"},
                       {.directory = directory.path()})
                  .error,
              HasSubstr("\"from the file\""));

  // The metrics address is from the file, and the process runs.
  Process service({kServiceBinary, "--max_channels=1"}, both);
  EXPECT_THAT(service.ListeningAddress("metrics"), HasSubstr("127.0.0.1:"));
}

TEST(AnEnvironmentFile, MayBeNamedAndThenMustBeThere) {
  TemporaryFolder directory;
  const std::string named =
      directory.Write("other.env", "BROADCAST_MAX_CHANNELS=named\n");
  const std::string broken = directory.Write("broken.env", "A=1\nno form\n");

  EXPECT_THAT(RunToEnd({kServiceBinary, "--env_file=" + named}).error,
              HasSubstr("\"named\""));
  const Ended no_form = RunToEnd({kServiceBinary, "--env_file=" + broken});
  EXPECT_GT(no_form.exit.code, 0);
  EXPECT_THAT(no_form.error, HasSubstr(broken + ":2"));
  const std::string missing = directory.Path("missing.env");
  const Ended not_there = RunToEnd({kGatewayBinary, "--env_file=" + missing});
  EXPECT_GT(not_there.exit.code, 0);
  EXPECT_THAT(not_there.error, HasSubstr(missing));
}

TEST(ASecret, IsNeverLoggedNorIsAPayloadOrAToken) {
  HeraldWorld world(
      {.gateways = 1,
       .service_flags = {"--secret=s3cret-value", "--log_level=debug",
                         "--log_format=json"},
       .gateway_flags = {"--log_level=debug", "--log_format=json",
                         "--drain_time=1"},
       .api_token = "t0ken-value"});
  WebSocketClient& ada = world.Open();
  ada.Subscribe("private-x", "cl1ent-auth");
  ada.Subscribe("news");
  world.backend().Broadcast("news", "e", "\"p4yload-value\"");
  ada.Next();
  ada.Send("{ m4lformed-value");
  ada.Next();
  testing_support::Backend(world.grpc_address(), "wr0ng-token")
      .Watch({"news"})
      ->WaitForEnd();
  world.gateway(0).Signal(SIGTERM);
  EXPECT_EQ(ada.WaitForClose(), 1001);
  EXPECT_EQ(world.gateway(0).WaitForExit(), (Exit{0, 0}));
  world.service().Signal(SIGTERM);
  EXPECT_EQ(world.service().WaitForExit(), (Exit{0, 0}));

  for (Process* process : {&world.service(), &world.gateway(0)}) {
    EXPECT_TRUE(process->WaitForEndOfOutput());
    const std::vector<std::string> lines = process->StandardError();
    EXPECT_GT(lines.size(), 2u);
    for (const std::string& line : lines) {
      EXPECT_TRUE(absl::StartsWith(line, "{") && IsJson(line)) << line;
      for (const char* secret :
           {"s3cret-value", "t0ken-value", "cl1ent-auth", "p4yload-value",
            "m4lformed-value", "wr0ng-token"}) {
        EXPECT_FALSE(absl::StrContains(line, secret)) << line;
      }
    }
  }
}

TEST(JsonLogs, AreJsonAlsoForGrpcsOwnLines) {
  // A gateway without a service, with gRPC's own tracing of it.
  Process gateway({kGatewayBinary, "--ws_address=127.0.0.1:0",
                   "--service=127.0.0.1:1", "--log_format=json"},
                  {.environment = {"GRPC_VERBOSITY=debug",
                                   "GRPC_TRACE=connectivity_state"}});
  gateway.ListeningAddress("ws");
  EXPECT_TRUE(gateway
                  .FindLine([](const std::string& line) {
                    return absl::StrContains(line, "TRANSIENT_FAILURE");
                  })
                  .has_value())
      << "gRPC logs nothing, so this test proves nothing";
  gateway.Signal(SIGTERM);
  EXPECT_EQ(gateway.WaitForExit(), (Exit{0, 0}));
  EXPECT_TRUE(gateway.WaitForEndOfOutput());
  for (const std::string& line : gateway.StandardError()) {
    EXPECT_TRUE(absl::StartsWith(line, "{") && IsJson(line)) << line;
  }
}

}  // namespace
}  // namespace herald::end_to_end
