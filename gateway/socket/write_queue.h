// SPDX-License-Identifier: Apache-2.0
//
// The sockets that a turn has appended to, each once. The end of the turn
// writes them.
//
// Threads: its loop.

#ifndef HERALD_GATEWAY_SOCKET_WRITE_QUEUE_H_
#define HERALD_GATEWAY_SOCKET_WRITE_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gateway/socket/socket.h"

namespace herald::gateway {

class WriteQueue {
 public:
  // A socket's entry in the queue. It lives as long as the socket; call
  // Remove() before its end.
  struct Entry {
    Socket* socket = nullptr;
    uint32_t number = 0;  // In the queue, from 1; 0: it is not there.
  };

  // The socket has something to write.
  void Add(Entry* entry);

  void Remove(Entry* entry);

  // The number of entries, including removed ones.
  size_t size() const { return entries_.size(); }

  // Flushes all. Socket::Flush() changes nothing here.
  void Flush();

 private:
  // nullptr where one was removed.
  std::vector<Entry*> entries_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SOCKET_WRITE_QUEUE_H_
