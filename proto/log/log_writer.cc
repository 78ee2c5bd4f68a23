// SPDX-License-Identifier: Apache-2.0

#include "proto/log/log_writer.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <utility>

namespace herald::process {
namespace {

using contract::MutexLock;

}  // namespace

LogWriter::LogWriter(int fd, size_t bytes_max, Notice notice)
    : fd_(fd), bytes_max_(bytes_max), notice_(std::move(notice)) {
  std::thread([this] { Run(); }).detach();
}

void LogWriter::Add(std::string line) {
  MutexLock lock(&mu_);
  if (bytes_ + line.size() > bytes_max_) {
    ++dropped_;
    ++unreported_;
    return;
  }
  PushNotice();
  Push({std::move(line)});
}

void LogWriter::Push(Line line) {
  bytes_ += line.text.size();
  ++pending_;
  lines_.push_back(std::move(line));
  changed_.NotifyAll();
}

void LogWriter::PushNotice() {
  if (unreported_ == 0) return;
  const int64_t dropped = std::exchange(unreported_, 0);
  Push({notice_(dropped), dropped});
}

bool LogWriter::Flush(absl::Duration patience) {
  const absl::Time end = contract::SteadyNow() + patience;
  MutexLock lock(&mu_);
  while (pending_ > 0 && changed_.WaitUntil(&mu_, end)) continue;
  return pending_ == 0;
}

void LogWriter::Run() {
  for (;;) {
    Line line;
    {
      MutexLock lock(&mu_);
      while (lines_.empty()) changed_.Wait(&mu_);
      line = std::move(lines_.front());
      lines_.pop_front();
      bytes_ -= line.text.size();
    }
    const bool written = Write(line.text);
    MutexLock lock(&mu_);
    if (!written) {
      // A notice that is lost leaves its lines to the next one.
      unreported_ += line.dropped > 0 ? line.dropped : 1;
      if (line.dropped == 0) ++dropped_;
    } else if (lines_.empty()) {
      PushNotice();  // The reader reads again, and no other line waits.
    }
    if (--pending_ == 0) changed_.NotifyAll();
  }
}

bool LogWriter::Write(absl::string_view text) {
  if (torn_) {
    // Ends the line of which a part was written.
    if (write(fd_, "\n", 1) != 1) return false;
    torn_ = false;
  }
  const size_t size = text.size();
  while (!text.empty()) {
    const ssize_t bytes = write(fd_, text.data(), text.size());
    if (bytes > 0) {
      text.remove_prefix(static_cast<size_t>(bytes));
    } else if (bytes < 0 && errno == EAGAIN) {
      // Shared with a process that has made it non-blocking.
      pollfd writable{fd_, POLLOUT, 0};
      poll(&writable, 1, /*timeout=*/-1);
    } else if (bytes == 0 || errno != EINTR) {
      torn_ = text.size() < size;
      return false;
    }
  }
  return true;
}

}  // namespace herald::process
