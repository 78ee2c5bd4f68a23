// SPDX-License-Identifier: Apache-2.0
//
// One channel's presence against a model, whoever comes and goes. (What it
// promises sentence by sentence is tests/contract/engine_suite.h.)

#include "service/core/presence.h"

#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace herald::core {
namespace {

TEST(Presence, AgreesWithAModelWhoeverComesAndGoes) {
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
      EXPECT_EQ(presence.Leave(user, {gateway, socket}), last);
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

TEST(Presence, IgnoresAHeldMemberWithoutSockets) {
  Presence presence;
  GatewayMember nobody;
  nobody.member.set_user_id("ada");
  const auto changes = presence.Replace(1, {nobody});
  EXPECT_TRUE(changes.added.empty());
  EXPECT_TRUE(presence.empty());
}

}  // namespace
}  // namespace herald::core
