// SPDX-License-Identifier: Apache-2.0
//
// The service's core as a state machine: gateways that attach, lie and are
// lost, backends, an authorizer that answers late or never, rules that change,
// links that overflow, and time that passes, in any order. Promise: that of
// models.h for each peer; counts and receipts agree with the links' own books;
// each call has one answer; after all peers have left nothing of them stays.

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/models.h"
#include "tests/fuzz/refusal.h"
#include "tests/fuzz/world.h"

namespace herald::fuzz {
namespace {

using contract::Require;
using link::v1::GatewayItem;

constexpr int kGateways = 3;
constexpr absl::string_view kChannels[] = {"chat", "private-a", "presence-a",
                                           "presence-b"};
constexpr absl::string_view kUsers[] = {"ada", "bob", "eve"};
constexpr absl::Duration kPauses[] = {absl::Milliseconds(10),
                                      absl::Milliseconds(500), absl::Seconds(1),
                                      absl::Seconds(2), absl::Seconds(31)};

class Fuzzer {
 public:
  explicit Fuzzer(Input input) : input_(input) {
    if (input_.Flag()) world_.Settle();
  }

  void Run() {
    while (!input_.empty()) {
      Step();
      ReadAll();
      RequireTrueBooks();
    }
    End();
  }

 private:
  void Step() {
    using Action = void (Fuzzer::*)();
    static constexpr Action kActions[] = {
        &Fuzzer::Attach,    &Fuzzer::Subscribe, &Fuzzer::Subscribe,
        &Fuzzer::Decide,    &Fuzzer::Decide,    &Fuzzer::Unsubscribe,
        &Fuzzer::Cancel,    &Fuzzer::Whisper,   &Fuzzer::Renew,
        &Fuzzer::Answer,    &Fuzzer::Recover,   &Fuzzer::SendOther,
        &Fuzzer::Cut,       &Fuzzer::Advance,   &Fuzzer::Broadcast,
        &Fuzzer::Call,      &Fuzzer::SetRules,  &Fuzzer::Press,
        &Fuzzer::WatchSome, &Fuzzer::WatchAll};
    (this->*input_.Of(kActions))();
  }

  // --- Gateways --------------------------------------------------------------

  // An open one, if there is any.
  LinkModel* DrawLink() {
    const int first = input_.Below(kGateways);
    for (int i = 0; i < kGateways; ++i) {
      const auto& link = links_[(first + i) % kGateways];
      if (link != nullptr && link->is_open()) return link.get();
    }
    return nullptr;
  }

  std::string DrawChannel() { return std::string(input_.Of(kChannels)); }
  // Mostly one that the link has subscribed to: any other ends it.
  std::string DrawChannelOf(const LinkModel& link) {
    const auto count = static_cast<int>(link.counts().size());
    const int choice = input_.Byte();
    if (count == 0 || choice % 32 == 31) return DrawChannel();
    return std::next(link.counts().begin(), choice % count)->first;
  }
  std::string DrawUser() { return std::string(input_.Of(kUsers)); }

  // Perhaps one that is over, or that is yet to come.
  template <typename Position>
  void DrawPosition(const std::string& channel, Position& position) {
    const auto known = world_.PositionOf(channel);
    const bool is_known = known.has_value() && input_.Below(8) != 0;
    position.set_epoch(is_known ? known->epoch : "of another life");
    position.set_offset(input_.Below(8));
  }

  // Now and then of another gateway, or of none.
  std::string DrawSocket(int64_t gateway) {
    const int choice = input_.Below(64);
    if (choice == 63) return "?";
    if (choice == 62) ++gateway;
    return absl::StrCat(gateway, ".", 1 + choice % 4);
  }

  // A new link, which ends the gateway's old one. It may hold something, and it
  // may stop before `attached`.
  void Attach() {
    const int index = input_.Below(kGateways);
    const auto old = std::move(links_[index]);
    links_[index] = std::make_unique<LinkModel>(&world_, index + 1);
    LinkModel& link = *links_[index];
    Require(link.is_open());
    if (old != nullptr) old->Close();
    for (int i = input_.Below(4); i > 0 && link.is_open(); --i) Hold(link);
    GatewayItem attached;
    attached.mutable_attached();
    if (link.is_open() && input_.Below(8) != 0) link.Send(attached);
  }

  void Hold(LinkModel& link) {
    GatewayItem item;
    link::v1::Held& held = *item.mutable_held();
    held.set_channel(DrawChannel());
    held.set_subscription_count(input_.Below(4));
    for (int i = input_.Below(3); i > 0; --i) {
      link::v1::HeldMember& member = *held.add_members();
      member.mutable_member()->set_user_id(DrawUser());
      member.add_socket_ids(DrawSocket(link.gateway()));
    }
    if (input_.Flag()) DrawPosition(held.channel(), *held.mutable_position());
    link.Send(std::move(item));
  }

  void FillQuestion(const LinkModel& link, link::v1::Subscribe& question) {
    question.set_ticket(++last_ticket_);
    question.set_channel(DrawChannel());
    question.set_socket_id(DrawSocket(link.gateway()));
  }

  void Subscribe() {
    LinkModel* const link = DrawLink();
    if (link == nullptr) return;
    GatewayItem item;
    link::v1::Subscribe& subscribe = *item.mutable_subscribe();
    FillQuestion(*link, subscribe);
    const int choice = input_.Below(8);
    if (choice == 0 && !link->calls().empty()) {
      subscribe.set_call_id(link->calls().back());
      subscribe.mutable_member()->set_user_id(DrawUser());
    }
    const std::vector<int64_t> open = link->OpenTickets();
    const bool is_repeated = choice == 1 && !open.empty();
    if (is_repeated) {
      subscribe.set_ticket(open.front());
      subscribe.set_channel("private-a");
    }
    link->Send(std::move(item));
    Require(!is_repeated || !link->is_open());
  }

  void Unsubscribe() {
    LinkModel* const link = DrawLink();
    if (link == nullptr) return;
    GatewayItem item;
    link::v1::Unsubscribe& unsubscribe = *item.mutable_unsubscribe();
    unsubscribe.set_ticket(1);
    unsubscribe.set_channel(DrawChannelOf(*link));
    unsubscribe.set_socket_id(DrawSocket(link->gateway()));
    if (input_.Flag()) unsubscribe.set_user_id(DrawUser());
    link->Send(std::move(item));
  }

  void Cancel() {
    LinkModel* const link = DrawLink();
    if (link == nullptr) return;
    GatewayItem item;
    item.mutable_cancel()->set_ticket(last_ticket_ - input_.Below(8));
    link->Send(std::move(item));
  }

  void Whisper() {
    LinkModel* const link = DrawLink();
    if (link == nullptr) return;
    GatewayItem item;
    link::v1::Whisper& whisper = *item.mutable_whisper();
    whisper.set_channel(DrawChannelOf(*link));
    whisper.set_event("said");
    whisper.set_data("12345");
    whisper.set_socket_id(DrawSocket(link->gateway()));
    link->Send(std::move(item));
  }

  void Renew() {
    LinkModel* const link = DrawLink();
    if (link == nullptr) return;
    GatewayItem item;
    FillQuestion(*link, *item.mutable_renew()->mutable_subscribe());
    link->Send(std::move(item));
  }

  // Of a call that was asked for, perhaps of this gateway, or of none.
  void Answer() {
    LinkModel* const link = DrawLink();
    const auto& from = links_[input_.Below(kGateways)];
    if (link == nullptr || from == nullptr) return;
    GatewayItem item;
    link::v1::CallResult& result = *item.mutable_call_result();
    const std::vector<int64_t>& calls = from->calls();
    result.set_call_id(calls.empty() ? 1 : calls.back());
    result.set_code(input_.Below(18));
    result.set_disconnected_count(input_.Byte());
    link->Send(std::move(item));
  }

  void Recover() {
    LinkModel* const link = DrawLink();
    if (link == nullptr) return;
    GatewayItem item;
    link::v1::Recover& recover = *item.mutable_recover();
    recover.set_channel(DrawChannelOf(*link));
    if (input_.Below(8) != 0) {
      DrawPosition(recover.channel(), *recover.mutable_since());
    }
    recover.set_bytes_max(input_.Byte());
    link->Send(std::move(item));
  }

  void SendOther() {
    LinkModel* const link = DrawLink();
    if (link == nullptr) return;
    GatewayItem item;
    switch (input_.Below(6)) {
      case 0:
        item.mutable_goodbye();
        break;
      case 1:
        item.mutable_moving()->set_target("elsewhere");
        break;
      case 2:
        item.mutable_report()->set_client_count(input_.Byte());
        break;
      case 3:
        item.mutable_settings_acknowledged();
        break;
      case 4:
        item.mutable_congestion()->set_socket_id("2.1");
        item.mutable_congestion()->set_bytes(input_.Byte());
        break;
      default:
        item.mutable_hello();
    }
    link->Send(std::move(item));
  }

  void Cut() {
    if (LinkModel* const link = DrawLink()) link->Close();
  }

  // Fills the outbox of a link, as a slow reader does.
  void Press() {
    LinkModel* const link = DrawLink();
    if (link == nullptr) return;
    link->outbox().is_full = input_.Below(4) == 0;
    link->outbox().whispers_are_full = input_.Flag();
    link->outbox().state_is_full = input_.Flag();
  }

  // --- The others ------------------------------------------------------------

  void Decide() {
    const auto open = static_cast<int>(world_.judge().open());
    if (open == 0) return;
    core::Verdict decision;
    const int choice = input_.Below(8);
    if (choice == 0) decision.status = absl::PermissionDeniedError("no");
    if (choice == 1) decision.status = absl::UnavailableError("late");
    if (choice == 2) decision.status = absl::InvalidArgumentError("what?");
    if (choice == 3) decision.expires_after = absl::ZeroDuration();
    if (choice == 4) decision.expires_after = absl::Nanoseconds(1);
    if (choice != 5) decision.member.emplace().set_user_id(DrawUser());
    if (choice == 6) decision.member->set_user_info("{");
    world_.judge().Decide(
        static_cast<size_t>(input_.Below(std::min(open, 256))),
        std::move(decision));
  }

  void Advance() { world_.timers().Advance(input_.Of(kPauses)); }

  void SetRules() { world_.hub().SetRules(Rules(input_.Below(kRulesCount))); }

  void Broadcast() {
    v1::BroadcastRequest request;
    request.add_channels(DrawChannel());
    request.set_event("said");
    request.set_data(input_.Flag() ? "1" : "12345");
    if (input_.Flag()) request.set_idempotency_key("key");
    const int64_t subscribers = Subscriptions(request.channels(0));
    const auto answers = std::make_shared<Answers>();
    world_.hub().Broadcast(request, [&, answers](const auto& answer) {
      answers->Add();
      if (!answer.ok() || !request.idempotency_key().empty()) return;
      Require(answer->receipts(0).subscribers() == subscribers);
    });
  }

  void Call() {
    const auto answers = std::make_shared<Answers>();
    const auto done = [answers](const auto& /*answer*/) { answers->Add(); };
    const int kind = input_.Below(4);
    const std::string socket = DrawSocket(1 + input_.Below(kGateways));
    if (kind == 0) {
      v1::SubscribeRequest request;
      request.set_socket_id(socket);
      request.set_channel(DrawChannel());
      world_.hub().Subscribe(request, done);
    } else if (kind == 1) {
      v1::UnsubscribeRequest request;
      request.set_socket_id(socket);
      request.set_channel(DrawChannel());
      world_.hub().Unsubscribe(request, done);
    } else if (kind == 2) {
      v1::DisconnectRequest request;
      request.set_user_id(DrawUser());
      world_.hub().Disconnect(request, done);
    } else {
      answers->Add();
      v1::Revocation revocation;
      revocation.set_user_id(DrawUser());
      Require(world_.hub().Revoke(std::move(revocation)).ok());
    }
  }

  // A Watch that names positions that may never have been.
  void WatchSome() {
    if (stranger_.has_value()) {
      world_.hub().Unwatch(stranger_->first, stranger_->second);
      stranger_.reset();
      return;
    }
    v1::WatchRequest request;
    request.add_channels(DrawChannel());
    v1::ChannelPosition& since = *request.add_since();
    since.set_channel(request.channels(0));
    DrawPosition(since.channel(), since);
    const auto outbox = std::make_shared<Outbox>();
    const absl::Status status = world_.hub().Watch(request, outbox);
    if (IsOkOr(status, {absl::StatusCode::kInvalidArgument,
                        absl::StatusCode::kUnavailable})) {
      stranger_.emplace(std::move(request), outbox);
    }
  }

  void WatchAll() {
    if (watch_.is_open()) return watch_.Close();
    watch_.Open({std::begin(kChannels), std::end(kChannels)});
  }

  // --- Checks ----------------------------------------------------------------

  int64_t Subscriptions(const std::string& channel) const {
    int64_t all = 0;
    for (const auto& link : links_) {
      if (link != nullptr) all += link->Count(channel);
    }
    return all;
  }

  void ReadAll() {
    for (const auto& link : links_) {
      if (link != nullptr && !link->outbox().closed.ok()) link->Close();
    }
    for (const auto& link : links_) {
      if (link != nullptr && link->is_open()) link->Read();
    }
    watch_.Read();
    if (stranger_.has_value()) stranger_->second->TakeMessages();
  }

  void RequireTrueBooks() {
    world_.RequireSaneCounts();
    int64_t subscriptions = 0;
    int64_t channels = 0;
    for (const absl::string_view channel : kChannels) {
      const int64_t count = Subscriptions(std::string(channel));
      subscriptions += count;
      channels += count > 0 ? 1 : 0;
    }
    Require(world_.hub().Counts().subscriptions == subscriptions);
    Require(world_.hub().Counts().channels == channels);
    if (!world_.hub().ready()) return;
    watch_.rosters().RequireTrue(world_);
    for (const auto& link : links_) {
      if (link != nullptr) link->rosters().RequireTrue(world_);
    }
  }

  void End() {
    for (const auto& link : links_) {
      if (link != nullptr) link->outbox().state_is_full = false;
    }
    while (world_.judge().open() > 0) world_.judge().Decide(0, {});
    world_.Settle();
    ReadAll();
    RequireTrueBooks();
    for (const auto& link : links_) {
      if (link == nullptr) continue;
      link->RequireAllAnswered();
      link->Close();
    }
    if (stranger_.has_value()) WatchSome();
    watch_.Close();
    world_.RequireEmpty();
    world_.hub().Stop();
    Require(!world_.hub().ready());
  }

  Input input_;
  World world_;
  std::unique_ptr<LinkModel> links_[kGateways];
  WatchModel watch_{&world_};
  std::optional<std::pair<v1::WatchRequest, std::shared_ptr<Outbox>>> stranger_;
  int64_t last_ticket_ = 0;
};

}  // namespace
}  // namespace herald::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Longer histories take long and show nothing more.
  herald::fuzz::Fuzzer({data, std::min<size_t>(size, 400)}).Run();
  return 0;
}
