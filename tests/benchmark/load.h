// SPDX-License-Identifier: Apache-2.0
//
// Publishes to a crowd and receives the deliveries, in one thread: either as
// fast as deliveries complete (a closed loop), or at a fixed pace.
//
//   Load load(&crowd, publisher.get(), {channel_of_socket});
//   const LoadResult result = load.RunClosed(16, 2 * kSecond);
//
// Failure: a delivery is missing, twice there or out of order (ledger.h).
//
// Threads: one, its crowd's.

#ifndef HERALD_TESTS_BENCHMARK_LOAD_H_
#define HERALD_TESTS_BENCHMARK_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/benchmark/crowd.h"
#include "tests/benchmark/ledger.h"
#include "tests/benchmark/publisher.h"
#include "tests/benchmark/statistics.h"

namespace herald::benchmark {

// The name of channel `number`. A prefix makes it private, for example.
std::string ChannelName(absl::string_view prefix, int number);

struct LoadResult {
  int64_t publishes = 0;
  int64_t deliveries = 0;
  double seconds = 0;
  Histogram
      delays;  // From when a publish was due to when a socket has read it.
};

struct LoadOptions {
  std::vector<int> channel_of_socket = {};
  std::string prefix = {};  // Of the channels' names.
  size_t payload_bytes = 128;
};

class Load final : private Crowd::Listener {
 public:
  // Becomes the listener of `crowd`. Socket i of it has subscribed to
  // ChannelName(prefix, channel_of_socket[i]). Both outlive the load.
  Load(Crowd* crowd, Publisher* publisher, const LoadOptions& options);
  ~Load() { crowd_->SetListener(nullptr); }

  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Keeps `in_flight` publishes on their way, one after the other to each
  // channel, for `duration`, and waits for the rest. A publish is done when
  // all its deliveries have arrived.
  LoadResult RunClosed(int in_flight, int64_t duration);

  // Publishes `per_second`, evenly, however long deliveries take. A delay
  // counts from the time at which its publish was due, so that one late publish
  // makes all later ones late.
  LoadResult RunPaced(double per_second, int64_t duration);

 private:
  void OnEvent(int socket, absl::string_view message, int64_t now) override;
  void PublishNext(int64_t due);
  void WaitForOpen(int64_t open);
  void Begin();
  LoadResult End();

  Crowd* const crowd_;
  Publisher* const publisher_;
  const size_t payload_bytes_;
  Ledger ledger_;
  std::vector<std::string> channels_;
  size_t next_channel_ = 0;
  int64_t begun_ = 0;
  int64_t deliveries_before_ = 0;
  LoadResult result_;
};

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_LOAD_H_
