// SPDX-License-Identifier: Apache-2.0
//
// A DNS server of 127.0.0.1 that knows no name, until it knows all:
//
//   DnsServer dns;
//   gateway flags: "--service=" + dns.TargetOf("service.test", port)
//   dns.KnowNames();
//
// A name that it does not know is SERVFAIL; one that it knows is 127.0.0.1.
//
// Threads: the constructor's, for all methods.

#ifndef HERALD_TESTS_SUPPORT_DNS_SERVER_H_
#define HERALD_TESTS_SUPPORT_DNS_SERVER_H_

#include <atomic>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"

namespace herald::testing_support {

class DnsServer {
 public:
  DnsServer();
  ~DnsServer();

  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  // A gRPC target that asks this server: dns://127.0.0.1:53/name:port.
  std::string TargetOf(absl::string_view name, int port) const;

  void KnowNames() { knows_ = true; }

  // Questions so far.
  int asked() const { return asked_; }

 private:
  void Run();

  int fd_ = -1;
  int port_ = 0;
  std::atomic<bool> knows_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<int> asked_{0};
  std::thread thread_;
};

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_DNS_SERVER_H_
