// SPDX-License-Identifier: Apache-2.0
//
// One channel's presence against a model, with random arrivals and departures.
// (Its single promises are in tests/contract/engine_suite.h.)

#include "service/memory/presence.h"

#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace herald::core {
namespace {

constexpr Presence::Grace kNoGrace = {};

TEST(Presence, AgreesWithAModelInEveryOrder) {
  std::mt19937 random(4711);
  Presence presence;
  std::map<std::string, std::multiset<std::string>> model;
  for (int step = 0; step < 20'000; ++step) {
    const std::string user = absl::StrCat("u", random() % 5);
    const uint64_t gateway = 1 + random() % 3;
    const std::string socket = absl::StrCat(gateway, ".", random() % 4);
    v1::Member member;
    member.set_user_id(user);
    if (random() % 2 == 0) {
      const bool first = model[user].empty();
      model[user].insert(socket);
      EXPECT_EQ(presence.Join(member, {gateway, socket}), first);
    } else {
      const auto one = model[user].find(socket);
      const bool had = one != model[user].end();
      if (had) model[user].erase(one);
      const bool last = had && model[user].empty();
      const auto changes = presence.Leave(user, {gateway, socket}, kNoGrace);
      EXPECT_EQ(changes.removed.size(), last ? 1u : 0u);
      EXPECT_TRUE(changes.away.empty());
    }
  }
  for (const auto& member : presence.Members()) {
    const auto& joined = model[member.user_id()];
    const std::set<std::string> distinct(joined.begin(), joined.end());
    const std::multiset<std::string> shown(member.socket_ids().begin(),
                                           member.socket_ids().end());
    EXPECT_EQ(shown,
              std::multiset<std::string>(distinct.begin(), distinct.end()));
    model.erase(member.user_id());
  }
  for (const auto& [user, sockets] : model) EXPECT_TRUE(sockets.empty());
}

// The same with a time of grace, and with timers as the hub has them.
TEST(Presence, EndsWhenTheLastGraceIsOverAndNotBefore) {
  constexpr unsigned kSeed = 12;
  constexpr absl::Duration kGrace = absl::Seconds(7);
  struct Model {
    std::multiset<std::string> sockets;
    absl::Time grace_end = absl::InfinitePast();
  };
  std::mt19937 random(kSeed);
  Presence presence;
  std::map<std::string, Model> model;
  std::multimap<absl::Time, std::string> timers;
  absl::Time now = absl::FromUnixSeconds(1000);
  const auto take = [&](const Presence::Changes& changes) {
    for (const auto& [user, time] : changes.away) {
      timers.emplace(now + time, user);
    }
  };
  for (int step = 0; step < 20'000; ++step) {
    const absl::Time next = now + absl::Seconds(random() % 3);
    while (!timers.empty() && timers.begin()->first <= next) {
      now = timers.begin()->first;
      const std::string user = timers.begin()->second;
      timers.erase(timers.begin());
      take(presence.EndGrace(user, now));
    }
    now = next;
    v1::Member member;
    member.set_user_id(absl::StrCat("u", random() % 5));
    const std::string socket = absl::StrCat("1.", random() % 3);
    Model& user = model[member.user_id()];
    const auto one = user.sockets.find(socket);
    if (random() % 3 == 0) {
      presence.Join(member, {1, socket});
      user.sockets.insert(socket);
    } else {
      take(presence.Leave(member.user_id(), {1, socket}, {now, kGrace}));
      if (one != user.sockets.end()) {
        user.sockets.erase(one);
        if (user.sockets.empty()) user.grace_end = now + kGrace;
      }
    }
    std::set<std::string> present, expected;
    for (const auto& m : presence.Members()) present.insert(m.user_id());
    for (const auto& [id, m] : model) {
      if (!m.sockets.empty() || m.grace_end > now) expected.insert(id);
    }
    ASSERT_EQ(present, expected) << "seed " << kSeed << ", step " << step;
    ASSERT_LE(timers.size(), model.size()) << "one for each user is enough";
  }
}

TEST(Presence, IgnoresAHeldMemberWithoutSockets) {
  Presence presence;
  GatewayMember nobody;
  nobody.member.set_user_id("ada");
  const auto changes = presence.Replace(1, {nobody}, kNoGrace);
  EXPECT_TRUE(changes.added.empty());
  EXPECT_TRUE(presence.empty());
}

}  // namespace
}  // namespace herald::core
