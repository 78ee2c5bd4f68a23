// SPDX-License-Identifier: Apache-2.0
//
// A second protocol, for tests of gateways with clients of two kinds: lines of
// words in text frames. Clients send `join c`, `leave c` and `whisper c text`;
// they receive `joined c`, `left c`, `refused c` and `c: text`. They are not
// notified of members.

#ifndef HERALD_TESTS_GATEWAY_LINE_DIALECT_H_
#define HERALD_TESTS_GATEWAY_LINE_DIALECT_H_

#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gateway/protocol/dialect.h"

namespace herald::gateway {

class LineDialect final : public Dialect {
 public:
  DialectTraits traits() const override { return {2}; }

  ClientMessage Decode(absl::string_view text) const override {
    const std::vector<std::string> words =
        absl::StrSplit(text, absl::MaxSplits(' ', 2));
    if (words.size() == 2 && words[0] == "join") {
      return SubscribeMessage{words[1], "", "", {}};
    }
    if (words.size() == 2 && words[0] == "leave") {
      return UnsubscribeMessage{words[1]};
    }
    if (words.size() == 3 && words[0] == "whisper") {
      return WhisperMessage{words[1], "e", words[2]};
    }
    return BadMessage{"not a line", {}, false};
  }

  void Encode(const ServerMessage& message,
              std::string* frames) const override {
    const std::string line =
        std::visit([](const auto& one) { return LineOf(one); }, message);
    if (!line.empty()) AppendTextFrame(line, frames);
  }

  CloseFrame Close(contract::CloseReason /*why*/) const override {
    return {4999, "end of lines"};
  }
  std::string GoingAway(absl::Duration /*delay*/) const override {
    return "call again";
  }

 private:
  static std::string LineOf(const ConnectedMessage& one) {
    return absl::StrCat("welcome ", one.socket_id);
  }
  static std::string LineOf(const SubscribedMessage& one) {
    return absl::StrCat("joined ", one.channel);
  }
  static std::string LineOf(const SubscriptionErrorMessage& one) {
    return absl::StrCat("refused ", one.channel);
  }
  static std::string LineOf(const UnsubscribedMessage& one) {
    return absl::StrCat("left ", one.channel);
  }
  static std::string LineOf(const EventMessage& one) {
    return absl::StrCat(one.publication.channel(), ": ",
                        one.publication.data());
  }
  static std::string LineOf(const MemberAddedMessage& /*one*/) { return ""; }
  static std::string LineOf(const MemberRemovedMessage& /*one*/) { return ""; }
  static std::string LineOf(const PongMessage& /*one*/) { return ""; }
  static std::string LineOf(const ErrorMessage& one) {
    return absl::StrCat("error ", ErrorName(one.code));
  }
};

}  // namespace herald::gateway

#endif  // HERALD_TESTS_GATEWAY_LINE_DIALECT_H_
