// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/machine.h"

#include <stdlib.h>
#include <sys/utsname.h>

#include <fstream>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace herald::benchmark {
namespace {

std::string CpuName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!absl::StartsWith(line, "model name")) continue;
    return std::string(
        absl::StripAsciiWhitespace(line.substr(line.find(':') + 1)));
  }
  return "unknown CPU";
}

}  // namespace

Machine ThisMachine() {
  Machine machine;
  machine.cpu = CpuName();
  machine.cores = static_cast<int>(std::thread::hardware_concurrency());
  utsname system{};
  if (::uname(&system) == 0) {
    machine.kernel = absl::StrCat(system.sysname, " ", system.release);
  }
  ::getloadavg(&machine.load, 1);
  return machine;
}

}  // namespace herald::benchmark
