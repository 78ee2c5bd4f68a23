// SPDX-License-Identifier: Apache-2.0

#include "service/memory/gateway_channels.h"

#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "service/memory/presence.h"

namespace herald::core {
namespace {

GatewayMember Member(uint64_t gateway, int number) {
  GatewayMember held;
  held.member.set_user_id(absl::StrCat("u", number));
  held.socket_ids = {absl::StrCat(gateway, ".", number)};
  return held;
}

TEST(TheChannelsOfAGateway, AreThoseWithItsMembersInEveryOrder) {
  constexpr int kChannels = 4;
  constexpr uint64_t kGateways = 3;
  std::mt19937 random(13);
  DepartureLimiter departures;
  GatewayChannels gateways;
  std::vector<std::unique_ptr<Presence>> channels;
  for (int i = 0; i < kChannels; ++i) {
    channels.push_back(std::make_unique<Presence>(absl::StrCat("presence-", i),
                                                  &departures, &gateways));
  }
  absl::Time now = absl::FromUnixSeconds(1000);
  for (int step = 0; step < 20'000; ++step) {
    now += absl::Seconds(1);
    Presence& channel = *channels[random() % kChannels];
    const uint64_t gateway = 1 + random() % kGateways;
    const GatewayMember held = Member(gateway, static_cast<int>(random() % 3));
    const SocketRef socket = {gateway, held.socket_ids.front()};
    switch (random() % 8) {
      case 0:
        channel.Replace(gateway, {}, {now, {}});
        break;
      case 1:
        channel.Replace(gateway, {held}, {now, {}});
        break;
      case 2:
        if (random() % 8 == 0) channel.Clear();
        break;
      case 3:
      case 4:
        channel.Join(held.member, socket);
        break;
      default:
        channel.Leave(held.member.user_id(), socket, {now, {}});
    }
    for (uint64_t of = 1; of <= kGateways; ++of) {
      std::set<std::string> known, expected;
      for (const std::string* name : gateways.Of(of)) known.insert(*name);
      for (int i = 0; i < kChannels; ++i) {
        if (channels[i]->Has(of)) expected.insert(absl::StrCat("presence-", i));
      }
      ASSERT_EQ(known, expected) << "gateway " << of << ", step " << step;
    }
  }
}

TEST(TheChannelsOfAGateway, AreNoneOfAGatewayThatIsUnknown) {
  GatewayChannels gateways;
  const std::string room = "presence-room";
  gateways.Remove(1, &room);
  EXPECT_TRUE(gateways.Of(1).empty());
}

}  // namespace
}  // namespace herald::core
