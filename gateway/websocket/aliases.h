// SPDX-License-Identifier: Apache-2.0
//
// Short names for Asio and Beast, as in proto/http/stream_socket.h.

#ifndef HERALD_GATEWAY_WEBSOCKET_ALIASES_H_
#define HERALD_GATEWAY_WEBSOCKET_ALIASES_H_

#include <boost/asio/ip/tcp.hpp>

#include "proto/http/stream_socket.h"

namespace boost::beast::websocket {}

namespace herald::gateway {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

using boost::system::error_code;
using process::StreamAcceptor;
using process::StreamProtocol;
using process::StreamSocket;
using tcp = net::ip::tcp;

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_WEBSOCKET_ALIASES_H_
