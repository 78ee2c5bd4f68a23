// SPDX-License-Identifier: Apache-2.0

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cli/commands.h"
#include "clients/cli/complaint.h"
#include "clients/cli/message_lines.h"
#include "clients/cli/retry_notice.h"
#include "clients/cli/table.h"
#include "herald/client/watch.h"

namespace herald::cli {
namespace {

// Wakes main: written to by the signal handler, by the end of the stream, and
// when a line cannot be written.
int wake_pipe[2] = {-1, -1};

void Wake() {
  const ssize_t written = write(wake_pipe[1], "x", 1);
  static_cast<void>(written);  // A full pipe wakes just as well.
}

// After a signal, the time that a reader has to accept the line that is being
// written.
constexpr std::chrono::milliseconds kLastLinePatience(300);

std::atomic<bool> signalled = false;

void OnSignal(int) {
  signalled = true;
  Wake();
}

// Lets lines out, one after the other, as long as there is no signal. A reader
// that does not read holds the thread that prints, and with it the Watch, which
// then receives no more than fits into its buffers.
class Printer {
 public:
  // Calls `print`, unless Stop() was called.
  template <typename Function>
  void Run(Function print) {
    const std::lock_guard lock(mu_);
    if (!stopped_) print();
  }

  // Returns false if a line is still being written, which cannot be ended.
  bool Stop() {
    stopped_ = true;
    return mu_.try_lock_for(kLastLinePatience) && (mu_.unlock(), true);
  }

 private:
  std::timed_mutex mu_;
  std::atomic<bool> stopped_ = false;
};

void Print(const v1::ServerMessage& message, bool json) {
  const std::string line = json ? JsonLine(message) : ReadableLine(message);
  if (line.empty()) return;
  std::cout << line << std::endl;  // Flushed: a reader may wait for it.
  if (!std::cout) Wake();
}

// On stderr, also beside JSON: a reader of the messages need not handle it.
void PrintLoss(const client::Loss& loss) {
  const bool known =
      !loss.since.epoch().empty() && !loss.position.epoch().empty();
  const std::string where =
      known ? absl::StrCat(
                  ", between ", Place(loss.since.epoch(), loss.since.offset()),
                  " and ", Place(loss.position.epoch(), loss.position.offset()))
            : ": the stream was down, and no history has them";
  Complain(absl::StrCat("herald: events of ", Printable(loss.channel),
                        " may be missing", where));
}

// Waits until something wakes us or the reader of a pipe has gone, which a
// quiet channel would not reveal before its next line.
void WaitForEnd() {
  pollfd ends[] = {{.fd = wake_pipe[0], .events = POLLIN, .revents = 0},
                   {.fd = STDOUT_FILENO, .events = 0, .revents = 0}};
  while (poll(ends, 2, -1) < 0 && errno == EINTR) {
  }
  if ((ends[1].revents & (POLLERR | POLLNVAL)) == 0) return;
  raise(SIGPIPE);  // As a write would.
  std::cout.setstate(std::ios::badbit);
}

}  // namespace

absl::Status RunWatch(const CommandContext& context) {
  if (context.words.empty()) return UsageError("watch needs a CHANNEL");
  if (pipe(wake_pipe) != 0) return absl::ErrnoToStatus(errno, "pipe");
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);

  absl::Status end;
  std::atomic<bool> ended = false;  // `end` is set.
  Printer printer;
  RetryNotice notice(context);
  client::Watch watch(
      {.target = context.address,
       .api_token = context.token,
       .channels = context.words,
       .give_up_after = context.timeout,
       .on_retry =
           [&](const absl::Status& failure) {
             printer.Run([&] { notice.OnRetry(failure); });
           }},
      [&](const v1::ServerMessage& message) {
        notice.Reached();
        printer.Run([&] { Print(message, context.json); });
      },
      [&](const client::Loss& loss) { printer.Run([&] { PrintLoss(loss); }); },
      [&](const absl::Status& status) {
        end = status;
        ended = true;
        Wake();
      });

  WaitForEnd();
  // The rest of main() would wait for the same reader.
  if (signalled && !printer.Stop()) {
    Complain("herald: cannot write the output");
    std::_Exit(kExitFailed);
  }
  // Woken by a signal, or by an output that fails, which main() reports, if it
  // has not ended.
  return ended ? end : absl::OkStatus();
}

}  // namespace herald::cli
