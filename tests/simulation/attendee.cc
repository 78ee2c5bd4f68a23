// SPDX-License-Identifier: Apache-2.0

#include "tests/simulation/attendee.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "simdjson.h"

namespace herald::simulation {
namespace {

std::string Field(simdjson::dom::element object, const char* name) {
  std::string_view text;
  if (object[name].get(text) != simdjson::SUCCESS) return "";
  return std::string(text);
}

}  // namespace

void Attendee::Disconnect() {
  asks_.clear();
  End();
}

void Attendee::End() {
  subscribed_ = owes_end_ = may_have_ended_ = false;
  members_.clear();
}

std::string Attendee::Join(absl::string_view token) {
  asks_.push_back(Ask::kJoin);
  return absl::StrCat(R"({"type":"subscribe","channel":")", channel_,
                      R"(","auth":")", token, "\"}");
}

std::string Attendee::Leave() {
  asks_.push_back(Ask::kLeave);
  return absl::StrCat(R"({"type":"unsubscribe","channel":")", channel_, "\"}");
}

void Attendee::Revoke() {
  may_end_ = true;
  may_have_ended_ = subscribed_ || waits();
  owes_end_ |= subscribed_;
}

void Attendee::Receive(absl::string_view frame) {
  SCOPED_TRACE(frame);
  simdjson::dom::parser parser;
  simdjson::dom::element object;
  ASSERT_EQ(parser.parse(frame.data(), frame.size()).get(object),
            simdjson::SUCCESS);
  const std::string type = Field(object, "type");
  if (type == "member_added") {
    ASSERT_TRUE(subscribed_);
    ASSERT_TRUE(members_.insert(Field(object, "user_id")).second)
        << "is there already";
  } else if (type == "member_removed") {
    ASSERT_TRUE(subscribed_);
    ASSERT_EQ(members_.erase(Field(object, "user_id")), 1u) << "is not there";
  } else if (type == "subscribed") {
    ASSERT_TRUE(waits() && asks_.front() == Ask::kJoin) << "there was no ask";
    asks_.pop_front();
    ASSERT_FALSE(std::exchange(subscribed_, true));
    simdjson::dom::array array;
    ASSERT_EQ(object["members"].get(array), simdjson::SUCCESS);
    for (const simdjson::dom::element member : array) {
      ASSERT_TRUE(members_.insert(Field(member, "user_id")).second) << "twice";
    }
    ASSERT_TRUE(members_.contains(user_)) << "the newcomer is included";
    ++joined_;
  } else if (type == "subscription_error") {
    ASSERT_TRUE(!subscribed_ && waits() && asks_.front() == Ask::kJoin);
    asks_.pop_front();
    may_have_ended_ = false;
    ++refused_;
  } else {
    ASSERT_EQ(type, "unsubscribed");
    if (!Field(object, "reason").empty()) {
      ASSERT_TRUE(may_end_) << "it was not revoked";
      ++revoked_;
      return End();
    }
    // A join before the leave need not have an answer.
    const auto leave = std::find(asks_.begin(), asks_.end(), Ask::kLeave);
    ASSERT_NE(leave, asks_.end()) << "it did not want to leave";
    asks_.erase(asks_.begin(), leave + 1);
    End();
  }
}

}  // namespace herald::simulation
