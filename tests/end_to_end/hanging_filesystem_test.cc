// SPDX-License-Identifier: Apache-2.0
//
// A service whose rules file is on a filesystem that hangs: only the new rules
// wait for it.

#include <signal.h>

#include <filesystem>
#include <iterator>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/temporary_folder.h"

namespace herald::end_to_end {
namespace {

using testing_support::Exit;
using testing_support::HeraldWorld;
using testing_support::HeraldWorldOptions;
using testing_support::kServiceBinary;
using testing_support::Process;
using testing_support::TemporaryFolder;
using testing_support::WaitUntil;

// A service whose rules file is on a filesystem that hangs on demand.
class AHangingFilesystem : public ::testing::Test {
 protected:
  HeraldWorldOptions Options() const {
    return {.gateways = 1,
            .service_flags = {"--config=" + rules_},
            .service_environment = {
                absl::StrCat("LD_PRELOAD=", HERALD_HANGING_FILE),
                absl::StrCat("HERALD_HANGING_FILE=", rules_),
                absl::StrCat("HERALD_HANGS_WHILE=", folder_.Path("hangs"))}};
  }
  void Hang() const { folder_.Write("hangs", ""); }
  void Heal() const { std::filesystem::remove(folder_.Path("hangs")); }

  const TemporaryFolder folder_;
  const std::string rules_ =
      folder_.Write("rules", "channels { pattern: 'a' }");
};

TEST_F(AHangingFilesystem, KeepsNothingButTheNewRulesWaiting) {
  HeraldWorld world(Options());
  Hang();
  folder_.Write("rules", "channels { pattern: 'a' } channels { pattern: 'b' }");
  world.service().Signal(SIGHUP);
  world.service().WaitForLine("rules not read yet, the old ones stay");
  EXPECT_EQ(world.Open().Subscribe("news").type(), "subscribed");
  // A signal that comes meanwhile applies the contents of that time.
  folder_.Write("rules", "# None.");
  world.service().Signal(SIGHUP);
  Heal();
  world.service().WaitForLine("rules=0");

  Hang();
  world.service().Signal(SIGHUP);
  world.service().WaitForLine("rules not read yet, the old ones stay");
  world.service().Signal(SIGTERM);
  EXPECT_EQ(world.service().WaitForExit(), (Exit{0, 0}));
}

TEST_F(AHangingFilesystem, AtTheStartLeavesSignalsTheirMeaning) {
  Hang();
  Process service({kServiceBinary, "--grpc-address=127.0.0.1:0",
                   "--metrics-address=127.0.0.1:0", "--config=" + rules_},
                  {.environment = Options().service_environment});
  // Its thread for signals is there, and so main() has begun.
  ASSERT_TRUE(WaitUntil([&] {
    std::error_code gone;
    const auto tasks = std::filesystem::directory_iterator(
        absl::StrCat("/proc/", service.pid(), "/task"), gone);
    return std::distance(begin(tasks), end(tasks)) > 1;
  }));
  service.Signal(SIGTERM);
  EXPECT_EQ(service.WaitForExit(), (Exit{1, 0}));
  service.WaitForLine("stopped before it has started");
}

}  // namespace
}  // namespace herald::end_to_end
