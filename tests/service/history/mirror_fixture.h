// SPDX-License-Identifier: Apache-2.0
//
// A mirror, and its inputs and events in a few words.

#ifndef HERALD_TESTS_SERVICE_HISTORY_MIRROR_FIXTURE_H_
#define HERALD_TESTS_SERVICE_HISTORY_MIRROR_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/channel/encoding.h"
#include "service/history/mirror.h"

namespace herald::core {

inline const absl::Time kStoredAt = absl::FromUnixSeconds(1000);

inline Mirror::Entry Numbered(int64_t offset, absl::Time time = kStoredAt) {
  auto publication = std::make_shared<Publication>();
  publication->data = absl::StrCat(offset);
  publication->offset = offset;
  return {std::move(publication), time};
}

// Two of them are more than a mirror holds.
inline Mirror::Entry Large(int64_t offset) {
  auto publication = std::make_shared<Publication>();
  publication->data = std::string(Mirror::kHeldBytesMax - 1, 'x');
  publication->offset = offset;
  return {std::move(publication), kStoredAt};
}

inline Mirror::Entry Plain(const std::string& data, bool whisper = false) {
  auto publication = std::make_shared<Publication>();
  publication->data = data;
  publication->whisper = whisper;
  return {std::move(publication), kStoredAt};
}

inline v1::Member User(const std::string& id, const std::string& info = "") {
  v1::Member member;
  member.set_user_id(id);
  member.set_user_info(info);
  return member;
}

// An answer with all of (since, until].
inline Mirror::LogAnswer AnswerOf(const std::string& epoch, int64_t since,
                                  int64_t until) {
  Mirror::LogAnswer answer;
  answer.position = {epoch, until};
  answer.since = since;
  for (int64_t i = since + 1; i <= until; ++i) {
    answer.entries.push_back(Numbered(i));
  }
  return answer;
}

struct InWords {
  std::string operator()(const PublicationPtr& publication) const {
    return publication->data;
  }
  std::string operator()(const Mirror::HistoryBegan& began) const {
    return absl::StrCat(began.position.epoch, " begins at ",
                        began.position.offset, began.lost ? ", lost" : "");
  }
  std::string operator()(const Mirror::HistoryEnded& ended) const {
    return ended.lost ? "ends, lost" : "ends";
  }
  std::string operator()(const Mirror::MemberAdded& added) const {
    return "+" + added.member.user_id();
  }
  std::string operator()(const Mirror::MemberRemoved& removed) const {
    return "-" + removed.user_id;
  }
  std::string operator()(const Mirror::RosterReplaced& replaced) const {
    return absl::StrCat("others at ", replaced.position.epoch,
                        replaced.position.offset);
  }
};

inline std::string Text(const Mirror::Events& events) {
  std::vector<std::string> words;
  for (const Mirror::Event& event : events) {
    words.push_back(std::visit(InWords(), event));
  }
  return absl::StrJoin(words, " | ");
}

class AMirror : public ::testing::Test {
 protected:
  // Opens it where the log has these, and no members.
  void Open(const std::string& epoch, int64_t since, int64_t until) {
    const auto question = mirror_.Ask();
    ASSERT_TRUE(question.has_value());
    EXPECT_EQ(question->since, Position());
    EXPECT_TRUE(question->roster);
    Mirror::LogAnswer answer = AnswerOf(epoch, since, until);
    answer.roster.emplace();
    mirror_.OnAnswer(std::move(answer));
    ASSERT_TRUE(mirror_.is_open());
  }
  void OpenWithoutHistory() { Open("", 0, 0); }

  std::string Push(const std::string& epoch, int64_t offset) {
    return Text(mirror_.OnPublication(epoch, Numbered(offset)));
  }
  std::string Change(int64_t version, const std::string& change) {
    return Text(
        mirror_.OnMember({version, change[0] == '+', User(change.substr(1))}));
  }
  // Its question: `e 3`, `roster`, `nothing`.
  std::string Ask() {
    const std::optional<Mirror::LogQuestion> question = mirror_.Ask();
    if (!question.has_value()) return "nothing";
    std::vector<std::string> words;
    if (question->since.has_value()) {
      words.push_back(
          absl::StrCat(question->since->epoch, " ", question->since->offset));
    }
    if (question->roster) words.emplace_back("roster");
    return absl::StrJoin(words, " and ");
  }
  std::string Answer(const std::string& epoch, int64_t since, int64_t until) {
    return Text(mirror_.OnAnswer(AnswerOf(epoch, since, until)));
  }
  std::string AnswerWithRoster(const std::string& epoch, int64_t since,
                               int64_t until) {
    Mirror::LogAnswer answer = AnswerOf(epoch, since, until);
    answer.roster.emplace();
    return Text(mirror_.OnAnswer(std::move(answer)));
  }
  std::string AnswerRoster(int64_t version,
                           const std::vector<v1::Member>& members) {
    Mirror::LogAnswer answer;
    answer.roster = VersionedRoster{version, members};
    return Text(mirror_.OnAnswer(std::move(answer)));
  }
  std::string Since(const std::optional<Position>& since,
                    absl::Time now = kStoredAt) {
    const Missed missed = mirror_.Since(since, 1000, now);
    if (!missed.available) {
      return absl::StrCat("lost up to ", missed.available_since);
    }
    std::vector<std::string> words;
    for (const Chunk& chunk : missed.chunks) {
      words.push_back(DecodeEvent(chunk)->data());
      EXPECT_EQ(words.back(), absl::StrCat(missed.since + words.size()));
    }
    return absl::StrJoin(words, " ");
  }
  std::string MembersInWords() {
    std::vector<std::string> words;
    for (const v1::PresentMember& member : mirror_.Members()) {
      words.push_back(member.user_id() + member.user_info());
    }
    EXPECT_EQ(mirror_.member_count(), static_cast<int64_t>(words.size()));
    return absl::StrJoin(words, " ");
  }

  Mirror mirror_{{.size = 4, .ttl = absl::Minutes(1)}};
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_HISTORY_MIRROR_FIXTURE_H_
