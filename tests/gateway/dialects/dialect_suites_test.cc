// SPDX-License-Identifier: Apache-2.0
//
// The contract of a client protocol, for Herald's own and for one that differs
// from it in every respect.

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/dialects/native/native_dialect.h"
#include "proto/json/json_reader.h"
#include "tests/contract/dialect_channel_suite.h"
#include "tests/contract/dialect_suite.h"
#include "tests/gateway/dialects/line_dialect.h"

namespace herald::gateway {
namespace {

DialectUnderTest Native() {
  static const NativeDialect dialect;
  DialectUnderTest test;
  test.dialect = &dialect;
  test.subscribe = [](const std::string& channel) {
    return R"({"type":"subscribe","channel":")" + channel + "\"}";
  };
  test.unsubscribe = [](const std::string& channel) {
    return R"({"type":"unsubscribe","channel":")" + channel + "\"}";
  };
  test.whisper = [](const std::string& channel, const std::string& json) {
    return R"({"type":"whisper","event":"e","channel":")" + channel +
           R"(","data":)" + json + "}";
  };
  test.ping = R"({"type":"ping"})";
  test.is_subscribed = [](const std::string& payload,
                          const std::string& channel) {
    return payload == R"({"type":"subscribed","channel":")" + channel + "\"}";
  };
  test.is_refused = [](const std::string& payload, const std::string& channel) {
    return absl::StartsWith(
        payload,
        R"({"type":"subscription_error","channel":")" + channel + "\"");
  };
  test.data_of = [](const std::string& payload) -> std::optional<std::string> {
    if (!absl::StartsWith(payload, R"({"type":"event")")) return std::nullopt;
    json::JsonReader members(payload);
    while (members.Next()) {
      if (members.key() == "\"data\"") return std::string(members.value());
    }
    return std::nullopt;
  };
  return test;
}

DialectUnderTest Lines() {
  static const LineDialect dialect;
  DialectUnderTest test;
  test.dialect = &dialect;
  test.subscribe = [](const std::string& channel) { return "join " + channel; };
  test.unsubscribe = [](const std::string& channel) {
    return "leave " + channel;
  };
  test.whisper = [](const std::string& channel, const std::string& json) {
    return absl::StrCat("whisper ", channel, " ", json);
  };
  test.ping = "hello";
  test.is_subscribed = [](const std::string& payload,
                          const std::string& channel) {
    return payload == "joined " + channel;
  };
  test.is_refused = [](const std::string& payload, const std::string& channel) {
    return absl::StartsWith(payload, "refused " + channel + " ");
  };
  test.data_of = [](const std::string& payload) -> std::optional<std::string> {
    const size_t colon = payload.find(": ");
    if (colon == std::string::npos) return std::nullopt;
    return json::DecodeJsonString(absl::string_view(payload).substr(colon + 2));
  };
  return test;
}

INSTANTIATE_TEST_SUITE_P(Native, ADialect, ::testing::Values(Native()));
INSTANTIATE_TEST_SUITE_P(Lines, ADialect, ::testing::Values(Lines()));

}  // namespace
}  // namespace herald::gateway
