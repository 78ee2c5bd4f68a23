// SPDX-License-Identifier: Apache-2.0

#include "gateway/session/whisper_check.h"

#include <string>

#include "gateway/channels/channel_rules.h"
#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

class AWhisper : public ::testing::Test {
 protected:
  AWhisper() {
    settings_.set_allow_client_events(true);
    settings_.set_max_payload(10);
  }

  // The name of the fault; empty if there is none.
  std::string Fault(const WhisperMessage& whisper) {
    const auto fault = CheckWhisper(whisper, app_, *CompileRules(settings_));
    if (!fault.has_value()) return "";
    EXPECT_EQ(fault->channel, whisper.channel);
    EXPECT_NE(fault->message, "");
    return std::string(ErrorName(fault->code));
  }

  link::v1::Settings settings_;
  std::string app_;  // The first one.
};

TEST_F(AWhisper, OfGoodNamesAndSizeHasNoFault) {
  EXPECT_EQ(Fault({"news", "e", "12"}), "");
}

TEST_F(AWhisper, IsCheckedByTheRulesForItsApp) {
  config::v1::ChannelRule& rule = *settings_.add_rules();
  rule.set_pattern("44/*");
  rule.set_client_events(false);
  EXPECT_EQ(Fault({"news", "e", "1"}), "");
  app_ = "44";
  EXPECT_EQ(Fault({"news", "e", "1"}), "not_allowed");
  EXPECT_EQ(Fault({"44/news", "e", "1"}), "invalid_channel")
      << "no client reaches another app by a name";
}

TEST_F(AWhisper, WithABadNameOrTooMuchDataIsRefused) {
  EXPECT_EQ(Fault({"#", "e", "1"}), "invalid_channel");
  EXPECT_EQ(Fault({"news", "", "1"}), "invalid_event");
  EXPECT_EQ(Fault({"news", "e", "12345678901"}), "payload_too_large");
}

TEST_F(AWhisper, IsRefusedWhereRulesForbidIt) {
  config::v1::ChannelRule& rule = *settings_.add_rules();
  rule.set_pattern("quiet.*");
  rule.set_client_events(false);
  EXPECT_EQ(Fault({"quiet.1", "e", "1"}), "not_allowed");
  EXPECT_EQ(Fault({"news", "e", "1"}), "");
  settings_.set_allow_client_events(false);
  EXPECT_EQ(Fault({"news", "e", "1"}), "not_allowed");
}

TEST_F(AWhisper, ThatIsRefusedIsNamedWithItsChannel) {
  const ErrorMessage error =
      WhisperError(ErrorCode::kRateLimited, "news", "too many");
  EXPECT_EQ(error.message, "whisper on news: too many");
  EXPECT_EQ(error.channel, "news");
  EXPECT_EQ(ErrorName(error.code), "rate_limited");
}

}  // namespace
}  // namespace herald::gateway
