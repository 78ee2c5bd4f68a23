// SPDX-License-Identifier: Apache-2.0
//
// herald-chaos: rounds of trouble, one after the other, each of a new seed that
// follows from the first. See `herald-chaos --help`.

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/settings/program.h"
#include "tests/end_to_end/chaos/failure.h"
#include "tests/end_to_end/chaos/loop.h"
#include "tests/end_to_end/chaos/round.h"

ABSL_FLAG(double, minutes, 5, "How long.");
ABSL_FLAG(std::string, seed, "", "The seed of the first round.");
ABSL_FLAG(int, seconds, 45, "Trouble of one round.");
ABSL_FLAG(int, clients, 100, "Clients.");
ABSL_FLAG(int, gateways, 0, "Gateways.");
ABSL_FLAG(bool, history, true, "Whether channels keep a history.");
ABSL_FLAG(bool, keep, false, "Keep the logs.");
ABSL_FLAG(std::string, bin, "", "Where the programs are.");

namespace herald::chaos {
namespace {

constexpr int kExitBroken = 1;
constexpr int kExitUsage = 2;
constexpr int kExitInterrupted = 130;

constexpr char kHelp[] =
    R"(Usage: herald-chaos [--flag=value ...]

Runs a service, gateways, publishers and a hundred clients as real processes and
real connections, kills, stops, ends and cuts them at random, and checks that
every client receives every message once and in order, or notice of a loss.
Goes on, a round of about a minute after the other, until the time is over or a
promise is broken.

  --minutes=N     begins no round after that                     [5]
  --seed=S        of the first round; "today" is the date        [a random one]
  --seconds=N     trouble of one round                           [45]
  --clients=N                                                    [100]
  --gateways=N                                    [2 or 3, as the seed will]
  --nohistory     no channel keeps a history: only order and presence
  --keep          keeps the logs of rounds that are well, too
  --bin=DIR       herald-service, herald-gateway and herald-example-authorizer
                  are there                              [where they were built]

A round prints its seed first. The seed determines the actions, not their times,
so a failure may need some runs to come again.

Exit codes: 0 all promises were kept, 1 one was broken, 2 the command line was
not understood.
)";

std::atomic<bool> stop_requested = false;

[[noreturn]] void Refuse(const std::string& why) {
  std::fprintf(stderr, "herald-chaos: %s; see --help\n", why.c_str());
  std::exit(kExitUsage);
}

uint64_t ReadSeed() {
  const std::string text = absl::GetFlag(FLAGS_seed);
  // Short enough to be typed.
  if (text.empty()) return std::random_device()() % 1'000'000'000;
  if (text == "today") {
    const time_t now = ::time(nullptr);
    tm date{};
    ::gmtime_r(&now, &date);
    return static_cast<uint64_t>((date.tm_year + 1900) * 10000 +
                                 (date.tm_mon + 1) * 100 + date.tm_mday);
  }
  uint64_t seed = 0;
  if (!absl::SimpleAtoi(text, &seed)) {
    Refuse(absl::StrCat("--seed: \"", text, "\" is no number"));
  }
  return seed;
}

RoundOptions ReadOptions(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument != "--help" && argument != "-h") continue;
    std::exit(settings::Print("herald-chaos", kHelp));
  }
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) Refuse(absl::StrCat("\"", rest[1], "\" is no flag"));
  RoundOptions options;
  options.seed = ReadSeed();
  options.clients = absl::GetFlag(FLAGS_clients);
  options.gateways = absl::GetFlag(FLAGS_gateways);
  options.history = absl::GetFlag(FLAGS_history);
  options.keeps_logs = absl::GetFlag(FLAGS_keep);
  options.bin = absl::GetFlag(FLAGS_bin);
  const int seconds = absl::GetFlag(FLAGS_seconds);
  if (seconds < 1 || seconds > 3600) Refuse("--seconds must be 1 to 3600");
  if (options.clients < 1 || options.clients > 10'000) {
    Refuse("--clients must be 1 to 10000");
  }
  if (options.gateways < 0 || options.gateways > 20) {
    Refuse("--gateways must be 1 to 20");
  }
  options.length = Milliseconds(1'000) * seconds;
  return options;
}

void AllowManyFiles() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

int Main(int argc, char** argv) {
  RoundOptions options = ReadOptions(argc, argv);
  // gRPC 1.51 polls a connection that is being made only while a call waits for
  // it, and else every 5 s; calls here fail at once and are repeated, and each
  // attempt to connect has but 2 s.
  ::setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "100", 0);
  ::signal(SIGPIPE, SIG_IGN);
  for (const int end : {SIGINT, SIGTERM}) {
    ::signal(end, [](int) { stop_requested = true; });
  }
  AllowManyFiles();
  const auto end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double, std::ratio<60>>(
                             absl::GetFlag(FLAGS_minutes)));
  int rounds = 0;
  do {
    switch (RunRound(options, stop_requested)) {
      case Verdict::kHeld:
        break;
      case Verdict::kBroken:
        return kExitBroken;
      case Verdict::kInterrupted:
        return kExitInterrupted;
    }
    ++rounds;
    options.seed = Mix(options.seed) % 1'000'000'000;
  } while (Clock::now() < end);
  std::cout << rounds << (rounds == 1 ? " round" : " rounds")
            << ", every promise kept" << std::endl;
  return 0;
}

}  // namespace
}  // namespace herald::chaos

int main(int argc, char** argv) {
  try {
    const int code = herald::chaos::Main(argc, argv);
    if (std::cout.flush()) return code;
    std::cerr << "herald-chaos: cannot write the output\n";
    return code == 0 ? herald::chaos::kExitBroken : code;
  } catch (const std::exception& failure) {
    std::cerr << "herald-chaos: " << failure.what() << "\n";
    return herald::chaos::kExitBroken;
  }
}
