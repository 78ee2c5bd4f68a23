// SPDX-License-Identifier: Apache-2.0
//
// The facts of a browser's connection: a v1::Connection in little memory. They
// live as long as the socket, and are sent to the service with each private
// subscribe.
//
// An upgrade request has some 500 bytes of headers, and most of them are the
// same for all users of one release of a browser. So the facts are in two
// parts. The headers that browsers share are one block, and sockets with equal
// blocks share it. The address, the cookies and all other headers are the
// socket's own. No header is lost.
//
// Threads: one loop's, for the pool and all facts that were made from it.
//
// Bound: a block goes with its last socket, so there are never more blocks than
// sockets. A block of one socket costs some 100 bytes more than no pool.

#ifndef HERALD_GATEWAY_SOCKET_CONNECTION_FACTS_H_
#define HERALD_GATEWAY_SOCKET_CONNECTION_FACTS_H_

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "proto/admission/source.h"

namespace herald::gateway {

class ConnectionFacts {
 public:
  // No facts.
  ConnectionFacts() = default;

  // Of a peer on a unix socket `unix`; empty if there are no facts.
  absl::string_view remote_address() const;

  // The source of the connection, for bounds that sources share.
  admission::Source source() const { return source_; }

  // A serialized v1::Connection. It is written without a message, whose map of
  // headers costs more than the rest of a subscribe.
  std::string Serialize() const;

 private:
  friend class HeaderPool;

  std::shared_ptr<const std::string> shared_;
  std::string own_;
  admission::Source source_ = admission::kNoSource;
};

class HeaderPool {
 public:
  // Gathers the facts of one connection.
  class Builder {
   public:
    explicit Builder(absl::string_view remote_address,
                     admission::Source source = admission::kNoSource);

    // A header of the request, in its order. Any case of the name will do;
    // `value` is UTF-8. REQUIRES: neither has 64 KiB.
    void AddHeader(absl::string_view name, absl::string_view value);

   private:
    friend class HeaderPool;

    std::string shared_;
    std::string own_;
    admission::Source source_;
  };

  HeaderPool() = default;
  HeaderPool(const HeaderPool&) = delete;
  HeaderPool& operator=(const HeaderPool&) = delete;

  // The pool must outlive the facts.
  ConnectionFacts Make(Builder builder);

  // Blocks that are in use.
  size_t size() const { return blocks_.size(); }

 private:
  using Block = std::shared_ptr<const std::string>;

  Block Share(std::string text);

  // By their text, which is theirs.
  absl::flat_hash_map<absl::string_view, std::weak_ptr<const std::string>>
      blocks_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SOCKET_CONNECTION_FACTS_H_
