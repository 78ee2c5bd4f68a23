// SPDX-License-Identifier: Apache-2.0
//
// Beast's websocket::stream, lent: it serves one socket after another.
//
// Such a stream and its pending read take 3 KB, and sockets are idle most of
// the time. Yet between two messages Beast knows nothing of its client: all
// that was read is used, no message has begun, no close has begun. So an idle
// socket has no stream. It borrows one when bytes come, or when it is to be
// closed, and gives it back when Beast wants to read between two messages; the
// read itself stays with the stream, for the next one's bytes.
//
//   reader idle in the pool -> Attach() -> Feed(bytes) -> OnReadDone(): a
//   message, or a part -> StartRead() -> OnWantsBytes(), idle() -> the pool
//
// A stream that has failed or closes ends with its socket.
//
// Threads: its loop.
//
// Lifetime: whoever is attached keeps the reader and itself until what Beast
// does for it is done; then only a read may be pending, and it goes with the
// reader.

#ifndef HERALD_GATEWAY_NET_WEBSOCKET_READER_H_
#define HERALD_GATEWAY_NET_WEBSOCKET_READER_H_

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
#include "gateway/net/aliases.h"
#include "gateway/net/frame_cursor.h"
#include "gateway/net/outgoing_stream.h"
#include "proto/admission/fair_shares.h"
#include "proto/process/http_rules.h"

namespace herald::gateway {

using process::HttpRequest;

class WebsocketReader {
 public:
  // Whose socket it is.
  class User {
   public:
    // Where all that Beast writes goes.
    virtual OutgoingStream& outgoing() = 0;
    // Beast wants bytes: Feed() it when there are some. If idle(), the reader
    // may be given back to the pool instead, in this call.
    virtual void OnWantsBytes() = 0;
    // StartRead() is done: text() is longer, or there is an error. The reader
    // may be destroyed in this call.
    virtual void OnReadDone(error_code ec) = 0;
    // A ping, a pong or (`closes`) a close frame has come.
    virtual void OnControlFrame(bool closes) = 0;
    // StartClose() is done. The reader may be destroyed in this call.
    virtual void OnCloseDone() = 0;
    // unfinished() has to make room for others. So may it be here.
    virtual void OnEvicted() = 0;

   protected:
    ~User() = default;
  };

  explicit WebsocketReader(StreamSocket::executor_type executor);
  WebsocketReader(const WebsocketReader&) = delete;
  WebsocketReader& operator=(const WebsocketReader&) = delete;
  ~WebsocketReader();

  // REQUIRES: new, or idle().
  void Attach(User* user);
  void Detach();

  // The server's part of the opening handshake. The answer, be it a no, is
  // appended to outgoing() and not flushed; without a user it is dropped.
  // REQUIRES: the first call.
  error_code Accept(const HttpRequest& request);

  // Reads a part of a message, and answers control frames on the way.
  // REQUIRES: accepted, and no other read.
  void StartRead();

  // Sends a close frame, waits for the client's, and tears down.
  void StartClose(const websocket::close_reason& why);

  // A message of more bytes ends the connection (1009).
  void SetMessageBytesMax(size_t bytes);

  // Where the bytes belong that Beast wants.
  // REQUIRES: it wants some, here and below.
  net::mutable_buffer room() const { return room_; }
  // Beast gets what was read into room(), or the error.
  void Feed(error_code ec, size_t bytes);

  // Takes bytes that were read before there was a reader, which Beast gets
  // first: as long as there are some, FeedUnread() takes the place of Feed().
  void Unread(absl::string_view bytes) { unread_ = std::string(bytes); }
  bool has_unread() const { return !unread_.empty(); }
  void FeedUnread();

  // Beast waits for bytes and does nothing else: the reader may be destroyed.
  bool wants_bytes() const { return read_ != nullptr; }

  // Beast wants bytes and knows nothing of the client.
  bool idle() const;

  // A message, or a control frame, has begun and not ended.
  bool in_message() const { return cursor_.in_message(); }
  // Whether one has ended since the last call.
  bool TakeEnd() { return std::exchange(has_ended_, false); }

  // What an unfinished message takes, the reader included.
  int64_t size_bytes() const;
  admission::FairShares::Entry* unfinished() { return &unfinished_; }

  // The stream is accepted, has not failed, and has not begun to close.
  bool is_open() const;

  // The message so far.
  absl::string_view text() const { return {text_.data(), text_bytes_}; }
  bool got_binary() const;
  bool is_message_done() const;
  // It has been seen; the next one begins.
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
    void OnEvicted() override { reader_->user_->OnEvicted(); }

   private:
    WebsocketReader* const reader_;
  };

  void OnReadDone(error_code ec, size_t bytes);

  User* user_ = nullptr;
  std::unique_ptr<Beast> beast_;

  // What Beast wants: a read, into a part of a buffer.
  std::unique_ptr<Read> read_;
  net::mutable_buffer room_;
  size_t wanted_bytes_ = 0;  // By the read, in all its buffers.
  size_t all_bytes_ = 0;     // That Beast wants when it has none.

  // Since Attach(). Beast does not tell that an empty fragment has begun a
  // message, and not how long one has lasted.
  FrameCursor cursor_;
  bool has_ended_ = false;
  Unfinished unfinished_{this};

  std::string unread_;

  // text_bytes_ of a message, in a buffer that has room for more.
  std::string text_;
  size_t text_bytes_ = 0;
};

// The readers of one loop that nobody needs now.
//
// Bound: kIdleMax; more are destroyed. There is always one to take.
class ReaderPool {
 public:
  static constexpr size_t kIdleMax = 16;

  ReaderPool();
  ~ReaderPool();

  // An idle reader, made if need be.
  std::unique_ptr<WebsocketReader> Take(StreamSocket::executor_type executor);

  // REQUIRES: reader->idle(). It is not destroyed before the next call.
  void Put(std::unique_ptr<WebsocketReader> reader);

  size_t size() const { return idle_.size(); }

 private:
  std::vector<std::unique_ptr<WebsocketReader>> idle_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_WEBSOCKET_READER_H_
