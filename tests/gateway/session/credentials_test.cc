// SPDX-License-Identifier: Apache-2.0

#include "gateway/session/credentials.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ASessionWithLargeCredentials : public GatewayWorld {
 protected:
  ASessionWithLargeCredentials() { Attach(); }

  // Asks with the largest ones. Returns whether the service was asked.
  bool Asks(Browser& browser, const std::string& channel) {
    uplink_->Take();
    const std::string name(contract::kChannelDataBytesMax - 14, 'x');
    Send(browser,
         absl::StrCat(R"({"type":"subscribe","channel":")", channel,
                      R"(","auth":")",
                      std::string(contract::kAuthTokenBytesMax, 'x'),
                      R"(","channel_data":{"user_id":")", name, "\"}}"));
    return !uplink_->items.empty();
  }

  static constexpr int kFitting = 21;  // Of 48 KiB, into 1 MiB.
};

TEST_F(ASessionWithLargeCredentials, MayKeepAMebibyte) {
  Browser& ada = Open();
  for (int i = 0; i < kFitting; ++i) {
    ASSERT_TRUE(Asks(ada, absl::StrCat("private-", i)));
    Allow("", {}, 0, /*renewable=*/true);
  }
  ada.Received();
  EXPECT_FALSE(Asks(ada, "private-more"));
  EXPECT_THAT(ada.Received(),
              ElementsAre(HasSubstr(R"("code":"too_many_channels")")));
  EXPECT_TRUE(Asks(ada, "news")) << "nothing of that is kept";
  EXPECT_TRUE(Asks(Open(), "private-0")) << "others have their own";
  Send(ada, R"({"type":"unsubscribe","channel":"private-7"})");
  EXPECT_TRUE(Asks(ada, "private-more"));
}

TEST_F(ASessionWithLargeCredentials, KeepsNoneThatAreNotUsedAgain) {
  Browser& ada = Open();
  for (int i = 0; i < 2 * kFitting; ++i) {
    ASSERT_TRUE(Asks(ada, absl::StrCat("private-", i)));
    Allow("", {}, /*expires_after_ms=*/1000, /*renewable=*/false);
  }
}

}  // namespace
}  // namespace herald::gateway
