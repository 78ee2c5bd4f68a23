// SPDX-License-Identifier: Apache-2.0
//
// The bytes that leave a socket, their order, and when Beast is notified of
// them.
//
// Method: a real TCP connection over loopback. The stream's end runs on an
// io_context that the test turns by hand; the other end is read by hand.

#include "gateway/websocket/outgoing_stream.h"

#include <sys/socket.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/gateway/keys.h"
#include "tests/gateway/text_dialect.h"
#include "tests/support/deadline.h"

namespace herald::gateway {
namespace {

using testing_support::Clock;
using testing_support::kPatience;

constexpr size_t kNoBound = 1 << 30;

Frame FrameOf(std::string bytes) {
  return Frame(std::make_shared<const std::string>(std::move(bytes)));
}

struct Result {
  error_code ec;
  size_t bytes = 0;
};

class TestOwner final : public OutgoingStream::Owner {
 public:
  void OnCloseQueued(int code) override { codes.push_back(code); }
  absl::Time Now() const override { return now; }
  std::vector<int> codes;
  absl::Time now = absl::UnixEpoch();
};

class AnOutgoingStream : public ::testing::Test {
 protected:
  AnOutgoingStream() : peer_(context_) {
    StreamAcceptor acceptor(context_);
    acceptor.open(tcp::v4());
    acceptor.bind(tcp::endpoint(net::ip::address_v4::loopback(), 0));
    acceptor.listen();
    peer_.open(tcp::v4());
    // Small, so that a few megabytes are more than the kernel takes.
    peer_.set_option(net::socket_base::receive_buffer_size(64 << 10));
    peer_.connect(acceptor.local_endpoint());
    StreamSocket socket = acceptor.accept();
    socket.set_option(net::socket_base::send_buffer_size(64 << 10));
    stream_.emplace(std::move(socket), &queue_bytes_);
    stream_->SetOwner(owner_);
    peer_.non_blocking(true);
  }

  // Serves the stream's end until `bytes` have come out at the other.
  std::string Read(size_t bytes) {
    std::string all;
    const Clock::time_point deadline = Clock::now() + kPatience;
    while (all.size() < bytes && Clock::now() < deadline) {
      context_.restart();
      context_.poll();
      std::string part(std::min<size_t>(bytes - all.size(), 1 << 16), '\0');
      error_code ec;
      part.resize(peer_.read_some(net::buffer(part), ec));
      if (ec && ec != net::error::would_block) break;
      all += part;
    }
    return all;
  }

  bool NothingToRead() {
    char byte;
    error_code ec;
    peer_.read_some(net::buffer(&byte, 1), ec);
    return ec == net::error::would_block;
  }

  void Poll() {
    context_.restart();
    context_.poll();
  }

  // A write as Beast does it.
  void Write(std::string bytes, std::optional<Result>* result) {
    stream_->async_write_some(net::buffer(bytes),
                              [result](error_code ec, size_t count) {
                                *result = Result{ec, count};
                              });
  }

  // Fills the kernel's buffers; returns the bytes that were queued for it.
  std::string Congest() {
    std::string bytes(16 << 20, 'x');
    stream_->Push(FrameOf(bytes), kNoBound);
    stream_->Flush();
    EXPECT_GT(stream_->waiting_bytes(), 0u);
    EXPECT_LT(stream_->waiting_bytes(), bytes.size());
    return bytes;
  }

  int64_t queue_bytes_ = 0;
  net::io_context context_;
  std::shared_ptr<TestOwner> owner_ = std::make_shared<TestOwner>();
  StreamSocket peer_;
  std::optional<OutgoingStream> stream_;
};

TEST_F(AnOutgoingStream, WritesPastAnEmptyOutboxAndNoOther) {
  EXPECT_EQ(stream_->WriteNow("one,"), 4u);
  stream_->Push(FrameOf("two,"), kNoBound);
  EXPECT_EQ(stream_->WriteNow("three,"), 0u);
  stream_->Push(FrameOf("three,"), kNoBound);
  stream_->Flush();
  EXPECT_EQ(Read(14), "one,two,three,");
}

TEST_F(AnOutgoingStream, GoesOnWithAFrameThatWasBegunPastTheOutbox) {
  const std::string bytes(16 << 20, 'x');
  const size_t written = stream_->WriteNow(bytes);
  ASSERT_GT(written, 0u);
  ASSERT_LT(written, bytes.size());
  EXPECT_TRUE(stream_->Push(FrameOf(bytes), /*bytes_max=*/1, written));
  EXPECT_EQ(queue_bytes_, static_cast<int64_t>(bytes.size() - written));
  stream_->Flush();
  EXPECT_EQ(Read(bytes.size()), bytes);
  EXPECT_EQ(queue_bytes_, 0);
}

TEST_F(AnOutgoingStream, WritesOnlyWhenItIsFlushed) {
  stream_->Push(FrameOf("one,"), kNoBound);
  stream_->Push(FrameOf("two"), kNoBound);
  EXPECT_TRUE(NothingToRead());
  EXPECT_EQ(queue_bytes_, 7);

  stream_->Flush();

  EXPECT_EQ(Read(7), "one,two");
  EXPECT_EQ(queue_bytes_, 0);
}

TEST_F(AnOutgoingStream, KeepsBeastsWritesInOrderBetweenItsFrames) {
  std::optional<Result> pong;
  stream_->Push(FrameOf("before,"), kNoBound);
  Write("pong,", &pong);
  stream_->Push(FrameOf("behind"), kNoBound);
  EXPECT_FALSE(pong.has_value()) << "completed inline";
  stream_->Flush();

  EXPECT_EQ(Read(18), "before,pong,behind");
  ASSERT_TRUE(pong.has_value());
  EXPECT_FALSE(pong->ec);
  EXPECT_EQ(pong->bytes, 5u);
}

TEST_F(AnOutgoingStream, WritesMoreFramesThanOneGatherTakes) {
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    stream_->Push(FrameOf(std::to_string(i) + ","), kNoBound);
    all += std::to_string(i) + ",";
  }
  stream_->Flush();

  EXPECT_EQ(Read(all.size()), all);
}

TEST_F(AnOutgoingStream, ContinuesWhenTheKernelTakesMore) {
  std::string all = Congest();
  stream_->Push(FrameOf("last"), kNoBound);
  stream_->Flush();
  all += "last";
  EXPECT_EQ(queue_bytes_, static_cast<int64_t>(stream_->waiting_bytes()));

  EXPECT_EQ(Read(all.size()) == all, true);
  EXPECT_EQ(stream_->waiting_bytes(), 0u);
  EXPECT_EQ(queue_bytes_, 0);
}

TEST_F(AnOutgoingStream, KnowsSinceWhenTheKernelTakesNothing) {
  stream_->Push(FrameOf("taken at once"), kNoBound);
  stream_->Flush();
  EXPECT_EQ(stream_->BlockedSince(), absl::InfiniteFuture());
  EXPECT_EQ(Read(13), "taken at once");

  owner_->now = absl::UnixEpoch() + absl::Seconds(99.5);
  const std::string all = Congest();
  EXPECT_EQ(stream_->BlockedSince(), absl::UnixEpoch() + absl::Seconds(100));

  // More bytes behind it change nothing; progress does.
  owner_->now = absl::UnixEpoch() + absl::Seconds(200);
  stream_->Push(FrameOf("last"), kNoBound);
  stream_->Flush();
  EXPECT_EQ(stream_->BlockedSince(), absl::UnixEpoch() + absl::Seconds(100));
  Read(all.size() / 2);
  if (stream_->waiting_bytes() > 0) {
    EXPECT_EQ(stream_->BlockedSince(), absl::UnixEpoch() + absl::Seconds(200));
  }

  Read(all.size() - all.size() / 2 + 4);
  Poll();
  EXPECT_EQ(stream_->waiting_bytes(), 0u);
  EXPECT_EQ(stream_->BlockedSince(), absl::InfiniteFuture());
}

TEST_F(AnOutgoingStream, CompletesAWriteOfBeastWhenItHasLeftAndNotBefore) {
  const std::string before = Congest();
  std::optional<Result> pong;
  Write("pong", &pong);
  stream_->Push(FrameOf(std::string(4 << 20, 'y')), kNoBound);
  Poll();
  EXPECT_FALSE(pong.has_value());

  Read(before.size() + 4);
  Poll();
  EXPECT_TRUE(pong.has_value());
}

TEST_F(AnOutgoingStream, OffersTheKernelWaitingBytesBeforeItRefuses) {
  std::string all;
  for (int i = 0; i < 100; ++i) {
    const std::string text = std::to_string(i) + ",";
    ASSERT_TRUE(stream_->Push(FrameOf(text), 8)) << i;
    all += text;
  }
  EXPECT_LE(stream_->waiting_bytes(), 8u);
  stream_->Flush();
  EXPECT_EQ(Read(all.size()), all);
}

TEST_F(AnOutgoingStream, RefusesBytesBeyondItsBoundWhenTheKernelIsFull) {
  const std::string begun = Congest();
  EXPECT_FALSE(stream_->Push(FrameOf("6789"), 8));
  EXPECT_EQ(Read(begun.size()).size(), begun.size());
  EXPECT_TRUE(stream_->Push(FrameOf("larger than that"), 8))
      << "one frame on an empty queue always fits";
}

TEST_F(AnOutgoingStream, KnowsWhetherSeveralFramesMayWait) {
  EXPECT_TRUE(stream_->HasRoomFor(8, 8));
  EXPECT_FALSE(stream_->HasRoomFor(9, 8)) << "though it is empty";
  stream_->Push(FrameOf("12345"), 8);
  EXPECT_TRUE(stream_->HasRoomFor(8, 8))
      << "the kernel takes the waiting bytes";
  EXPECT_EQ(Read(5), "12345");
  Congest();
  const size_t waits = stream_->waiting_bytes();
  EXPECT_TRUE(stream_->HasRoomFor(3, waits + 3));
  EXPECT_FALSE(stream_->HasRoomFor(4, waits + 3));
}

TEST_F(AnOutgoingStream, DropsToTheLatestWhenTheKernelIsFull) {
  const auto event = [](const std::string& text) {
    return DroppableFrame(
        text, {Droppable::Kind::kEvent, contract::ChannelKey(Key("ticks"))});
  };
  const std::string begun = Congest();
  const size_t left = stream_->waiting_bytes();
  std::optional<Result> pong;
  EXPECT_TRUE(stream_->Push(event(std::string(left, 'y')), kNoBound));
  Write("pong,", &pong);
  EXPECT_TRUE(stream_->Push(event("2,"), kNoBound));
  const auto dropped = stream_->Push(event("3,"), left + left / 2);
  EXPECT_TRUE(dropped.taken);
  EXPECT_EQ(dropped.events, 2);
  EXPECT_EQ(stream_->waiting_bytes(), left + 7);
  EXPECT_EQ(queue_bytes_, static_cast<int64_t>(left + 7));
  Poll();
  EXPECT_FALSE(pong.has_value())
      << "it is behind bytes that have begun to leave";
  EXPECT_EQ(Read(begun.size() + 7).substr(begun.size()), "pong,3,");
  Poll();
  ASSERT_TRUE(pong.has_value());
  EXPECT_EQ(pong->bytes, 5u);
}

TEST_F(AnOutgoingStream, DropsAllButThePartlyWrittenFrame) {
  const std::string begun = Congest();
  std::optional<Result> pong;
  stream_->Push(FrameOf("given up"), kNoBound);
  Write("pong", &pong);

  EXPECT_EQ(stream_->Clear(), 12);
  Poll();
  EXPECT_TRUE(pong.has_value()) << "it will not be sent any more";

  std::optional<Result> close;
  Write("\x88\x00", &close);
  EXPECT_EQ(Read(begun.size() + 1).size(), begun.size() + 1);
  EXPECT_EQ(queue_bytes_, 0);
}

TEST_F(AnOutgoingStream, ReadsAllAvailableBytes) {
  std::string bytes(5, '\0');
  error_code ec;
  EXPECT_EQ(stream_->Read(net::buffer(bytes), &ec), 0u);
  EXPECT_EQ(ec, net::error::would_block);

  std::optional<error_code> readable;
  stream_->WaitReadable([&](error_code result) { readable = result; });
  Poll();
  EXPECT_FALSE(readable.has_value());
  peer_.write_some(net::buffer("hello you", 9));
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (!readable && Clock::now() < deadline) Poll();
  ASSERT_TRUE(readable.has_value());
  EXPECT_FALSE(*readable);
  ec = {};
  EXPECT_EQ(stream_->Read(net::buffer(bytes), &ec), 5u);
  EXPECT_EQ(bytes, "hello");
  EXPECT_EQ(stream_->Read(net::buffer(bytes), &ec), 4u);
  EXPECT_FALSE(ec);

  peer_.shutdown(StreamSocket::shutdown_send);
  readable.reset();
  stream_->WaitReadable([&](error_code result) { readable = result; });
  while (!readable && Clock::now() < deadline) Poll();
  ASSERT_TRUE(readable.has_value()) << "the end is something to read";
  EXPECT_EQ(stream_->Read(net::buffer(bytes), &ec), 0u);
  EXPECT_EQ(ec, net::error::eof);
}

TEST_F(AnOutgoingStream, NotifiesItsOwnerThatAnEndHasBegun) {
  std::optional<Result> done;
  Write(std::string("\x8A\x00", 2), &done);
  Poll();
  EXPECT_EQ(owner_->codes, std::vector<int>());
  Write(std::string("\x88\x00", 2), &done);
  EXPECT_EQ(owner_->codes, std::vector<int>({0}));
  Poll();
  Write(std::string("\x88\x05\x03\xF1why", 7), &done);
  EXPECT_EQ(owner_->codes, std::vector<int>({0, 1009}));
}

TEST_F(AnOutgoingStream, DropsReceivedBytesUntilItsPeerHasEndedToo) {
  stream_->Push(FrameOf("last words"), kNoBound);
  stream_->Flush();
  const std::string much(8 << 20, 'x');
  std::optional<error_code> ended;
  stream_->async_teardown([&ended](error_code ec) { ended = ec; });
  EXPECT_FALSE(ended.has_value()) << "completed inline";
  size_t sent = 0;
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (sent < much.size() && Clock::now() < deadline) {
    error_code ec;
    sent += peer_.write_some(net::buffer(much) + sent, ec);
    Poll();
  }
  EXPECT_EQ(sent, much.size());
  EXPECT_FALSE(ended.has_value());
  EXPECT_EQ(Read(11), "last words") << "and then the end";

  peer_.shutdown(StreamSocket::shutdown_send);
  while (!ended && Clock::now() < deadline) Poll();
  ASSERT_TRUE(ended.has_value());
  EXPECT_FALSE(*ended);
}

TEST_F(AnOutgoingStream, ReportsTheErrorOfItsTeardown) {
  std::optional<error_code> ended;
  stream_->async_teardown([&ended](error_code ec) { ended = ec; });
  peer_.set_option(net::socket_base::linger(true, 0));
  peer_.close();
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (!ended && Clock::now() < deadline) Poll();
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(*ended, net::error::connection_reset);
}

TEST_F(AnOutgoingStream, EndsWithItsPeer) {
  Congest();
  std::optional<Result> pong;
  Write("pong", &pong);
  char byte;
  std::optional<error_code> read;
  stream_->WaitReadable([&](error_code ec) {
    read = ec;
    if (!ec) stream_->Read(net::buffer(&byte, 1), &*read);
  });
  peer_.set_option(net::socket_base::linger(true, 0));
  peer_.close();

  const Clock::time_point deadline = Clock::now() + kPatience;
  while ((!pong || !read) && Clock::now() < deadline) Poll();
  ASSERT_TRUE(pong.has_value() && read.has_value());
  EXPECT_TRUE(pong->ec);
  EXPECT_TRUE(*read);
  EXPECT_EQ(queue_bytes_, 0);
  EXPECT_TRUE(stream_->Push(FrameOf("too late"), 1)) << "that is not slowness";
  EXPECT_EQ(stream_->waiting_bytes(), 0u);
  std::optional<Result> late;
  Write("too late", &late);
  Poll();
  ASSERT_TRUE(late.has_value());
  EXPECT_TRUE(late->ec);
}

TEST_F(AnOutgoingStream, KeepsItsOwnerWhileItWaitsForTheKernel) {
  EXPECT_EQ(owner_.use_count(), 1);
  const std::string all = Congest();
  EXPECT_EQ(owner_.use_count(), 2);
  Read(all.size());
  Poll();
  EXPECT_EQ(owner_.use_count(), 1);
}

TEST_F(AnOutgoingStream, TakesItsBytesOffTheLoopsSumWhenItGoes) {
  stream_->Push(FrameOf("never written"), kNoBound);
  EXPECT_EQ(queue_bytes_, 13);
  stream_.reset();
  EXPECT_EQ(queue_bytes_, 0);
}

}  // namespace
}  // namespace herald::gateway
