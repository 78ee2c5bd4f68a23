// SPDX-License-Identifier: Apache-2.0
//
// An event on its way: checked once, then shared by all receivers.
//
// Each encoding is made at most once, for the first receiver that needs it. So
// an event without listeners is never encoded.
//
// Threads: constant but for the encodings, which are made with the channel's
// shard locked.

#ifndef HERALD_SERVICE_CHANNEL_PUBLICATION_H_
#define HERALD_SERVICE_CHANNEL_PUBLICATION_H_

#include <cstdint>
#include <memory>
#include <string>

#include "service/channel/sink.h"

namespace herald::core {

struct Publication {
  std::string channel;
  std::string event;
  std::string data;              // JSON text.
  std::string except_socket_id;  // Empty: no socket is excepted.
  bool whisper = false;
  std::string user_id;       // Whispers on presence channels.
  int64_t published_us = 0;  // Since the Unix epoch.
  int64_t offset = 0;        // Its place in the history; 0: it has none.

  // As a gateway receives it, and as a Watch does.
  const Chunk& LinkChunk() const;
  const Chunk& WatchChunk() const;

 private:
  mutable Chunk link_chunk_;
  mutable Chunk watch_chunk_;
};

using PublicationPtr = std::shared_ptr<const Publication>;

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_PUBLICATION_H_
