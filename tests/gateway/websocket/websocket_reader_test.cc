// SPDX-License-Identifier: Apache-2.0
//
// That one stream of Beast serves many sockets, and when it may.
//
// Method: real TCP connections over loopback, served by an io_context that the
// test turns by hand. The test acts as a session, step by step.

#include "gateway/websocket/websocket_reader.h"

#include <algorithm>
#include <boost/asio/write.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/support/deadline.h"
#include "tests/support/raw_socket.h"

namespace herald::gateway {
namespace {

using testing_support::ClientFrame;
using testing_support::Clock;
using testing_support::kContinuation;
using testing_support::kPatience;
using testing_support::kPing;
using testing_support::kText;
using testing_support::Opcode;

// One socket and its client.
class TestHost final : public WebsocketReader::Host,
                       public OutgoingStream::Owner {
 public:
  explicit TestHost(net::io_context* context)
      : context_(context), peer_(*context) {
    StreamAcceptor acceptor(*context);
    acceptor.open(tcp::v4());
    acceptor.bind(tcp::endpoint(net::ip::address_v4::loopback(), 0));
    acceptor.listen();
    peer_.open(tcp::v4());
    peer_.connect(acceptor.local_endpoint());
    peer_.non_blocking(true);
    outgoing_.emplace(acceptor.accept(), &queue_bytes_);
  }

  // The client sends `bytes`, and `reader` is fed with them.
  void Send(absl::string_view bytes, WebsocketReader* reader) {
    net::write(peer_, net::buffer(bytes.data(), bytes.size()));
    const Clock::time_point deadline = Clock::now() + kPatience;
    for (size_t fed = 0; fed < bytes.size() && Clock::now() < deadline;) {
      error_code ec;
      const size_t size = outgoing_->Read(reader->room(), &ec);
      if (size == 0) continue;
      fed += size;
      reader->Feed({}, size);
      Poll();
    }
  }

  // The client sends a message, which is read part by part.
  void SendMessage(absl::string_view frame, WebsocketReader* reader) {
    constexpr size_t kPart = 1000;
    for (; !frame.empty(); frame.remove_prefix(std::min(kPart, frame.size()))) {
      int before = reads;
      Send(frame.substr(0, kPart), reader);
      while (reads > before && !reader->is_message_done()) {
        before = reads;
        reader->StartRead();
        Poll();
      }
    }
  }

  // All that has come to the client.
  std::string Receive() {
    outgoing_->Flush();
    Poll();
    std::string all(4096, '\0');
    error_code ec;
    all.resize(peer_.read_some(net::buffer(all), ec));
    return all;
  }

  void Poll() {
    context_->restart();
    context_->poll();
  }

  OutgoingStream& outgoing() override { return *outgoing_; }
  void OnWantsBytes() override { ++wants; }
  void OnReadDone(error_code ec) override {
    ++reads;
    error = ec;
  }
  void OnControlFrame(bool closes) override { controls.push_back(closes); }
  void OnFragments(int64_t count) override { fragments += count; }
  void OnCloseDone() override { ++closed; }
  void OnEvicted() override {}
  void OnCloseQueued(int /*code*/) override {}
  absl::Time Now() const override { return absl::UnixEpoch(); }

  int wants = 0;
  int reads = 0;
  int closed = 0;
  int64_t fragments = 0;
  error_code error;
  std::vector<bool> controls;

 private:
  net::io_context* const context_;
  int64_t queue_bytes_ = 0;
  StreamSocket peer_;
  std::optional<OutgoingStream> outgoing_;
};

class AReader : public ::testing::Test {
 protected:
  std::unique_ptr<WebsocketReader> Take() {
    return pool_.Take(context_.get_executor());
  }

  net::io_context context_;
  ReaderPool pool_;
};

TEST_F(AReader, ServesOneSocketAfterAnother) {
  TestHost ada(&context_);
  TestHost bob(&context_);
  std::unique_ptr<WebsocketReader> reader = Take();
  for (int i = 0; i < 3; ++i) {
    for (TestHost* const host : {&ada, &bob}) {
      ASSERT_TRUE(reader->idle());
      reader->Attach(host);
      host->Send(ClientFrame(kText, "hello"), reader.get());
      EXPECT_EQ(host->reads, i + 1);
      EXPECT_TRUE(reader->is_message_done());
      EXPECT_EQ(reader->text(), "hello");
      EXPECT_FALSE(reader->idle()) << "the message has not been seen";
      reader->ClearText();
      reader->StartRead();
      reader->Detach();
    }
  }
}

TEST_F(AReader, AnswersAPingToItsSender) {
  TestHost ada(&context_);
  TestHost bob(&context_);
  std::unique_ptr<WebsocketReader> reader = Take();
  reader->Attach(&ada);
  ada.Send(ClientFrame(kPing, "one"), reader.get());
  EXPECT_EQ(ada.Receive(), "\x8A\x03one");
  ASSERT_TRUE(reader->idle());

  reader->Attach(&bob);
  bob.Send(ClientFrame(kPing, "two"), reader.get());
  EXPECT_EQ(bob.Receive(), "\x8A\x03two");
  EXPECT_EQ(ada.Receive(), "");
  EXPECT_EQ(bob.controls, std::vector<bool>({false}));
  EXPECT_EQ(bob.reads, 0);
}

TEST_F(AReader, IsNotIdleBeforeAFrameIsWhole) {
  const std::string frame = ClientFrame(kText, "hello");
  for (size_t begun = 1; begun < frame.size(); ++begun) {
    TestHost ada(&context_);
    std::unique_ptr<WebsocketReader> reader = Take();
    reader->Attach(&ada);
    ada.Send(frame.substr(0, begun), reader.get());
    EXPECT_FALSE(reader->idle()) << begun;
  }
}

TEST_F(AReader, IsNotIdleBetweenTheFragmentsOfAMessage) {
  TestHost ada(&context_);
  std::unique_ptr<WebsocketReader> reader = Take();
  reader->Attach(&ada);
  ada.Send(ClientFrame(kText, "hel", false), reader.get());
  EXPECT_EQ(ada.reads, 1);
  EXPECT_EQ(ada.fragments, 1);
  EXPECT_FALSE(reader->is_message_done());
  reader->StartRead();
  EXPECT_FALSE(reader->idle());
  ada.Send(ClientFrame(kPing, "between"), reader.get());
  EXPECT_FALSE(reader->idle());
  ada.Send(ClientFrame(kContinuation, "lo"), reader.get());
  EXPECT_EQ(reader->text(), "hello");
  EXPECT_EQ(ada.fragments, 1) << "the last one is the message";
  reader->ClearText();
  reader->StartRead();
  EXPECT_TRUE(reader->idle());
}

TEST_F(AReader, IsNotIdleAfterAnEmptyBeginningHoweverItComes) {
  const std::string empty = ClientFrame(kText, "", false);
  const std::string whole = ClientFrame(kText, "hello");
  for (size_t piece = 1; piece <= whole.size() + empty.size(); ++piece) {
    TestHost ada(&context_);
    std::unique_ptr<WebsocketReader> reader = Take();
    reader->Attach(&ada);
    const std::string all = whole + empty;
    for (size_t at = 0; at < all.size(); at += piece) {
      const int reads = ada.reads;
      ada.Send(all.substr(at, piece), reader.get());
      if (ada.reads == reads) continue;
      reader->ClearText();
      reader->StartRead();
    }
    EXPECT_FALSE(reader->idle()) << "in pieces of " << piece;
  }
}

TEST_F(AReader, SeesATextThatEndsWithinACharacterInEveryForm) {
  const std::vector<std::string> halves = {"x\xC3", "\xE2", "\xE2\x82",
                                           "\xF0\x9F", "x\xF0\x9F\x98"};
  for (const std::string& half : halves) {
    TestHost ada(&context_);
    std::unique_ptr<WebsocketReader> reader = Take();
    reader->Attach(&ada);
    // It leaves a read of the next fragment under way.
    ada.SendMessage(ClientFrame(kText, half, false), reader.get());
    ada.Send(ClientFrame(kContinuation, ""), reader.get());
    ASSERT_TRUE(reader->is_message_done());
    EXPECT_TRUE(reader->ends_within_character()) << half.size();
  }
  for (const std::string text : {"", "x", "\xC3\xA4", "\xF0\x9F\x98\x80"}) {
    TestHost ada(&context_);
    std::unique_ptr<WebsocketReader> reader = Take();
    reader->Attach(&ada);
    ada.Send(ClientFrame(kText, text), reader.get());
    ASSERT_TRUE(reader->is_message_done());
    EXPECT_FALSE(reader->ends_within_character()) << text;
  }
}

// A masked payload may have any bytes.
TEST_F(AReader, IsIdleAfterAFrameThatLooksLikeAnEmptyBeginning) {
  for (const Opcode opcode : {kText, kPing}) {
    TestHost ada(&context_);
    std::unique_ptr<WebsocketReader> reader = Take();
    reader->Attach(&ada);
    const std::string head(1, static_cast<char>(0x80 | opcode));
    ada.Send(head + "\x82" + std::string("\x40\xF1\x00\x00", 4) + "\x01\x80",
             reader.get());
    if (opcode == kText) {
      EXPECT_EQ(reader->text(), "Aq");
      reader->ClearText();
      reader->StartRead();
    }
    EXPECT_TRUE(reader->idle());
  }
}

// Frames whose length takes 2, 4 and 10 bytes.
TEST_F(AReader, IsIdleAfterSuchAMessageOfAnyLength) {
  for (const size_t size : {10, 125, 126, 500, 65535, 65536}) {
    TestHost ada(&context_);
    std::unique_ptr<WebsocketReader> reader = Take();
    reader->Attach(&ada);
    std::string frame = ClientFrame(kText, std::string(size, 'a'));
    // The payload's first bytes are made 01 80, under any mask; the mask is
    // changed so that they still mean "aa".
    char* const payload = frame.data() + frame.size() - size;
    const char swap[] = {static_cast<char>(payload[0] ^ '\x01'),
                         static_cast<char>(payload[1] ^ '\x80')};
    for (size_t i = 0; i < size; ++i) {
      if (i % 4 < 2) payload[i] = static_cast<char>(payload[i] ^ swap[i % 4]);
    }
    for (int i = 0; i < 2; ++i) {
      payload[i - 4] = static_cast<char>(payload[i - 4] ^ swap[i]);
    }
    ada.SendMessage(frame, reader.get());
    EXPECT_EQ(reader->text().size(), size);
    reader->ClearText();
    reader->StartRead();
    EXPECT_TRUE(reader->idle()) << size;
  }
}

TEST_F(AReader, IsNotIdleWhileItHasTheBeginningOfTheNextMessage) {
  TestHost ada(&context_);
  std::unique_ptr<WebsocketReader> reader = Take();
  reader->Attach(&ada);
  const std::string next = ClientFrame(kText, "next");
  ada.Send(ClientFrame(kText, "first") + next.substr(0, 3), reader.get());
  EXPECT_EQ(reader->text(), "first");
  reader->ClearText();
  reader->StartRead();
  EXPECT_FALSE(reader->idle());
  ada.Send(next.substr(3), reader.get());
  EXPECT_EQ(reader->text(), "next");
}

TEST_F(AReader, KeepsNoLongBuffer) {
  TestHost ada(&context_);
  std::unique_ptr<WebsocketReader> reader = Take();
  reader->Attach(&ada);
  const std::string text(60'000, 'x');
  const std::string frame = ClientFrame(kText, text);
  ada.SendMessage(frame, reader.get());
  EXPECT_TRUE(reader->is_message_done());
  EXPECT_EQ(reader->text() == text, true);
  reader->ClearText();
  reader->StartRead();
  EXPECT_TRUE(reader->idle());
}

TEST_F(AReader, IsNotIdleAgainWhenTheSocketCloses) {
  TestHost ada(&context_);
  std::unique_ptr<WebsocketReader> reader = Take();
  reader->Attach(&ada);
  reader->StartClose(websocket::close_reason(websocket::close_code::normal));
  EXPECT_TRUE(absl::StartsWith(ada.Receive(), "\x88\x02\x03\xE8"));
  EXPECT_FALSE(reader->idle());
  EXPECT_FALSE(reader->is_open());
}

TEST_F(AReader, IsNotIdleAgainWhenTheClientBreaksTheProtocol) {
  TestHost ada(&context_);
  std::unique_ptr<WebsocketReader> reader = Take();
  reader->Attach(&ada);
  ada.Send("\xFF\x80mask", reader.get());
  EXPECT_TRUE(absl::StartsWith(ada.Receive(), "\x88\x02\x03\xEA")) << "1002";
  EXPECT_FALSE(reader->idle());
  EXPECT_FALSE(reader->is_open());
}

TEST_F(AReader, AnswersAHandshakeAndReadsTheSameSocketNext) {
  TestHost ada(&context_);
  auto reader = std::make_unique<WebsocketReader>(context_.get_executor());
  reader->Attach(&ada);
  HttpRequest request(http::verb::get, "/ws", 11);
  request.set(http::field::host, "localhost");
  request.set(http::field::connection, "upgrade");
  request.set(http::field::upgrade, "websocket");
  request.set(http::field::sec_websocket_version, "13");
  request.set(http::field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
  ASSERT_FALSE(reader->Accept(request));
  const std::string answer = ada.Receive();
  EXPECT_TRUE(absl::StartsWith(answer, "HTTP/1.1 101 ")) << answer;
  EXPECT_TRUE(absl::StrContains(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  EXPECT_TRUE(absl::StrContains(answer, "herald"));
  reader->StartRead();
  EXPECT_EQ(ada.wants, 1);
  EXPECT_TRUE(reader->idle());
}

TEST_F(AReader, RefusesAWrongHandshake) {
  TestHost ada(&context_);
  auto reader = std::make_unique<WebsocketReader>(context_.get_executor());
  reader->Attach(&ada);
  HttpRequest request(http::verb::get, "/ws", 11);
  EXPECT_TRUE(reader->Accept(request));
  EXPECT_TRUE(absl::StartsWith(ada.Receive(), "HTTP/1.1 400 "));
}

TEST_F(AReader, IsKeptForTheNextUpToABound) {
  const WebsocketReader* const first = [&] {
    std::unique_ptr<WebsocketReader> reader = Take();
    const WebsocketReader* const address = reader.get();
    pool_.Put(std::move(reader));
    return address;
  }();
  EXPECT_EQ(pool_.size(), 1u);
  std::vector<std::unique_ptr<WebsocketReader>> all;
  all.push_back(Take());
  EXPECT_EQ(all.back().get(), first);
  while (all.size() < 2 * ReaderPool::kIdleMax) all.push_back(Take());
  for (auto& reader : all) pool_.Put(std::move(reader));
  EXPECT_EQ(pool_.size(), ReaderPool::kIdleMax);
}

}  // namespace
}  // namespace herald::gateway
