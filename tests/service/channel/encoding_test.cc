// SPDX-License-Identifier: Apache-2.0

#include "service/channel/encoding.h"

#include "gtest/gtest.h"
#include "service/channel/publication.h"

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

TEST(APublication, IsEncodedOnceForAllReceivers) {
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

}  // namespace
}  // namespace herald::core
