// SPDX-License-Identifier: Apache-2.0
//
// Frames of the link, as a service of any kind sends them. Promise: a gateway
// survives them; its clients receive whole frames of JSON (if the service's
// parts are), and nothing of a channel to which they are not subscribed; its
// own items keep the rules; and after all clients have left nothing of them
// stays.

#include <string>

#include "absl/strings/str_cat.h"
#include "proto/json/json.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/played_gateway.h"

namespace herald::fuzz {
namespace {

link::v1::ServiceItem Settled() {
  link::v1::ServiceItem item;
  item.mutable_settled();
  return item;
}

link::v1::ServiceItem Yes(int64_t ticket, const std::string& user) {
  link::v1::ServiceItem item;
  link::v1::Subscribed& yes = *item.mutable_subscribed();
  yes.set_ticket(ticket);
  if (user.empty()) return item;
  yes.mutable_member()->set_user_id(user);
  *yes.mutable_roster()->add_members() = yes.member();
  yes.set_renewable(true);
  yes.set_expires_after_ms(1000);
  return item;
}

link::v1::ServiceItem NotAvailable(const link::v1::Recover& question) {
  link::v1::ServiceItem item;
  link::v1::Recovery& answer = *item.mutable_recovery();
  answer.set_channel(question.channel());
  *answer.mutable_since() = question.since();
  answer.set_available_since(question.since().offset() + 1);
  return item;
}

void AnswerAll(PlayedGateway& gateway) {
  ServiceModel& service = gateway.service();
  while (!service.tickets().empty() || !service.recovers().empty()) {
    if (service.recovers().empty()) {
      gateway.Send(Yes(service.tickets().begin()->first, ""));
    } else {
      const link::v1::Recover question = service.recovers().front();
      service.recovers().pop_front();
      gateway.Send(NotAvailable(question));
    }
    gateway.Settle();
  }
}

// Two clients on each loop, with subscriptions and open questions.
void Populate(PlayedGateway& gateway) {
  gateway.LinkUp();
  gateway.Send(Settled());
  for (int i = 0; i < 2 * kPlayedLoops; ++i) {
    gateway.Open(i % kPlayedLoops);
    for (const char* const channel : {"chat", "presence-a", "private-a"}) {
      gateway.Receive(
          *gateway.clients().back(),
          absl::StrCat(R"({"type":"subscribe","channel":")", channel,
                       R"(","recover":{"epoch":"one","offset":2}})"));
    }
    const auto& tickets = gateway.service().tickets();
    if (i == 3) break;
    const int64_t last = tickets.rbegin()->first;
    link::v1::ServiceItem chat = Yes(last - 2, "");
    chat.mutable_subscribed()->mutable_position()->set_epoch("one");
    chat.mutable_subscribed()->mutable_position()->set_offset(2 + i);
    gateway.Send(std::move(chat));
    gateway.Send(Yes(last - 1, i == 0 ? "ada" : "bob"));
    gateway.Settle();
  }
}

// A service has validated these, and a gateway relies on it.
void Validate(v1::Member& member) {
  if (!json::IsJson(member.user_info())) member.clear_user_info();
}

void Validate(link::v1::ServiceItem& item) {
  if (item.has_publication() && !json::IsJson(item.publication().data())) {
    item.mutable_publication()->set_data("1");
  }
  if (item.has_member_added() &&
      !json::IsJson(item.member_added().user_info())) {
    item.mutable_member_added()->clear_user_info();
  }
  if (item.has_roster()) {
    for (v1::Member& one : *item.mutable_roster()->mutable_members()) {
      Validate(one);
    }
  }
  if (!item.has_subscribed()) return;
  link::v1::Subscribed& yes = *item.mutable_subscribed();
  if (yes.has_member()) Validate(*yes.mutable_member());
  if (!yes.has_roster()) return;
  for (v1::Member& one : *yes.mutable_roster()->mutable_members()) {
    Validate(one);
  }
}

void Test(Input input) {
  PlayedGateway gateway(/*trusts_service=*/false);
  Populate(gateway);
  for (int frames = 1 + input.Below(3); frames > 0; --frames) {
    const std::string bytes =
        frames > 1 ? input.Text() : std::string(input.Rest());
    link::v1::AttachResponse frame;
    if (!frame.ParseFromString(bytes)) continue;
    for (link::v1::ServiceItem& item : *frame.mutable_items()) {
      Validate(item);
      gateway.Send(std::move(item));
    }
    gateway.Settle();
    gateway.Sleep(absl::Milliseconds(200));
  }
  gateway.Settle();
  AnswerAll(gateway);
  gateway.RequireEmptyAfterwards();
}

}  // namespace
}  // namespace herald::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  herald::fuzz::Test({data, size});
  return 0;
}
