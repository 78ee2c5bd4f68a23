// SPDX-License-Identifier: Apache-2.0

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "clients/cli/commands.h"
#include "clients/cli/message_lines.h"
#include "clients/cli/table.h"
#include "herald/client/watch.h"

namespace herald::cli {
namespace {

// Wakes main: written to by the signal handler and by the end of the stream.
int wake_pipe[2] = {-1, -1};

void Wake() {
  const ssize_t written = write(wake_pipe[1], "x", 1);
  static_cast<void>(written);  // A full pipe wakes just as well.
}

void OnSignal(int) { Wake(); }

void Print(const v1::ServerMessage& message, bool json) {
  const std::string line = json ? JsonLine(message) : ReadableLine(message);
  if (line.empty()) return;
  std::cout << line << std::endl;  // Flushed: somebody may be waiting for it.
}

// On stderr, also beside JSON: what reads the messages need not look for it.
void PrintLoss(const client::Loss& loss) {
  const bool known =
      !loss.since.epoch().empty() && !loss.position.epoch().empty();
  std::cerr << "herald: events of " << Printable(loss.channel)
            << " may be missing"
            << (known
                    ? absl::StrCat(
                          ", between ",
                          Place(loss.since.epoch(), loss.since.offset()),
                          " and ",
                          Place(loss.position.epoch(), loss.position.offset()))
                    : ": the service was away, and they are not remembered")
            << std::endl;
}

}  // namespace

absl::Status RunWatch(const Session& session) {
  if (session.words.empty()) return UsageError("watch needs a CHANNEL");
  if (pipe(wake_pipe) != 0) return absl::ErrnoToStatus(errno, "pipe");
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);

  absl::Status end;
  std::atomic<bool> ended = false;  // `end` is set.
  client::Watch watch(
      {.target = session.address,
       .api_token = session.token,
       .channels = session.words,
       .give_up_after = session.timeout},
      [&](const v1::ServerMessage& message) { Print(message, session.json); },
      PrintLoss,
      [&](const absl::Status& status) {
        end = status;
        ended = true;
        Wake();
      });

  pollfd readable = {.fd = wake_pipe[0], .events = POLLIN, .revents = 0};
  while (poll(&readable, 1, -1) < 0 && errno == EINTR) {
  }
  // Woken by a signal, if it has not ended: then all is well.
  return ended ? end : absl::OkStatus();
}

}  // namespace herald::cli
