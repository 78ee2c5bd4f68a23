// SPDX-License-Identifier: Apache-2.0
//
// A client of a gateway: a socket, the questions that are open, and where each
// subscription is. Aborts when the gateway breaks a promise of WEBSOCKET.md.

#ifndef HERALD_TESTS_FUZZ_CLIENT_MODEL_H_
#define HERALD_TESTS_FUZZ_CLIENT_MODEL_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/dialects/native/native_dialect.h"
#include "gateway/session/session.h"
#include "gateway/socket/socket.h"

namespace herald::fuzz {

class ClientModel final : public gateway::Socket {
 public:
  // `trusts_service`: the service keeps the protocol, so promises that depend
  // on that are checked, too.
  explicit ClientModel(bool trusts_service) : trusts_service_(trusts_service) {}

  // Takes account of a message that the client is about to send.
  void OnSent(absl::string_view text);

  // Reads all that was written.
  void Read();

  // From here on a `subscribed` that it has not asked for may come.
  void ExpectUnasked(const std::string& channel) {
    subscriptions_[channel].is_exact = false;
  }

  // REQUIRES: all questions of the gateway were answered, and Read().
  void RequireAllAnswered() const;

  bool is_closed() const { return is_closed_; }
  bool is_paused() const { return is_paused_; }
  const std::string& id() const { return id_; }

  // Socket:
  bool Enqueue(const gateway::Frame& frame, size_t written) override;
  bool HasRoomFor(size_t /*bytes*/) override { return !is_full; }
  bool HasRoomForWhisper(size_t /*bytes*/) override { return !lacks_room; }
  size_t WriteNow(absl::string_view bytes) override;
  void Flush() override;
  void Ping() override;
  void Close(contract::CloseReason why,
             const gateway::Goodbye& goodbye) override;
  void PauseReading(gateway::ReadingPause /*where*/) override {
    is_paused_ = true;
  }
  void ResumeReading() override { is_paused_ = false; }
  void SetMessageBytesMax(size_t /*bytes*/) override {}
  absl::Time BlockedSince() override { return blocked_since; }

  gateway::Session* session = nullptr;
  int loop = 0;

  // How the network is.
  bool is_full = false;
  bool lacks_room = false;  // For whispers.
  size_t bytes_at_once = 1 << 20;
  absl::Time blocked_since = absl::InfiniteFuture();

 private:
  using Fields = std::map<std::string, std::string>;

  struct Asked {
    bool is_subscribe = false;  // Or an unsubscribe.
    std::optional<v1::Position> recover = {};
  };

  struct Subscription {
    std::deque<Asked> asked;  // Without an answer, in their order.
    bool is_exact = true;     // Nothing has come unasked.
    bool is_active = false;
    std::optional<std::set<std::string>> members;
    std::optional<int64_t> offset;  // Where it is, if that is known.
  };

  void On(absl::string_view json);
  // Takes the subscribe that is answered; nothing if the answer came unasked.
  std::optional<Asked> TakeAsked(Subscription& subscription) const;
  void OnSubscribed(Subscription& subscription, const Fields& fields);
  void OnRefused(const std::string& channel);
  void OnUnsubscribed(Subscription& subscription, const Fields& fields);
  void OnEvent(Subscription& subscription, const Fields& fields);
  void OnMember(Subscription& subscription, const Fields& fields);

  const bool trusts_service_;
  const gateway::NativeDialect dialect_;
  std::string id_;
  bool is_closed_ = false;
  bool is_paused_ = false;
  std::string waiting_, wire_;
  int64_t invalid_asked_ = 0;
  std::map<std::string, Subscription> subscriptions_;
};

}  // namespace herald::fuzz

#endif  // HERALD_TESTS_FUZZ_CLIENT_MODEL_H_
