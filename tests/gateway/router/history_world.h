// SPDX-License-Identifier: Apache-2.0
//
// A gateway's world with a service that keeps a history of one channel.

#ifndef HERALD_TESTS_GATEWAY_ROUTER_HISTORY_WORLD_H_
#define HERALD_TESTS_GATEWAY_ROUTER_HISTORY_WORLD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/gateway/gateway_world.h"

namespace herald::gateway {

class ARouterWithHistory : public GatewayWorld {
 protected:
  // The service of these tests: channel `chat`, in this epoch, at this offset.
  std::string epoch_ = "e1";
  int64_t offset_ = 0;

  link::v1::ServiceItem Published(int64_t offset,
                                  const std::string& except = "") {
    link::v1::ServiceItem item;
    item.mutable_publication()->set_channel("chat");
    item.mutable_publication()->set_event("e");
    item.mutable_publication()->set_data(absl::StrCat(offset));
    item.mutable_publication()->set_offset(offset);
    item.mutable_publication()->set_except_socket_id(except);
    return item;
  }
  void Publish(int count = 1) {
    for (int i = 0; i < count; ++i) Say(Published(++offset_));
  }
  void Ask(Browser& browser, const std::string& recover = "") {
    Send(browser, R"({"type":"subscribe","channel":"chat")" +
                      (recover.empty() ? "" : R"(,"recover":)" + recover) +
                      "}");
  }
  void Ask(Browser& browser, int64_t since) {
    Ask(browser,
        absl::StrCat(R"({"epoch":")", epoch_, R"(","offset":)", since, "}"));
  }
  void AllowAt(int64_t ticket) {
    link::v1::ServiceItem item;
    item.mutable_subscribed()->set_ticket(ticket);
    *item.mutable_subscribed()->mutable_position() = Here();
    Say(item);
  }
  v1::Position Here() {
    v1::Position position;
    position.set_epoch(epoch_);
    position.set_offset(offset_);
    return position;
  }
  // Subscribes a browser; drops the frames for that.
  Browser& Listening(int shard = 0) {
    Browser& browser = Open(shard);
    Ask(browser);
    AllowAt(Asked().ticket());
    browser.Received();
    return browser;
  }
  // Has a browser that was at `since` subscribe, and the service allow it.
  Browser& Returning(int64_t since, int shard = 0) {
    Browser& browser = Open(shard);
    browser.Received();
    Ask(browser, since);
    AllowAt(Asked().ticket());
    return browser;
  }
  // The requested positions since the last call; kLatest for the latest event.
  static constexpr int64_t kLatest = -1;
  std::vector<int64_t> Recovers() {
    std::vector<int64_t> since;
    for (const auto& item : uplink_->Take()) {
      if (!item.has_recover()) continue;
      EXPECT_EQ(item.recover().channel(), "chat");
      if (item.recover().since().epoch().empty()) {
        EXPECT_EQ(item.recover().since().offset(), 0);
        since.push_back(kLatest);
        continue;
      }
      EXPECT_EQ(item.recover().since().epoch(), epoch_);
      since.push_back(item.recover().since().offset());
    }
    return since;
  }
  link::v1::ServiceItem Recovery(int64_t since, bool available = true,
                                 int64_t available_since = 0) {
    link::v1::ServiceItem item;
    link::v1::Recovery& recovery = *item.mutable_recovery();
    recovery.set_channel("chat");
    recovery.mutable_since()->set_epoch(epoch_);
    recovery.mutable_since()->set_offset(since);
    recovery.set_available(available);
    recovery.set_available_since(available_since);
    if (available) recovery.set_until(offset_);
    return item;
  }
  // Answers a `recover` as the service does.
  void Replay(int64_t since) {
    Say(Recovery(since));
    for (int64_t i = since + 1; i <= offset_; ++i) Say(Published(i));
  }
  void Move(const std::string& epoch, bool lost) {
    epoch_ = epoch;
    offset_ = 0;
    link::v1::ServiceItem item;
    item.mutable_new_position()->set_channel("chat");
    if (!epoch.empty())
      *item.mutable_new_position()->mutable_position() = Here();
    item.mutable_new_position()->set_lost(lost);
    Say(item);
  }

  std::string Subscribed(const std::string& recovered = "") {
    return absl::StrCat(R"({"type":"subscribed","channel":"chat","epoch":")",
                        epoch_, R"(","offset":)", offset_,
                        recovered.empty() ? "" : ",\"recovered\":" + recovered,
                        "}");
  }
  static std::string Event(int64_t offset) {
    return absl::StrCat(
        R"({"type":"event","event":"e","channel":"chat","data":)", offset,
        R"(,"offset":)", offset, "}");
  }
};

}  // namespace herald::gateway

#endif  // HERALD_TESTS_GATEWAY_ROUTER_HISTORY_WORLD_H_
