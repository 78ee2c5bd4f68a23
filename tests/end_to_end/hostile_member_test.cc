// SPDX-License-Identifier: Apache-2.0
//
// A user whose sockets take turns to join and leave a presence channel, and the
// channel's readers beside it.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/canary.h"
#include "tests/support/herald_world.h"
#include "tests/support/raw_socket.h"

namespace herald::end_to_end {
namespace {

using testing_support::Canary;
using testing_support::ClientFrame;
using testing_support::Clock;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::JsonString;
using testing_support::kSlowness;
using testing_support::kText;
using testing_support::kUnnoticed;
using testing_support::Milliseconds;
using testing_support::RawSocket;
using testing_support::Sign;

constexpr char kSecret[] = "s";
constexpr char kRoom[] = "presence-room";

// A socket of a user, signed for kRoom.
class Attendant {
 public:
  Attendant(const std::string& address, const std::string& user,
            size_t info_bytes = 1)
      : socket_(address) {
    EXPECT_EQ(socket_.Upgrade(), 101);
    const auto connected = socket_.ReadFrame();
    const std::string data =
        absl::StrCat(R"({"user_id":")", user, R"(","user_info":")",
                     std::string(info_bytes, 'i'), "\"}");
    const std::string id = Frame(connected->payload).String("socket_id");
    const std::string auth =
        Sign(kSecret, absl::StrCat(id, ":", kRoom, ":", data));
    join_ = ClientFrame(
        kText, absl::StrCat(R"({"type":"subscribe","channel":")", kRoom,
                            R"(","auth":")", auth, R"(","channel_data":)",
                            JsonString(data), "}"));
  }

  void Join() { Ask(join_, "subscribed"); }
  void Leave() {
    Ask(ClientFrame(kText, absl::StrCat(R"({"type":"unsubscribe","channel":")",
                                        kRoom, "\"}")),
        "unsubscribed");
  }
  void Ping() { Ask(ClientFrame(kText, R"({"type":"ping"})"), "pong"); }

  // Member changes so far.
  int news() const { return news_; }

 private:
  // Reads up to the answer.
  void Ask(const std::string& message, absl::string_view answer) {
    ASSERT_TRUE(socket_.Send(message));
    while (true) {
      const auto frame = socket_.ReadFrame();
      ASSERT_TRUE(frame.has_value()) << answer;
      ASSERT_EQ(frame->close_code(), 0) << answer;
      const std::string type = Frame(frame->payload).type();
      if (type == answer) return;
      ASSERT_TRUE(type == "member_added" || type == "member_removed") << type;
      ++news_;
    }
  }

  RawSocket socket_;
  std::string join_;
  int news_ = 0;
};

TEST(AUserThatComesAndGoes, NeitherFloodsNorClosesTheReadersOfItsChannel) {
  constexpr int kSockets = 50;
  constexpr int kTurns = 2'000;
  constexpr size_t kInfoBytes = 8'000;
  HeraldWorld world(
      {.gateways = 1, .service_flags = {absl::StrCat("--secret=", kSecret)}});
  const std::string& address = world.gateway_address(0);
  Canary canary(address, world.grpc_address());
  Attendant reader(address, "ada");
  Attendant busy(address, "bob");  // It does not read during the attack.
  reader.Join();
  busy.Join();
  std::vector<std::unique_ptr<Attendant>> sockets;
  for (int i = 0; i < kSockets; ++i) {
    sockets.push_back(std::make_unique<Attendant>(address, "eve", kInfoBytes));
  }
  canary.TakeWorst();
  Clock::duration worst{};
  const Clock::time_point began = Clock::now();
  for (int i = 0; i < kTurns && !HasFatalFailure(); ++i) {
    Attendant& socket = *sockets[static_cast<size_t>(i % kSockets)];
    socket.Join();
    socket.Leave();
    if (i % 20 > 0) continue;
    const Clock::time_point asked = Clock::now();
    reader.Ping();
    worst = std::max(worst, Clock::now() - asked);
  }
  const double seconds =
      std::chrono::duration<double>(Clock::now() - began).count();
  RecordProperty("turns_per_second", static_cast<int>(kTurns / seconds));
  // Ten pairs at once, one a second, and the join that is under way; before
  // them bob's.
  EXPECT_LE(reader.news(), 1 + 2 * (11 + seconds));
  EXPECT_LT(worst, kUnnoticed);
  EXPECT_LT(canary.TakeWorst(), kUnnoticed);
  // 16 MB would have waited for it, of which the kernel holds some.
  busy.Ping();
  EXPECT_LE(busy.news(), 2 * (11 + seconds));
  EXPECT_GT(world.ServiceMetrics().Sum("herald_departures_delayed_total"),
            kTurns / 2);
  // At the end she has left for all.
  EXPECT_TRUE(world.WaitUntil(
      [&] { return world.backend().Members(kRoom) == "ada (1), bob (1)"; },
      Milliseconds(2000 * kSlowness)));
}

}  // namespace
}  // namespace herald::end_to_end
