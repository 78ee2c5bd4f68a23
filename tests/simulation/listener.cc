// SPDX-License-Identifier: Apache-2.0

#include "tests/simulation/listener.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "simdjson.h"

namespace herald::simulation {
namespace {

std::string Text(simdjson::dom::element object, const char* field) {
  std::string_view text;
  if (object[field].get(text) != simdjson::SUCCESS) return "";
  return std::string(text);
}

int64_t Number(simdjson::dom::element object, const char* field) {
  int64_t number = 0;
  return object[field].get(number) == simdjson::SUCCESS ? number : 0;
}

}  // namespace

std::string Listener::Subscribe() {
  asked_ = true;
  recovering_ = !epoch_.empty();
  if (!recovering_) {
    return absl::StrCat(R"({"type":"subscribe","channel":")", channel_, "\"}");
  }
  return absl::StrCat(R"({"type":"subscribe","channel":")", channel_,
                      R"(","recover":{"epoch":")", epoch_, R"(","offset":)",
                      offset_, "}}");
}

void Listener::Hear(absl::string_view frame) {
  simdjson::dom::parser parser;
  simdjson::dom::element object;
  ASSERT_EQ(parser.parse(frame.data(), frame.size()).get(object),
            simdjson::SUCCESS)
      << frame;
  const std::string type = Text(object, "type");
  if (type == "subscribed") {
    bool flag = false;
    int recovered = -1;
    if (object["recovered"].get(flag) == simdjson::SUCCESS) recovered = flag;
    return OnSubscribed(Text(object, "epoch"), Number(object, "offset"),
                        recovered);
  }
  if (type == "subscription_error") {
    ASSERT_TRUE(asked_) << frame;
    asked_ = recovering_ = false;
    return;
  }
  ASSERT_EQ(type, "event") << frame;
  ASSERT_TRUE(subscribed_) << "before subscribed: " << frame;
  ASSERT_EQ(Number(object, "offset"), offset_ + 1) << frame;
  ++offset_;
  ++heard_;
  ASSERT_EQ(Text(object, "data"), truth_->Data(epoch_, offset_));
}

void Listener::OnSubscribed(const std::string& epoch, int64_t offset,
                            int recovered) {
  ASSERT_NE(epoch, "");
  ASSERT_TRUE(asked_ || subscribed_);
  if (asked_) {
    ASSERT_EQ(recovered >= 0, recovering_) << "asked or not";
  } else {
    ASSERT_NE(recovered, 1) << "nobody has asked";
  }
  if (recovered == 1) {
    ASSERT_EQ(epoch, epoch_);
    ASSERT_GE(offset, offset_);
    ++recovered_;
  } else {
    // Unasked and without a word of loss: it has everything of the old epoch.
    if (!asked_ && recovered < 0 && epoch != epoch_) {
      ASSERT_EQ(offset_, truth_->Last(epoch_)) << "of " << epoch_;
    }
    if (recovered == 0) ++lost_;
    epoch_ = epoch;
    offset_ = offset;
  }
  subscribed_ = true;
  asked_ = recovering_ = false;
}

}  // namespace herald::simulation
