// SPDX-License-Identifier: Apache-2.0

#include "gateway/http/http_session.h"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gateway/http/proxy_header.h"
#include "gateway/http/upgrade_request.h"
#include "gateway/loop/timer_wheel.h"
#include "gateway/net/random.h"
#include "gateway/net/trusted_proxies.h"
#include "gateway/net/websocket_session.h"
#include "gateway/socket/connection_facts.h"
#include "proto/admission/connect_rate.h"
#include "proto/admission/fair_shares.h"
#include "proto/admission/source.h"
#include "proto/contract/names.h"
#include "proto/http/http_connection.h"

namespace herald::gateway {
namespace {

using process::View;

// Retry-After of a gateway that is full or about to stop.
constexpr absl::Duration kComeBackAfter = absl::Seconds(5);

// HTTP allows any byte above 0x7F in a value; a protobuf string must be UTF-8.
// A value that is not UTF-8 is read as Latin-1, the original charset of HTTP.
std::string Utf8(absl::string_view text) {
  if (contract::IsUtf8(text)) return std::string(text);
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      result.push_back(c);
    } else {
      result.push_back(static_cast<char>(0xC0 | (byte >> 6)));
      result.push_back(static_cast<char>(0x80 | (byte & 0x3F)));
    }
  }
  return result;
}

// One clock for all loops.
absl::Duration Uptime() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

// In [0, 1).
double RandomFraction() {
  constexpr int kBits = 53;  // Of a double.
  return std::ldexp(static_cast<double>(RandomNumber() >> (63 - kBits)),
                    -kBits);
}

// Returns nullopt for a peer on a unix socket.
std::optional<net::ip::address> PeerOf(const StreamSocket& socket) {
  error_code ec;
  const StreamProtocol::endpoint peer = socket.remote_endpoint(ec);
  tcp::endpoint address;
  const int family = peer.protocol().family();
  if (ec || (family != AF_INET && family != AF_INET6)) return std::nullopt;
  std::memcpy(address.data(), peer.data(),
              std::min(peer.size(), address.capacity()));
  return Unmapped(address.address());
}

template <typename Bytes>
admission::Source SourceOfBytes(const Bytes& bytes) {
  return admission::SourceOf(
      {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

admission::Source SourceOf(const std::optional<net::ip::address>& address) {
  if (!address.has_value()) return admission::kNoSource;
  return address->is_v4() ? SourceOfBytes(address->to_v4().to_bytes())
                          : SourceOfBytes(address->to_v6().to_bytes());
}

class HttpSession final : public process::HttpConnection,
                          private Timer,
                          private admission::FairShares::Entry {
 public:
  HttpSession(EventLoop* loop, StreamSocket socket)
      : HttpConnection(std::move(socket), &loop->state().pages),
        loop_(loop),
        peer_(PeerOf(this->socket())) {}

 private:
  // HttpConnection:
  bool Serves(absl::string_view path) override;
  void Serve(absl::string_view path) override;
  std::string Paths() const override {
    return loop_->state().endpoints.Describe();
  }
  int ReadPrelude(absl::string_view bytes) override;
  void SetDeadline(absl::Duration time) override {
    TimerWheel& wheel = loop_->shard().wheel();
    wheel.Set(this, wheel.now() + time);
    Enter();
  }

  // Timer:
  void OnTimer() override { Cut(); }

  // admission::FairShares::Entry:
  void OnEvicted() override {
    loop_->state().observer->OnHalfOpenCut();
    Cut();
  }

  // Joins the connections that are not WebSockets yet, as the newest.
  void Enter();

  void ServeUpgrade();
  void RefuseUpgrade(const process::HttpRefusal& refusal);
  void Refuse(UpgradeRefusal why, Response response,
              absl::string_view detail = "");
  // Answers 503 with `Retry-After`.
  void SendAway(UpgradeRefusal why, absl::string_view text,
                absl::Duration come_back_after);
  // The client by the PROXY protocol, if the peer is trusted to name one.
  std::optional<net::ip::address> Client(
      const std::vector<absl::string_view>& forwarded_for) const;
  // The client by the request's headers.
  std::optional<net::ip::address> Client() const;
  ConnectionFacts Facts(const std::optional<net::ip::address>& client);

  EventLoop* const loop_;
  const Dialect* dialect_ = nullptr;  // Of the request's path.
  const std::optional<net::ip::address> peer_;
  std::optional<net::ip::address> proxied_;  // From the PROXY header.
};

bool HttpSession::Serves(absl::string_view path) {
  dialect_ = loop_->state().endpoints.Find(path);
  return dialect_ != nullptr;
}

int HttpSession::ReadPrelude(absl::string_view bytes) {
  if (!loop_->state().proxy_protocol) return 0;
  const ProxyHeader header = ParseProxyHeader(bytes);
  if (header.state == ProxyHeader::State::kMore) return kMore;
  if (header.state == ProxyHeader::State::kBroken) {
    loop_->state().observer->OnUpgradeRefused(UpgradeRefusal::kNoProxy, "");
    return kBroken;
  }
  proxied_ = header.source;
  Enter();
  return static_cast<int>(header.bytes);
}

void HttpSession::Enter() {
  loop_->half_open().Add(this, SourceOf(Client({})), /*weight=*/1);
  loop_->half_open().EvictIfFull();
}

std::optional<net::ip::address> HttpSession::Client(
    const std::vector<absl::string_view>& forwarded_for) const {
  const TrustedProxies& proxies = loop_->state().trusted_proxies;
  if (proxies.empty()) return peer_;
  return proxies.ClientOf(peer_, proxied_, forwarded_for);
}

std::optional<net::ip::address> HttpSession::Client() const {
  std::vector<absl::string_view> forwarded_for;
  if (!loop_->state().trusted_proxies.empty()) {
    const auto [first, last] = request().equal_range("X-Forwarded-For");
    for (auto field = first; field != last; ++field) {
      forwarded_for.push_back(View(field->value()));
    }
  }
  return Client(forwarded_for);
}

// The facts of the connection that the authorizer receives.
ConnectionFacts HttpSession::Facts(
    const std::optional<net::ip::address>& client) {
  HeaderPool::Builder facts(client ? client->to_string() : "unix",
                            SourceOf(client));
  for (const auto& field : request()) {
    const absl::string_view name = View(field.name_string());
    if (absl::StartsWithIgnoreCase(name, "sec-websocket-")) continue;
    facts.AddHeader(name, Utf8(View(field.value())));
  }
  return loop_->shard().headers().Make(std::move(facts));
}

void HttpSession::Serve(absl::string_view /*path*/) {
  if (request().method() == http::verb::options) {
    return Send(Answer(http::status::ok, ""));
  }
  ServeUpgrade();
}

void HttpSession::ServeUpgrade() {
  GatewayState& state = loop_->state();
  if (state.draining) {
    return SendAway(UpgradeRefusal::kDraining, "the gateway is shutting down",
                    kComeBackAfter);
  }
  if (request().method() != http::verb::get) {
    return RefuseUpgrade(
        {http::status::upgrade_required, "this is a WebSocket endpoint"});
  }
  if (const auto refusal = CheckUpgrade(request())) {
    return RefuseUpgrade(*refusal);
  }
  if (has_body()) {
    return RefuseUpgrade({http::status::bad_request,
                          "a WebSocket upgrade must not have a body"});
  }
  const auto origin = request().find(http::field::origin);
  const bool has_origin = origin != request().end();
  const absl::string_view origin_text =
      has_origin ? View(origin->value()) : absl::string_view();
  const UpgradeRequest upgrade{View(request().target()),
                               !has_origin || state.origins.Allow(origin_text)};
  const Acceptance acceptance = dialect_->Accept(upgrade);
  if (const auto* refused = std::get_if<RefusedByHttp>(&acceptance)) {
    return Refuse(
        upgrade.origin_allowed ? UpgradeRefusal::kBadRequest
                               : UpgradeRefusal::kOrigin,
        Answer(static_cast<http::status>(refused->status), refused->text),
        origin_text);
  }
  const std::optional<net::ip::address> client = Client();
  const admission::Source source = SourceOf(client);
  ConnectionSlot slot = ConnectionSlot::Take(&state, source);
  if (!slot.valid()) {
    return SendAway(UpgradeRefusal::kFull, "connection limit reached",
                    kComeBackAfter);
  }
  // The last check, so that only an admissible client consumes a token.
  const absl::Duration wait = state.connect_rate.Take(Uptime(), source);
  if (wait > absl::ZeroDuration()) {
    return SendAway(UpgradeRefusal::kOverrun, "connection rate limit reached",
                    wait);
  }
  Cancel();
  ConnectionFacts facts = Facts(client);
  NormalizeUpgrade(&request());
  const auto* const refused = std::get_if<RefusedInBand>(&acceptance);
  StartWebsocketSession(loop_, std::move(socket()), request(), rest(),
                        std::move(slot), std::move(facts), dialect_,
                        refused == nullptr ? nullptr : &refused->goodbye);
}

// A 426 names the versions and the protocol, as RFC 6455 section 4.4 and RFC
// 9110 section 15.5.22 require.
void HttpSession::RefuseUpgrade(const process::HttpRefusal& refusal) {
  Response response = Answer(refusal.status, refusal.text);
  if (refusal.status == http::status::upgrade_required) {
    response.set(http::field::upgrade, "websocket");
    response.set(http::field::connection, "Upgrade");
    response.set(http::field::sec_websocket_version, "13");
  }
  Refuse(UpgradeRefusal::kBadRequest, std::move(response));
}

void HttpSession::Refuse(UpgradeRefusal why, Response response,
                         absl::string_view detail) {
  NetObserver& observer = *loop_->state().observer;
  observer.OnUpgradeRefused(why, detail);
  if (observer.traces_sockets()) {
    const auto client = Client();
    const std::string address = client ? client->to_string() : "unix";
    observer.OnSocketEvent({.what = "upgrade refused",
                            .remote_address = address,
                            .why = NameOf(why)});
  }
  // After a refused upgrade the connection serves no other request.
  SendLast(std::move(response));
}

void HttpSession::SendAway(UpgradeRefusal why, absl::string_view text,
                           absl::Duration come_back_after) {
  Response response = Answer(http::status::service_unavailable, text);
  response.set(http::field::retry_after,
               std::to_string(admission::RetryAfterSeconds(come_back_after,
                                                           RandomFraction())));
  Refuse(why, std::move(response));
}

}  // namespace

void StartHttpSession(EventLoop* loop, StreamSocket socket) {
  std::make_shared<HttpSession>(loop, std::move(socket))->Start();
}

}  // namespace herald::gateway
