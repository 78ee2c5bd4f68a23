// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/limit_server.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tests/benchmark/child_process.h"
#include "tests/benchmark/endpoint.h"
#include "tests/benchmark/failure.h"
#include "tests/benchmark/websocket_bytes.h"

namespace herald::benchmark {
namespace {

constexpr size_t kSizeBytes = sizeof(uint32_t);

class LimitServer {
 public:
  explicit LimitServer(Sending sending)
      : sending_(sending),
        epoll_(::epoll_create1(0)),
        sockets_(ListenOnLoopback()),
        frames_(ListenOnLoopback()) {
    Watch(sockets_);
    Watch(frames_);
    PrintListening("sockets", PortOf(sockets_));
    PrintListening("frames", PortOf(frames_));
  }

  [[noreturn]] void Run() {
    std::array<epoll_event, 64> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        OnReadable(events[static_cast<size_t>(i)].data.fd);
      }
    }
  }

 private:
  void Watch(int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
      FailCall("epoll_ctl");
    }
  }

  void OnReadable(int fd) {
    if (fd == sockets_) {
      const int socket = Accept(sockets_);
      subscribers_.push_back(socket);
      SendTo(socket, ServerTextFrame("{}"));
    } else if (fd == frames_) {
      publisher_ = Accept(frames_);
    } else if (fd == publisher_) {
      ReadFrames();
    } else {
      ReadSubscriber(fd);
    }
  }

  int Accept(int listener) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) FailCall("accept4");
    Watch(fd);
    return fd;
  }

  // Forwards the whole frames among the received bytes and keeps the rest.
  void ReadFrames() {
    std::array<char, 65536> buffer;
    const ssize_t size = ::recv(publisher_, buffer.data(), buffer.size(), 0);
    if (size <= 0) {
      ::close(publisher_);
      publisher_ = -1;
      arrived_.clear();
      return;
    }
    arrived_.append(buffer.data(), static_cast<size_t>(size));
    absl::string_view left = arrived_;
    std::string together;
    while (left.size() >= kSizeBytes) {
      uint32_t frame_bytes = 0;
      std::memcpy(&frame_bytes, left.data(), kSizeBytes);
      if (left.size() - kSizeBytes < frame_bytes) break;
      const absl::string_view frame = left.substr(kSizeBytes, frame_bytes);
      if (sending_ == Sending::kEach) {
        SendToAll(frame);
      } else {
        together.append(frame.data(), frame.size());
      }
      left.remove_prefix(kSizeBytes + frame_bytes);
    }
    if (!together.empty()) SendToAll(together);
    arrived_.erase(0, arrived_.size() - left.size());
  }

  void SendToAll(absl::string_view bytes) {
    for (const int fd : subscribers_) SendTo(fd, bytes);
  }

  void SendTo(int fd, absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent =
          ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<size_t>(sent));
      } else if (errno == EAGAIN) {
        pollfd writable{fd, POLLOUT, 0};
        ::poll(&writable, 1, -1);
      } else {
        return;  // It has gone; its end is read like any other.
      }
    }
  }

  void ReadSubscriber(int fd) {
    std::array<char, 256> ignored;
    if (::recv(fd, ignored.data(), ignored.size(), MSG_DONTWAIT) > 0) return;
    ::close(fd);
    subscribers_.erase(std::find(subscribers_.begin(), subscribers_.end(), fd));
  }

  const Sending sending_;
  const int epoll_;
  const int sockets_;
  const int frames_;
  int publisher_ = -1;
  std::vector<int> subscribers_;
  std::string arrived_;
};

}  // namespace

void RunLimitServer(Sending sending) { LimitServer(sending).Run(); }

std::string PackForLimitServer(absl::string_view frame) {
  const auto size = static_cast<uint32_t>(frame.size());
  std::string packed(kSizeBytes, '\0');
  std::memcpy(packed.data(), &size, kSizeBytes);
  packed.append(frame.data(), frame.size());
  return packed;
}

}  // namespace herald::benchmark
