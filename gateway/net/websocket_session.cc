// SPDX-License-Identifier: Apache-2.0

#include "gateway/net/websocket_session.h"

#include <array>
#include <boost/asio/post.hpp>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/loop/timer_wheel.h"
#include "gateway/net/random.h"
#include "gateway/socket/socket.h"
#include "gateway/websocket/outgoing_stream.h"
#include "proto/contract/names.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;

constexpr absl::Duration kCloseDeadline = absl::Seconds(5);
// How long input is discarded after a close frame, so that the frame arrives
// before a reset could.
constexpr absl::Duration kLinger = absl::Seconds(1);
constexpr size_t kDiscardBytes = 4096;
constexpr size_t kCloseTextMax = 123;  // RFC 6455 section 5.5.

// A close frame of the server (RFC 6455 section 5.5.1).
std::string EncodeClose(const Goodbye& frame) {
  const absl::string_view text = contract::CutUtf8(frame.text, kCloseTextMax);
  std::string bytes = {'\x88', static_cast<char>(2 + text.size()),
                       static_cast<char>(frame.code >> 8),
                       static_cast<char>(frame.code & 0xFF)};
  absl::StrAppend(&bytes, text);
  return bytes;
}

// A server's ping without payload (RFC 6455 section 5.5.2).
Frame PingFrame() {
  static const auto bytes =
      std::make_shared<const std::string>(std::string("\x89\x00", 2));
  return Frame(bytes);
}

// The reason behind a close frame of Beast. The error of the failed read may be
// the teardown's.
CloseReason ReasonOf(int code) {
  switch (code) {
    case websocket::close_code::protocol_error:
      return CloseReason::kProtocolError;
    case websocket::close_code::bad_payload:
      return CloseReason::kBadUtf8;
    case websocket::close_code::too_big:
      return CloseReason::kTooLarge;
    default:
      return CloseReason::kNormal;
  }
}

class WebsocketSession final
    : public Socket,
      private Timer,
      private OutgoingStream::Owner,
      private WebsocketReader::Host,
      public std::enable_shared_from_this<WebsocketSession> {
 public:
  WebsocketSession(EventLoop* loop, StreamSocket socket, ConnectionSlot slot)
      : loop_(loop),
        slot_(std::move(slot)),
        outgoing_(std::move(socket), loop->queue_bytes_counter()) {}

  void Accept(const HttpRequest& request, absl::string_view rest,
              ConnectionFacts facts, const Dialect* dialect,
              const Goodbye* refusal);

  // Socket:
  bool Enqueue(const Frame& frame, size_t written) override;
  bool HasRoomFor(size_t bytes) override;
  bool HasRoomForWhisper(size_t bytes) override;
  size_t WriteNow(absl::string_view bytes) override;
  void Flush() override { outgoing_.Flush(); }
  void Ping() override;
  void Close(CloseReason why, const Goodbye& goodbye) override;
  void PauseReading(ReadingPause where) override;
  void ResumeReading() override;
  void SetMessageBytesMax(size_t bytes) override {
    if (reader_ != nullptr) reader_->SetMessageBytesMax(bytes);
  }
  absl::Time BlockedSince() override { return outgoing_.BlockedSince(); }

 private:
  // WebsocketReader::Host:
  OutgoingStream& outgoing() override { return outgoing_; }
  void OnWantsBytes() override;
  void OnReadDone(error_code ec) override;
  void OnControlFrame(bool closes) override;
  void OnFragments(int64_t count) override;
  void OnCloseDone() override;
  void OnEvicted() override;

  void Borrow();
  void WaitReadable();
  void OnReadable(error_code ec);
  void StartRead();
  void OnMessage();
  void OnCloseQueued(int code) override;
  // Closes with the dialect's own words.
  void CloseFor(CloseReason why);
  absl::Time Now() const override { return loop_->shard().wheel().now(); }
  void OnTimer() override;
  void SetDeadline();
  // Starts or stops the deadline and the share of an unfinished message.
  void NoteUnfinished();
  // Ends the session at once, without the closing handshake.
  void Expel(CloseReason why);
  void Discard(error_code ec);
  void FinishIfDone();
  void LeaveShard();
  void End();
  bool is_open() const { return reader_ == nullptr || reader_->is_open(); }
  // Whether a pause keeps bytes of the client from being read now.
  bool HoldsBack() const {
    if (!paused_ || closing_) return false;
    return pauses_at_once_ || reader_ == nullptr || !reader_->in_message();
  }

  // Constant after construction; the objects themselves change.
  EventLoop* const loop_;
  const ConnectionSlot slot_;
  OutgoingStream outgoing_;

  // nullptr while the client is silent between two messages.
  std::unique_ptr<WebsocketReader> reader_;

  Session* session_ = nullptr;  // From Accept() to LeaveShard().
  CloseReason reason_ = CloseReason::kNormal;
  bool reading_ = false;    // A read of Beast is under way, or waits for
                            // bytes.
  bool receiving_ = false;  // The shard handles a received message.
  bool paused_ = false;
  bool pauses_at_once_ = false;  // Within a message as well.
  bool held_back_ = false;       // The read does not wait for bytes: paused.
  bool closing_ = false;         // Close() was called.
  bool client_closes_ = false;   // The client's close frame has arrived.
  bool close_op_ = false;        // A close of Beast is under way.
  bool ends_ = false;            // The timer is the deadline of the close.
  bool lingers_ = false;         // Input is discarded.
};

void WebsocketSession::Accept(const HttpRequest& request,
                              absl::string_view rest, ConnectionFacts facts,
                              const Dialect* dialect, const Goodbye* refusal) {
  outgoing_.SetOwner(
      std::shared_ptr<OutgoingStream::Owner>(shared_from_this(), this));
  reader_ = std::make_unique<WebsocketReader>(loop_->context().get_executor());
  reader_->Attach(this);
  if (reader_->Accept(request)) {
    loop_->state().observer->OnUpgradeRefused(UpgradeRefusal::kBadRequest, "");
    outgoing_.Flush();
    error_code ignored;
    outgoing_.socket().shutdown(StreamSocket::shutdown_send, ignored);
    return;
  }
  if (!rest.empty()) reader_->Unread(rest);
  loop_->Hold(shared_from_this());
  // The number encodes the shard of the socket (Router::ShardOf()).
  const auto count = static_cast<uint64_t>(loop_->state().shard_count);
  uint64_t number = 0;
  while (number == 0) {
    number = RandomNumber() / count * count;
    number += static_cast<uint64_t>(loop_->index());
  }
  session_ =
      loop_->shard().Open(this, dialect, number, std::move(facts), refusal);
  session_->Trace(
      {.what = "connected", .remote_address = session_->remote_address()});
  StartRead();
}

void WebsocketSession::StartRead() {
  reading_ = true;
  reader_->StartRead();
}

void WebsocketSession::OnWantsBytes() {
  if (reader_->has_unread()) {
    // Posted: Beast is starting this very read, and is not to be reentered.
    net::post(loop_->context(),
              [self = shared_from_this()] { self->reader_->FeedUnread(); });
    return;
  }
  NoteUnfinished();
  // A close may be queued in Beast, so keep the reader then.
  if (reader_->idle() && !closing_) loop_->readers().Put(std::move(reader_));
  // A read does not end with a control frame, so a pause may begin here.
  held_back_ = HoldsBack();
  if (!held_back_) WaitReadable();
}

void WebsocketSession::WaitReadable() {
  held_back_ = false;
  outgoing_.WaitReadable(
      [self = shared_from_this()](error_code ec) { self->OnReadable(ec); });
}

void WebsocketSession::Borrow() {
  if (reader_ != nullptr) return;
  reader_ = loop_->readers().Take(loop_->context().get_executor());
  reader_->Attach(this);
  reader_->SetMessageBytesMax(loop_->shard().message_bytes_max());
}

void WebsocketSession::NoteUnfinished() {
  if (ends_) return;
  const bool has_ended = reader_->TakeEnd();
  admission::FairShares::Entry* const entry = reader_->unfinished();
  if (!reader_->in_message()) {
    Cancel();
    entry->Leave();
    return;
  }
  // If one message has ended and the next has begun within the same bytes, the
  // time and the place in the order of age are those of the next. The time
  // grows by a second for each 64 KiB that a message may have.
  if (has_ended || !is_set()) {
    TimerWheel& wheel = loop_->shard().wheel();
    wheel.Set(this,
              wheel.now() + loop_->state().message_time +
                  absl::Seconds(loop_->shard().message_bytes_max() >> 16));
  }
  if (has_ended || !entry->is_in()) {
    loop_->unfinished().Add(entry, slot_.source(), reader_->size_bytes());
  } else {
    loop_->unfinished().SetWeight(entry, reader_->size_bytes());
  }
}

void WebsocketSession::OnReadable(error_code ec) {
  if (lingers_) return Discard(ec);
  Borrow();
  size_t bytes = 0;
  if (!ec) bytes = outgoing_.Read(reader_->room(), &ec);
  if (ec == net::error::would_block) return OnWantsBytes();
  if (ec && reader_->idle() && !closing_) {
    // No reader needs this error: there is no open message.
    loop_->readers().Put(std::move(reader_));
    reading_ = false;
    return FinishIfDone();
  }
  reader_->Feed(ec, bytes);
  // After Feed(), because the eviction may destroy this session's reader.
  loop_->unfinished().EvictIfFull();
}

void WebsocketSession::OnReadDone(error_code ec) {
  reading_ = false;
  if (ec || closing_) return FinishIfDone();
  if (reader_->got_binary()) return CloseFor(CloseReason::kBinary);
  const bool is_done = reader_->is_message_done();
  if (is_done) {
    if (reader_->ends_within_character()) {
      return CloseFor(CloseReason::kBadUtf8);
    }
    OnMessage();
  } else {
    // A message of many parts may take longer than the client's timeout.
    loop_->shard().SignOfLife(session_);
  }
  if (closing_) return;
  // The rest of a message is read, or OnWantsBytes() holds it back.
  if (!paused_ || !is_done) return StartRead();
  // Between two reads no message is open, so a message deadline must not fire.
  if (!ends_) Cancel();
}

void WebsocketSession::OnMessage() {
  receiving_ = true;
  loop_->shard().Receive(session_, reader_->text());
  receiving_ = false;
  reader_->ClearText();
}

void WebsocketSession::OnControlFrame(bool closes) {
  client_closes_ |= closes;
  if (session_ == nullptr || closing_) return;
  loop_->shard().ReceiveFrames(session_, 1);
}

void WebsocketSession::OnFragments(int64_t count) {
  if (session_ == nullptr || closing_) return;
  loop_->shard().ReceiveFrames(session_, count);
}

void WebsocketSession::PauseReading(ReadingPause where) {
  paused_ = true;
  pauses_at_once_ = where == ReadingPause::kAtOnce;
  if (held_back_ && !HoldsBack()) WaitReadable();
}

void WebsocketSession::ResumeReading() {
  paused_ = false;
  if (held_back_) return WaitReadable();
  if (!reading_ && !receiving_ && !closing_) StartRead();
}

// Beast may have started a close by itself, and no frame may follow a close
// frame, so later frames are dropped.
bool WebsocketSession::Enqueue(const Frame& frame, size_t written) {
  if (closing_ || !is_open()) return true;
  const Outbox::Dropped dropped =
      outgoing_.Push(frame, loop_->state().queue_bytes_max, written);
  if (dropped.events > 0) loop_->state().observer->OnDropped(dropped.events);
  return dropped.taken;
}

bool WebsocketSession::HasRoomFor(size_t bytes) {
  if (closing_ || !is_open()) return true;
  return outgoing_.HasRoomFor(bytes, loop_->state().queue_bytes_max);
}

bool WebsocketSession::HasRoomForWhisper(size_t bytes) {
  if (closing_ || !is_open()) return true;
  return outgoing_.MayPush(bytes, loop_->state().queue_bytes_max / 2);
}

size_t WebsocketSession::WriteNow(absl::string_view bytes) {
  if (closing_ || !is_open()) return bytes.size();
  return outgoing_.WriteNow(bytes);
}

void WebsocketSession::Ping() {
  if (closing_ || !is_open()) return;
  outgoing_.PushUnbounded(PingFrame());
  outgoing_.Flush();
}

void WebsocketSession::Close(CloseReason why, const Goodbye& goodbye) {
  if (closing_) return;
  closing_ = true;
  // A slow client would get the reason only behind all that waits.
  if (why == CloseReason::kSlow) {
    const auto bytes = static_cast<int64_t>(outgoing_.Clear());
    loop_->state().observer->OnSlow(bytes);
    session_->Trace({.what = "slow reader", .bytes = bytes});
  }
  SetDeadline();
  // Beast has failed or closes by itself, so the pending read ends soon.
  if (!is_open()) return;
  reason_ = why;
  close_op_ = true;
  // Before the close frame, which no frame may follow (RFC 6455 section 5.5.1).
  if (!goodbye.frames.empty()) {
    outgoing_.PushUnbounded(
        Frame(std::make_shared<const std::string>(goodbye.frames)));
    outgoing_.Flush();
  }
  const absl::string_view shown =
      contract::CutUtf8(goodbye.text, kCloseTextMax);
  Borrow();
  // The client's close frame has to be read, also while reading is paused
  // (APausedWebSocket.CanBeClosed).
  if (held_back_) WaitReadable();
  reader_->StartClose(
      websocket::close_reason(static_cast<websocket::close_code>(goodbye.code),
                              beast::string_view(shown.data(), shown.size())));
}

void WebsocketSession::CloseFor(CloseReason why) {
  Close(why, session_->dialect().MakeGoodbye(why, "", std::nullopt));
}

void WebsocketSession::OnCloseDone() {
  close_op_ = false;
  FinishIfDone();
}

void WebsocketSession::OnCloseQueued(int code) {
  SetDeadline();
  // Beast echoes the code of a client's close.
  if (!closing_ && !client_closes_) reason_ = ReasonOf(code);
}

void WebsocketSession::SetDeadline() {
  if (std::exchange(ends_, true)) return;
  TimerWheel& wheel = loop_->shard().wheel();
  wheel.Set(this, wheel.now() + kCloseDeadline);
}

void WebsocketSession::OnTimer() {
  if (!ends_) return Expel(CloseReason::kUnfinished);
  // The pending operations fail and finish the session.
  error_code ignored;
  outgoing_.socket().close(ignored);
}

void WebsocketSession::OnEvicted() {
  if (!ends_) return Expel(CloseReason::kOverloaded);
  error_code ignored;
  outgoing_.socket().close(ignored);
}

// A closing handshake would keep the memory until the client answers.
void WebsocketSession::Expel(CloseReason why) {
  closing_ = true;
  ends_ = true;
  reason_ = why;
  error_code ignored;
  // Beast may be about to write a pong that the client does not take.
  if (reading_ && !reader_->wants_bytes()) {
    outgoing_.socket().close(ignored);
    return;
  }
  reader_ = nullptr;
  lingers_ = true;
  const Goodbye goodbye =
      session_->dialect().MakeGoodbye(why, "", std::nullopt);
  LeaveShard();
  if (outgoing_.waiting_bytes() == 0) {
    outgoing_.WriteNow(goodbye.frames + EncodeClose(goodbye));
  }
  outgoing_.socket().shutdown(StreamSocket::shutdown_send, ignored);
  TimerWheel& wheel = loop_->shard().wheel();
  wheel.Set(this, wheel.now() + kLinger);
  if (reading_ && !held_back_) return;  // A wait is pending already.
  WaitReadable();
}

void WebsocketSession::Discard(error_code ec) {
  std::array<char, kDiscardBytes> bytes;
  if (!ec) outgoing_.Read(net::buffer(bytes), &ec);
  if (ec && ec != net::error::would_block) return End();
  WaitReadable();
}

void WebsocketSession::FinishIfDone() {
  if (reading_ || close_op_ || session_ == nullptr) return;
  LeaveShard();
  End();
}

void WebsocketSession::LeaveShard() {
  loop_->state().observer->OnWebsocketEnded(reason_);
  session_->Trace({.what = "closed", .why = NameOf(reason_)});
  loop_->shard().Closed(std::exchange(session_, nullptr));
}

void WebsocketSession::End() {
  Cancel();
  error_code ignored;
  outgoing_.socket().close(ignored);
  loop_->Release(shared_from_this());  // May destroy this session.
}

}  // namespace

void StartWebsocketSession(EventLoop* loop, StreamSocket socket,
                           const HttpRequest& request, absl::string_view rest,
                           ConnectionSlot slot, ConnectionFacts facts,
                           const Dialect* dialect, const Goodbye* refusal) {
  std::make_shared<WebsocketSession>(loop, std::move(socket), std::move(slot))
      ->Accept(request, rest, std::move(facts), dialect, refusal);
}

}  // namespace herald::gateway
