// SPDX-License-Identifier: Apache-2.0
//
// A socket and the bytes queued for it. Shared frames are queued here directly,
// past Beast. Beast's own writes (the handshake's response, pongs, closes) come
// through its layer (websocket_reader.h). Both use one outbox, so all bytes
// leave in one order, in gather writes. Reads are made one by one after a wait,
// so that an idle socket has no buffer.
//
// Bound: a write of Beast completes when its bytes have left, and Beast starts
// no other write before that. So a client that sends pings and does not read
// makes one pong wait, and is not read any more. A teardown, which Beast starts
// after its close frame, finds that frame sent.
//
// Teardown: shuts down the sending side and discards input until the peer has
// shut down too. Closing with unread bytes would reset the connection and could
// lose the close frame. The owner closes the socket if this takes too long.
//
// Threads: the loop of its socket.
//
// Lifetime: the owner holds the stream; a wait for the kernel holds the owner.
// The destructor drops a write of Beast that has not completed.
//
// Failure: a failed write empties the outbox and shuts the socket down, so the
// read side ends too. Later frames are dropped.

#ifndef HERALD_GATEWAY_WEBSOCKET_OUTGOING_STREAM_H_
#define HERALD_GATEWAY_WEBSOCKET_OUTGOING_STREAM_H_

#include <array>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/buffer_traits.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/socket/frame.h"
#include "gateway/socket/outbox.h"
#include "gateway/websocket/aliases.h"

namespace herald::gateway {

class OutgoingStream {
 public:
  using executor_type = StreamSocket::executor_type;

  class Owner {
   public:
    // Beast has queued a close frame with this code (0: none), for StartClose()
    // or by itself. The closing handshake has begun and needs a deadline.
    virtual void OnCloseQueued(int code) = 0;

    // The clock of BlockedSince().
    virtual absl::Time Now() const = 0;

   protected:
    ~Owner() = default;
  };

  // `queue_bytes` counts the queued bytes of all outboxes of the loop; it
  // outlives the stream.
  OutgoingStream(StreamSocket socket, int64_t* queue_bytes);
  OutgoingStream(const OutgoingStream&) = delete;
  OutgoingStream& operator=(const OutgoingStream&) = delete;
  ~OutgoingStream();

  // Called once, before the first write.
  void SetOwner(std::weak_ptr<Owner> owner) { owner_ = std::move(owner); }

  // Appends a frame without the first `written` bytes, which WriteNow() has
  // written (Outbox::Push()). Without room, flushes first, so only bytes that
  // the kernel does not take count; then drops droppable frames.
  Outbox::Dropped Push(const Frame& frame, size_t bytes_max,
                       size_t written = 0);

  // Returns true if frames of `bytes` bytes together may be queued. Unlike
  // Push(), an empty queue does not admit a larger frame.
  bool HasRoomFor(size_t bytes, size_t bytes_max);

  // Returns true if Push() of `bytes` bytes would stay within `bytes_max`. If
  // it would not, the outbox is flushed first.
  bool MayPush(size_t bytes, size_t bytes_max);

  // Writes directly to the kernel, unless the outbox is not empty. Returns the
  // number of bytes that need no further writing.
  size_t WriteNow(absl::string_view bytes);

  // Appends a control frame of the gateway, past the bound.
  void PushUnbounded(Frame frame);

  // Writes queued bytes, and continues by itself when the kernel takes more.
  void Flush();

  // Drops queued bytes, except for a frame that has begun to leave. Returns the
  // number of dropped bytes.
  int64_t Clear();

  size_t waiting_bytes() const { return outbox_.size_bytes(); }

  // Since when the kernel has taken no queued byte, rounded up to a second,
  // after another attempt to write; InfiniteFuture() if none are blocked.
  absl::Time BlockedSince();

  StreamSocket& socket() { return socket_; }

  // Completes when the socket is readable or has ended. One call at a time;
  // `handler` holds the owner. Allocates no memory: the wait lies in
  // wait_memory_.
  template <typename Handler>
  void WaitReadable(Handler&& handler) {
    socket_.async_wait(
        StreamSocket::wait_read,
        net::bind_allocator(WaitAllocator<std::byte>(&wait_memory_),
                            std::forward<Handler>(handler)));
  }

  // Reads without waiting. 0 means an error: would_block, eof, or another one.
  size_t Read(net::mutable_buffer buffer, error_code* ec);

  // For Beast. ---------------------------------------------------------------

  template <typename Buffers, typename Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    std::string bytes(beast::buffer_bytes(buffers), '\0');
    net::buffer_copy(net::buffer(bytes), buffers);
    Accept(std::move(bytes),
           std::make_unique<WriteOf<std::decay_t<Handler>>>(
               socket_.get_executor(), std::forward<Handler>(handler)));
  }

  // Completes when the peer has shut down, or with the error.
  template <typename Handler>
  void async_teardown(Handler&& handler) {
    error_code ignored;  // Without a connection, the read fails.
    socket_.shutdown(StreamSocket::shutdown_send, ignored);
    DiscardOf<std::decay_t<Handler>>(&socket_, std::forward<Handler>(handler))
        .Start();
  }

 private:
  // Reads and discards, as the completion handler of its own reads.
  template <typename Handler>
  class DiscardOf {
   public:
    DiscardOf(StreamSocket* socket, Handler handler)
        : socket_(socket),
          handler_(std::move(handler)),
          buffer_(std::make_unique<Buffer>()) {}

    void Start() {
      StreamSocket& socket = *socket_;
      const net::mutable_buffer buffer = net::buffer(*buffer_);
      socket.async_read_some(buffer, std::move(*this));
    }
    void operator()(error_code ec, size_t /*bytes*/) {
      if (!ec) return Start();
      buffer_.reset();
      if (ec == net::error::eof) ec = {};
      std::move(handler_)(ec);
    }

   private:
    using Buffer =
        std::array<char, 1024>;  // Small: the client decides how long it lives.

    StreamSocket* socket_;
    Handler handler_;
    std::unique_ptr<Buffer> buffer_;
  };

  // The memory of the wait for reading. An idle socket waits all the time, and
  // Asio's own block would be twice as large on average.
  struct WaitMemory {
    alignas(std::max_align_t) std::array<std::byte, 112> bytes;
  };
  template <typename T>
  struct WaitAllocator {
    using value_type = T;

    explicit WaitAllocator(WaitMemory* lent) : memory(lent) {}
    template <typename U>
    WaitAllocator(const WaitAllocator<U>& other) : memory(other.memory) {}

    T* allocate(size_t /*count*/) {
      static_assert(sizeof(T) <= sizeof(WaitMemory));
      return reinterpret_cast<T*>(memory->bytes.data());
    }
    // Asio moves the handler, and the owner with it, out before this call.
    void deallocate(T* /*block*/, size_t /*count*/) {}

    bool operator==(const WaitAllocator&) const = default;

    WaitMemory* memory;
  };

  // A write of Beast that has not completed.
  class Write {
   public:
    virtual ~Write() = default;
    // Posts the completion; never calls it inline.
    virtual void Complete(error_code ec, size_t bytes) = 0;
  };

  template <typename Handler>
  class WriteOf final : public Write {
   public:
    WriteOf(executor_type executor, Handler handler)
        : executor_(executor), handler_(std::move(handler)) {}
    void Complete(error_code ec, size_t bytes) override {
      net::post(executor_, beast::bind_handler(std::move(handler_), ec, bytes));
    }

   private:
    executor_type executor_;
    Handler handler_;
  };

  void Accept(std::string bytes, std::unique_ptr<Write> write);
  void CompleteWrite(error_code ec);
  void WriteWaiting();
  void NoteBlocked(const std::shared_ptr<Owner>& owner);
  void StartWait();
  void OnWaitDone(error_code ec);
  void Fail(error_code ec);

  StreamSocket socket_;
  Outbox outbox_;
  int64_t* const queue_bytes_;
  std::weak_ptr<Owner> owner_;
  // The write of Beast that has not completed; Beast has at most one.
  std::unique_ptr<Write> write_;
  size_t write_bytes_ = 0;
  size_t write_left_ = 0;  // Bytes that must leave until write_ is complete.
  bool waiting_ = false;
  bool broken_ = false;
  uint32_t blocked_since_ = 0;  // In seconds, if waiting_. Fills a gap.
  WaitMemory wait_memory_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_WEBSOCKET_OUTGOING_STREAM_H_
