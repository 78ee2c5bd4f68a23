// SPDX-License-Identifier: Apache-2.0
//
// A backend that listens: it opens a Watch of some channels again and again,
// each time since where it was.
//
// Threads: it has one of its own; Check() throws the failures of that thread.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_WATCHER_H_
#define HERALD_TESTS_END_TO_END_CHAOS_WATCHER_H_

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "proto/contract/mutex.h"
#include "tests/end_to_end/chaos/attendance.h"
#include "tests/end_to_end/chaos/channel_view.h"
#include "tests/end_to_end/chaos/errand.h"
#include "tests/end_to_end/chaos/op_log.h"
#include "tests/end_to_end/chaos/plan.h"
#include "tests/end_to_end/chaos/random.h"

namespace herald::chaos {

class Watcher {
 public:
  // Begins at once. `address` is the service's, as publishers find it.
  Watcher(int number, const Plan& plan, const std::string& address,
          Ledger* ledger, OrderBook* order, const Attendance* attendance,
          OpLog* log, Random random);
  ~Watcher();

  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  const std::string& name() const { return name_; }

  // From now on it does not end its Watch by itself.
  void Settle() { settles_ = true; }

  // Whether it is subscribed to all of its channels.
  bool is_settled() const;

  // Throws the failure of its thread, if any.
  void Check() const { errand_.Check(); }

  // Shows the views, and lets nothing happen to them meanwhile.
  void Look(absl::FunctionRef<void(const ChannelView&)> look) const;

 private:
  void Run();
  void WatchOnce();
  v1::WatchRequest Ask();
  void Take(const v1::ServerMessage& message);
  Recover HowToRecover(const ChannelView& view);

  const std::string name_;
  const Attendance* const attendance_;
  OpLog* const log_;
  const std::unique_ptr<v1::BroadcastService::Stub> stub_;
  Random random_;
  std::atomic<bool> settles_ = false;
  std::atomic<bool> is_patient_ = false;  // Its Watch has begun after that.
  mutable contract::Mutex mu_;
  std::vector<ChannelView> views_ ABSL_GUARDED_BY(mu_);
  Errand errand_;  // Last: it runs as soon as it is there.
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_WATCHER_H_
