// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/websocket_bytes.h"

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tests/benchmark/failure.h"

namespace herald::benchmark {
namespace {

TEST(AnUpgradeRequest, HasTheSizeThatIsAskedFor) {
  EXPECT_EQ(UpgradeRequest("127.0.0.1:8080", "/ws", 700, 1).size(), 700u);
  const std::string least = UpgradeRequest("127.0.0.1:8080", "/ws", 0, 1);
  EXPECT_LT(least.size(), 200u);
  EXPECT_TRUE(absl::StartsWith(least, "GET /ws HTTP/1.1\r\n"));
  EXPECT_TRUE(absl::EndsWith(least, "\r\n\r\n"));
}

TEST(AnUpgradeRequest, IsThatOfOneUser) {
  EXPECT_EQ(UpgradeRequest("a:1", "/ws", 700, 7),
            UpgradeRequest("a:1", "/ws", 700, 7));
  EXPECT_NE(UpgradeRequest("a:1", "/ws", 700, 7),
            UpgradeRequest("a:1", "/ws", 700, 8));
}

TEST(AnUpgradeRequest, HasACookieOfItsOwnAndABrowserLikeOthers) {
  const auto cookie = [](const std::string& request) {
    const size_t start = request.find("session=") + 8;
    return request.substr(start, request.find('\r', start) - start);
  };
  std::set<std::string> cookies;
  std::set<std::string> browsers;
  for (int number = 0; number < 1000; ++number) {
    const std::string request =
        UpgradeRequest("127.0.0.1:8080", "/ws", 700, number);
    cookies.insert(cookie(request));
    browsers.insert(request.substr(0, request.find("Cookie")));
    EXPECT_GE(cookie(request).size(), 150u) << request;
    EXPECT_LE(cookie(request).size(), 215u) << request;
  }
  EXPECT_EQ(cookies.size(), 1000u);
  EXPECT_EQ(browsers.size(), 20u);
}

TEST(AnUpgradeAnswer, IsMeasuredWhenItIsWhole) {
  const std::string head =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  EXPECT_EQ(UpgradeAnswerBytes(head + "more"), head.size());
  EXPECT_EQ(UpgradeAnswerBytes(head.substr(0, head.size() - 1)), 0u);
}

TEST(AnUpgradeAnswer, MustBeAYesToTheKey) {
  EXPECT_THROW(UpgradeAnswerBytes("HTTP/1.1 503 Full\r\n\r\n"), Failure);
  EXPECT_THROW(UpgradeAnswerBytes("HTTP/1.1 101 Yes\r\n\r\n"), Failure);
}

TEST(AClientFrame, IsMasked) {
  const std::string frame = ClientFrame(Opcode::kText, "hello");
  ASSERT_EQ(frame.size(), 2u + 4u + 5u);
  EXPECT_EQ(frame[0], '\x81');
  EXPECT_EQ(frame[1], '\x85');
  std::string payload;
  for (size_t i = 0; i < 5; ++i) {
    payload.push_back(static_cast<char>(frame[6 + i] ^ frame[2 + i % 4]));
  }
  EXPECT_EQ(payload, "hello");
  EXPECT_NE(frame.substr(6), "hello");
}

TEST(AClientFrame, HasALongLengthFrom126BytesOn) {
  EXPECT_EQ(ClientFrame(Opcode::kText, std::string(125, 'x')).size(), 131u);
  const std::string frame = ClientFrame(Opcode::kText, std::string(300, 'x'));
  ASSERT_EQ(frame.size(), 4u + 4u + 300u);
  EXPECT_EQ(frame.substr(1, 3), "\xFE\x01\x2C");
}

TEST(AServerFrame, IsNot) { EXPECT_EQ(ServerTextFrame("hi"), "\x81\x02hi"); }

}  // namespace
}  // namespace herald::benchmark
