// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/stamp.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace herald::benchmark {
namespace {

std::string EventWith(const std::string& data) {
  return absl::StrCat(R"({"type":"event","event":"e","channel":"c","data":)",
                      data, "}");
}

TEST(AStamp, IsReadBack) {
  for (const Stamp& stamp : {Stamp{0, 0, 0}, Stamp{1, 2, 3},
                             Stamp{INT64_MAX, 999'999, 9'999'999'999}}) {
    EXPECT_EQ(ParseStamp(EventWith(EncodeStamp(stamp, 128))), stamp);
  }
}

TEST(AStamp, HasTheSizeThatIsAskedFor) {
  for (const size_t bytes : {kStampBytesMin, size_t{128}, size_t{1000}}) {
    const std::string data = EncodeStamp({1, 2, 3}, bytes);
    EXPECT_EQ(data.size(), bytes);
    EXPECT_EQ(data.front(), '"');
    EXPECT_EQ(data.back(), '"');
  }
}

TEST(AStamp, IsMissedInOtherMessages) {
  EXPECT_EQ(ParseStamp(""), std::nullopt);
  EXPECT_EQ(ParseStamp(R"({"type":"pong"})"), std::nullopt);
  EXPECT_EQ(ParseStamp(EventWith("{}")), std::nullopt);
  EXPECT_EQ(ParseStamp(EventWith(R"("short")")), std::nullopt);
  EXPECT_EQ(
      ParseStamp(EventWith(absl::StrCat("\"", std::string(50, 'x'), "\""))),
      std::nullopt);
}

}  // namespace
}  // namespace herald::benchmark
