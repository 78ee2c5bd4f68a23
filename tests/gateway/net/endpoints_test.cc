// SPDX-License-Identifier: Apache-2.0

#include "gateway/net/endpoints.h"

#include "gateway/dialects/native/native_dialect.h"
#include "gtest/gtest.h"
#include "tests/gateway/text_dialect.h"

namespace herald::gateway {
namespace {

TEST(Endpoints, MapAPathToADialect) {
  const NativeDialect native;
  const TextDialect text;
  Endpoints endpoints;
  EXPECT_EQ(endpoints.Find("/ws"), nullptr);
  endpoints.Add("/ws", &native);
  endpoints.Add("/text", &text);
  EXPECT_EQ(endpoints.Find("/ws"), &native);
  EXPECT_EQ(endpoints.Find("/ws/"), &native);
  EXPECT_EQ(endpoints.Find("/text"), &text);
  for (const char* path : {"", "/", "/ws//", "/wss", "/w", "/ws/x", "ws"}) {
    EXPECT_EQ(endpoints.Find(path), nullptr) << path;
  }
  EXPECT_EQ(endpoints.Describe(), "/ws (WebSocket), /text (WebSocket), ");
}

TEST(Endpoints, MayServeTheRoot) {
  const NativeDialect native;
  Endpoints endpoints;
  endpoints.Add("/", &native);
  EXPECT_EQ(endpoints.Find("/"), &native);
  EXPECT_EQ(endpoints.Find("/ws"), nullptr);
}

}  // namespace
}  // namespace herald::gateway
