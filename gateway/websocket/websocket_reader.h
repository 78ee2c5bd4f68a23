// SPDX-License-Identifier: Apache-2.0
//
// Beast's websocket::stream, lent to one socket after another.
//
// Such a stream and its pending read take 3 KB, and sockets are idle most of
// the time. Between two messages Beast keeps no state of its client: all bytes
// are consumed, and neither a message nor a close has begun. So an idle socket
// has no stream. It borrows one when bytes arrive, or when the gateway closes
// it. It returns the stream when Beast wants to read between two messages. The
// pending read stays with the stream and receives the next socket's bytes.
//
//   idle in the pool -> Attach() -> Feed(bytes) -> OnReadDone(): a message, or
//   a part -> StartRead() -> OnWantsBytes(), idle() -> the pool
//
// A stream that has failed or closes ends with its socket.
//
// Threads: its loop.
//
// Lifetime: the attached host keeps the reader and itself alive until Beast has
// finished the operations for it. Then only a read may be pending, which the
// destructor drops.

#ifndef HERALD_GATEWAY_WEBSOCKET_WEBSOCKET_READER_H_
#define HERALD_GATEWAY_WEBSOCKET_WEBSOCKET_READER_H_

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gateway/websocket/aliases.h"
#include "gateway/websocket/frame_cursor.h"
#include "gateway/websocket/outgoing_stream.h"
#include "proto/admission/fair_shares.h"
#include "proto/http/http_rules.h"

namespace herald::gateway {

using process::HttpRequest;

class WebsocketReader {
 public:
  // The owner of the socket.
  class Host {
   public:
    // Receives all bytes that Beast writes.
    virtual OutgoingStream& outgoing() = 0;
    // Beast wants bytes: call Feed() when some arrive. If idle(), the host may
    // return the reader to the pool instead, in this call.
    virtual void OnWantsBytes() = 0;
    // StartRead() is done: text() is longer, or `ec` is set. The host may
    // destroy the reader in this call.
    virtual void OnReadDone(error_code ec) = 0;
    // A ping, a pong or (`closes`) a close frame has arrived.
    virtual void OnControlFrame(bool closes) = 0;
    // So many fragments have arrived, none of which ends a message. Called
    // before Beast gets their bytes.
    virtual void OnFragments(int64_t count) = 0;
    // StartClose() is done. The host may destroy the reader in this call.
    virtual void OnCloseDone() = 0;
    // unfinished() was evicted. The host may destroy the reader in this call.
    virtual void OnEvicted() = 0;

   protected:
    ~Host() = default;
  };

  explicit WebsocketReader(StreamSocket::executor_type executor);
  WebsocketReader(const WebsocketReader&) = delete;
  WebsocketReader& operator=(const WebsocketReader&) = delete;
  ~WebsocketReader();

  // REQUIRES: new, or idle().
  void Attach(Host* host);
  void Detach();

  // The server's part of the opening handshake. The response, which may be a
  // refusal, is appended to outgoing() and not flushed; without a host it is
  // dropped.
  // REQUIRES: the first call.
  error_code Accept(const HttpRequest& request);

  // Reads a part of a message, and answers control frames before it.
  // REQUIRES: accepted, and no other read.
  void StartRead();

  // Sends a close frame, waits for the client's, and tears down.
  void StartClose(const websocket::close_reason& why);

  // A message of more bytes ends the connection (1009).
  void SetMessageBytesMax(size_t bytes);

  // The buffer for the bytes that Beast wants.
  // REQUIRES: a read is pending, here and below.
  net::mutable_buffer room() const { return room_; }
  // Passes the bytes in room(), or the error, to Beast.
  void Feed(error_code ec, size_t bytes);

  // Keeps bytes that were read before the reader existed; Beast receives them
  // first. While has_unread(), call FeedUnread() instead of Feed().
  void Unread(absl::string_view bytes) { unread_ = std::string(bytes); }
  bool has_unread() const { return !unread_.empty(); }
  void FeedUnread();

  // Beast only waits for bytes, so the reader may be destroyed.
  bool wants_bytes() const { return read_ != nullptr; }

  // Beast wants bytes and keeps no state of the client.
  bool idle() const;

  // A message, or a control frame, has begun and not ended.
  bool in_message() const { return cursor_.in_message(); }
  // Returns true if one has ended since the last call.
  bool TakeEnd() { return std::exchange(has_ended_, false); }

  // The memory of an unfinished message, including the reader.
  int64_t size_bytes() const;
  admission::FairShares::Entry* unfinished() { return &unfinished_; }

  // The stream is accepted, has not failed, and has not begun to close.
  bool is_open() const;

  // The message so far.
  absl::string_view text() const { return {text_.data(), text_bytes_}; }
  bool got_binary() const;
  bool is_message_done() const;
  // Whether the message is a text that ends within a character: then the
  // socket has to be closed with 1007. Beast overlooks it if the last fragment
  // is empty, and takes the character for the beginning of the next text.
  // REQUIRES: is_message_done().
  bool ends_within_character() const;
  // Consumes the message, before the next one begins.
  void ClearText();

 private:
  class Read;
  template <typename Handler>
  class ReadOf;
  class Layer;
  struct Beast;

  class Unfinished final : public admission::FairShares::Entry {
   public:
    explicit Unfinished(WebsocketReader* reader) : reader_(reader) {}
    void OnEvicted() override { reader_->host_->OnEvicted(); }

   private:
    WebsocketReader* const reader_;
  };

  void OnReadDone(error_code ec, size_t bytes);

  Host* host_ = nullptr;
  std::unique_ptr<Beast> beast_;

  // The pending read of Beast, into a part of a buffer.
  std::unique_ptr<Read> read_;
  net::mutable_buffer room_;
  size_t wanted_bytes_ = 0;  // Of the read, in all its buffers.
  size_t all_bytes_ = 0;     // Of a read when Beast has consumed everything.

  // Since Attach(). Beast does not report that an empty fragment has begun a
  // message, nor the age of a message.
  FrameCursor cursor_;
  bool has_ended_ = false;
  Unfinished unfinished_{this};

  std::string unread_;

  // A message of text_bytes_ bytes, in a buffer that may be larger.
  std::string text_;
  size_t text_bytes_ = 0;
};

// The unused readers of one loop.
//
// Bound: kIdleMax; surplus readers are destroyed. Take() always succeeds.
class ReaderPool {
 public:
  static constexpr size_t kIdleMax = 16;

  ReaderPool();
  ~ReaderPool();

  // An idle reader, from the pool or new.
  std::unique_ptr<WebsocketReader> Take(StreamSocket::executor_type executor);

  // REQUIRES: reader->idle(). The reader is not destroyed before the next call.
  void Put(std::unique_ptr<WebsocketReader> reader);

  size_t size() const { return idle_.size(); }

 private:
  std::vector<std::unique_ptr<WebsocketReader>> idle_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_WEBSOCKET_WEBSOCKET_READER_H_
