// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/options.h"

#include <unistd.h>

#include <array>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "proto/contract/address.h"
#include "proto/contract/names.h"
#include "proto/settings/program.h"
#include "tests/benchmark/failure.h"

ABSL_FLAG(std::vector<std::string>, row, {}, "Rows to run.");
ABSL_FLAG(bool, list, false, "List the rows.");
ABSL_FLAG(bool, quick, false, "Small and short.");
ABSL_FLAG(int, runs, 0, "Runs of each row.");
ABSL_FLAG(double, seconds, 0, "Length of a run.");
ABSL_FLAG(bool, json, false, "Print JSON.");
ABSL_FLAG(std::string, svg, "", "File for a plot.");
ABSL_FLAG(bool, enforce, false, "Exit code 3 for a budget that is not met.");
ABSL_FLAG(std::string, bin, "", "Where the programs are.");
ABSL_FLAG(std::string, target, "", "WebSocket address of a Herald.");
ABSL_FLAG(std::string, service, "127.0.0.1:50051", "Its gRPC target.");
ABSL_FLAG(std::string, token, "", "Its API token.");
ABSL_FLAG(std::vector<std::string>, pid, {}, "Its processes.");
ABSL_FLAG(std::string, serve, "", "Be one of the benchmark's own servers.");

namespace herald::benchmark {
namespace {

constexpr char kHelp[] =
    R"(Usage: herald-bench [--flag=value ...]

Measures what connections and deliveries cost: starts a service and a gateway,
opens thousands of WebSockets, publishes, and holds the figures to the budgets.
Every delivery is checked; one that is missing, out of order or twice there
fails the row.

A figure is the median of several runs, each next to a run of the baseline. CPU
time is that of service and gateway together. The baselines:
  limit             as many bare epoll loops, one send(2) per frame and socket
  coalescing limit  the same, one send(2) per socket for all that has arrived
  empty RPC         a server of the same gRPC library that does nothing
  quiet             Herald itself without the load

Budgets in units of time are for the Intel of tests/README.md. Where one is not
met, the table shows whether the figure is within it for a machine as slow as
this one: times the cost of a send(2) and of a message on an empty stream here,
before and after the row, over their cost there.

What to run:
  --row=NAME[,NAME]   these rows only; may be given more than once
  --list              names the rows
  --quick             few sockets, short runs: shows that it works, not how fast
  --runs=N            runs of each row                          [5]
  --seconds=S         length of one run                         [2]
                      fan-out with a budget runs eight times as often, each
                      a quarter as long

What to print:
  --json              JSON instead of the table
  --svg=FILE          plots the cost of a delivery against subscribers and
                      channels; needs the rows subscribers-* and channels-*
  --enforce           exit code 3 if a budget is not met

What to run it against:
  --bin=DIR           herald-service and herald-gateway are there
                                                     [where herald-bench is]
  --target=ws://HOST:PORT[/PATH]   a Herald of your own, not a new one; its
                      channels bench-* and probe-bench-* are used; start its
                      gateways with --max_connect_rate=0
  --service=HOST:PORT its gRPC address                    [127.0.0.1:50051]
  --token=TOKEN       its API token
  --pid=PID[,PID]     its service and gateways, if they run on this machine, the
                      service first. Without it there is no CPU time: figures
                      are per second, and there are no budgets.

Exit codes: 0 everything was delivered, 1 a row failed, 2 the command line was
not understood, 3 see --enforce.

The limit of open files (ulimit -Hn) bounds the sockets: 20,000 are enough.
)";

[[noreturn]] void Refuse(const std::string& why) {
  std::fprintf(stderr, "herald-bench: %s; see --help\n", why.c_str());
  std::exit(2);
}

std::string OwnFolder() {
  std::array<char, PATH_MAX> path{};
  if (::readlink("/proc/self/exe", path.data(), path.size() - 1) < 0)
    return ".";
  const std::string file = path.data();
  return file.substr(0, file.rfind('/'));
}

// The command line with all of `--NAME=…` made one: abseil would take the last.
std::vector<std::string> Joined(const std::vector<std::string>& arguments,
                                const std::string& name) {
  const std::string flag = absl::StrCat("--", name);
  std::vector<std::string> others, values;
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view rest = arguments[i];
    if (absl::ConsumePrefix(&rest, absl::StrCat(flag, "="))) {
      values.emplace_back(rest);
    } else if (arguments[i] == flag && i + 1 < arguments.size()) {
      values.push_back(arguments[++i]);
    } else {
      others.push_back(arguments[i]);
    }
  }
  if (!values.empty()) {
    others.push_back(absl::StrCat(flag, "=", absl::StrJoin(values, ",")));
  }
  return others;
}

void ParseFlags(int argc, char** argv) {
  std::vector<std::string> arguments(argv, argv + argc);
  arguments = Joined(Joined(arguments, "row"), "pid");
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  const std::vector<char*> rest = absl::ParseCommandLine(
      static_cast<int>(pointers.size()), pointers.data());
  if (rest.size() > 1) Refuse(absl::StrCat("\"", rest[1], "\" is no flag"));
}

// The rows that are named, or all that the setup allows.
std::vector<Row> ReadRows(const Setup& setup) {
  std::vector<Row> rows;
  for (const std::string& name : absl::GetFlag(FLAGS_row)) {
    const Row* const row = FindRow(name);
    if (row == nullptr) {
      Refuse(absl::StrCat("there is no row \"", name, "\", --list names them"));
    }
    rows.push_back(*row);
  }
  if (rows.empty()) {
    for (const Row& row : Rows()) {
      if (WhyNot(row, setup).empty()) rows.push_back(row);
    }
  }
  return setup.effort.quick ? Quick(rows) : rows;
}

Effort ReadEffort(bool quick) {
  Effort effort;
  effort.quick = quick;
  if (quick) {
    effort.runs = 1;
    effort.duration = kSecond / 4;
  }
  const int runs = absl::GetFlag(FLAGS_runs);
  const double seconds = absl::GetFlag(FLAGS_seconds);
  if (runs < 0 || runs > 1000) Refuse("--runs must be 1 to 1000");
  if (seconds < 0 || seconds > 3600) Refuse("--seconds must be up to 3600");
  if (runs > 0) effort.runs = runs;
  if (seconds > 0) {
    effort.duration = static_cast<int64_t>(seconds * kSecond);
  }
  return effort;
}

std::string ReadService() {
  std::string service = absl::GetFlag(FLAGS_service);
  if (absl::Status status = contract::CheckTarget(service); !status.ok()) {
    Refuse(absl::StrCat("--service: ", contract::Quoted(service), " ",
                        status.message(), " (allowed: ", contract::kTargetForms,
                        ")"));
  }
  return service;
}

std::optional<Site> ReadTarget() {
  const std::string service = ReadService();
  const std::string target = absl::GetFlag(FLAGS_target);
  if (target.empty()) return std::nullopt;
  absl::string_view rest = target;
  if (!absl::ConsumePrefix(&rest, "ws://")) {
    Refuse("--target must be ws://HOST:PORT or ws://HOST:PORT/PATH");
  }
  Site site;
  const size_t slash = rest.find('/');
  if (slash != rest.npos && slash + 1 < rest.size()) {
    site.path = std::string(rest.substr(slash));
  }
  site.service = service;
  site.token = absl::GetFlag(FLAGS_token);
  try {
    site.gateways = {ResolveEndpoint(rest.substr(0, slash))};
  } catch (const Failure& failure) {
    Refuse(absl::StrCat("--target: ", failure.what()));
  }
  for (const std::string& word : absl::GetFlag(FLAGS_pid)) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(word, &pid) || pid <= 0) {
      Refuse(absl::StrCat("--pid: \"", word, "\" is no process"));
    }
    site.pids.push_back(pid);
  }
  return site;
}

}  // namespace

Options ReadOptions(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const absl::string_view argument = argv[i];
    if (argument != "--help" && argument != "-h") continue;
    std::exit(settings::Print("herald-bench", kHelp));
  }
  ParseFlags(argc, argv);
  Options options;
  options.serve = absl::GetFlag(FLAGS_serve);
  options.list = absl::GetFlag(FLAGS_list);
  options.setup.bin = absl::GetFlag(FLAGS_bin);
  if (options.setup.bin.empty()) options.setup.bin = OwnFolder();
  options.setup.target = ReadTarget();
  options.setup.effort = ReadEffort(absl::GetFlag(FLAGS_quick));
  options.rows = ReadRows(options.setup);
  options.json = absl::GetFlag(FLAGS_json);
  options.svg = absl::GetFlag(FLAGS_svg);
  options.enforce = absl::GetFlag(FLAGS_enforce);
  return options;
}

}  // namespace herald::benchmark
