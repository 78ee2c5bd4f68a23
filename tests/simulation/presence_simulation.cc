// SPDX-License-Identifier: Apache-2.0

#include "tests/simulation/presence_simulation.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::simulation {
namespace {

constexpr int kRooms = 2;
constexpr int kUsers = 5;
constexpr int kSeats = 10;
constexpr int kPresenceSteps = 500;
constexpr int kSubscribersMax = 3;

std::string RoomName(int i) { return absl::StrCat("presence-", i % kRooms); }

core::Verdict No(absl::Status why) {
  core::Verdict no;
  no.status = std::move(why);
  return no;
}

// `limit` 0: none.
config::v1::Config PresenceRules(int limit, int grace_seconds = 0) {
  config::v1::Config rules;
  config::v1::ChannelRule& rule = *rules.add_channels();
  rule.set_pattern("presence-*");
  if (limit > 0) rule.set_max_subscribers(limit);
  if (grace_seconds > 0) {
    rule.mutable_member_grace()->set_seconds(grace_seconds);
  }
  return rules;
}

}  // namespace

PresenceSimulation::PresenceSimulation(uint32_t seed, EngineKind kind)
    : random_(seed),
      kind_(kind),
      is_calm_(Draw(3) == 0),
      has_good_store_(is_calm_ || Draw(2) == 0),
      herald_(
          PresenceRules(is_calm_ ? kSubscribersMax : 0), 100'000, kind,
          [this] { return ++last_epoch_; }, [this] { return random_(); },
          nullptr) {
  for (int i = 0; i < kSeats; ++i) {
    seats_.push_back({{RoomName(i / kUsers), absl::StrCat("u", i % kUsers)}});
  }
}

void PresenceSimulation::Run() {
  herald_.Start();
  for (int step = 0; step < kPresenceSteps && !testing::Test::HasFailure();
       ++step) {
    Step();
    if (is_calm_) CheckLimit();
  }
  Settle();
  CheckEnd();
}

// --- Steps -------------------------------------------------------------------

void PresenceSimulation::Step() {
  if (kind_ != EngineKind::kEmbedded && Draw(2) == 0) {
    for (int i = Draw(6); i >= 0; --i) herald_.EngineTurn();
  }
  const int what = Draw(200);
  const int gateway = Draw(kGateways);
  if (what < 40) {
    for (int i = Draw(4); i >= 0; --i) herald_.Up(gateway);
  } else if (what < 80) {
    for (int i = Draw(6); i >= 0; --i) herald_.Down(gateway);
  } else if (what < 110) {
    Turn(gateway, Draw(kLoops));
  } else if (what < 140) {
    Decide(Draw(herald_.nodes()), /*always=*/false);
  } else if (what < 180) {
    Act(seats_[static_cast<size_t>(Draw(kSeats))]);
  } else if (what < 183) {
    RevokeOne();
  } else if (what < 188) {
    herald_.Sleep(absl::Milliseconds(Draw(1500)));
  } else if (!is_calm_) {
    Trouble();
  }
}

void PresenceSimulation::Act(Seat& seat) {
  const int what = Draw(12);
  if (what < 5) {
    Come(seat);
  } else if (what < 7) {
    Go(seat);
  } else if (seat.browser == nullptr) {
    return;
  } else if (what < 9) {
    if (seat.attendee.stays()) Send(seat, seat.attendee.Leave());
  } else if (what < 11) {
    if (!seat.attendee.subscribed() && !seat.attendee.waits()) {
      Send(seat,
           seat.attendee.Join(Draw(6) == 0 ? "no" : seat.attendee.user()));
    }
  } else if (!seat.attendee.subscribed() && !seat.attendee.waits()) {
    // In one go.
    Send(seat, seat.attendee.Join(seat.attendee.user()));
    Send(seat, seat.attendee.Leave());
    Send(seat, seat.attendee.Join(seat.attendee.user()));
  }
}

void PresenceSimulation::Trouble() {
  if (herald_.store() != nullptr && !has_good_store_ && Draw(4) == 0) {
    return herald_.TroubleStore([this](int end) { return Draw(end); });
  }
  const int what = Draw(44);
  const int gateway = Draw(kGateways);
  if (what < 28) {
    herald_.Connect(gateway);
  } else if (what < 38) {
    herald_.Cut(gateway);
  } else if (what < 42) {
    // Also while admissions are open.
    herald_.SetRules(
        PresenceRules(/*limit=*/Draw(5), /*grace_seconds=*/Draw(2)));
  } else {
    Restart(Draw(herald_.nodes()));
  }
}

void PresenceSimulation::Restart(int node) {
  herald_.RestartService(node);
  // It may have had a revocation that it had not recorded.
  for (Seat& seat : seats_) seat.attendee.Forgive();
}

void PresenceSimulation::RevokeOne() {
  v1::Revocation revocation;
  revocation.set_user_id(absl::StrCat("u", Draw(kUsers)));
  revocation.set_channel(RoomName(Draw(kRooms)));
  revocation.set_reason("revoked");
  for (Seat& seat : seats_) {
    if (seat.attendee.user() != revocation.user_id()) continue;
    if (seat.attendee.channel() != revocation.channel()) continue;
    seat.attendee.Revoke();
    if (!has_good_store_) seat.attendee.Forgive();
  }
  EXPECT_TRUE(
      herald_.hub(Draw(herald_.nodes())).Revoke(std::move(revocation)).ok());
}

bool PresenceSimulation::Decide(int node, bool always) {
  core::FakeAuthorizer& authorizer = herald_.authorizer(node);
  if (authorizer.waiting() == 0) return false;
  const std::string token = authorizer.Oldest().auth_token;
  if (token == "no") {
    authorizer.Answer(No(absl::PermissionDeniedError("no")));
  } else if (!always && Draw(10) == 0) {
    authorizer.Answer(No(absl::UnavailableError("late")));
  } else {
    authorizer.Allow(token);
  }
  return true;
}

// --- Browsers ----------------------------------------------------------------

void PresenceSimulation::Come(Seat& seat) {
  if (seat.browser != nullptr) return;
  seat.gateway = Draw(kGateways);
  seat.browser = herald_.gateway(seat.gateway).Open(Draw(kLoops));
  Send(seat, seat.attendee.Join(seat.attendee.user()));
}

void PresenceSimulation::Go(Seat& seat) {
  if (seat.browser == nullptr) return;
  // The kernel's buffers are lost with the connection.
  if (Draw(2) == 0) Receive(seat);
  herald_.gateway(seat.gateway).Close(*seat.browser);
  seat.browser = nullptr;
  seat.attendee.Disconnect();
}

void PresenceSimulation::Send(Seat& seat, const std::string& text) {
  herald_.gateway(seat.gateway).Send(*seat.browser, text);
}

void PresenceSimulation::Turn(int gateway, int loop) {
  herald_.gateway(gateway).Turn(loop);
  for (Seat& seat : seats_) {
    if (seat.gateway == gateway) Receive(seat);
  }
}

void PresenceSimulation::Receive(Seat& seat) {
  if (seat.browser == nullptr) return;
  SCOPED_TRACE(
      absl::StrCat(seat.attendee.channel(), " of ", seat.attendee.user()));
  for (const std::string& frame : seat.browser->socket.Take()) {
    seat.attendee.Receive(frame);
  }
}

// --- Checks ------------------------------------------------------------------

void PresenceSimulation::CheckLimit() {
  for (int room = 0; room < kRooms; ++room) {
    int count = 0;
    for (const Seat& seat : seats_) {
      if (seat.attendee.channel() != RoomName(room)) continue;
      if (seat.attendee.stays()) ++count;
    }
    EXPECT_LE(count, kSubscribersMax) << RoomName(room);
  }
}

// Repairs everything, and delivers all that is on its way.
void PresenceSimulation::Settle() {
  herald_.RepairStore();
  if (!is_calm_) herald_.SetRules(PresenceRules(/*limit=*/0));
  for (int round = 0; round < 20; ++round) {
    herald_.Sleep(absl::Milliseconds(500));
    for (int gateway = 0; gateway < kGateways; ++gateway) {
      herald_.Connect(gateway);
      while (herald_.Up(gateway) || herald_.EngineTurn() ||
             herald_.Down(gateway) || Decide(0, /*always=*/true) ||
             Decide(herald_.nodes() - 1, /*always=*/true)) {
      }
      for (int loop = 0; loop < kLoops; ++loop) Turn(gateway, loop);
    }
    // Half of them stay away.
    for (Seat& seat : seats_) {
      if (&seat - &seats_[0] < kSeats / 2 || round > 10) continue;
      Come(seat);
      if (seat.attendee.subscribed() || seat.attendee.waits()) continue;
      Send(seat, seat.attendee.Join(seat.attendee.user()));
    }
  }
}

std::set<std::string> PresenceSimulation::Present(
    const std::string& channel) const {
  std::set<std::string> users;
  for (const Seat& seat : seats_) {
    if (seat.attendee.channel() == channel && seat.attendee.subscribed()) {
      users.insert(seat.attendee.user());
    }
  }
  return users;
}

std::set<std::string> PresenceSimulation::MembersAt(
    int node, const std::string& channel) {
  v1::GetMembersRequest request;
  request.set_channel(channel);
  std::optional<absl::StatusOr<v1::GetMembersResponse>> answer;
  herald_.hub(node).core()->queries()->GetMembers(
      request, [&](auto response) { answer = std::move(response); });
  while (!answer.has_value() && herald_.EngineTurn()) {
  }
  std::set<std::string> users;
  EXPECT_TRUE(answer.has_value() && answer->ok());
  if (!answer.has_value() || !answer->ok()) return users;
  for (const v1::PresentMember& member : (*answer)->members()) {
    users.insert(member.user_id());
  }
  return users;
}

int64_t PresenceSimulation::SubscribersAt(int node,
                                          const std::string& channel) {
  v1::GetChannelRequest request;
  request.set_channel(channel);
  int64_t count = -1;
  herald_.hub(node).core()->queries()->GetChannel(
      request, [&](const absl::StatusOr<v1::GetChannelResponse>& response) {
        EXPECT_TRUE(response.ok()) << response.status();
        if (response.ok()) count = response->channel().subscriber_count();
      });
  while (count < 0 && herald_.EngineTurn()) {
  }
  return count;
}

void PresenceSimulation::CheckEnd() {
  for (int room = 0; room < kRooms; ++room) {
    const std::string channel = RoomName(room);
    SCOPED_TRACE(channel);
    const std::set<std::string> users = Present(channel);
    const int64_t subscribers =
        std::count_if(seats_.begin(), seats_.end(), [&](const Seat& seat) {
          return seat.attendee.channel() == channel &&
                 seat.attendee.subscribed();
        });
    for (int node = 0; node < herald_.nodes(); ++node) {
      EXPECT_EQ(MembersAt(node, channel), users) << "as backends see it";
      EXPECT_EQ(SubscribersAt(node, channel), subscribers);
    }
    for (const Seat& seat : seats_) {
      if (seat.attendee.channel() != channel) continue;
      EXPECT_FALSE(seat.attendee.waits()) << seat.attendee.user();
      EXPECT_FALSE(seat.attendee.owes_end()) << seat.attendee.user();
      if (!seat.attendee.subscribed()) continue;
      EXPECT_EQ(seat.attendee.members(), users)
          << "as " << seat.attendee.user() << " knows it";
    }
  }
}

int PresenceSimulation::joined() const {
  int sum = 0;
  for (const Seat& seat : seats_) sum += seat.attendee.joined();
  return sum;
}

int PresenceSimulation::refused() const {
  int sum = 0;
  for (const Seat& seat : seats_) sum += seat.attendee.refused();
  return sum;
}

int PresenceSimulation::revoked() const {
  int sum = 0;
  for (const Seat& seat : seats_) sum += seat.attendee.revoked();
  return sum;
}

}  // namespace herald::simulation
