// SPDX-License-Identifier: Apache-2.0

#include "tests/support/restartable_port.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <mutex>
#include <random>
#include <set>

#include "gtest/gtest.h"

namespace herald::testing_support {
namespace {

// Linux chooses from 32768 on (net.ipv4.ip_local_port_range).
constexpr int kPortMin = 12000;
constexpr int kPortMax = 31999;
constexpr int kAttemptsMax = 100;

bool IsFree(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool is_free = ::bind(fd, reinterpret_cast<const sockaddr*>(&address),
                              sizeof address) == 0;
  ::close(fd);
  return is_free;
}

}  // namespace

int RestartablePort() {
  static std::mutex mutex;
  static std::set<int>& given = *new std::set<int>;
  const std::lock_guard lock(mutex);
  std::random_device random;
  std::uniform_int_distribution<int> distribution(kPortMin, kPortMax);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    const int port = distribution(random);
    if (IsFree(port) && given.insert(port).second) return port;
  }
  ADD_FAILURE() << "no free port";
  return 0;
}

}  // namespace herald::testing_support
