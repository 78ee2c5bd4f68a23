// SPDX-License-Identifier: Apache-2.0
//
// Sockets that listen at one address.

#ifndef HERALD_PROTO_PROCESS_LISTENING_SOCKETS_H_
#define HERALD_PROTO_PROCESS_LISTENING_SOCKETS_H_

#include <netdb.h>
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace herald::process {

// Owns the descriptors, which are non-blocking. The path of a unix socket is
// removed with the object; its mode follows the umask.
class ListeningSockets {
 public:
  // getaddrinfo(), or what a test has in its place.
  using Resolver = int (*)(const char* host, const char* port,
                           const addrinfo* hints, addrinfo** list);

  // Listens at
  //
  //   host:port, [host]:port  every address of the host, as `localhost` has
  //                           two; port 0 is a free one. The wildcards 0.0.0.0
  //                           and :: are both families.
  //   unix:path               the path. A socket there is replaced if no
  //                           process listens on it any more. A file that is
  //                           no socket stays, and is an error.
  //
  // `copies` times, for as many threads: the kernel spreads TCP connections
  // over the copies, and those of a unix socket share one queue.
  //
  // UNAVAILABLE with the address and the reason, also if another process has
  // the port at one address of the host. An address that the machine lacks is
  // left out if the host has another one.
  static absl::StatusOr<ListeningSockets> Listen(
      const std::string& address, int copies = 1,
      Resolver resolver = &getaddrinfo);

  ~ListeningSockets();
  ListeningSockets(ListeningSockets&& other) noexcept;
  ListeningSockets& operator=(ListeningSockets&&) = delete;

  // At least one; for each address all copies.
  const std::vector<int>& descriptors() const { return descriptors_; }

  // Hands them over. The path stays.
  std::vector<int> TakeDescriptors() { return std::exchange(descriptors_, {}); }

  // Where they listen, with the port that was bound.
  const std::string& address() const { return address_; }

 private:
  explicit ListeningSockets(int copies) : copies_(copies) {}

  absl::Status ListenAtPath(const std::string& path);
  absl::Status ListenAtHost(const std::string& address, Resolver resolver);

  int copies_;
  std::vector<int> descriptors_;
  std::string address_;
  std::string path_;  // Of a unix socket.
  ino_t inode_ = 0;   // Of the path, which another process may replace.
};

}  // namespace herald::process

#endif  // HERALD_PROTO_PROCESS_LISTENING_SOCKETS_H_
