// SPDX-License-Identifier: Apache-2.0

#include "clients/cli/retry_notice.h"

#include "absl/strings/str_cat.h"
#include "clients/cli/complaint.h"
#include "clients/cli/table.h"

namespace herald::cli {

RetryNotice::RetryNotice(const CommandContext& context)
    : address_(context.address), timeout_(context.timeout) {}

void RetryNotice::OnRetry(const absl::Status& failure) {
  if (printed_.exchange(true)) return;
  Complain(absl::StrCat("herald: ", address_, " is unavailable (",
                        Printable(failure.message()), "); retrying for ",
                        absl::FormatDuration(timeout_)));
}

void RetryNotice::Reached() { printed_ = false; }

std::function<void(const absl::Status&)> RetryNotice::callback() {
  return [this](const absl::Status& failure) { OnRetry(failure); };
}

}  // namespace herald::cli
