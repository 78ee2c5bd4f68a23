// SPDX-License-Identifier: Apache-2.0
//
// Short names for Asio and Beast, and the I/O types of this room. They name
// io_context's own executor: the type-erased default costs memory per socket
// and an indirection per operation.

#ifndef HERALD_GATEWAY_NET_ALIASES_H_
#define HERALD_GATEWAY_NET_ALIASES_H_

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

namespace boost::beast::http {}
namespace boost::beast::websocket {}

namespace herald::gateway {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

using boost::system::error_code;
using tcp = net::ip::tcp;
using TcpSocket = net::basic_stream_socket<tcp, net::io_context::executor_type>;
using TcpAcceptor =
    net::basic_socket_acceptor<tcp, net::io_context::executor_type>;

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_ALIASES_H_
