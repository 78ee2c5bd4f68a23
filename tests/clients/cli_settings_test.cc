// SPDX-License-Identifier: Apache-2.0
//
// `herald` beside settings that are wrong: a call that needs one is not made,
// and a flag replaces it.

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/clients/fake_broadcast_service.h"
#include "tests/clients/subprocess.h"

namespace herald::testing_support {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kWrongToken[] = "BROADCAST_API_TOKEN=tökén";
constexpr char kWrongAddress[] = "BROADCAST_GRPC_ADDRESS=nowhere";

class WrongSettings : public ::testing::Test {
 protected:
  // Runs `herald stats` with further flags.
  Outcome Stats(const std::vector<std::string>& flags,
                const std::vector<std::string>& environment,
                const std::string& directory = "") {
    std::vector<std::string> command = {HERALD_CLI, "stats"};
    command.insert(command.end(), flags.begin(), flags.end());
    return RunToEnd(command, environment, "", directory);
  }

  FakeBroadcastService service_;
  const std::string address_flag_ = "--address=" + service_.address();
};

TEST_F(WrongSettings, AboutTheTokenStopACallWithOrWithoutAnAddress) {
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{}, std::vector<std::string>{address_flag_}}) {
    const Outcome outcome = Stats(
        flags, {kWrongToken, "BROADCAST_GRPC_ADDRESS=" + service_.address()});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, StartsWith("herald: BROADCAST_API_TOKEN: the "
                                        "value has a character that is not "
                                        "printable ASCII"));
  }
  EXPECT_EQ(service_.authorizations.size(), 0u);
}

TEST_F(WrongSettings, AboutTheTokenInAnEnvFileStopACall) {
  std::string directory = ::testing::TempDir() + "/herald-cli-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  for (const char* line :
       {"BROADCAST_API_TOKEN=\"sesame\n", "BROADCAST_API_TOKEN sesame\n"}) {
    std::ofstream(directory + "/.env") << line;

    const Outcome outcome = Stats({address_flag_}, {}, directory);

    EXPECT_EQ(outcome.exit_code, 2) << line;
    EXPECT_THAT(outcome.err, AllOf(StartsWith("herald: .env:1: "),
                                   HasSubstr("BROADCAST_API_TOKEN")));
  }
  EXPECT_EQ(service_.authorizations.size(), 0u);
  std::filesystem::remove_all(directory);
}

TEST_F(WrongSettings, ThatAFlagReplacesStopNothing) {
  const Outcome address = Stats({address_flag_}, {kWrongAddress});
  EXPECT_EQ(address.exit_code, 0) << address.err;
  EXPECT_EQ(service_.authorizations.Take(), "");

  const Outcome both =
      Stats({address_flag_, "--token=flag"}, {kWrongAddress, kWrongToken});
  EXPECT_EQ(both.exit_code, 0);
  EXPECT_THAT(both.err, IsEmpty());
  EXPECT_EQ(service_.authorizations.Take(), "Bearer flag");
}

TEST_F(WrongSettings, AboutTheAddressStopACallWithoutOne) {
  const Outcome outcome = Stats({}, {kWrongAddress});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, StartsWith("herald: BROADCAST_GRPC_ADDRESS: "
                                      "\"nowhere\" has no port"));
}

}  // namespace
}  // namespace herald::testing_support
