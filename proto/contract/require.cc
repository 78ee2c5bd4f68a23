// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/require.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace herald::contract {
namespace {

// Less than PIPE_BUF: a pipe takes such a line whole or not at all.
constexpr size_t kMessageBytesMax = 1000;
constexpr int kPatienceMs = 100;

std::atomic<FailureHandler> failure_handler{nullptr};

bool IsWritable(int fd) {
  pollfd writable{fd, POLLOUT, 0};
  return poll(&writable, 1, kPatienceMs) > 0;
}

// A pipe is opened anew, for its flags are shared with other processes, and
// between a poll and a write of ours they may fill it.
void WriteToPipe(const char* text, size_t size) {
  const int fd =
      open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  const int to = fd >= 0 ? fd : STDERR_FILENO;
  if (IsWritable(to)) static_cast<void>(!write(to, text, size));
  if (fd >= 0) close(fd);
}

}  // namespace

void WriteLastMessage(const char* message) {
  std::array<char, kMessageBytesMax + 1> line;
  const size_t size = strnlen(message, kMessageBytesMax);
  std::memcpy(line.data(), message, size);
  line[size] = '\n';
  struct stat about {};
  if (fstat(STDERR_FILENO, &about) != 0) return;
  if (S_ISFIFO(about.st_mode)) return WriteToPipe(line.data(), size + 1);
  if (!IsWritable(STDERR_FILENO)) return;
  if (S_ISSOCK(about.st_mode)) {
    send(STDERR_FILENO, line.data(), size + 1, MSG_DONTWAIT | MSG_NOSIGNAL);
  } else {
    static_cast<void>(!write(STDERR_FILENO, line.data(), size + 1));
  }
}

void SetFailureHandler(FailureHandler handler) { failure_handler = handler; }

void ReportFailure(const char* message) {
  const FailureHandler handler = failure_handler;
  handler == nullptr ? WriteLastMessage(message) : handler(message);
}

void FailRequirement(const char* file, int line, const char* function) {
  std::array<char, kMessageBytesMax> message;
  std::snprintf(message.data(), message.size(),
                "%s:%d: %s: a required condition does not hold", file, line,
                function);
  ReportFailure(message.data());
  std::abort();
}

}  // namespace herald::contract
