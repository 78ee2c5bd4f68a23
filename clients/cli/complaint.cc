// SPDX-License-Identifier: Apache-2.0

#include "clients/cli/complaint.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "proto/contract/require.h"

namespace herald::cli {
namespace {

constexpr int kPatienceMs = 300;

std::atomic<int64_t> dropped = 0;  // Lines, since those that were taken.

}  // namespace

void Complain(absl::string_view lines) {
  const int64_t missing = dropped.exchange(0);
  const std::string note =
      missing == 0 ? ""
                   : absl::StrCat("herald: ", missing,
                                  missing == 1 ? " line was" : " lines were",
                                  " dropped: standard error did not take ",
                                  missing == 1 ? "it\n" : "them\n");
  const std::string text = absl::StrCat(note, lines, "\n");
  // Only the first lines wait: many of them must not add up.
  if (contract::WriteToStderr(text.data(), text.size(),
                              missing == 0 ? kPatienceMs : 0)) {
    return;
  }
  dropped += missing + 1 + std::count(lines.begin(), lines.end(), '\n');
}

}  // namespace herald::cli
