// SPDX-License-Identifier: Apache-2.0
//
// Preloaded into a process (LD_PRELOAD), it plays a filesystem that hangs:
// open() of the file that HERALD_HANGING_FILE names does not return while there
// is a file HERALD_HANGS_WHILE.

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdlib>
#include <cstring>

namespace {

using Open = int (*)(const char*, int, ...);

void WaitFor(const char* path) {
  const char* const file = std::getenv("HERALD_HANGING_FILE");
  const char* const hangs_while = std::getenv("HERALD_HANGS_WHILE");
  if (file == nullptr || hangs_while == nullptr) return;
  if (std::strcmp(path, file) != 0) return;
  while (access(hangs_while, F_OK) == 0) usleep(5000);
}

int OpenAs(const char* name, const char* path, int flags, unsigned mode) {
  WaitFor(path);
  return reinterpret_cast<Open>(dlsym(RTLD_NEXT, name))(path, flags, mode);
}

}  // namespace

extern "C" int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode =
      (flags & O_CREAT) != 0 ? va_arg(arguments, unsigned) : 0;
  va_end(arguments);
  return OpenAs("open", path, flags, mode);
}

extern "C" int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode =
      (flags & O_CREAT) != 0 ? va_arg(arguments, unsigned) : 0;
  va_end(arguments);
  return OpenAs("open64", path, flags, mode);
}
