// SPDX-License-Identifier: Apache-2.0
//
// Short names for Asio and Beast, and the sockets of both processes: TCP or
// unix. They name io_context's own executor: the type-erased default costs
// memory per socket and an indirection per operation.

#ifndef HERALD_PROTO_HTTP_STREAM_SOCKET_H_
#define HERALD_PROTO_HTTP_STREAM_SOCKET_H_

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

namespace boost::beast::http {}

namespace herald::process {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

using boost::system::error_code;
using StreamProtocol = net::generic::stream_protocol;
using StreamSocket =
    net::basic_stream_socket<StreamProtocol, net::io_context::executor_type>;
using StreamAcceptor =
    net::basic_socket_acceptor<StreamProtocol, net::io_context::executor_type>;

}  // namespace herald::process

#endif  // HERALD_PROTO_HTTP_STREAM_SOCKET_H_
