// SPDX-License-Identifier: Apache-2.0

#include "service/core/encoding.h"

#include "gtest/gtest.h"
#include "service/core/publication.h"

namespace herald::core {
namespace {

TEST(Chunks, PutOneBehindTheOtherAreAFrame) {
  link::v1::ServiceItem one, two;
  one.mutable_settled();
  two.mutable_member_removed()->set_user_id("ada");
  const std::string joined = *EncodeItem(one) + *EncodeItem(two);
  link::v1::AttachResponse frame;
  ASSERT_TRUE(frame.ParseFromString(joined));
  ASSERT_EQ(frame.items_size(), 2);
  EXPECT_TRUE(frame.items(0).has_settled());
  EXPECT_EQ(frame.items(1).member_removed().user_id(), "ada");
}

TEST(APublication, IsEncodedOnceForAllWhoReceiveIt) {
  Publication publication;
  publication.channel = "news";
  publication.data = "[1]";
  publication.except_socket_id = "1.2";
  EXPECT_EQ(publication.LinkChunk().get(), publication.LinkChunk().get());
  link::v1::AttachResponse frame;
  ASSERT_TRUE(frame.ParseFromString(*publication.LinkChunk()));
  EXPECT_EQ(frame.items(0).publication().data(), "[1]");
  EXPECT_EQ(frame.items(0).publication().except_socket_id(), "1.2");
  v1::WatchResponse watch;
  ASSERT_TRUE(watch.ParseFromString(*publication.WatchChunk()));
  EXPECT_EQ(watch.message().event().channel(), "news");
}

TEST(JsonText, IsWhatRfc8259SaysAndNothingElse) {
  for (const char* good : {"null", "1", "-1.5e3", "\"\"", "[]", "{}",
                           " {\"a\" : [1, 2]} ", "\"\\u00e9\"", "\"ü\""}) {
    EXPECT_TRUE(IsJson(good)) << good;
  }
  for (const char* bad :
       {"", " ", "[1,,2]", "{\"a\":nul}", "{'a':1}", "[1", "1 2", "{\"a\"}",
        "NaN", "01", "\"\xff\"", "\"\n\"", "[1]]", "undefined"}) {
    EXPECT_FALSE(IsJson(bad)) << bad;
  }
}

TEST(JsonText, HasNumbersOfAnySizeButOfOneForm) {
  for (const char* good :
       {"18446744073709551616", "-9223372036854775809", "1e999", "-1E+999",
        "0.1e-999", "-0", "[1e999,123456789012345678901234567890.5]",
        R"({"1e999":1e999,"\"01":[1E400],"a\\":-1e999})"}) {
    EXPECT_TRUE(IsJson(good)) << good;
  }
  // With a number that is too large for simdjson, and alone.
  for (const std::string bad :
       {"01",    "-01",    "1.",       ".5",        "-",     "--1",   "1e",
        "1e+",   "+1",     "0x1",      "1.5.5",     "1e5e5", "1-1",   "1e999e",
        "1_000", "1e9x",   "Infinity", "-Infinity", "1 2",   "true1", "1true",
        "\"01",  "\"\\\"", "\"\xff\"", "{1e999:1}"}) {
    EXPECT_FALSE(IsJson(bad)) << bad;
    EXPECT_FALSE(IsJson("[1e999," + bad + "]")) << bad;
    EXPECT_FALSE(IsJson("[" + bad + ",1e999]")) << bad;
  }
  EXPECT_FALSE(IsJson("1e999 1e999"));
  EXPECT_FALSE(IsJson("[1e999"));
}

TEST(JsonText, MayBeLargeButNotDeepWithoutEnd) {
  EXPECT_TRUE(IsJson("\"" + std::string(1 << 20, 'x') + "\""));
  EXPECT_FALSE(IsJson(std::string(1 << 20, '[')));
  EXPECT_TRUE(IsJson("1"));
}

}  // namespace
}  // namespace herald::core
