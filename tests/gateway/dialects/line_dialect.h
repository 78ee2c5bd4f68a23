// SPDX-License-Identifier: Apache-2.0
//
// A second protocol, for tests of gateways with clients of two kinds. It
// differs from Herald's own in every respect that a dialect decides: lines of
// words instead of objects; two frames for `subscribed`; silence for an
// unsubscribe of the client, for members, and for positions; the data of an
// event as a JSON string; a sign-in; a refusal in band; a message before the
// close frame.
//
//   client                     server
//                              welcome ID
//   join C [AUTH [DATA]]       joined C, then: go C | refused C CODE
//   leave C                    (nothing) | taken C REASON
//   whisper C JSON             C: "JSON"
//   login AUTH DATA            user DATA | nobody CODE
//   hello                      hello

#ifndef HERALD_TESTS_GATEWAY_DIALECTS_LINE_DIALECT_H_
#define HERALD_TESTS_GATEWAY_DIALECTS_LINE_DIALECT_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gateway/protocol/dialect.h"
#include "proto/json/json_text.h"

namespace herald::gateway {

class LineDialect final : public Dialect {
 public:
  DialectTraits traits() const override { return {2}; }

  // A query is refused after the upgrade, and so is a foreign origin.
  Acceptance Accept(const UpgradeRequest& request) const override {
    if (request.origin_allowed && !absl::StrContains(request.target, '?')) {
      return Accepted();
    }
    RefusedInBand refused;
    AppendTextFrame("not here", &refused.goodbye.frames);
    refused.goodbye.code = 4900;
    refused.goodbye.text = "refused";
    return refused;
  }

  ClientMessage Decode(absl::string_view text) const override {
    const std::vector<std::string> words =
        absl::StrSplit(text, absl::MaxSplits(' ', 3));
    const std::string& verb = words[0];
    const auto word = [&](size_t i) {
      return i < words.size() ? words[i] : std::string();
    };
    if (verb == "join") return SubscribeMessage{word(1), word(2), word(3), {}};
    if (verb == "leave") return UnsubscribeMessage{word(1)};
    if (verb == "whisper") return WhisperMessage{word(1), "e", word(2)};
    if (verb == "login") return SignInMessage{word(1), word(2)};
    if (verb == "hello") return PingMessage();
    return BadMessage{"not a line", {}, false};
  }

  void Encode(const ServerMessage& message,
              std::string* frames) const override {
    std::visit([frames](const auto& one) { Write(one, frames); }, message);
  }

  Goodbye MakeGoodbye(contract::CloseReason /*why*/, absl::string_view text,
                      std::optional<absl::Duration> /*delay*/) const override {
    Goodbye goodbye{"", 4999, std::string(text.empty() ? "the end" : text)};
    AppendTextFrame("bye", &goodbye.frames);
    return goodbye;
  }

 private:
  static void Write(const ConnectedMessage& one, std::string* out) {
    AppendTextFrame(absl::StrCat("welcome ", one.socket_id), out);
  }
  static void Write(const SubscribedMessage& one, std::string* out) {
    AppendTextFrame(absl::StrCat("joined ", one.channel), out);
    AppendTextFrame(absl::StrCat("go ", one.channel), out);
  }
  static void Write(const SubscriptionErrorMessage& one, std::string* out) {
    AppendTextFrame(
        absl::StrCat("refused ", one.channel, " ", RefusalName(one.code)), out);
  }
  static void Write(const UnsubscribedMessage& one, std::string* out) {
    if (one.reason.empty()) return;
    AppendTextFrame(absl::StrCat("taken ", one.channel, " ", one.reason), out);
  }
  static void Write(const SignedInMessage& one, std::string* out) {
    AppendTextFrame(absl::StrCat("user ", one.user_data), out);
  }
  static void Write(const SignInErrorMessage& one, std::string* out) {
    AppendTextFrame(absl::StrCat("nobody ", RefusalName(one.code)), out);
  }
  static void Write(const EventMessage& one, std::string* out) {
    std::string line = absl::StrCat(one.publication.channel(), ": ");
    json::AppendJsonString(one.publication.data(), &line);
    AppendTextFrame(line, out);
  }
  static void Write(const MemberAddedMessage& /*one*/, std::string* /*out*/) {}
  static void Write(const MemberRemovedMessage& /*one*/, std::string* /*out*/) {
  }
  static void Write(const PongMessage& /*one*/, std::string* out) {
    AppendTextFrame("hello", out);
  }
  static void Write(const ErrorMessage& one, std::string* out) {
    AppendTextFrame(absl::StrCat("error ", ErrorName(one.code)), out);
  }
};

}  // namespace herald::gateway

#endif  // HERALD_TESTS_GATEWAY_DIALECTS_LINE_DIALECT_H_
