// SPDX-License-Identifier: Apache-2.0
//
// A page that takes time to make, such as /metrics. However often it is
// requested, it is made for a twentieth of the time, and 200 ms at once. Beyond
// that a request receives the last text again.
//
// Threads: any. One that comes while the page is made waits for it.

#ifndef HERALD_PROTO_HTTP_RATIONED_PAGE_H_
#define HERALD_PROTO_HTTP_RATIONED_PAGE_H_

#include <functional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "proto/contract/mutex.h"

namespace herald::process {

class RationedPage {
 public:
  // The time since the start of the machine or the process.
  using Uptime = std::function<absl::Duration()>;

  explicit RationedPage(std::function<std::string()> make,
                        Uptime uptime = MonotonicUptime);

  std::string Text() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  static absl::Duration MonotonicUptime();

  const std::function<std::string()> make_;
  const Uptime uptime_;

  contract::Mutex mu_;
  std::string text_ ABSL_GUARDED_BY(mu_);
  // When all the time that was spent on the page is earned again.
  absl::Duration earned_at_ ABSL_GUARDED_BY(mu_) = -absl::InfiniteDuration();
};

}  // namespace herald::process

#endif  // HERALD_PROTO_HTTP_RATIONED_PAGE_H_
