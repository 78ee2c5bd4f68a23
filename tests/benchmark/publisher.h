// SPDX-License-Identifier: Apache-2.0
//
// How a load is published: to a Herald by one BroadcastStream, or to one of the
// limit servers as frames that it only has to pass on.
//
// Threads: one.

#ifndef HERALD_TESTS_BENCHMARK_PUBLISHER_H_
#define HERALD_TESTS_BENCHMARK_PUBLISHER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/benchmark/endpoint.h"

namespace herald::benchmark {

class Publisher {
 public:
  virtual ~Publisher() = default;

  // Sends one message on its way and does not wait. `data` is JSON text.
  virtual void Publish(const std::string& channel, const std::string& data) = 0;

  // Failure: a message was refused, or the way to the server is broken.
  virtual void Check() = 0;

  // Waits until the server has answered everything.
  virtual void Finish() = 0;
};

// Publishes by BroadcastStream to `target`, showing `token` if it is not empty.
std::unique_ptr<Publisher> MakeHeraldPublisher(const std::string& target,
                                               const std::string& token);

// Publishes to limit servers (limit_server.h), each frame to all of them: those
// that a gateway would make.
std::unique_ptr<Publisher> MakeFramePublisher(
    const std::vector<Endpoint>& servers);

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_PUBLISHER_H_
