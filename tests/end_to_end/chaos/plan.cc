// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace herald::chaos {
namespace {

// More than is said on a channel within a round: nothing is forgotten.
constexpr int64_t kLongHistory = 10'000;
// Less than is said while somebody is away for a moment.
constexpr int64_t kShortHistory = 20;

// A kind of channel: the beginning of its name, and how many there are.
struct Kind {
  const char* name;
  int64_t history_size;
  int count;
};
constexpr Kind kKinds[] = {
    {"log.", kLongHistory, 5},
    {"private-log.", kLongHistory, 3},
    {"presence-log.", kLongHistory, 3},
    {"tail.", kShortHistory, 3},
    {"private-tail.", kShortHistory, 1},
    {"news.", 0, 3},
    {"private-news.", 0, 2},
    {"presence-news.", 0, 3},
};

}  // namespace

std::string RulesText() {
  return absl::StrCat(R"({"channels": [)",
                      R"({"pattern": "*log.*", "historySize": )", kLongHistory,
                      R"(, "historyTtl": "3600s"}, )",
                      R"({"pattern": "*tail.*", "historySize": )",
                      kShortHistory, R"(, "historyTtl": "3600s"}]})", "\n");
}

Plan MakePlan(const RoundOptions& options) {
  Random random = Random(options.seed).For('P', 0);
  Plan plan;
  for (const Kind& kind : kKinds) {
    for (int i = 0; i < kind.count; ++i) {
      Channel channel;
      channel.name = absl::StrCat(kind.name, i);
      channel.history_size = options.history ? kind.history_size : 0;
      channel.is_presence = absl::StartsWith(kind.name, "presence-");
      channel.needs_auth =
          channel.is_presence || absl::StartsWith(kind.name, "private-");
      plan.channels.push_back(std::move(channel));
    }
  }
  plan.gateways = options.gateways > 0 ? options.gateways
                                       : static_cast<int>(random.Between(2, 3));
  plan.gateway_threads = static_cast<int>(random.Between(1, 2));
  plan.drain_seconds = static_cast<int>(random.Between(1, 2));
  plan.unary_publishers = 3;
  plan.stream_publishers = 3;
  plan.watchers = options.history ? 3 : 2;
  plan.users = std::max(1, options.clients * 2 / 3);
  if (options.history && random.Chance(25)) plan.history_memory = 400'000;
  return plan;
}

std::vector<size_t> ChannelsOf(const Plan& plan, Random* random) {
  std::vector<size_t> places(plan.channels.size());
  for (size_t i = 0; i < places.size(); ++i) places[i] = i;
  for (size_t i = places.size() - 1; i > 0; --i) {
    std::swap(places[i], places[random->Index(i + 1)]);
  }
  places.resize(static_cast<size_t>(random->Between(3, 8)));
  return places;
}

}  // namespace herald::chaos
