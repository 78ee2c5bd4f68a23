// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/require.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace herald::contract {
namespace {

// Less than PIPE_BUF: a write of such a line to a pipe is atomic.
constexpr size_t kMessageBytesMax = 1000;
constexpr int kPatienceMs = 100;
constexpr int kNapMs = 1;

std::atomic<FailureHandler> failure_handler{nullptr};

int64_t NowMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// Writes what `fd` takes until `deadline_ms`, by NowMs(). Returns whether that
// is all.
bool WriteUntil(int64_t deadline_ms, int fd, bool is_socket, const char* text,
                size_t size) {
  while (size > 0) {
    const int64_t left_ms = std::max<int64_t>(deadline_ms - NowMs(), 0);
    pollfd writable{fd, POLLOUT, 0};
    const int ready = poll(&writable, 1, static_cast<int>(left_ms));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const size_t part = std::min<size_t>(size, PIPE_BUF);
    const ssize_t written =
        is_socket ? send(fd, text, part, MSG_DONTWAIT | MSG_NOSIGNAL)
                  : write(fd, text, part);
    if (written > 0) {
      text += written;
      size -= static_cast<size_t>(written);
    } else if (written == 0 || (errno != EINTR && errno != EAGAIN) ||
               left_ms == 0) {
      return false;
    } else {
      poll(nullptr, 0, kNapMs);  // Ready, but not for so much.
    }
  }
  return true;
}

}  // namespace

int OpenNonBlocking(int fd) {
  struct stat about {};
  if (fstat(fd, &about) != 0) return -1;
  if (!S_ISFIFO(about.st_mode) && isatty(fd) == 0) return -1;
  char path[] = "/proc/self/fd/0";
  path[sizeof(path) - 2] = static_cast<char>('0' + fd);
  return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

bool WriteToStderr(const char* text, size_t size, int patience_ms) {
  const int64_t deadline_ms = NowMs() + patience_ms;
  struct stat about {};
  if (fstat(STDERR_FILENO, &about) != 0) return false;
  // A description of its own: between a poll and a write of ours, other
  // processes may fill the pipe.
  const int own = OpenNonBlocking(STDERR_FILENO);
  const bool all = WriteUntil(deadline_ms, own >= 0 ? own : STDERR_FILENO,
                              S_ISSOCK(about.st_mode), text, size);
  if (own >= 0) close(own);
  return all;
}

void WriteLastMessage(const char* message) {
  std::array<char, kMessageBytesMax + 1> line;
  const size_t size = strnlen(message, kMessageBytesMax);
  std::memcpy(line.data(), message, size);
  line[size] = '\n';
  WriteToStderr(line.data(), size + 1, kPatienceMs);
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
