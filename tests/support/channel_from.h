// SPDX-License-Identifier: Apache-2.0
//
// A gRPC channel of which the server sees a given address.

#ifndef HERALD_TESTS_SUPPORT_CHANNEL_FROM_H_
#define HERALD_TESTS_SUPPORT_CHANNEL_FROM_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "grpcpp/create_channel_posix.h"
#include "gtest/gtest.h"

namespace herald::testing_support {

// A channel to the server at `address`, of 127.0.0.1, from another address. It
// has one connection, and does not dial again.
inline std::shared_ptr<grpc::Channel> ChannelFrom(const char* source,
                                                  const std::string& address) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in end = {};
  end.sin_family = AF_INET;
  inet_pton(AF_INET, source, &end.sin_addr);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&end), sizeof(end)), 0);
  uint32_t port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
  end.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, "127.0.0.1", &end.sin_addr);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&end), sizeof(end)), 0);
  return grpc::CreateInsecureChannelFromFd("other", fd);
}

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_CHANNEL_FROM_H_
