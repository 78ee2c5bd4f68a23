// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/channel_rules.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"

namespace herald::contract {
namespace {

int64_t StarsOf(absl::string_view pattern) {
  return std::count(pattern.begin(), pattern.end(), '*');
}

bool IsLessSpecific(const ChannelRule& a, const ChannelRule& b) {
  const auto rank = [](const ChannelRule& rule) {
    const int64_t stars = StarsOf(rule.pattern);
    return std::make_tuple(static_cast<int64_t>(rule.pattern.size()) - stars,
                           -stars);
  };
  return rank(a) < rank(b);
}

absl::string_view PrefixOf(absl::string_view pattern) {
  return pattern.substr(0, pattern.find('*'));
}

template <typename T>
void Take(const std::optional<T>& said, T* setting) {
  if (said.has_value()) *setting = *said;
}

}  // namespace

absl::Status CheckChannelPattern(absl::string_view pattern) {
  if (pattern.empty()) return absl::InvalidArgumentError("pattern is empty");
  const std::string name = absl::StrReplaceAll(pattern, {{"*", ""}});
  if (static_cast<int64_t>(name.size()) > kChannelNameBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("pattern ", Quoted(pattern), " has ", name.size(),
                     " bytes other than *; no channel's name has more than ",
                     kChannelNameBytesMax));
  }
  if (!name.empty() && !CheckChannelName(name).ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("pattern ", Quoted(pattern),
                     " has a character other than A-Z a-z 0-9 _-=@,.;: and *"));
  }
  return absl::OkStatus();
}

// Greedy, with backtracking to the last star only: the matches of earlier stars
// never have to change.
bool MatchesPattern(absl::string_view pattern, absl::string_view text) {
  // Most texts that do not match differ in their end.
  const size_t last = pattern.rfind('*');
  if (last == absl::string_view::npos) return pattern == text;
  if (!absl::EndsWith(text, pattern.substr(last + 1))) return false;
  size_t p = 0;
  size_t t = 0;
  size_t star = absl::string_view::npos;
  size_t star_end = 0;  // The end of the last star's run.
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = t;
      if (p == pattern.size()) return true;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != absl::string_view::npos) {
      p = star + 1;
      t = ++star_end;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

ChannelRules::ChannelRules(std::vector<ChannelRule> rules,
                           const ChannelSettings& defaults)
    : defaults_(defaults), rules_(std::move(rules)) {
  std::stable_sort(rules_.begin(), rules_.end(), IsLessSpecific);
  MakeGroups();
}

std::string ChannelRules::NameOf(const ChannelRule& rule) {
  return absl::StrCat("rule ", Quoted(rule.pattern));
}

void ChannelRules::MakeGroups() {
  std::vector<uint32_t> order(rules_.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto prefix = [this](uint32_t i) {
    return PrefixOf(rules_[i].pattern);
  };
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return prefix(a) < prefix(b);
  });
  for (const uint32_t i : order) {
    if (groups_.empty() || groups_.back().prefix != prefix(i)) {
      // Prefixes that begin with another one follow it directly. So the parent
      // is the group before this one, or one of that group's ancestors.
      auto parent = static_cast<int32_t>(groups_.size()) - 1;
      while (parent >= 0 &&
             !absl::StartsWith(prefix(i),
                               groups_[static_cast<size_t>(parent)].prefix)) {
        parent = groups_[static_cast<size_t>(parent)].parent;
      }
      groups_.push_back({std::string(prefix(i)), parent, {}});
    }
    groups_.back().rules.push_back(i);
  }
}

int32_t ChannelRules::GroupOf(absl::string_view channel) const {
  const auto behind = std::upper_bound(
      groups_.begin(), groups_.end(), channel,
      [](absl::string_view name, const Group& g) { return name < g.prefix; });
  auto group = static_cast<int32_t>(behind - groups_.begin()) - 1;
  while (group >= 0) {
    const Group& candidate = groups_[static_cast<size_t>(group)];
    if (absl::StartsWith(channel, candidate.prefix)) break;
    group = candidate.parent;
  }
  return group;
}

ChannelRules::Matches ChannelRules::Matching(absl::string_view channel) const {
  Matches matches;
  for (int32_t i = GroupOf(channel); i >= 0;) {
    const Group& group = groups_[static_cast<size_t>(i)];
    const absl::string_view rest = channel.substr(group.prefix.size());
    for (const uint32_t rule : group.rules) {
      const absl::string_view pattern = rules_[rule].pattern;
      if (MatchesPattern(pattern.substr(group.prefix.size()), rest)) {
        matches.push_back(rule);
      }
    }
    i = group.parent;
  }
  std::sort(matches.begin(), matches.end());
  return matches;
}

ChannelSettings ChannelRules::Of(absl::string_view channel) const {
  ChannelSettings settings = defaults_;
  if (rules_.empty()) return settings;
  for (const uint32_t i : Matching(channel)) {
    const ChannelRule& rule = rules_[i];
    Take(rule.history_size, &settings.history_size);
    Take(rule.history_ttl, &settings.history_ttl);
    Take(rule.presence, &settings.presence);
    Take(rule.client_events, &settings.client_events);
    Take(rule.max_subscribers, &settings.max_subscribers);
    Take(rule.max_payload, &settings.max_payload);
    Take(rule.slow_consumer, &settings.slow_consumer);
    Take(rule.member_grace, &settings.member_grace);
  }
  return settings;
}

}  // namespace herald::contract
