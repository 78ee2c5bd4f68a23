// SPDX-License-Identifier: Apache-2.0
//
// A process that lacks a resource to start reports it, and ends.

#include "gtest/gtest.h"
#include "tests/support/herald_world.h"

namespace herald::end_to_end {
namespace {

using testing_support::Exit;
using testing_support::kGatewayBinary;
using testing_support::Process;

TEST(ThreadsThatCannotBeHad, EndTheStartWithALine) {
  // Address space for some stacks of 8 MiB, and not for all.
  Process gateway({"/bin/sh", "-c", "ulimit -v 1000000; exec \"$0\" \"$@\"",
                   kGatewayBinary, "--ws-address=127.0.0.1:0",
                   "--gateway-threads=256"});
  EXPECT_EQ(gateway.WaitForExit(), (Exit{1, 0}));
  gateway.WaitForLine("cannot start");
}

}  // namespace
}  // namespace herald::end_to_end
