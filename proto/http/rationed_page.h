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
#include "proto/contract/token_bucket.h"

namespace herald::process {

class RationedPage {
 public:
  // `now` is a clock that never goes back.
  explicit RationedPage(std::function<std::string()> make,
                        std::function<absl::Time()> now = MonotonicNow);

  std::string Text() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  static absl::Time MonotonicNow();

  const std::function<std::string()> make_;
  const std::function<absl::Time()> now_;

  contract::Mutex mu_;
  std::string text_ ABSL_GUARDED_BY(mu_);
  // A token is a microsecond of making the page.
  contract::TokenBucket spent_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::process

#endif  // HERALD_PROTO_HTTP_RATIONED_PAGE_H_
