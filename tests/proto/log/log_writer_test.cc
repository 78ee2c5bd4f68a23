// SPDX-License-Identifier: Apache-2.0
//
// Lines and a reader that is slow, gone, or back again.

#include "proto/log/log_writer.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::process {
namespace {

using ::testing::StartsWith;

constexpr absl::Duration kPatience = absl::Seconds(10);
constexpr size_t kBytesMax = 1000;

// The two ends of a pipe, and a writer that is never destroyed, as its class
// demands.
class LogWriting : public ::testing::Test {
 protected:
  LogWriting() {
    signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0);
  }
  ~LogWriting() override { CloseReader(); }

  LogWriter& Start() { return StartOn(ends_[1]); }

  static LogWriter& StartOn(int fd) {
    return *new LogWriter(fd, kBytesMax, [](int64_t count) {
      return absl::StrCat("dropped ", count, "\n");
    });
  }

  // Leaves no room in the pipe.
  void FillPipe() {
    const std::string much(1 << 20, 'x');
    fcntl(ends_[1], F_SETFL, O_NONBLOCK);
    while (write(ends_[1], much.data(), much.size()) > 0) continue;
    while (write(ends_[1], much.data(), 1) > 0) continue;
    fcntl(ends_[1], F_SETFL, 0);
  }

  // Reads until `end` has come, and returns all that is no filling.
  std::string ReadUntil(const std::string& end) {
    return ReadWhile(
        [&end](const std::string& all) { return !all.ends_with(end); });
  }

  // Reads until notices of `count` dropped lines together have come.
  std::string ReadUntilReported(int64_t count) {
    return ReadWhile([count](const std::string& all) {
      return !all.ends_with('\n') || Reported(all) < count;
    });
  }

  static int64_t Reported(absl::string_view text) {
    int64_t sum = 0;
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      int64_t count = 0;
      if (absl::ConsumePrefix(&line, "dropped ") &&
          absl::SimpleAtoi(line, &count)) {
        sum += count;
      }
    }
    return sum;
  }

  std::string ReadWhile(absl::FunctionRef<bool(const std::string&)> is_more) {
    std::string all;
    while (is_more(all)) {
      std::array<char, 4096> some{};
      const ssize_t bytes = read(ends_[0], some.data(), some.size());
      if (bytes <= 0) break;
      for (ssize_t i = 0; i < bytes; ++i) {
        if (some[static_cast<size_t>(i)] != 'x') {
          all.push_back(some[static_cast<size_t>(i)]);
        }
      }
    }
    return all;
  }

  void CloseReader() {
    if (ends_[0] >= 0) close(ends_[0]);
    ends_[0] = -1;
  }

  std::array<int, 2> ends_{-1, -1};
};

TEST_F(LogWriting, KeepsTheOrderOfLines) {
  LogWriter& writer = Start();
  writer.Add("one\n");
  writer.Add("two\n");
  EXPECT_TRUE(writer.Flush(kPatience));
  EXPECT_EQ(ReadUntil("two\n"), "one\ntwo\n");
  EXPECT_EQ(writer.dropped(), 0);
}

TEST_F(LogWriting, WithoutAReaderIsBoundedAndCounted) {
  FillPipe();
  LogWriter& writer = Start();
  for (int i = 0; i < 1000; ++i) writer.Add("a line of twenty b.\n");
  EXPECT_FALSE(writer.Flush(absl::Milliseconds(20)));
  // One line may be with the thread, and no longer counts for the bound.
  EXPECT_GE(writer.dropped(), 1000 - 50 - 1);
  EXPECT_LE(writer.dropped(), 1000 - 50);
}

TEST_F(LogWriting, ReportsTheNumberOfMissingLinesWhenItIsReadAgain) {
  FillPipe();
  LogWriter& writer = Start();
  for (int i = 0; i < 1000; ++i) writer.Add("a line of twenty b.\n");
  // Once the thread has taken a line another one fits, behind a notice.
  const std::string text = ReadUntilReported(writer.dropped());
  EXPECT_THAT(text, StartsWith("a line of twenty b.\na line"));
  EXPECT_EQ(Reported(text), writer.dropped());
  writer.Add("after\n");
  EXPECT_EQ(ReadUntil("after\n"), "after\n");
}

TEST_F(LogWriting, GoesOnAfterErrorsOfWriting) {
  LogWriter& writer = Start();
  close(ends_[1]);  // EBADF from here on.
  writer.Add("lost\n");
  writer.Add("lost, too\n");
  EXPECT_TRUE(writer.Flush(kPatience));
  EXPECT_EQ(writer.dropped(), 2);
  // The descriptor's number is a pipe again.
  std::array<int, 2> again{};
  ASSERT_EQ(pipe2(again.data(), O_CLOEXEC), 0);
  dup2(again[0], ends_[0]);
  if (again[1] != ends_[1]) dup2(again[1], ends_[1]);
  writer.Add("after\n");
  EXPECT_TRUE(writer.Flush(kPatience));
  EXPECT_EQ(ReadUntil("after\n"), "dropped 2\nafter\n");
  EXPECT_EQ(writer.dropped(), 2);
}

TEST_F(LogWriting, DropsLinesThatAClosedPipeOrAFullDiskRefuses) {
  CloseReader();
  LogWriter& piped = Start();
  piped.Add("lost\n");
  EXPECT_TRUE(piped.Flush(kPatience));
  EXPECT_EQ(piped.dropped(), 1);
  LogWriter& full = StartOn(open("/dev/full", O_WRONLY | O_CLOEXEC));
  full.Add("lost\n");
  EXPECT_TRUE(full.Flush(kPatience));
  EXPECT_EQ(full.dropped(), 1);
}

TEST_F(LogWriting, WaitsWhenAnotherProcessMadeItNonBlocking) {
  FillPipe();
  fcntl(ends_[1], F_SETFL, O_NONBLOCK);
  LogWriter& writer = Start();
  writer.Add("late\n");
  EXPECT_FALSE(writer.Flush(absl::Milliseconds(20)));
  EXPECT_EQ(ReadUntil("late\n"), "late\n");
  EXPECT_EQ(writer.dropped(), 0);
}

}  // namespace
}  // namespace herald::process
