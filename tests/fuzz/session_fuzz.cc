// SPDX-License-Identifier: Apache-2.0
//
// A gateway's core as a state machine: clients that send anything, are full or
// leave, a service that keeps its protocol but answers late, links that break,
// and time that passes, in any order. Promise: that of client_model.h for each
// client and of service_model.h for the link; each subscribe has one answer; a
// channel with history has no gap and no event twice; after all clients have
// left nothing of them stays.

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/played_gateway.h"

namespace herald::fuzz {
namespace {

using link::v1::ServiceItem;

constexpr size_t kClientsMax = 4;
constexpr absl::string_view kChannels[] = {"chat", "news", "private-a",
                                           "presence-a"};
constexpr absl::string_view kUsers[] = {"ada", "bob", "eve"};
constexpr absl::Duration kPauses[] = {absl::Milliseconds(50),
                                      absl::Milliseconds(500), absl::Seconds(2),
                                      absl::Seconds(31)};

// The history of a channel, from the beginning of its epoch.
struct History {
  std::string epoch = "e1";
  int64_t offset = 0;
};

class SessionFuzzer {
 public:
  explicit SessionFuzzer(Input input) : input_(input) {
    for (const char* const channel : {"chat", "presence-a"}) {
      histories_[channel];
    }
    LinkUp();
  }

  void Run() {
    while (!input_.empty()) Step();
    End();
  }

 private:
  void Step() {
    using Action = void (SessionFuzzer::*)();
    static constexpr Action kActions[] = {
        &SessionFuzzer::Turn,        &SessionFuzzer::Turn,
        &SessionFuzzer::Settle,      &SessionFuzzer::Open,
        &SessionFuzzer::Subscribe,   &SessionFuzzer::Subscribe,
        &SessionFuzzer::Subscribe,   &SessionFuzzer::Answer,
        &SessionFuzzer::Answer,      &SessionFuzzer::Unsubscribe,
        &SessionFuzzer::Whisper,     &SessionFuzzer::SendText,
        &SessionFuzzer::SendOther,   &SessionFuzzer::Leave,
        &SessionFuzzer::Press,       &SessionFuzzer::Publish,
        &SessionFuzzer::Publish,     &SessionFuzzer::AnswerRecover,
        &SessionFuzzer::Member,      &SessionFuzzer::Renew,
        &SessionFuzzer::Revoke,      &SessionFuzzer::Call,
        &SessionFuzzer::NewPosition, &SessionFuzzer::Settings,
        &SessionFuzzer::ChangeLink,  &SessionFuzzer::CloseSome,
        &SessionFuzzer::Congest,     &SessionFuzzer::Sleep,
        &SessionFuzzer::Crowd};
    (this->*input_.Of(kActions))();
  }

  // --- Choices ---------------------------------------------------------------

  std::string DrawChannel() { return std::string(input_.Of(kChannels)); }
  std::string DrawUser() { return std::string(input_.Of(kUsers)); }
  // nullptr if there is none.
  ClientModel* DrawClient() {
    const auto& clients = gateway_.clients();
    const auto size = static_cast<int>(clients.size());
    return size == 0 ? nullptr
                     : clients[static_cast<size_t>(input_.Below(size))].get();
  }
  std::string DrawSocket() {
    const ClientModel* const client = DrawClient();
    return client == nullptr || client->id().empty() ? "7.1" : client->id();
  }
  void ExpectUnasked(const std::string& channel) {
    for (const auto& client : gateway_.clients()) {
      client->ExpectUnasked(channel);
    }
  }

  // --- Clients ---------------------------------------------------------------

  void Open() {
    const int loop = input_.Below(kPlayedLoops);
    if (gateway_.clients().size() < kClientsMax) gateway_.Open(loop);
  }

  // Makes a channel a large one, once.
  void Crowd() {
    const std::string channel = input_.Flag() ? "news" : "chat";
    if (!gateway_.has_link() || gateway_.clients().size() > kClientsMax) return;
    for (size_t i = 0; i <= gateway::kBulkSubscribers; ++i) {
      gateway_.Open(/*loop=*/0);
      gateway_.Receive(
          *gateway_.clients().back(),
          absl::StrCat(R"({"type":"subscribe","channel":")", channel, R"("})"));
    }
    AnswerAll();
  }

  void Leave() {
    const ClientModel* const leaver = DrawClient();
    auto& clients = gateway_.clients();
    for (size_t i = 0; i < clients.size(); ++i) {
      if (clients[i].get() == leaver) return gateway_.Leave(i);
    }
  }

  // Perhaps from where it is, or was.
  void Subscribe() {
    ClientModel* const client = DrawClient();
    const std::string channel = DrawChannel();
    const int kind = input_.Below(4);
    std::string recover;
    if (kind == 1) recover = R"(,"recover":{"offset":0})";
    if (kind > 1) {
      const std::string epoch =
          kind == 2 ? histories_["chat"].epoch : "of another life";
      recover = absl::StrCat(R"(,"recover":{"epoch":")", epoch,
                             R"(","offset":)", input_.Below(8), "}");
    }
    if (client == nullptr) return;
    gateway_.Receive(*client,
                     absl::StrCat(R"({"type":"subscribe","channel":")", channel,
                                  R"(","auth":"x")", recover, "}"));
  }

  void Unsubscribe() {
    ClientModel* const client = DrawClient();
    const std::string channel = DrawChannel();
    if (client == nullptr) return;
    gateway_.Receive(
        *client,
        absl::StrCat(R"({"type":"unsubscribe","channel":")", channel, R"("})"));
  }

  void Whisper() {
    ClientModel* const client = DrawClient();
    const std::string channel = DrawChannel();
    const std::string data = input_.Flag() ? "1" : "[1,2,3]";
    if (client == nullptr) return;
    gateway_.Receive(*client,
                     absl::StrCat(R"({"type":"whisper","channel":")", channel,
                                  R"(","event":"typing","data":)", data, "}"));
  }

  void SendText() {
    ClientModel* const client = DrawClient();
    const std::string text = input_.Text();
    if (client != nullptr) gateway_.Receive(*client, text);
  }

  void SendOther() {
    ClientModel* const client = DrawClient();
    if (client == nullptr) return;
    if (input_.Flag()) return gateway_.ReceiveControlFrame(*client);
    gateway_.Receive(*client, R"({"type":"ping"})");
  }

  void Press() {
    ClientModel* const client = DrawClient();
    const int what = input_.Below(4);
    if (what == 0) gateway_.service().is_full = input_.Flag();
    if (client == nullptr) return;
    if (what == 1) {
      client->is_full = input_.Flag();
      client->Flush();  // The kernel takes all that waits.
    }
    if (what == 2) client->lacks_room = input_.Flag();
    if (what == 3) client->bytes_at_once = 1 + input_.Byte();
  }

  // --- The service -----------------------------------------------------------

  void Say(ServiceItem item) {
    if (gateway_.has_link()) gateway_.Send(std::move(item));
  }

  void Answer() {
    const auto& tickets = gateway_.service().tickets();
    const int choice = input_.Byte();
    if (tickets.empty()) return;
    const auto size = static_cast<int>(tickets.size());
    Answer(std::next(tickets.begin(), choice % size)->first,
           input_.Below(4) != 0);
  }

  void Answer(int64_t ticket, bool allows) {
    const std::string channel = gateway_.service().tickets().at(ticket).channel;
    ServiceItem item;
    if (!allows) {
      item.mutable_refused()->set_ticket(ticket);
      item.mutable_refused()->set_code(link::v1::Refused::CODE_UNAUTHORIZED);
      item.mutable_refused()->set_reason("no");
      return Say(std::move(item));
    }
    link::v1::Subscribed& yes = *item.mutable_subscribed();
    yes.set_ticket(ticket);
    if (channel == "presence-a" || (channel == "private-a" && input_.Flag())) {
      yes.mutable_member()->set_user_id(DrawUser());
    }
    if (channel == "presence-a" &&
        !gateway_.service().counts().contains(channel)) {
      SetRoster(yes.mutable_roster());
    }
    if (channel == "private-a" || channel == "presence-a") {
      yes.set_renewable(input_.Flag());
      if (input_.Flag()) yes.set_expires_after_ms(1000);
    }
    SetPosition(channel, yes.mutable_position());
    Say(std::move(item));
  }

  void SetRoster(link::v1::Roster* roster) {
    roster->set_channel("presence-a");
    for (const absl::string_view user : kUsers) {
      if (input_.Flag()) roster->add_members()->set_user_id(std::string(user));
    }
  }

  void SetPosition(const std::string& channel, v1::Position* position) {
    const auto history = histories_.find(channel);
    if (history == histories_.end()) return;
    position->set_epoch(history->second.epoch);
    position->set_offset(history->second.offset);
  }

  static ServiceItem Publication(const std::string& channel, int64_t offset) {
    ServiceItem item;
    link::v1::Publication& publication = *item.mutable_publication();
    publication.set_channel(channel);
    publication.set_event("said");
    publication.set_data(absl::StrCat(offset));
    publication.set_published_us(1);
    publication.set_offset(offset);
    return item;
  }

  // Now and then it is lost on its way.
  void Publish() {
    const std::string channel = DrawChannel();
    const int kind = input_.Below(8);
    ServiceItem item = Publication(channel, 0);
    if (kind == 0) {
      item.mutable_publication()->set_whisper(true);
      item.mutable_publication()->set_except_socket_id(DrawSocket());
    } else if (histories_.contains(channel)) {
      item = Publication(channel, ++histories_[channel].offset);
    } else if (kind == 1) {
      item.mutable_publication()->set_except_socket_id(DrawSocket());
    }
    if (kind != 2) Say(std::move(item));
  }

  void AnswerRecover() { AnswerRecover(input_.Below(8) != 0); }

  void AnswerRecover(bool allows) {
    auto& questions = gateway_.service().recovers();
    if (questions.empty() || !gateway_.has_link()) return;
    const link::v1::Recover question = questions.front();
    questions.pop_front();
    const std::string& channel = question.channel();
    const History& history = histories_[channel];
    ServiceItem item;
    link::v1::Recovery& answer = *item.mutable_recovery();
    answer.set_channel(channel);
    *answer.mutable_since() = question.since();
    const bool wants_latest = question.since().epoch().empty();
    if (wants_latest && history.offset > 0) {
      answer.mutable_since()->set_epoch(history.epoch);
      answer.mutable_since()->set_offset(history.offset - 1);
    }
    answer.set_available(allows && answer.since().epoch() == history.epoch &&
                         answer.since().offset() <= history.offset);
    if (!answer.available()) {
      ExpectUnasked(channel);
      if (answer.since().epoch() == history.epoch) {
        answer.set_available_since(history.offset);
      }
      return Say(std::move(item));
    }
    answer.set_until(history.offset);
    const int64_t since = answer.since().offset();
    Say(std::move(item));
    for (int64_t offset = since + 1; offset <= history.offset; ++offset) {
      Say(Publication(channel, offset));
    }
  }

  void Member() {
    ServiceItem item;
    const int kind = input_.Below(3);
    if (kind == 0) {
      item.mutable_member_added()->set_channel("presence-a");
      item.mutable_member_added()->set_user_id(DrawUser());
    } else if (kind == 1) {
      item.mutable_member_removed()->set_channel("presence-a");
      item.mutable_member_removed()->set_user_id(DrawUser());
    } else {
      SetRoster(item.mutable_roster());
    }
    Say(std::move(item));
  }

  void Renew() {
    ServiceItem item;
    const auto& renewals = gateway_.service().renewals();
    if (renewals.empty()) {
      item.mutable_renew_all();
      return Say(std::move(item));
    }
    link::v1::Renewed& answer = *item.mutable_renewed();
    answer.set_ticket(*renewals.begin());
    const int outcome = 1 + input_.Below(3);
    answer.set_outcome(static_cast<link::v1::Renewed::Outcome>(outcome));
    if (outcome == 1 && input_.Flag()) answer.set_expires_after_ms(500);
    if (outcome == 2) answer.set_reason("denied");
    Say(std::move(item));
  }

  void Revoke() {
    ServiceItem item;
    v1::Revocation& revocation = *item.mutable_revocation();
    if (input_.Flag()) {
      revocation.set_user_id(DrawUser());
    } else {
      revocation.set_socket_id(DrawSocket());
    }
    if (input_.Flag()) revocation.set_channel(DrawChannel());
    Say(std::move(item));
  }

  void Call() {
    ServiceItem item;
    link::v1::Call& call = *item.mutable_call();
    call.set_call_id(++last_call_);
    const int kind = input_.Below(4);
    const std::string socket = DrawSocket();
    if (kind == 0) {
      call.mutable_subscribe()->set_socket_id(socket);
      call.mutable_subscribe()->set_channel(DrawChannel());
      if (input_.Flag()) {
        call.mutable_subscribe()->mutable_member()->set_user_id(DrawUser());
      }
      ExpectUnasked(call.subscribe().channel());
    } else if (kind == 1) {
      call.mutable_unsubscribe()->set_socket_id(socket);
      call.mutable_unsubscribe()->set_channel(DrawChannel());
    } else if (kind == 2) {
      call.mutable_disconnect()->set_socket_id(socket);
    } else {
      call.mutable_disconnect()->set_user_id(DrawUser());
    }
    Say(std::move(item));
  }

  // The history begins anew.
  void NewPosition() {
    const std::string channel = input_.Flag() ? "chat" : "presence-a";
    History& history = histories_[channel];
    history = {absl::StrCat("e", ++last_epoch_), 0};
    SayPosition(channel);
  }

  void SayPosition(const std::string& channel) {
    ExpectUnasked(channel);
    if (!gateway_.service().counts().contains(channel)) return;
    ServiceItem item;
    item.mutable_new_position()->set_channel(channel);
    SetPosition(channel, item.mutable_new_position()->mutable_position());
    item.mutable_new_position()->set_lost(true);
    Say(std::move(item));
  }

  void Settings() {
    ServiceItem item;
    link::v1::Settings& settings = *item.mutable_settings();
    settings.set_revision(++last_revision_);
    settings.set_heartbeat_interval_ms(30'000);
    settings.set_client_timeout_ms(60'000);
    settings.set_max_payload(100);
    settings.set_allow_client_events(input_.Flag());
    config::v1::ChannelRule& rule = *settings.add_rules();
    rule.set_pattern("*");
    if (input_.Flag()) {
      rule.set_slow_consumer(config::v1::SLOW_CONSUMER_DROP_TO_LATEST);
    }
    Say(std::move(item));
  }

  void Congest() {
    ServiceItem item;
    item.mutable_congestion()->set_socket_id(DrawSocket());
    item.mutable_congestion()->set_bytes(input_.Byte());
    Say(std::move(item));
  }

  // --- The link and the loops ------------------------------------------------

  void ChangeLink() {
    if (gateway_.has_link()) {
      gateway_.LinkDown();
    } else {
      LinkUp();
    }
  }

  // Behind an attach a service sends the changes since the last link.
  void LinkUp() {
    gateway_.LinkUp();
    for (const auto& [channel, position] : gateway_.service().held()) {
      const History& history = histories_[channel];
      if (position.epoch() != history.epoch || input_.Flag()) {
        SayPosition(channel);
        continue;
      }
      for (int64_t i = position.offset() + 1; i <= history.offset; ++i) {
        Say(Publication(channel, i));
      }
    }
    if (gateway_.service().counts().contains("presence-a")) {
      ServiceItem item;
      SetRoster(item.mutable_roster());
      Say(std::move(item));
    }
    ServiceItem item;
    item.mutable_settled();
    Say(std::move(item));
  }

  void Turn() { gateway_.Turn(input_.Below(kPlayedLoops)); }
  void Settle() { gateway_.Settle(); }
  void Sleep() { gateway_.Sleep(input_.Of(kPauses)); }
  void CloseSome() {
    gateway_.CloseSome(input_.Below(kPlayedLoops), 1 + input_.Below(2));
  }

  void End() {
    gateway_.service().is_full = false;
    if (!gateway_.has_link()) LinkUp();
    // Clients that are full are cut; rates may have paused others.
    for (int i = 0; i < 20; ++i) {
      gateway_.Settle();
      AnswerAll();
      gateway_.Sleep(absl::Milliseconds(500));
    }
    for (const auto& client : gateway_.clients()) client->RequireAllAnswered();
    while (!gateway_.clients().empty()) gateway_.Leave(0);
    gateway_.Settle();
    AnswerAll();
    gateway_.RequireEmptyAfterwards();
  }

  void AnswerAll() {
    ServiceModel& service = gateway_.service();
    while (!service.tickets().empty() || !service.recovers().empty()) {
      while (!service.tickets().empty()) {
        Answer(service.tickets().begin()->first, /*allows=*/true);
      }
      while (!service.recovers().empty()) AnswerRecover(/*allows=*/true);
      gateway_.Settle();
    }
  }

  Input input_;
  PlayedGateway gateway_{/*trusts_service=*/true};
  std::map<std::string, History> histories_;
  int64_t last_call_ = 0;
  int64_t last_epoch_ = 1;
  int64_t last_revision_ = 0;
};

}  // namespace
}  // namespace herald::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Longer histories take long and show nothing more.
  herald::fuzz::SessionFuzzer({data, std::min<size_t>(size, 400)}).Run();
  return 0;
}
