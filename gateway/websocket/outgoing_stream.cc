// SPDX-License-Identifier: Apache-2.0

#include "gateway/websocket/outgoing_stream.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

#include "absl/types/span.h"
#include "proto/contract/require.h"

namespace herald::gateway {
namespace {

constexpr size_t kPartsMax = 64;  // Frames in one gather write.
constexpr int kSendFlags = MSG_NOSIGNAL | MSG_DONTWAIT;

// One frame is the common case, and send(2) copies less than sendmsg(2).
ssize_t Send(int socket, iovec* parts, size_t count) {
  if (count == 1) {
    return ::send(socket, parts->iov_base, parts->iov_len, kSendFlags);
  }
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = count;
  return ::sendmsg(socket, &message, kSendFlags);
}

constexpr char kCloseFrame = static_cast<char>(0x88);  // FIN, close.

// The code in a server's close frame (RFC 6455 section 5.5.1); 0 if the frame
// has none.
int CloseCodeOf(absl::string_view frame) {
  if (frame.size() < 4) return 0;
  return static_cast<unsigned char>(frame[2]) << 8 |
         static_cast<unsigned char>(frame[3]);
}

}  // namespace

OutgoingStream::OutgoingStream(StreamSocket socket, int64_t* queue_bytes)
    : socket_(std::move(socket)), queue_bytes_(queue_bytes) {}

OutgoingStream::~OutgoingStream() {
  *queue_bytes_ -= static_cast<int64_t>(outbox_.size_bytes());
}

Outbox::Dropped OutgoingStream::Push(const Frame& frame, size_t bytes_max,
                                     size_t written) {
  constexpr Outbox::Dropped kTaken = {.taken = true};
  // Flush before measuring: frames that were appended in this turn do not show
  // how fast the client reads.
  if (!outbox_.HasRoomFor(frame.size(), bytes_max) && !waiting_) Flush();
  if (broken_) return kTaken;
  if (outbox_.Push(frame, bytes_max, written)) {
    *queue_bytes_ += static_cast<int64_t>(frame.size() - written);
    return kTaken;
  }
  *queue_bytes_ -= static_cast<int64_t>(outbox_.size_bytes());
  const Outbox::Dropped dropped =
      outbox_.PushOverLatest(frame, bytes_max, &write_left_);
  *queue_bytes_ += static_cast<int64_t>(outbox_.size_bytes());
  return dropped;
}

bool OutgoingStream::HasRoomFor(size_t bytes, size_t bytes_max) {
  return bytes > bytes_max ? broken_ : MayPush(bytes, bytes_max);
}

bool OutgoingStream::MayPush(size_t bytes, size_t bytes_max) {
  if (!outbox_.HasRoomFor(bytes, bytes_max) && !waiting_) Flush();
  return broken_ || outbox_.HasRoomFor(bytes, bytes_max);
}

size_t OutgoingStream::WriteNow(absl::string_view bytes) {
  if (broken_) return bytes.size();
  if (waiting_ || !outbox_.empty()) return 0;
  const ssize_t sent =
      ::send(socket_.native_handle(), bytes.data(), bytes.size(), kSendFlags);
  if (sent >= 0) return static_cast<size_t>(sent);
  // The caller appends and flushes the rest, which then waits for the kernel.
  if (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK) return 0;
  Fail(error_code(errno, boost::system::system_category()));
  return bytes.size();
}

void OutgoingStream::PushUnbounded(Frame frame) {
  if (broken_) return;
  *queue_bytes_ += static_cast<int64_t>(frame.size());
  outbox_.PushUnbounded(std::move(frame));
}

void OutgoingStream::Accept(std::string bytes, std::unique_ptr<Write> write) {
  contract::Require(write_ == nullptr && !bytes.empty());
  if (broken_) return write->Complete(net::error::broken_pipe, 0);
  const bool closes = bytes.front() == kCloseFrame;
  const int code = closes ? CloseCodeOf(bytes) : 0;
  write_ = std::move(write);
  write_bytes_ = bytes.size();
  PushUnbounded(Frame(std::make_shared<const std::string>(std::move(bytes))));
  write_left_ = outbox_.size_bytes();
  const std::shared_ptr<Owner> owner = owner_.lock();
  if (closes && owner != nullptr) owner->OnCloseQueued(code);
  Flush();
}

void OutgoingStream::CompleteWrite(error_code ec) {
  if (write_ == nullptr) return;
  write_left_ = 0;
  std::exchange(write_, nullptr)->Complete(ec, ec ? 0 : write_bytes_);
}

void OutgoingStream::Flush() {
  if (!waiting_) WriteWaiting();
}

void OutgoingStream::WriteWaiting() {
  while (!outbox_.empty()) {
    std::array<iovec, kPartsMax> parts;
    const size_t count = outbox_.Gather(absl::MakeSpan(parts));
    const ssize_t sent = Send(socket_.native_handle(), parts.data(), count);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        if (!waiting_) StartWait();
        return;
      }
      return Fail(error_code(errno, boost::system::system_category()));
    }
    const auto left = static_cast<size_t>(sent);
    outbox_.Advance(left);
    *queue_bytes_ -= sent;
    if (write_ == nullptr) continue;
    write_left_ -= std::min(write_left_, left);
    if (write_left_ == 0) CompleteWrite({});
  }
}

size_t OutgoingStream::Read(net::mutable_buffer buffer, error_code* ec) {
  ssize_t size = 0;
  do {
    size = ::recv(socket_.native_handle(), buffer.data(), buffer.size(),
                  MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size > 0) return static_cast<size_t>(size);
  *ec = size == 0 ? error_code(net::error::eof)
                  : error_code(errno, boost::system::system_category());
  return 0;
}

int64_t OutgoingStream::Clear() {
  const size_t before = outbox_.size_bytes();
  outbox_.Clear();
  const size_t after = outbox_.size_bytes();
  const auto dropped = static_cast<int64_t>(before - after);
  *queue_bytes_ -= dropped;
  // A write of Beast was dropped with the rest, unless its frame has begun to
  // leave. It completes all the same, so that Beast goes on to write the close
  // frame.
  if (write_left_ > after) CompleteWrite({});
  return dropped;
}

absl::Time OutgoingStream::BlockedSince() {
  if (!waiting_) return absl::InfiniteFuture();
  // The kernel reports a socket as writable when a third of its buffer is free.
  // A slow reader takes minutes for that, so try to write here.
  const size_t before = outbox_.size_bytes();
  WriteWaiting();
  if (outbox_.empty()) return absl::InfiniteFuture();
  if (outbox_.size_bytes() < before) NoteBlocked(owner_.lock());
  return absl::UnixEpoch() + absl::Seconds(blocked_since_);
}

void OutgoingStream::NoteBlocked(const std::shared_ptr<Owner>& owner) {
  if (owner == nullptr) return;
  const absl::Duration now = owner->Now() - absl::UnixEpoch();
  blocked_since_ = static_cast<uint32_t>(
      absl::ToInt64Seconds(absl::Ceil(now, absl::Seconds(1))));
}

void OutgoingStream::StartWait() {
  waiting_ = true;
  std::shared_ptr<Owner> owner = owner_.lock();
  NoteBlocked(owner);
  socket_.async_wait(
      StreamSocket::wait_write,
      [this, owner = std::move(owner)](error_code ec) { OnWaitDone(ec); });
}

void OutgoingStream::OnWaitDone(error_code ec) {
  waiting_ = false;
  if (ec) return Fail(ec);
  Flush();
}

void OutgoingStream::Fail(error_code ec) {
  broken_ = true;
  *queue_bytes_ -= static_cast<int64_t>(outbox_.size_bytes());
  outbox_ = Outbox();
  CompleteWrite(ec);
  error_code ignored;
  socket_.shutdown(StreamSocket::shutdown_both, ignored);
}

}  // namespace herald::gateway
