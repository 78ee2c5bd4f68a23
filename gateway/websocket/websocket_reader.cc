// SPDX-License-Identifier: Apache-2.0

#include "gateway/websocket/websocket_reader.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/beast/core/buffer_traits.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/system/system_error.hpp>
#include <type_traits>
#include <utility>

#include "proto/contract/require.h"
#include "proto/contract/utf8.h"

namespace herald::gateway {
namespace {

constexpr size_t kTextBytes = 2048;  // Most client messages fit.
constexpr size_t kMoreBytesMax = 65536;
constexpr int64_t kBytes = 3072;  // Of a reader, Beast's stream included.

// A valid upgrade (the example of RFC 6455 section 1.3), for a stream that
// serves a socket after its handshake.
const HttpRequest& AnyUpgrade() {
  static const HttpRequest request = [] {
    HttpRequest any(http::verb::get, "/", 11);
    any.set(http::field::host, "any");
    any.set(http::field::connection, "upgrade");
    any.set(http::field::upgrade, "websocket");
    any.set(http::field::sec_websocket_version, "13");
    any.set(http::field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
    return any;
  }();
  return request;
}

// Whether text that may begin a text in UTF-8 ends in half a character.
bool EndsWithinCharacter(absl::string_view text) {
  constexpr unsigned char kContinuationMask = 0xC0;
  constexpr size_t kCharacterBytesMax = 4;
  if (text.empty()) return false;
  size_t size = 1;  // From the last character's first byte on.
  while (size < std::min(kCharacterBytesMax, text.size()) &&
         (text[text.size() - size] & kContinuationMask) == 0x80) {
    ++size;
  }
  return contract::Utf8SequenceLength(text.data() + text.size() - size, size) ==
         0;
}

}  // namespace

// A read of Beast that has not completed.
class WebsocketReader::Read {
 public:
  virtual ~Read() = default;
  virtual void Complete(error_code ec, size_t bytes) = 0;
};

template <typename Handler>
class WebsocketReader::ReadOf final : public Read {
 public:
  explicit ReadOf(Handler handler) : handler_(std::move(handler)) {}
  void Complete(error_code ec, size_t bytes) override { handler_(ec, bytes); }

 private:
  Handler handler_;
};

// The stream under Beast: reads are kept, writes are passed on.
class WebsocketReader::Layer {
 public:
  using executor_type = StreamSocket::executor_type;
  using next_layer_type = StreamSocket;

  Layer(executor_type executor, WebsocketReader* reader)
      : executor_(executor), reader_(reader) {}

  executor_type get_executor() { return executor_; }
  StreamSocket& next_layer() { return outgoing().socket(); }

  // AsyncStream. -------------------------------------------------------------

  template <typename Buffers, typename Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    auto first = net::buffer_sequence_begin(buffers);
    while (net::mutable_buffer(*first).size() == 0) ++first;
    reader_->room_ = *first;
    reader_->wanted_bytes_ = beast::buffer_bytes(buffers);
    reader_->read_ = std::make_unique<ReadOf<std::decay_t<Handler>>>(
        std::forward<Handler>(handler));
    // The first read asks for as much as Beast's buffer takes. A later one that
    // asks for less shows that Beast keeps bytes of a frame: idle().
    if (reader_->all_bytes_ == 0) {
      reader_->all_bytes_ = reader_->wanted_bytes_;
    }
    if (reader_->host_ != nullptr) reader_->host_->OnWantsBytes();
  }

  template <typename Buffers, typename Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    outgoing().async_write_some(buffers, std::forward<Handler>(handler));
  }

  // SyncStream, for the opening handshake. It completes at once: the request
  // has been read, and the answer is flushed with the first message. ---

  template <typename Buffers>
  size_t write_some(const Buffers& buffers, error_code& ec) {
    ec = {};
    const size_t size = beast::buffer_bytes(buffers);
    if (reader_->host_ == nullptr || size == 0) return size;
    outgoing().PushUnbounded(Frame(std::make_shared<const std::string>(
        beast::buffers_to_string(buffers))));
    return size;
  }
  template <typename Buffers>
  size_t write_some(const Buffers& buffers) {
    error_code never;
    return write_some(buffers, never);
  }
  template <typename Buffers>
  size_t read_some(const Buffers& /*buffers*/, error_code& ec) {
    ec = net::error::operation_not_supported;
    return 0;
  }
  template <typename Buffers>
  size_t read_some(const Buffers& /*buffers*/) {
    throw boost::system::system_error(
        error_code(net::error::operation_not_supported));
  }

  // Found by Beast through argument-dependent lookup when it ends a connection.
  template <typename Handler>
  friend void async_teardown(beast::role_type /*role*/, Layer& layer,
                             Handler&& handler) {
    layer.outgoing().async_teardown(std::forward<Handler>(handler));
  }

 private:
  OutgoingStream& outgoing() { return reader_->host_->outgoing(); }

  executor_type executor_;
  WebsocketReader* const reader_;
};

struct WebsocketReader::Beast {
  // Without permessage-deflate: a frame is encoded once for all sockets.
  websocket::stream<Layer, /*deflateSupported=*/false> stream;
};

WebsocketReader::WebsocketReader(StreamSocket::executor_type executor)
    : beast_(new Beast{websocket::stream<Layer, /*deflateSupported=*/false>(
          executor, this)}),
      text_(kTextBytes, '\0') {
  beast_->stream.set_option(
      websocket::stream_base::decorator([](websocket::response_type& response) {
        response.set(http::field::server, "herald");
      }));
  beast_->stream.control_callback(
      [this](websocket::frame_type type, beast::string_view /*payload*/) {
        host_->OnControlFrame(type == websocket::frame_type::close);
      });
}

WebsocketReader::~WebsocketReader() = default;

void WebsocketReader::Attach(Host* host) {
  host_ = host;
  cursor_ = FrameCursor();
  has_ended_ = false;
}

void WebsocketReader::Detach() {
  unfinished_.Leave();
  host_ = nullptr;
}

error_code WebsocketReader::Accept(const HttpRequest& request) {
  error_code ec;
  beast_->stream.accept(request, ec);
  return ec;
}

void WebsocketReader::StartRead() {
  // Grows with the bytes that have arrived, not with the length that a frame
  // announces: a client may announce much and send little.
  if (text_bytes_ == text_.size()) {
    text_.resize(text_bytes_ + std::min(text_bytes_, kMoreBytesMax));
  }
  beast_->stream.async_read_some(
      net::buffer(text_) + text_bytes_,
      [this](error_code ec, size_t bytes) { OnReadDone(ec, bytes); });
}

void WebsocketReader::OnReadDone(error_code ec, size_t bytes) {
  text_bytes_ += bytes;
  host_->OnReadDone(ec);
}

void WebsocketReader::StartClose(const websocket::close_reason& why) {
  beast_->stream.async_close(why, [this](error_code) { host_->OnCloseDone(); });
}

void WebsocketReader::SetMessageBytesMax(size_t bytes) {
  beast_->stream.read_message_max(bytes);
}

void WebsocketReader::Feed(error_code ec, size_t bytes) {
  contract::Require(read_ != nullptr);
  // Before Beast gets the bytes: idle() and TakeEnd() are called from its
  // handler.
  has_ended_ |= cursor_.Move({static_cast<const char*>(room_.data()), bytes});
  const int64_t fragments = cursor_.TakeFragments();
  if (fragments > 0) host_->OnFragments(fragments);
  // The handler may start the next read, or destroy this reader.
  const std::unique_ptr<Read> read = std::move(read_);
  read->Complete(ec, bytes);
}

void WebsocketReader::FeedUnread() {
  const size_t size = std::min(room_.size(), unread_.size());
  net::buffer_copy(room_, net::buffer(unread_, size));
  unread_.erase(0, size);
  Feed({}, size);
}

bool WebsocketReader::idle() const {
  return read_ != nullptr && unread_.empty() && is_open() &&
         is_message_done() && wanted_bytes_ == all_bytes_ && !in_message();
}

int64_t WebsocketReader::size_bytes() const {
  return kBytes + static_cast<int64_t>(text_.size());
}

bool WebsocketReader::is_open() const { return beast_->stream.is_open(); }
bool WebsocketReader::got_binary() const { return beast_->stream.got_binary(); }
bool WebsocketReader::is_message_done() const {
  return beast_->stream.is_message_done();
}

// Beast has checked all but the end.
bool WebsocketReader::ends_within_character() const {
  return !got_binary() && EndsWithinCharacter(text());
}

void WebsocketReader::ClearText() {
  text_bytes_ = 0;
  // The reader serves other sockets next, and most messages are short.
  if (text_.size() > kTextBytes) text_ = std::string(kTextBytes, '\0');
}

ReaderPool::ReaderPool() = default;
ReaderPool::~ReaderPool() = default;

std::unique_ptr<WebsocketReader> ReaderPool::Take(
    StreamSocket::executor_type executor) {
  std::unique_ptr<WebsocketReader> reader;
  if (!idle_.empty()) {
    reader = std::move(idle_.back());
    idle_.pop_back();
    return reader;
  }
  // In the state in which a reader is returned: accepted, with a pending read.
  reader = std::make_unique<WebsocketReader>(executor);
  contract::Require(!reader->Accept(AnyUpgrade()));
  reader->StartRead();
  return reader;
}

void ReaderPool::Put(std::unique_ptr<WebsocketReader> reader) {
  contract::Require(reader->idle());
  reader->Detach();
  // Drop an older reader: this one may be in a call.
  if (idle_.size() == kIdleMax) idle_.pop_back();
  idle_.push_back(std::move(reader));
}

}  // namespace herald::gateway
