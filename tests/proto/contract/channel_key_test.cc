// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/channel_key.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/hash/hash_testing.h"
#include "gtest/gtest.h"
#include "proto/contract/names.h"

namespace herald::contract {
namespace {

struct Case {
  std::string text, app, name;
};

const Case kCases[] = {
    {"chat.7", "", "chat.7"},
    {"presence-a.b;c", "", "presence-a.b;c"},
    {"44/chat.7", "44", "chat.7"},
    {"My_app-2/private-chat", "My_app-2", "private-chat"},
    {"44/a/b", "44", "a/b"},
    {"44/#server-to-user-a/b", "44", "#server-to-user-a/b"},
    {"44//a", "44", "/a"},
    {"a/", "a", ""},
    {"", "", ""},
    {"/", "", "/"},
    {"/x", "", "/x"},
    {"//", "", "//"},
    {"a.b/chat", "", "a.b/chat"},
    {"a b/chat", "", "a b/chat"},
    {"\xC3\xA4/chat", "", "\xC3\xA4/chat"},
    {std::string("a\0/chat", 7), "", std::string("a\0/chat", 7)},
    {"#server-to-user-a/b", "", "#server-to-user-a/b"},
    {"#server-to-user-", "", "#server-to-user-"},
};

TEST(TheTextOfAKey, IsReadAsTheKeyThatHasIt) {
  for (const Case& one : kCases) {
    const ChannelKeyView view = ChannelKeyView::FromText(one.text);
    EXPECT_EQ(view.app, one.app) << one.text;
    EXPECT_EQ(view.name, one.name) << one.text;
    const ChannelKey key = ChannelKey::FromText(one.text);
    EXPECT_EQ(key.app(), one.app) << one.text;
    EXPECT_EQ(key.name(), one.name) << one.text;
    EXPECT_EQ(key.text(), one.text);
  }
}

TEST(TheTextOfAKey, IsWrittenFromItsAppAndName) {
  for (const Case& one : kCases) {
    std::string space;
    const ChannelKeyView view{one.app, one.name};
    EXPECT_EQ(view.Text(), one.text);
    EXPECT_EQ(view.TextIn(&space), one.text);
    EXPECT_EQ(ChannelKey(view).text(), one.text);
    EXPECT_TRUE(ChannelKey(view) == ChannelKey::FromText(one.text));
  }
}

TEST(TheTextOfAKey, OfTheFirstAppIsTheNameItself) {
  std::string space;
  const std::string name = "chat.7";
  const absl::string_view text = ChannelKeyView{kFirstApp, name}.TextIn(&space);
  EXPECT_EQ(text.data(), name.data()) << "copied";
  EXPECT_TRUE(space.empty());
}

// So no name that a client may send, and none of the server's own, leads into
// another app.
TEST(TheTextOfAKey, IsOfAnotherAppOnlyWithASlashThatNoValidNameHas) {
  for (const Case& one : kCases) {
    if (one.app.empty()) continue;
    EXPECT_FALSE(CheckChannelName(one.text).ok()) << one.text;
    EXPECT_NE(one.text.front(), '#');
  }
}

TEST(AChannelKey, KeepsTheTextThatItIsGiven) {
  std::string text(100, 'a');
  const char* const bytes = text.data();
  EXPECT_EQ(ChannelKey::FromText(std::move(text)).name().data(), bytes);
}

TEST(AChannelKey, IsTheFirstAppsAndEmptyByDefault) {
  const ChannelKey key;
  EXPECT_EQ(key.app(), kFirstApp);
  EXPECT_EQ(key.name(), "");
  EXPECT_EQ(key.text(), "");
}

TEST(AChannelKey, IsAnotherOneInAnotherApp) {
  const ChannelKey first({kFirstApp, "chat"});
  const ChannelKey other({"44", "chat"});
  EXPECT_TRUE(first == first);
  EXPECT_FALSE(first == other);
  EXPECT_TRUE(other == (ChannelKeyView{"44", "chat"}));
  EXPECT_TRUE((ChannelKeyView{"44", "chat"}) == other);
  EXPECT_FALSE((ChannelKeyView{kFirstApp, "chat"}) == other);
  EXPECT_FALSE((ChannelKeyView{"4", "chat"}) == other);
}

TEST(AChannelKey, HasTheHashOfItsView) {
  std::vector<ChannelKeyView> views;
  for (const Case& one : kCases) views.push_back({one.app, one.name});
  EXPECT_TRUE(absl::VerifyTypeImplementsAbslHashCorrectly(views));
  for (const ChannelKeyView view : views) {
    EXPECT_EQ(absl::Hash<ChannelKey>()(ChannelKey(view)),
              absl::Hash<ChannelKeyView>()(view));
    EXPECT_EQ(ChannelKeyHash()(ChannelKey(view)), ChannelKeyHash()(view));
  }
}

TEST(AMapOfChannelKeys, IsSearchedByViews) {
  ChannelKeyMap<int> map;
  const std::string long_name(100, 'a');
  map[ChannelKeyView{kFirstApp, long_name}] = 1;
  map[ChannelKeyView{"44", long_name}] = 2;
  map[ChannelKeyView{"44", long_name}] += 1;
  EXPECT_EQ(map.size(), 2);
  EXPECT_EQ(map.at(ChannelKeyView{kFirstApp, long_name}), 1);
  EXPECT_EQ(map.at(ChannelKey({"44", long_name})), 3);
  EXPECT_FALSE(map.contains(ChannelKeyView{"45", long_name}));
  EXPECT_EQ(map.erase(ChannelKeyView{"44", long_name}), 1);
  EXPECT_EQ(map.begin()->first.text(), long_name);
}

}  // namespace
}  // namespace herald::contract
