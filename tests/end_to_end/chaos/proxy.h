// SPDX-License-Identifier: Apache-2.0
//
// A piece of network between a port of our own and a server: it passes bytes on
// until it is cut, refuses, or stands still. So a link breaks, and a
// publisher's answer is lost, while both ends live.
//
// Threads: the loop's.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_PROXY_H_
#define HERALD_TESTS_END_TO_END_CHAOS_PROXY_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "boost/asio/ip/tcp.hpp"
#include "tests/end_to_end/chaos/loop.h"

namespace herald::chaos {

class Proxy {
 public:
  // Listens on `port` of 127.0.0.1 and passes on to `target`.
  //
  // Failure: it cannot listen there.
  Proxy(Loop* loop, int port, int target);
  ~Proxy();

  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  // Resets all connections; and with `refuse` new ones, too, until Open().
  void Cut(bool refuse);

  // Forwards nothing; sent bytes wait until Open().
  void Freeze();

  // Is a good network again.
  void Open();

 private:
  class Session;

  void StartAccept();

  Loop* const loop_;
  const boost::asio::ip::tcp::endpoint target_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::vector<std::shared_ptr<Session>> sessions_;
  bool refuses_ = false;
  bool is_frozen_ = false;
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_PROXY_H_
