// SPDX-License-Identifier: Apache-2.0
//
// One channel's presence against a model, with random arrivals and departures.
// (Its single promises are in tests/contract/engine_suite.h.)

#include "service/memory/presence.h"

#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace herald::core {
namespace {

constexpr char kRoom[] = "presence-room";

TEST(Presence, AgreesWithAModelInEveryOrder) {
  std::mt19937 random(4711);
  DepartureLimiter departures;
  GatewayChannels gateways;
  Presence presence(kRoom, &departures, &gateways);
  absl::Time now = absl::FromUnixSeconds(1000);
  std::map<std::string, std::multiset<std::string>> model;
  for (int step = 0; step < 20'000; ++step) {
    now += absl::Seconds(1);  // So each departure is allowed.
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
      const auto changes = presence.Leave(user, {gateway, socket}, {now, {}});
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

// The same with a time of grace, and with timers as the hub has them. It is
// longer than a user waits for a token, so it alone counts.
TEST(Presence, EndsWhenTheLastGraceIsOverAndNotBefore) {
  constexpr unsigned kSeed = 12;
  constexpr absl::Duration kGrace = absl::Seconds(7);
  struct Model {
    std::multiset<std::string> sockets;
    absl::Time grace_end = absl::InfinitePast();
  };
  std::mt19937 random(kSeed);
  DepartureLimiter departures;
  GatewayChannels gateways;
  Presence presence(kRoom, &departures, &gateways);
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

v1::Member Named(absl::string_view user) {
  v1::Member member;
  member.set_user_id(std::string(user));
  return member;
}

TEST(Presence, DelaysTheDeparturesOfAUserThatComesAndGoes) {
  constexpr absl::Duration kStep = absl::Milliseconds(1);
  DepartureLimiter departures;
  GatewayChannels gateways;
  Presence presence(kRoom, &departures, &gateways);
  const absl::Time begin = absl::FromUnixSeconds(1000);
  std::multiset<absl::Time> timers;
  int added = 0;
  int removed = 0;
  const auto take = [&](absl::Time now, const Presence::Changes& changes) {
    removed += static_cast<int>(changes.removed.size());
    for (const auto& [user, time] : changes.away) timers.insert(now + time);
  };
  for (absl::Time now = begin; now < begin + absl::Seconds(20); now += kStep) {
    while (!timers.empty() && *timers.begin() <= now) {
      timers.erase(timers.begin());
      take(now, presence.EndGrace("eve", now));
    }
    added += presence.Join(Named("eve"), {1, "1.1"});
    take(now, presence.Leave("eve", {1, "1.1"}, {now, {}}));
    ASSERT_LE(timers.size(), 1u);
    ASSERT_LE(added, 11 + (now - begin) / absl::Seconds(1));
  }
  EXPECT_EQ(removed, 10 + 19);
  EXPECT_EQ(added, removed + 1) << "she waits for the next token";
  const absl::Time end = begin + absl::Seconds(20);
  take(end, presence.EndGrace("eve", end));
  EXPECT_EQ(added, removed);
  EXPECT_TRUE(presence.empty());
}

// Ends the user's last subscription once more than it may leave at once.
Presence::Changes LeaveTooOften(Presence& presence, absl::string_view user,
                                const Presence::Grace& grace) {
  Presence::Changes last;
  for (int64_t i = 0; i <= kDeparturesAtOnce; ++i) {
    EXPECT_TRUE(presence.Join(Named(user), {1, "1.1"}));
    last = presence.Leave(
        user, {1, "1.1"},
        i == kDeparturesAtOnce ? grace : Presence::Grace{grace.now, {}});
  }
  return last;
}

TEST(Presence, TakesTheLongerOneOfTheGraceAndTheTimeToTheNextToken) {
  const absl::Time now = absl::FromUnixSeconds(1000);
  for (const auto& [grace, time] :
       {std::pair(absl::Milliseconds(999), absl::Seconds(1)),
        std::pair(absl::Milliseconds(1001), absl::Milliseconds(1001))}) {
    DepartureLimiter departures;
    GatewayChannels gateways;
    Presence presence(kRoom, &departures, &gateways);
    const auto changes = LeaveTooOften(presence, "eve", {now, grace});
    EXPECT_TRUE(changes.removed.empty());
    ASSERT_EQ(changes.away.size(), 1u);
    EXPECT_EQ(changes.away[0].second, time);
    EXPECT_TRUE(presence.EndGrace("eve", now + time - absl::Nanoseconds(1))
                    .removed.empty());
    EXPECT_EQ(presence.EndGrace("eve", now + time).removed.size(), 1u);
  }
}

TEST(Presence, DelaysNoOtherUserAndTheUserOnNoOtherChannel) {
  const absl::Time now = absl::FromUnixSeconds(1000);
  DepartureLimiter departures;
  GatewayChannels gateways;
  Presence presence(kRoom, &departures, &gateways);
  Presence other("presence-other", &departures, &gateways);
  EXPECT_EQ(LeaveTooOften(presence, "eve", {now, {}}).away.size(), 1u);
  for (const auto& [room, user] :
       {std::pair(&presence, "ada"), std::pair(&other, "eve")}) {
    room->Join(Named(user), {1, "1.2"});
    EXPECT_EQ(room->Leave(user, {1, "1.2"}, {now, {}}).removed.size(), 1u);
  }
}

TEST(Presence, DelaysAUserThatItsGatewayHasNoMore) {
  const absl::Time now = absl::FromUnixSeconds(1000);
  DepartureLimiter departures;
  GatewayChannels gateways;
  Presence presence(kRoom, &departures, &gateways);
  LeaveTooOften(presence, "eve", {now, {}});
  presence.Join(Named("eve"), {1, "1.1"});
  const absl::Time later = now + absl::Milliseconds(300);
  const auto changes = presence.Replace(1, {}, {later, {}});
  EXPECT_TRUE(changes.removed.empty());
  EXPECT_FALSE(presence.Has(1));
  const auto end = presence.EndGrace("eve", now + absl::Seconds(1));
  EXPECT_EQ(end.removed.size(), 1u);
}

TEST(Presence, RemovesAllAtOnceIfItIsCleared) {
  const absl::Time now = absl::FromUnixSeconds(1000);
  DepartureLimiter departures;
  GatewayChannels gateways;
  Presence presence(kRoom, &departures, &gateways);
  LeaveTooOften(presence, "eve", {now, {}});
  EXPECT_EQ(presence.Clear().removed.size(), 1u);
  EXPECT_TRUE(presence.empty());
}

TEST(Presence, IgnoresAHeldMemberWithoutSockets) {
  DepartureLimiter departures;
  GatewayChannels gateways;
  Presence presence(kRoom, &departures, &gateways);
  GatewayMember nobody;
  nobody.member.set_user_id("ada");
  const auto changes = presence.Replace(1, {nobody}, {});
  EXPECT_TRUE(changes.added.empty());
  EXPECT_TRUE(presence.empty());
}

}  // namespace
}  // namespace herald::core
