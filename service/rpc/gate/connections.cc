// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/gate/connections.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/contract/condition.h"
#include "proto/log/log.h"

namespace herald::rpc {
namespace {

using contract::MutexLock;

constexpr absl::Duration kPrunePause = absl::Milliseconds(100);
constexpr absl::Duration kLookPause = absl::Milliseconds(100);
constexpr absl::Duration kAlertPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestLookGap = absl::Seconds(1);  // Of the process.

// The bytes that a stranger may hold for longer than kLargeTime: enough for a
// few open calls, too few for an attack by half requests. And the bytes that it
// may send each second beyond that: the pings of a load balancer's Watch.
constexpr int64_t kLargeBytes = 64 << 10;
constexpr double kLargeBytesPerSecond = 32;
constexpr absl::Duration kLargeTime = absl::Seconds(10);

// For how long it may hold more than the largest request: a caller with allowed
// calls is no longer a stranger by then.
constexpr absl::Duration kTooLargeTime = absl::Milliseconds(200);

// From here on the connections of allowed calls are looked up, so that a
// stranger with an allowed call stops being one.
constexpr int64_t kSuspiciousBytes = 32 << 10;

// Per second and in a burst: calls of a stranger that are charged, and streams
// that it begins, which may end before they are counted.
const contract::TokenRate kCalls(100, 256);
const contract::TokenRate kRapid(1000, 10'000);

// Strangers per look that have their streams counted, at 10 us each.
constexpr size_t kCountedMax = 64;

constexpr size_t kEndingMax = 256;

int64_t BytesReceived(int fd) {
  tcp_info info = {};
  socklen_t size = sizeof(info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return static_cast<int64_t>(info.tcpi_bytes_received);
}

// A GOAWAY of HTTP/2 with ENHANCE_YOUR_CALM (RFC 9113 section 6.8).
std::string GoAway() {
  constexpr absl::string_view kWhy = "no call on the connection was allowed";
  constexpr absl::string_view kHead(
      "\0\0\0\x07\0\0\0\0\0\x7f\xff\xff\xff\0\0\0\x0b", 17);
  std::string frame = absl::StrCat(kHead, kWhy);
  frame[2] = static_cast<char>(frame.size() - 9);
  return frame;
}

}  // namespace

Connections::Connections(core::Timers* timers, ConnectionLimits limits,
                         OpenStreams* streams, Count* refused)
    : limits_(limits),
      timers_(timers),
      streams_(streams),
      refused_(refused),
      handle_(std::make_shared<Handle>()) {
  MutexLock lock(&handle_->mu);
  handle_->connections = this;
}

Connections::~Connections() {
  {
    MutexLock lock(&handle_->mu);
    handle_->connections = nullptr;
  }
  for (const ClosingConnection& one : ending_) close(one.fd);
}

ino_t Connections::InodeOf(int fd) {
  struct stat status = {};
  return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

bool Connections::Admit(int fd) {
  Entry entry;
  entry.peer = process::PeerOf(fd);
  entry.inode = InodeOf(fd);
  MutexLock lock(&mu_);
  // A descriptor that is accepted again was closed before, and gRPC does not
  // report that.
  Forget(fd);
  if (!HasRoomFor(entry.peer)) Prune();
  if (!HasRoomFor(entry.peer)) {
    Add(*refused_, 1);
    LogRefusal("too many connections are open", entry.peer.address);
    return false;
  }
  // Peers on a unix socket have no name to be trusted by; the permissions of
  // the file vouch for them.
  if (!entry.peer.name.empty()) {
    entry.stranger = ++last_stranger_;
    entry.allowed = allowed_;
    entry.since = contract::SteadyNow();
    strangers_[entry.stranger] = fd;
    by_peer_[entry.peer.name] = fd;
    ++by_source_[entry.peer.source()];
  }
  entries_[fd] = std::move(entry);
  if (strangers_.size() > limits_.strangers_max) Prune();
  if (strangers_.size() > limits_.strangers_max) {
    End(OldestOfMost(), "too many connections without an allowed call are open",
        absl::ZeroDuration());
  }
  // Until the next look, allowed calls look their connections up: the first one
  // shows that this is no stranger.
  alert_ = true;
  if (!strangers_.empty() && !std::exchange(looking_, true)) {
    LookLater();
  }
  return true;
}

int Connections::OldestOfMost() const {
  absl::flat_hash_map<admission::Source, size_t> counts;
  for (const auto& [number, fd] : strangers_) {
    ++counts[entries_.at(fd).peer.source()];
  }
  int oldest = -1;
  size_t most = 0;
  for (const auto& [number, fd] : strangers_) {
    const size_t count = counts.at(entries_.at(fd).peer.source());
    if (count <= most) continue;
    most = count;
    oldest = fd;
  }
  return oldest;
}

bool Connections::HasRoomFor(const process::PeerAddress& peer) const {
  if (entries_.size() >= limits_.total_max) return false;
  const auto it = by_source_.find(peer.source());
  return it == by_source_.end() || it->second < limits_.total_max / 2;
}

void Connections::Forget(int fd) {
  const auto it = entries_.find(fd);
  if (it == entries_.end()) return;
  const Entry& entry = it->second;
  strangers_.erase(entry.stranger);
  const auto named = by_peer_.find(entry.peer.name);
  if (named != by_peer_.end() && named->second == fd) by_peer_.erase(named);
  const auto counted = by_source_.find(entry.peer.source());
  if (counted != by_source_.end() && --counted->second == 0) {
    by_source_.erase(counted);
  }
  entries_.erase(it);
}

void Connections::Prune() {
  const absl::Time now = contract::SteadyNow();
  if (now - pruned_ < kPrunePause) return;
  pruned_ = now;
  std::vector<int> closed;
  for (const auto& [fd, entry] : entries_) {
    if (InodeOf(fd) != entry.inode) closed.push_back(fd);
  }
  for (const int fd : closed) Forget(fd);
}

void Connections::End(int fd, const char* why, absl::Duration time_to_read) {
  const Entry& entry = entries_.at(fd);
  // A copy refers to the same file for good, even if gRPC closes its own
  // descriptor meanwhile. So the inode is compared after the copy was made.
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy >= 0 && InodeOf(copy) == entry.inode) {
    // Before the GOAWAY, so that the reason is logged when the peer notices.
    Add(*refused_, 1);
    LogRefusal(why, entry.peer.address);
    // gRPC has long since written all its frames to a stranger, so this one is
    // not written into the middle of another.
    const std::string frame = GoAway();
    send(copy, frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (time_to_read == absl::ZeroDuration()) {
      ShutDown(copy);
    } else {
      ending_.push_back({copy, contract::SteadyNow() + time_to_read});
    }
  } else if (copy >= 0) {
    close(copy);
  }
  Forget(fd);
  if (!std::exchange(looking_, true)) LookLater();
}

// Both directions: gRPC that has nothing to write notices the end by reading.
// It frees the connection's requests then, and closes its own descriptor.
void Connections::ShutDown(int copy) {
  shutdown(copy, SHUT_RDWR);
  close(copy);
}

void Connections::ShutDownThoseDue(absl::Time now) {
  while (!ending_.empty() &&
         (ending_.front().shutdown <= now || ending_.size() > kEndingMax)) {
    ShutDown(ending_.front().fd);
    ending_.pop_front();
  }
}

void Connections::LookLater() {
  timers_->After(alert_ ? kAlertPause : kLookPause, [handle = handle_] {
    MutexLock lock(&handle->mu);
    if (handle->connections != nullptr) handle->connections->Look();
  });
}

void Connections::Look() {
  MutexLock lock(&mu_);
  const absl::Time now = contract::SteadyNow();
  // While the process was paused, gRPC could not read the bytes that arrived.
  const absl::Duration gap = now - std::exchange(looked_, now);
  if (gap > kLongestLookGap) {
    for (const auto& [number, fd] : strangers_) {
      Entry& entry = entries_.at(fd);
      entry.large_since += gap;
      entry.too_large_since += gap;
      entry.was_full = false;
    }
  }
  EndLarge(now);
  ShutDownThoseDue(now);
  looking_ = !strangers_.empty() || !ending_.empty();
  if (!looking_) looked_ = absl::InfiniteFuture();
  if (looking_) LookLater();
}

void Connections::Weigh(Entry& entry, int fd, bool* alert) {
  const int64_t received = BytesReceived(fd);
  const uint64_t allowed = allowed_;
  const bool sends = received != std::exchange(entry.received, received);
  // An allowed call is counted a moment after its bytes have arrived.
  if (std::exchange(entry.has_sent, sends) || sends) {
    const uint64_t more = allowed - entry.allowed;
    entry.excused += static_cast<int64_t>(more % kOneAllowed);
    entry.excused_streams += static_cast<int64_t>(more / kOneAllowed);
  }
  *alert |= sends;
  entry.allowed = allowed;
}

void Connections::NoteSockets() {
  for (const OpenStreams::Connection& one : streams_->TakeNew()) {
    Entry* const entry = Find(one.peer);
    if (entry != nullptr) entry->socket = one.id;
  }
}

void Connections::CountStreams(absl::Time now) {
  NoteSockets();
  std::vector<std::pair<int64_t, Entry*>> uncounted;
  for (const auto& [number, fd] : strangers_) {
    Entry& entry = entries_.at(fd);
    const int64_t more = entry.received - entry.counted;
    if (entry.socket == 0 ||
        (more == 0 && entry.charged == 0 && entry.streams == 0)) {
      continue;
    }
    uncounted.emplace_back(more, &entry);
  }
  const size_t count = std::min(uncounted.size(), kCountedMax);
  std::partial_sort(
      uncounted.begin(), uncounted.begin() + static_cast<std::ptrdiff_t>(count),
      uncounted.end(),
      [](const auto& a, const auto& b) { return a.first > b.first; });
  for (size_t i = 0; i < count; ++i) CountStreams(*uncounted[i].second, now);
}

void Connections::CountStreams(Entry& entry, absl::Time now) {
  const auto count = streams_->CountOf(entry.socket);
  if (!count.has_value()) return;
  // The open streams include the calls that were charged.
  entry.charged = 0;
  entry.counted = entry.received;
  entry.streams = count->open;
  const int64_t begun = count->begun - std::exchange(entry.begun, count->begun);
  entry.rapid.Take(kRapid, std::max<int64_t>(0, begun - entry.excused_streams),
                   now);
  entry.excused_streams = std::min(entry.excused_streams, count->open);
  if (count->open == 0) entry.excused = entry.received;
}

const char* Connections::WhyEnd(Entry& entry, absl::Time now) const {
  const int64_t bytes = entry.bytes();
  const double more =
      kLargeBytesPerSecond * absl::ToDoubleSeconds(now - entry.since);
  const auto note = [now](bool is_so, absl::Time& since) {
    since = is_so ? std::min(since, now) : absl::InfiniteFuture();
  };
  note(bytes > limits_.stranger_bytes_max, entry.too_large_since);
  note(bytes > kLargeBytes + static_cast<int64_t>(more), entry.large_since);
  // Not at the first look: a caller with allowed calls is no stranger by the
  // second.
  const bool is_full = entry.unknown_streams() > limits_.stranger_streams_max;
  if (std::exchange(entry.was_full, is_full) && is_full) {
    return "too many calls are open and none was allowed";
  }
  if (!entry.rapid.Has(kRapid, 1, now)) {
    return "too many calls begin and none was allowed";
  }
  const bool is_large = now - entry.too_large_since >= kTooLargeTime ||
                        now - entry.large_since > kLargeTime;
  return is_large ? "no call on it was allowed" : nullptr;
}

void Connections::EndLarge(absl::Time now) {
  std::vector<std::pair<int, const char*>> large;
  std::vector<int> closed;
  int64_t all = 0;
  bool alert = strangers_.size() > limits_.strangers_max / 2;
  for (const auto& [number, fd] : strangers_) {
    Weigh(entries_.at(fd), fd, &alert);
  }
  // After all are weighed: it counts those that sent the most since the last
  // time.
  CountStreams(now);
  for (const auto& [number, fd] : strangers_) {
    Entry& entry = entries_.at(fd);
    if (InodeOf(fd) != entry.inode) {
      closed.push_back(fd);
      continue;
    }
    alert |= entry.bytes() > kSuspiciousBytes;
    const char* const why = WhyEnd(entry, now);
    if (why != nullptr) {
      large.emplace_back(fd, why);
    } else {
      all += entry.bytes();
    }
  }
  alert_ = alert;
  for (const int fd : closed) Forget(fd);
  for (const auto& [fd, why] : large) EndHolder(fd, why);
  if (all > limits_.strangers_bytes_max) {
    EndLargest(all - limits_.strangers_bytes_max);
  }
}

void Connections::EndHolder(int fd, const char* why) {
  // The memory of hundreds of streams, and of those still to begin, must not
  // stay until the GOAWAY was read.
  const bool is_full =
      entries_.at(fd).unknown_streams() > limits_.stranger_streams_max / 2;
  End(fd, why, is_full ? absl::ZeroDuration() : kTimeToRead);
}

void Connections::EndLargest(int64_t bytes) {
  std::vector<std::pair<int64_t, int>> by_size;
  for (const auto& [number, fd] : strangers_) {
    by_size.emplace_back(entries_.at(fd).bytes(), fd);
  }
  std::sort(by_size.rbegin(), by_size.rend());
  for (const auto& [size, fd] : by_size) {
    if (bytes <= 0) return;
    bytes -= size;
    EndHolder(fd,
              "no call on it was allowed, and all such connections together "
              "hold too much");
  }
}

void Connections::LogRefusal(const char* why, absl::string_view address) {
  const std::optional<int64_t> unlogged = refusals_.Pass();
  if (!unlogged.has_value()) return;
  process::Log(process::LogLevel::kWarning, "connection refused",
               {{"address", process::AddressText(address)},
                {"why", why},
                {"not_logged", *unlogged}});
}

Connections::Entry* Connections::Find(absl::string_view peer) {
  const auto it = by_peer_.find(process::ParsePeer(peer).name);
  if (it == by_peer_.end()) return nullptr;
  Entry& entry = entries_.at(it->second);
  return entry.stranger == 0 ? nullptr : &entry;
}

void Connections::TrustPeer(absl::string_view peer) {
  MutexLock lock(&mu_);
  Entry* const entry = Find(peer);
  if (entry != nullptr) strangers_.erase(std::exchange(entry->stranger, 0));
}

void Connections::Charge(absl::string_view peer) {
  MutexLock lock(&mu_);
  Entry* const entry = Find(peer);
  if (entry == nullptr) return;
  entry->charged += kCallBytes;
  // Now, not at the next look: thousands of such calls may arrive before it,
  // and a proper caller sends few.
  const bool is_much = entry->charged > limits_.stranger_bytes_max;
  if (entry->calls.TryTake(kCalls, 1, contract::SteadyNow()) && !is_much) {
    return;
  }
  End(strangers_.at(entry->stranger), "too many calls and none was allowed",
      absl::ZeroDuration());
}

}  // namespace herald::rpc
