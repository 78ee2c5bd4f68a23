// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/end_to_end/chaos/failure.h"

namespace herald::chaos {
namespace {

constexpr Milliseconds kConnectPatience(4'000);
// Of a slow client's kernel.
constexpr int kReceiveBytes = 4'096;
constexpr int kSlowConsumer = 4001;
constexpr int kGoingAway = 1001;
constexpr int kBroken = 1006;

// Publishers have smaller numbers.
constexpr int64_t kWhispererFirst = 1'000;

std::string RecoverText(const Recover& recover) {
  switch (recover.kind) {
    case Recover::Kind::kNothing:
      return "";
    case Recover::Kind::kLatest:
      return R"(,"recover":{"offset":0})";
    default:
      return absl::StrCat(R"(,"recover":{"epoch":")", recover.position.epoch,
                          R"(","offset":)", recover.position.offset, "}");
  }
}

}  // namespace

Client::Client(int number, ClientWorld* shared, Random random)
    : shared_(shared),
      random_(random),
      name_(absl::StrCat("client ", number)),
      user_(absl::StrCat("u", number % shared->plan->users)),
      is_slow_(number < shared->plan->slow_clients),
      is_steady_(random_.Chance(20)) {
  for (const size_t place : is_slow_ ? DroppingChannelsOf(*shared->plan)
                                     : ChannelsOf(*shared->plan, &random_)) {
    follows_.push_back(
        {random_.Chance(80), ChannelView(name_, &shared->plan->channels[place],
                                         shared->ledger, shared->order)});
  }
}

Client::~Client() {
  if (connection_ != nullptr) connection_->Break();
}

void Client::Log(const std::string& what) { shared_->log->Add(name_, what); }

void Client::Start() {
  ConnectAfter(random_.Between(Milliseconds(0), Milliseconds(1'000)));
  ActAfter(random_.Between(Milliseconds(500), Milliseconds(2'000)));
}

// --- The connection ----------------------------------------------------------

void Client::ConnectAfter(Milliseconds wait) {
  shared_->loop->After(wait, [this, attempt = attempt_] {
    if (connection_ == nullptr && attempt == attempt_) Connect();
  });
}

void Client::Connect() {
  ++attempt_;
  gateway_ = random_.Index(shared_->world->gateway_count());
  gateway_ends_ = shared_->world->gateway(gateway_).ends_done();
  connection_ =
      Connection::Open(shared_->loop, shared_->world->gateway_port(gateway_),
                       this, is_slow_ ? kReceiveBytes : 0);
  shared_->loop->After(kConnectPatience, [this, attempt = attempt_] {
    GiveUpConnecting(attempt);
  });
}

void Client::GiveUpConnecting(int64_t attempt) {
  if (attempt != attempt_ || connection_ == nullptr || !socket_id_.empty()) {
    return;
  }
  Log(absl::StrCat("gives up connecting to gateway-", gateway_));
  connection_->Break();
  Forget();
  ConnectAfter(Milliseconds(0));
}

// The connection is no more.
void Client::Forget() {
  connection_ = nullptr;
  is_paused_ = false;
  ++attempt_;
  if (socket_id_.empty()) return;
  for (Follow& follow : follows_) {
    GoAway(follow);
    follow.view.Disconnected();
  }
  shared_->sockets->Remove(std::exchange(socket_id_, ""));
}

void Client::OnEnd(const End& end) {
  const bool was_connected = !socket_id_.empty();
  const std::string what = absl::StrCat(
      "lost gateway-", gateway_, " with ", end.close_code, " ", end.reason,
      end.http_status == 0 ? "" : absl::StrCat(" HTTP ", end.http_status));
  if (was_connected || end.http_status != 0) Log(what);
  Forget();
  if (end.close_code == kSlowConsumer && !is_slow_) {
    ++cuts_;
  } else if (was_connected) {
    // Nothing but the end of its gateway ends a connection; it may have begun
    // before the connection did.
    const Server& gateway = shared_->world->gateway(gateway_);
    const bool has_cause = gateway.ends_begun() > gateway_ends_;
    if (!has_cause ||
        (end.close_code != kGoingAway && end.close_code != kBroken)) {
      throw Failure(name_, "", absl::StrCat(name_, " ", what));
    }
  } else if (end.http_status != 0 && end.http_status != 503) {
    throw Failure(name_, "", absl::StrCat(name_, " ", what));
  }
  ConnectAfter(random_.Between(Milliseconds(20), Milliseconds(400)));
}

void Client::OnText(absl::string_view text) {
  const Frame frame = ParseFrame(text);
  if (frame.kind == Frame::Kind::kConnected) {
    if (!socket_id_.empty()) {
      throw Failure(name_, "", absl::StrCat(name_, " was `connected` twice"));
    }
    socket_id_ = frame.socket_id;
    shared_->sockets->Add(socket_id_);
    whisperer_ = kWhispererFirst + shared_->whisperers++;
    whispers_ = 0;
    Log(absl::StrCat("is ", socket_id_, " of gateway-", gateway_));
    for (Follow& follow : follows_) {
      follow.view.Connected(socket_id_);
      Catch(&follow);
    }
    return;
  }
  if (frame.kind == Frame::Kind::kError) {
    // A whisper may be lost between two answers of the service.
    if (absl::StartsWith(frame.text, "whisper")) return;
    throw Failure(name_, "", absl::StrCat(name_, " received ", frame.text));
  }
  const auto follow =
      std::find_if(follows_.begin(), follows_.end(), [&](const Follow& one) {
        return one.view.channel().name == frame.channel;
      });
  if (socket_id_.empty() || follow == follows_.end()) {
    throw Failure(name_, frame.channel,
                  absl::StrCat(name_, " received a frame of ", frame.channel,
                               ": ", text.substr(0, 200)));
  }
  const bool was_active = follow->view.active();
  follow->view.Receive(frame);
  if (!was_active && follow->view.active()) Arrive(*follow);
  shared_->attendance->CheckNews(follow->view.channel(), frame, name_,
                                 Clock::now());
  if (frame.kind == Frame::Kind::kEvent) return;
  if (frame.kind == Frame::Kind::kSubscribed ||
      frame.kind == Frame::Kind::kSubscriptionError) {
    Log(absl::StrCat("on ", frame.channel, " <- ", text.substr(0, 300)));
  }
  if (frame.kind != Frame::Kind::kSubscriptionError) return Catch(&*follow);
  // `unavailable`; anything else has not come to here.
  shared_->loop->After(random_.Between(Milliseconds(50), Milliseconds(400)),
                       [this, place = follow - follows_.begin()] {
                         Catch(&follows_[static_cast<size_t>(place)]);
                       });
}

void Client::Arrive(const Follow& follow) {
  const Channel& channel = follow.view.channel();
  // A user that has asked to leave is absent.
  if (channel.grace == Milliseconds(0) || follow.view.waits()) return;
  shared_->attendance->Arrive({channel.name, user_}, socket_id_, gateway_,
                              follow.doubts, Clock::now());
}

void Client::GoAway(const Follow& follow) {
  const Channel& channel = follow.view.channel();
  if (channel.grace == Milliseconds(0)) return;
  shared_->attendance->Leave({channel.name, user_}, socket_id_, Clock::now());
}

// --- Actions -----------------------------------------------------------------

void Client::ActAfter(Milliseconds wait) {
  shared_->loop->After(wait, [this] {
    if (settles_) return;
    Act();
    ActAfter(random_.Between(Milliseconds(100), Milliseconds(2'000)));
  });
}

void Client::Act() {
  if (socket_id_.empty()) return;
  if (is_slow_) return ActSlowly();
  Follow* const follow = &follows_[random_.Index(follows_.size())];
  const int64_t dice = random_.Between(0, 99);
  if (is_steady_) {
    if (dice < 20) Repeat(follow);
    if (dice >= 80) Whisper(follow);
    return;
  }
  if (dice < 40) return Toggle(follow);
  if (dice < 50) return Flap(follow);
  if (dice < 60) return Repeat(follow);
  if (dice < 75) return Whisper(follow);
  const Milliseconds sleep =
      random_.Chance(50)
          ? Milliseconds(0)
          : random_.Between(Milliseconds(0), Milliseconds(4'000));
  if (dice < 92) Leave(dice < 82, sleep);
}

void Client::ActSlowly() {
  if (is_paused_) return;
  const int64_t dice = random_.Between(0, 99);
  if (dice < 10) return Flap(&follows_[random_.Index(follows_.size())]);
  if (dice < 20) return Leave(false, Milliseconds(0));
  if (dice < 50) return;
  Pause();
  shared_->loop->After(random_.Between(Milliseconds(500), Milliseconds(4'000)),
                       [this, attempt = attempt_] {
                         if (attempt == attempt_) Resume();
                       });
}

void Client::Pause() {
  Log("stops reading");
  is_paused_ = true;
  connection_->Pause();
  for (Follow& follow : follows_) follow.view.Lags();
}

void Client::Resume() {
  Log("reads again");
  is_paused_ = false;
  connection_->Resume();
}

void Client::Leave(bool politely, Milliseconds sleep) {
  Log(absl::StrCat(politely ? "closes" : "breaks", " its connection for ",
                   sleep.count(), " ms"));
  if (politely) {
    connection_->Close();
  } else {
    connection_->Break();
  }
  Forget();
  ConnectAfter(sleep);
}

void Client::Toggle(Follow* follow) {
  follow->wanted = !follow->wanted;
  Catch(follow);
}

// A subscribe to a channel that it is subscribed to.
void Client::Repeat(Follow* follow) {
  if (!follow->view.active() || follow->view.waits()) return;
  Log(absl::StrCat("on ", follow->view.channel().name, " subscribes again"));
  follow->view.Asked({});
  connection_->Send(absl::StrCat(R"({"type":"subscribe","channel":")",
                                 follow->view.channel().name,
                                 R"(","auth":"user:)", user_, R"("})"));
}

// Unsubscribes and subscribes again at once, perhaps twice.
void Client::Flap(Follow* follow) {
  for (int64_t i = random_.Between(1, 2); i > 0; --i) {
    Unsubscribe(follow);
    Subscribe(follow);
  }
  follow->wanted = true;
}

void Client::Whisper(Follow* follow) {
  if (!follow->view.active() || follow->view.waits()) return;
  const MessageId id{whisperer_, ++whispers_};
  const std::string& channel = follow->view.channel().name;
  const std::string data = DataOf(id);
  shared_->ledger->Publish(id, {channel}, socket_id_);
  shared_->ledger->BeginAttempt(id, 0);
  connection_->Send(absl::StrCat(R"({"type":"whisper","channel":")", channel,
                                 R"(","event":"w","data":)", data, "}"));
}

void Client::Subscribe(Follow* follow) {
  const std::string& channel = follow->view.channel().name;
  const Recover recover = HowToRecover(follow->view);
  const std::string ask = RecoverText(recover);
  Log(absl::StrCat("on ", channel, " subscribes", ask));
  if (!follow->view.waits()) {
    follow->doubts = shared_->attendance->Doubts(gateway_);
  }
  follow->view.Asked(recover);
  connection_->Send(absl::StrCat(R"({"type":"subscribe","channel":")", channel,
                                 R"(","auth":"user:)", user_, "\"", ask, "}"));
}

void Client::Unsubscribe(Follow* follow) {
  const std::string& channel = follow->view.channel().name;
  Log(absl::StrCat("on ", channel, " unsubscribes"));
  follow->view.AskedToLeave();
  GoAway(*follow);
  connection_->Send(
      absl::StrCat(R"({"type":"unsubscribe","channel":")", channel, "\"}"));
}

void Client::Catch(Follow* follow) {
  if (socket_id_.empty()) return;
  const ChannelView& view = follow->view;
  if (follow->wanted && !view.active() && !view.waits()) Subscribe(follow);
  if (!follow->wanted && (view.active() || view.waits()) && !view.leaves()) {
    Unsubscribe(follow);
  }
}

Recover Client::HowToRecover(const ChannelView& view) {
  using Kind = Recover::Kind;
  const std::optional<Position> position = view.position();
  const int64_t dice = settles_ ? 50 : random_.Between(0, 99);
  if (!position.has_value()) {
    if (dice >= 90) return {Kind::kImpossible, {"none", dice}};
    return {dice >= 70 ? Kind::kLatest : Kind::kNothing};
  }
  if (dice < 4) return {Kind::kNothing};
  if (dice < 8) return {Kind::kLatest};
  if (dice < 10) return {Kind::kImpossible, {"none", position->offset}};
  if (dice < 12) {
    return {Kind::kImpossible, {position->epoch, position->offset + 1'000'000}};
  }
  return {Kind::kSince, *position};
}

// --- The end -----------------------------------------------------------------

void Client::Settle() {
  settles_ = true;
  if (is_paused_) Resume();
  if (connection_ == nullptr) return ConnectAfter(Milliseconds(0));
  for (Follow& follow : follows_) Catch(&follow);
}

void Client::Stop() {
  settles_ = true;
  if (connection_ != nullptr) connection_->Break();
  Forget();
}

bool Client::is_settled() const {
  return !socket_id_.empty() &&
         std::all_of(follows_.begin(), follows_.end(), [](const Follow& one) {
           return !one.view.waits() && one.view.active() == one.wanted;
         });
}

std::string Client::WhatIsMissing() const {
  if (connection_ == nullptr) return "is not connected";
  if (socket_id_.empty()) return "is connecting";
  std::string text = absl::StrCat("is ", socket_id_, " of gateway-", gateway_);
  for (const Follow& follow : follows_) {
    if (!follow.view.waits() && follow.view.active() == follow.wanted) continue;
    absl::StrAppend(
        &text, "; on ", follow.view.channel().name,
        follow.view.waits() ? " it waits for an answer" : "",
        follow.view.active() ? " it is subscribed" : " it is not subscribed");
  }
  return text;
}

}  // namespace herald::chaos
