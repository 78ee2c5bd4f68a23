// SPDX-License-Identifier: Apache-2.0
//
// A socket, and what it has to write. Shared frames are queued here directly,
// past Beast; what Beast itself writes (the handshake's response, pongs,
// closes) comes through its layer (websocket_reader.h) and queues in the same
// outbox, so that all of it leaves in one order, in gather writes. Reads are
// waited for and made one by one, so that an idle socket has no buffer.
//
// Bound: a write of Beast completes when its bytes have left, and Beast begins
// no other before that. So a client that sends pings and does not read makes
// one pong wait, and then is not read; and a teardown, which Beast begins after
// its close frame, finds that frame sent.
//
// Teardown: sends the end of our side and drops what still comes, until the
// peer has ended too. To close a socket with unread bytes would reset the
// connection, and the peer might never see the close frame. Whoever owns the
// stream closes the socket when that takes too long.
//
// Threads: its socket's loop.
//
// Lifetime: the owner holds this; waiting for the kernel holds the owner. A
// write of Beast that has not completed goes with this.
//
// Failure: a write that fails empties the outbox and shuts the socket down, so
// that the read side ends too. What is pushed later is dropped.

#ifndef HERALD_GATEWAY_NET_OUTGOING_STREAM_H_
#define HERALD_GATEWAY_NET_OUTGOING_STREAM_H_

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
#include "gateway/loop/frame.h"
#include "gateway/loop/outbox.h"
#include "gateway/net/aliases.h"

namespace herald::gateway {

class OutgoingStream {
 public:
  using executor_type = StreamSocket::executor_type;

  class Owner {
   public:
    // Beast has queued a close frame with this code (0: none), ours or its own:
    // the closing handshake has begun and wants a deadline.
    virtual void OnCloseQueued(int code) = 0;

    // The clock of BlockedSince().
    virtual absl::Time Now() const = 0;

   protected:
    ~Owner() = default;
  };

  // `queue_bytes` counts what waits in all outboxes of the loop; it outlives
  // the stream.
  OutgoingStream(StreamSocket socket, int64_t* queue_bytes);
  OutgoingStream(const OutgoingStream&) = delete;
  OutgoingStream& operator=(const OutgoingStream&) = delete;
  ~OutgoingStream();

  // Once, before anything is written.
  void SetOwner(std::weak_ptr<Owner> owner) { owner_ = std::move(owner); }

  // Appends a frame, but for the `written` bytes that WriteNow() has written of
  // it (Outbox::Push()). What waits is written first if there is no room
  // otherwise, so only what the kernel does not take can be too much; of that
  // what may be dropped is.
  Outbox::Dropped Push(const Frame& frame, size_t bytes_max,
                       size_t written = 0);

  // Whether frames of so many bytes together may wait. Unlike Push(), an empty
  // queue does not take whatever comes.
  bool HasRoomFor(size_t bytes, size_t bytes_max);

  // Whether Push() of so many bytes would keep within `bytes_max`; what waits
  // is written first if there is no room otherwise.
  bool MayPush(size_t bytes, size_t bytes_max);

  // Writes past the outbox what the kernel takes, unless something waits there.
  // Returns how many bytes are done with.
  size_t WriteNow(absl::string_view bytes);

  // Appends a control frame of our own, past the bound.
  void PushUnbounded(Frame frame);

  // Writes what waits, and goes on by itself when the kernel takes more.
  void Flush();

  // Gives up what waits, but for a frame that has begun to leave. Returns how
  // many bytes those were.
  int64_t Clear();

  size_t waiting_bytes() const { return outbox_.size_bytes(); }

  // Since when the kernel has taken none of the bytes that wait, rounded up to
  // a second, after another try; InfiniteFuture() if none wait for it.
  absl::Time BlockedSince();

  StreamSocket& socket() { return socket_; }

  // Completes when there is something to read, be it the end. One at a time;
  // `handler` keeps the owner. Takes no memory but what is here.
  template <typename Handler>
  void WaitReadable(Handler&& handler) {
    socket_.async_wait(
        StreamSocket::wait_read,
        net::bind_allocator(WaitAllocator<std::byte>(&wait_memory_),
                            std::forward<Handler>(handler)));
  }

  // Reads what there is, at once. 0 is an error: would_block, eof, or worse.
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

  // Completes with the peer's end, or with what went wrong.
  template <typename Handler>
  void async_teardown(Handler&& handler) {
    error_code ignored;  // If there is no connection, reading will say so.
    socket_.shutdown(StreamSocket::shutdown_send, ignored);
    DiscardOf<std::decay_t<Handler>>(&socket_, std::forward<Handler>(handler))
        .Start();
  }

 private:
  // Reads and drops, as the completion handler of its own reads.
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
    using Buffer = std::array<char, 1024>;  // Small: the client holds it.

    StreamSocket* socket_;
    Handler handler_;
    std::unique_ptr<Buffer> buffer_;
  };

  // Where the wait for reading lies. An idle socket waits all the time, and
  // Asio would take whatever block it has at hand, twice as large on average.
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
    // Asio moves the handler, and the owner with it, out before.
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
  // The write of Beast that has not completed, at most one: Beast takes turns.
  std::unique_ptr<Write> write_;
  size_t write_bytes_ = 0;
  size_t write_left_ = 0;  // What must leave before write_ is complete.
  bool waiting_ = false;
  bool broken_ = false;
  uint32_t blocked_since_ = 0;  // In seconds, if waiting_. Fills a gap.
  WaitMemory wait_memory_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_OUTGOING_STREAM_H_
