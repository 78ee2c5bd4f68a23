// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <iostream>
#include <limits>

#include "absl/flags/flag.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/arguments.h"
#include "clients/cli/commands.h"
#include "clients/cli/message_lines.h"
#include "clients/cli/retry_notice.h"
#include "herald/client/control.h"

namespace herald::cli {
namespace {

constexpr int64_t kPageEventsMax = 1000;

// The value of --since. An epoch is opaque, and may contain a colon.
absl::StatusOr<v1::Position> ParsePlace(absl::string_view text) {
  v1::Position position;
  const size_t colon = text.rfind(':');
  int64_t offset = -1;
  if (colon == 0 || colon == absl::string_view::npos ||
      !absl::SimpleAtoi(text.substr(colon + 1), &offset) || offset < 0) {
    return UsageError(absl::StrCat("--since cannot be \"", text,
                                   "\"; give EPOCH:OFFSET, as history and "
                                   "watch print them"));
  }
  position.set_epoch(std::string(text.substr(0, colon)));
  position.set_offset(offset);
  return position;
}

void Print(const v1::GetHistoryResponse& page, bool json) {
  for (const v1::Event& event : page.messages()) {
    std::cout << (json ? HistoryJsonLine(page.epoch(), event)
                       : HistoryReadableLine(page.epoch(), event))
              << "\n";
  }
  std::cout << std::flush;
}

// Prints at most `limit` events, page by page, from `since` on if it has an
// epoch; fewer if they cannot be written. Returns their number.
absl::StatusOr<int64_t> PrintPages(const CommandContext& context,
                                   v1::Position since, int64_t limit) {
  RetryNotice notice(context);
  client::Control control({.target = context.address,
                           .api_token = context.token,
                           .deadline = context.timeout,
                           .on_retry = notice.callback()});
  const std::string& channel = context.words[0];
  int64_t count = 0;
  while (count < limit && std::cout) {
    const int page_size =
        static_cast<int>(std::min(limit - count, kPageEventsMax));
    auto page = since.epoch().empty()
                    ? control.GetHistory(channel, page_size)
                    : control.GetHistorySince(channel, since, page_size);
    if (!page.ok()) return page.status();
    Print(*page, context.json);
    if (page->messages().empty()) break;
    count += page->messages_size();
    since.set_epoch(page->epoch());
    since.set_offset(page->messages().rbegin()->offset());
    if (since.offset() >= page->offset()) break;
  }
  return count;
}

}  // namespace

absl::Status RunHistory(const CommandContext& context) {
  if (context.words.size() != 1) return UsageError("history needs one CHANNEL");
  const int64_t limit = absl::GetFlag(FLAGS_limit);
  if (limit < 0) return UsageError("--limit must not be negative");
  v1::Position since;
  const std::string place = absl::GetFlag(FLAGS_since);
  if (!place.empty()) {
    absl::StatusOr<v1::Position> parsed = ParsePlace(place);
    if (!parsed.ok()) return parsed.status();
    since = *std::move(parsed);
  }
  const absl::StatusOr<int64_t> count = PrintPages(
      context, since, limit == 0 ? std::numeric_limits<int64_t>::max() : limit);
  if (!count.ok()) return count.status();
  if (*count == 0 && !context.json) std::cout << "no events" << std::endl;
  return absl::OkStatus();
}

}  // namespace herald::cli
