// SPDX-License-Identifier: Apache-2.0
//
// The part of the engine's suite (engine_suite.h) about the queries of
// backends.

#ifndef HERALD_TESTS_CONTRACT_ENGINE_DIRECTORY_SUITE_H_
#define HERALD_TESTS_CONTRACT_ENGINE_DIRECTORY_SUITE_H_

#include "tests/contract/engine_suite.h"

namespace herald::core {

// Keeps an answer, which comes without a lock.
template <typename Answer>
Directory::Done<Answer> Take(absl::StatusOr<Answer>* to) {
  return [to](absl::StatusOr<Answer> answer) { *to = std::move(answer); };
}

TEST_P(AnEngine, DescribesAChannel) {
  Subscribe("presence-room");
  Join("ada", 1, "1.1");
  ++listener_.subscribed["presence-room"];
  const Position at = Publish("presence-room", "1", "", {10}).position;
  absl::StatusOr<ChannelState> state = absl::InternalError("none");
  engine_.Describe("presence-room", Take(&state));
  world_->Settle();
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->name, "presence-room");
  EXPECT_EQ(state->subscriber_count, 2);
  EXPECT_EQ(state->member_count, 1);
  EXPECT_EQ(state->position, at);

  engine_.Describe("other", Take(&state));
  world_->Settle();
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->subscriber_count, 0);
  EXPECT_EQ(state->member_count, 0);
  EXPECT_EQ(state->position, std::nullopt);
}

TEST_P(AnEngine, PagesThroughChannelsInTheOrderOfNames) {
  for (const char* channel : {"b", "ab", "aa", "ac", "ad"}) Subscribe(channel);
  const auto page = [&](const char* prefix, const char* after, size_t count) {
    absl::StatusOr<ChannelsPage> answer = absl::InternalError("none");
    engine_.ListChannels(prefix, after, count, Take(&answer));
    world_->Settle();
    EXPECT_TRUE(answer.ok()) << answer.status();
    std::string text;
    for (const ChannelState& state : answer->channels) {
      EXPECT_EQ(state.subscriber_count, 1);
      text += state.name + " ";
    }
    return text + (answer->more ? "..." : ".");
  };
  EXPECT_EQ(page("", "", 100), "aa ab ac ad b .");
  EXPECT_EQ(page("a", "", 2), "aa ab ...");
  EXPECT_EQ(page("a", "ab", 2), "ac ad .");
  EXPECT_EQ(page("a", "ad", 2), ".");
  EXPECT_EQ(page("c", "", 2), ".");
}

TEST_P(AnEngine, SumsUpChannelsAndSubscriptions) {
  for (const char* channel : {"a", "b", "b"}) Subscribe(channel);
  absl::StatusOr<Totals> totals = absl::InternalError("none");
  engine_.Sum(Take(&totals));
  world_->Settle();
  ASSERT_TRUE(totals.ok()) << totals.status();
  EXPECT_EQ(totals->channels, 2);
  EXPECT_EQ(totals->subscriptions, 3);
}

TEST_P(AnEngine, CountsTheSubscriptionsThatAReturnedGatewayHas) {
  const auto count_of = [&](const char* channel) {
    absl::StatusOr<ChannelState> state = absl::InternalError("none");
    engine_.Describe(channel, Take(&state));
    world_->Settle();
    EXPECT_TRUE(state.ok()) << state.status();
    return state->subscriber_count;
  };
  const auto replace = [&](const char* channel, int64_t attach, int64_t count) {
    absl::Status replaced = absl::InternalError("none");
    Locked(channel, [&] {
      engine_.Replace(channel, 1, attach, count, {}, absl::ZeroDuration(),
                      [&](const absl::Status& status) { replaced = status; });
    });
    EXPECT_TRUE(replaced.ok()) << replaced;
    listener_.subscribed[channel] = count;
  };
  for (const char* channel : {"news", "presence-room"}) {
    const int64_t old = Attach(1);
    Subscribe(channel);
    EXPECT_EQ(count_of(channel), 1);
    engine_.Detach(1, old, /*goodbye=*/false);
    listener_.subscribed.clear();
    EXPECT_EQ(count_of(channel), 0) << "its members wait, and no subscription";
    replace(channel, Attach(1), 3);
    EXPECT_EQ(count_of(channel), 3);
    Locked(channel, [&] {
      engine_.Dismiss(channel, "", {1, "1.1"}, AttachOf(1),
                      absl::ZeroDuration());
    });
    listener_.subscribed[channel] = 2;
    EXPECT_EQ(count_of(channel), 2);
    // A call of its earlier link is late.
    Locked(channel, [&] {
      engine_.Dismiss(channel, "", {1, "1.1"}, old, absl::ZeroDuration());
    });
    EXPECT_EQ(count_of(channel), 2);
  }
}

TEST_P(AnEngine, PagesThroughMembersThatComeAndGo) {
  for (const char* user : {"eve", "ada", "dan", "bob"}) Join(user, 1, user);
  const auto page = [&](const char* after, PageSize size) {
    std::string text;
    absl::StatusOr<MembersPage> part = absl::InternalError("none");
    engine_.ListMembers("presence-room", after, size, Take(&part));
    world_->Settle();
    EXPECT_TRUE(part.ok()) << part.status();
    for (const v1::PresentMember& member : part->members) {
      text += member.user_id() + " ";
    }
    return text + (part->more ? "..." : ".");
  };
  EXPECT_EQ(page("", {2, 1000}), "ada bob ...");
  EXPECT_EQ(page("", {4, 1000}), "ada bob dan eve .");
  EXPECT_EQ(page("", {100, 1}), "ada ...") << "one alone may be larger";
  Leave("bob", 1, "bob");
  Join("cyd", 1, "cyd");
  EXPECT_EQ(page("bob", {2, 1000}), "cyd dan ...");
  EXPECT_EQ(page("dan", {2, 1000}), "eve .");
  EXPECT_EQ(page("eve", {2, 1000}), ".");
}

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_DIRECTORY_SUITE_H_
