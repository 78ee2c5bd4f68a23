// SPDX-License-Identifier: Apache-2.0
//
// The connections of the gRPC port. Their number is bounded, per source and in
// total, and so are the bytes sent on those for which no token has vouched yet.
//
// A connection is a stranger until a call on it was allowed. gRPC runs the
// handler of a unary call when its request is complete, so a stranger could
// make it keep half requests for ever. So there are few strangers: a newcomer
// evicts the oldest one of the source with the most. The kernel reports the
// bytes that each has sent, and gRPC the streams that it has open. A stranger
// that holds more than the largest request, or much for ten seconds, gets a
// GOAWAY and is ended. While all together hold too much, the largest are ended.
// The bytes of a stranger without an open stream count no longer, because gRPC
// has freed them. A load balancer that checks the health once a second looks
// like that.
//
// gRPC does not report when it closes a descriptor. So the kernel is asked for
// that, too: a descriptor with another inode is another file, and one that is
// accepted again was closed before.
//
// Threads: any.

#ifndef HERALD_SERVICE_RPC_GATE_CONNECTIONS_H_
#define HERALD_SERVICE_RPC_GATE_CONNECTIONS_H_

#include <sys/types.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "proto/contract/mutex.h"
#include "proto/contract/token_bucket.h"
#include "proto/http/peer.h"
#include "proto/log/log_pause.h"
#include "service/channel/timers.h"
#include "service/rpc/gate/counters.h"
#include "service/rpc/gate/open_streams.h"

namespace herald::rpc {

struct ConnectionLimits {
  size_t total_max = 10'000;
  size_t strangers_max = 1000;
  int64_t stranger_bytes_max = 5 << 20;  // Of one.
  int64_t stranger_streams_max = 1000;
  int64_t strangers_bytes_max = 64 << 20;  // Of all together.
};

class Connections {
 public:
  // `timers`, `streams` and `refused` outlive the object.
  Connections(core::Timers* timers, ConnectionLimits limits,
              OpenStreams* streams, Count* refused);
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // Records a connection that was accepted. False if there are too many: in
  // total, or half of that from its source. Ends the oldest stranger if there
  // are too many strangers.
  bool Admit(int fd) ABSL_LOCKS_EXCLUDED(mu_);

  // A call with a request of `bytes` bytes was allowed. Cheap while strangers
  // are few and send nothing. Then its connection is not looked up, and the
  // bytes are excused to every stranger that has sent some at that time.
  void Trust(const grpc::CallbackServerContext& context, size_t bytes) {
    if (alert_.load(std::memory_order_relaxed)) {
      TrustPeer(context.peer());
    } else {
      NoteAllowed(bytes);
    }
  }
  void NoteAllowed(size_t bytes) {
    allowed_.fetch_add(kOneAllowed + bytes + kOverheadBytes,
                       std::memory_order_relaxed);
  }

  // The connection of `peer`, as gRPC names it, is no longer a stranger.
  void TrustPeer(absl::string_view peer) ABSL_LOCKS_EXCLUDED(mu_);

  // A call was refused or needs no token. Until the next look it counts as
  // kCallBytes that a stranger holds: gRPC's memory for a call. Many in a short
  // time end the connection.
  void Charge(absl::string_view peer) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  static constexpr int64_t kCallBytes = 16 << 10;

  struct Entry {
    process::PeerAddress peer;
    ino_t inode = 0;
    int64_t stranger = 0;  // Its number, or 0.
    // Of a stranger:
    int64_t received = 0;  // Bytes, at the last look.
    int64_t excused = 0;   // Of these, perhaps of calls that were allowed.
    int64_t charged = 0;   // For its calls since the last look.
    int64_t socket = 0;    // Its id among the streams, or 0.
    int64_t counted = 0;   // `received` when its streams were counted last.
    int64_t streams = 0;   // That were open then,
    int64_t begun = 0;     // and that had begun.
    // Of the streams, perhaps of calls that were allowed.
    int64_t excused_streams = 0;
    uint64_t allowed = 0;         // allowed_ at the last look.
    bool has_sent = false;        // Something between the last two looks.
    bool was_full = false;        // Had too many streams at the last look.
    contract::TokenBucket calls;  // That are charged,
    contract::TokenBucket rapid;  // and streams that begin.
    absl::Time since;
    absl::Time too_large_since = absl::InfiniteFuture();
    absl::Time large_since = absl::InfiniteFuture();

    // Streams and bytes for which no allowed call may have vouched.
    int64_t unknown_streams() const {
      return std::max<int64_t>(0, streams - excused_streams);
    }
    int64_t bytes() const {
      return std::max<int64_t>(0, received - excused) + charged +
             unknown_streams() * kCallBytes;
    }
  };
  // A connection that has had its GOAWAY.
  struct ClosingConnection {
    int fd = -1;  // A copy of ours.
    absl::Time shutdown;
  };
  // Shared with the timers, which may call after the end.
  struct Handle {
    contract::Mutex mu;
    Connections* connections ABSL_GUARDED_BY(mu) = nullptr;
  };

  // Bytes of a call beside its request: headers and frames.
  static constexpr int64_t kOverheadBytes = 512;
  // allowed_ counts calls from here on, and their bytes below.
  static constexpr uint64_t kOneAllowed = uint64_t{1} << 40;
  // The kernel answers data that arrives after the shutdown with a reset, and
  // then a peer that has not read the GOAWAY yet never does.
  static constexpr absl::Duration kTimeToRead = absl::Seconds(1);

  static ino_t InodeOf(int fd);
  static void ShutDown(int copy);

  // The stranger of that name, or nullptr.
  Entry* Find(absl::string_view peer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Forget(int fd) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Forgets those that are closed, but not too often.
  void Prune() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The oldest stranger of the source that has the most of them. REQUIRES:
  // there are some.
  int OldestOfMost() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasRoomFor(const process::PeerAddress& peer) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Ends a connection, with time for its peer to read the GOAWAY first.
  void End(int fd, const char* why, absl::Duration time_to_read = kTimeToRead)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Shuts down the connections that have had kTimeToRead.
  void ShutDownThoseDue(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void LookLater();
  // Looks at strangers, and again later while there are any.
  void Look() ABSL_LOCKS_EXCLUDED(mu_);
  // Reads how much a stranger has sent.
  void Weigh(Entry& entry, int fd, bool* alert)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Finds the channelz socket of each stranger.
  void NoteSockets() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Counts the streams of the strangers that have sent the most bytes since
  // they were last counted.
  void CountStreams(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CountStreams(Entry& entry, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Why the connection has to be ended now, or nullptr.
  const char* WhyEnd(Entry& entry, absl::Time now) const;
  // Ends those that have sent too much.
  void EndLarge(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Ends one that holds too much.
  void EndHolder(int fd, const char* why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EndLargest(int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void LogRefusal(const char* why, absl::string_view address);

  // Constant after construction.
  const ConnectionLimits limits_;
  core::Timers* const timers_;
  OpenStreams* const streams_;
  Count* const refused_;
  const std::shared_ptr<Handle> handle_;

  std::atomic<bool> alert_{false};
  std::atomic<uint64_t> allowed_{0};  // Calls of connections not looked up.
  process::LogPause refusals_;

  contract::Mutex mu_;
  absl::flat_hash_map<int, Entry> entries_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, int> by_peer_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<admission::Source, size_t> by_source_
      ABSL_GUARDED_BY(mu_);
  std::map<int64_t, int> strangers_ ABSL_GUARDED_BY(mu_);  // Oldest first.
  int64_t last_stranger_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Time pruned_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  std::deque<ClosingConnection> ending_ ABSL_GUARDED_BY(mu_);  // Oldest first.
  bool looking_ ABSL_GUARDED_BY(mu_) = false;  // A look will come.
  absl::Time looked_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_GATE_CONNECTIONS_H_
