// SPDX-License-Identifier: Apache-2.0

#include "proto/process/files.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>

namespace herald::process {

void FillStandardFiles() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    const int mode = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    // The lowest number that is free, which is `fd`.
    if (open("/dev/null", mode) != fd) std::abort();
  }
}

void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int64_t FilesMax() {
  constexpr rlim_t kMax = std::numeric_limits<int>::max();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kMax;
  return static_cast<int64_t>(std::min(limit.rlim_cur, kMax));
}

int PeerDescriptorsMax() {
  constexpr int64_t kKept = 64;
  const int64_t files_max = FilesMax();
  return static_cast<int>(files_max - std::min(kKept, files_max / 4));
}

bool IsShortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS ||
         error == ENOMEM;
}

}  // namespace herald::process
