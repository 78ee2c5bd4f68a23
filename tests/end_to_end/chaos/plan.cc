// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace herald::chaos {
namespace {

// More than the messages of a channel within a round: nothing is evicted. But
// not so much that the service would refuse to start with little memory, for it
// could not keep even as many events of one byte.
constexpr int64_t kLongHistory = 6'000;
// Less than the messages during a short absence of a client.
constexpr int64_t kShortHistory = 20;

// Of channels whose rules change, for a while.
constexpr int64_t kSmallHistory = 3;

// A kind of channel: the beginning of its name, and how many there are.
struct Kind {
  const char* name;
  int64_t history_size;
  int count;
  bool drops_to_latest = false;
  bool rules_change = false;
  Milliseconds grace{0};
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
    {.name = "price.",
     .history_size = kShortHistory,
     .count = 2,
     .drops_to_latest = true},
    {.name = "ticker.", .history_size = 0, .count = 2, .drops_to_latest = true},
    {.name = "whim.",
     .history_size = kLongHistory,
     .count = 3,
     .rules_change = true},
    {.name = "private-whim.",
     .history_size = kLongHistory,
     .count = 1,
     .rules_change = true},
    {.name = "presence-lounge.",
     .history_size = 0,
     .count = 2,
     .grace = kGrace},
};

std::string Rule(absl::string_view pattern, absl::string_view settings) {
  return absl::StrCat(R"({"pattern": ")", pattern, R"(", )", settings, "}");
}

std::string History(int64_t size) {
  return absl::StrCat(R"("historySize": )", size, R"(, "historyTtl": "3600s")");
}

}  // namespace

std::string RulesText(Whim whim) {
  constexpr char kDrops[] = R"("slowConsumer": "SLOW_CONSUMER_DROP_TO_LATEST")";
  std::vector<std::string> rules = {
      Rule("*log.*", History(kLongHistory)),
      Rule("*tail.*", History(kShortHistory)),
      Rule("price.*", absl::StrCat(History(kShortHistory), ", ", kDrops)),
      Rule("ticker.*", kDrops),
      Rule("presence-lounge.*", absl::StrCat(R"("memberGrace": ")",
                                             kGrace.count() / 1'000, R"(s")"))};
  if (whim != Whim::kNoHistory) {
    rules.push_back(
        Rule("*whim.*",
             History(whim == Whim::kHistory ? kLongHistory : kSmallHistory)));
  }
  return absl::StrCat("{\"channels\": [\n", absl::StrJoin(rules, ",\n"),
                      "\n]}\n");
}

Plan MakePlan(const RoundOptions& options) {
  Random random = Random(options.seed).For('P', 0);
  Plan plan;
  for (const Kind& kind : kKinds) {
    for (int i = 0; i < kind.count; ++i) {
      Channel channel;
      channel.name = absl::StrCat(kind.name, i);
      channel.history_size = options.history ? kind.history_size : 0;
      channel.drops_to_latest = options.history && kind.drops_to_latest;
      channel.rules_change = options.history && kind.rules_change;
      if (options.history) channel.grace = kind.grace;
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
  if (options.history) {
    plan.feeds = 2;
    plan.slow_clients = std::min(4, options.clients / 10);
    if (random.Chance(25)) plan.history_memory = 650'000;
  }
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

std::vector<size_t> DroppingChannelsOf(const Plan& plan) {
  std::vector<size_t> places;
  for (size_t i = 0; i < plan.channels.size(); ++i) {
    if (plan.channels[i].drops_to_latest) places.push_back(i);
  }
  return places;
}

}  // namespace herald::chaos
