// SPDX-License-Identifier: Apache-2.0
//
// Asio and Beast, compiled once (BOOST_ASIO_SEPARATE_COMPILATION).

#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
