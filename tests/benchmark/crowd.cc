// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/crowd.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/benchmark/clock.h"
#include "tests/benchmark/failure.h"
#include "tests/benchmark/websocket_bytes.h"

namespace herald::benchmark {
namespace {

constexpr int kEventsMax = 512;
constexpr size_t kReadBytes = 256 << 10;
constexpr int64_t kPauseBetweenLooks = kMillisecond / 10;

}  // namespace

std::string SubscribeText(absl::string_view channel, absl::string_view auth) {
  const std::string begin =
      absl::StrCat(R"({"type":"subscribe","channel":")", channel, "\"");
  if (auth.empty()) return absl::StrCat(begin, "}");
  return absl::StrCat(begin, R"(,"auth":")", auth, "\"}");
}

std::string UnsubscribeText(absl::string_view channel) {
  return absl::StrCat(R"({"type":"unsubscribe","channel":")", channel, "\"}");
}

Crowd::Crowd(CrowdOptions options)
    : options_(std::move(options)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      buffer_(kReadBytes) {
  if (epoll_ < 0) FailCall("epoll_create1");
}

Crowd::~Crowd() {
  for (const auto& socket : sockets_) {
    if (socket->fd >= 0) ::close(socket->fd);
  }
  ::close(epoll_);
}

void Crowd::Open(int count, Words words, int at_once) {
  const int first = size();
  for (int i = 0; i < count; ++i) {
    WaitUntilUnfinished(at_once - 1);
    StartOne(words(first + i));
  }
  WaitUntilUnfinished(0);
}

void Crowd::StartOne(std::string words) {
  const int number = size();
  const auto server = static_cast<size_t>(number) % options_.servers.size();
  auto socket = std::make_unique<Socket>();
  socket->fd = StartConnecting(options_.servers[server], number);
  socket->words = std::move(words);
  epoll_event event{.events = EPOLLOUT, .data = {.u32 = 0}};
  event.data.u32 = static_cast<uint32_t>(number);
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket->fd, &event) != 0) {
    FailCall("epoll_ctl");
  }
  sockets_.push_back(std::move(socket));
  ++unfinished_;
}

void Crowd::Ask(int first, int count, Words words, int at_once) {
  for (int number = first; number < first + count; ++number) {
    WaitUntilUnfinished(at_once - 1);
    At(number).words = words(number);
    ++unfinished_;
    SendMessages(number);
  }
  WaitUntilUnfinished(0);
}

void Crowd::WaitUntilUnfinished(int count) {
  while (unfinished_ > count) {
    if (!Look(kPatience)) Fail(unfinished_, " sockets get no answer");
  }
}

void Crowd::Reset(int first, int count) {
  for (int number = first; number < first + count; ++number) {
    ::close(std::exchange(At(number).fd, -1));
  }
}

bool Crowd::Poll(int64_t patience) {
  std::array<epoll_event, kEventsMax> events;
  const timespec timeout = ToTimespec(std::max<int64_t>(patience, 0));
  const int count =
      ::epoll_pwait2(epoll_, events.data(), kEventsMax, &timeout, nullptr);
  if (count < 0 && errno != EINTR) FailCall("epoll_pwait2");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    const auto number = static_cast<int>(event.data.u32);
    if (At(number).state == State::kConnecting) {
      OnConnected(number);
    } else {
      Take(number);
    }
  }
  return count > 0;
}

bool Crowd::Look(int64_t patience) {
  const timespec pause = ToTimespec(kPauseBetweenLooks);
  for (const int64_t end = Now() + patience; !Poll(0);) {
    if (Now() > end) return false;
    ::nanosleep(&pause, nullptr);
  }
  return true;
}

void Crowd::PollFor(int64_t duration) {
  const int64_t end = Now() + duration;
  for (int64_t left = duration; left > 0; left = end - Now()) Poll(left);
}

void Crowd::OnConnected(int number) {
  Socket& socket = At(number);
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    Fail("socket ", number, " cannot connect: ", std::strerror(error));
  }
  epoll_event event{.events = EPOLLIN, .data = {.u32 = 0}};
  event.data.u32 = static_cast<uint32_t>(number);
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, socket.fd, &event);
  if (options_.bare) {
    socket.state = State::kGreeting;
    return;
  }
  socket.state = State::kUpgrading;
  const auto server = static_cast<size_t>(number) % options_.servers.size();
  Send(number, UpgradeRequest(options_.servers[server].host, options_.path,
                              options_.request_bytes, number));
}

void Crowd::Send(int number, absl::string_view bytes) {
  const ssize_t sent =
      ::send(At(number).fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0) FailCall(absl::StrCat("send on socket ", number));
  if (static_cast<size_t>(sent) < bytes.size()) {
    Fail("the server does not read from socket ", number);
  }
}

void Crowd::Take(int number) {
  const int fd = At(number).fd;
  if (fd < 0) return;  // Reset since.
  const ssize_t size = ::recv(fd, buffer_.data(), buffer_.size(), 0);
  if (size > 0) {
    const absl::string_view bytes(buffer_.data(), static_cast<size_t>(size));
    return OnBytes(number, bytes, Now());
  }
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size < 0) FailCall(absl::StrCat("connection ", number, " is lost"));
  Fail("connection ", number, " was closed by the server");
}

void Crowd::OnBytes(int number, absl::string_view bytes, int64_t now) {
  Socket& socket = At(number);
  std::string answer;
  if (socket.state == State::kUpgrading) {
    answer = absl::StrCat(std::exchange(socket.head, {}), bytes);
    bytes = answer;
    const size_t head_bytes = UpgradeAnswerBytes(bytes);
    if (head_bytes == 0) {
      socket.head = std::move(answer);
      return;
    }
    socket.state = State::kGreeting;
    bytes.remove_prefix(head_bytes);
  }
  socket.reader.Feed(
      bytes, [&](const ServerFrame& frame) { OnFrame(number, frame, now); });
}

void Crowd::OnFrame(int number, const ServerFrame& frame, int64_t now) {
  switch (frame.opcode) {
    case Opcode::kText:
      return OnText(number, frame.payload, now);
    case Opcode::kPing:
      ++pings_;
      return Send(number, ClientFrame(Opcode::kPong, frame.payload));
    case Opcode::kPong:
      return;
    case Opcode::kClose: {
      absl::string_view why = frame.payload;
      why.remove_prefix(std::min<size_t>(why.size(), 2));
      Fail("the server closes connection ", number, ": ", why);
    }
  }
}

void Crowd::OnText(int number, absl::string_view message, int64_t now) {
  Socket& socket = At(number);
  if (absl::StartsWith(message, R"({"type":"event")")) {
    if (listener_ == nullptr) Fail("socket ", number, " received ", message);
    return listener_->OnEvent(number, message, now);
  }
  if (socket.state == State::kGreeting) return OnGreeted(number);
  const bool is_answer = absl::StartsWith(message, R"({"type":"subscribed")") ||
                         absl::StartsWith(message, R"({"type":"unsubscribed")");
  if (socket.state != State::kAsking || !is_answer) {
    Fail("socket ", number, " received ", message);
  }
  socket.state = State::kIdle;
  --unfinished_;
}

void Crowd::OnGreeted(int number) {
  Socket& socket = At(number);
  // A bare server would not understand them: it sends each message to all.
  if (!options_.bare && !socket.words.empty()) return SendMessages(number);
  socket.state = State::kIdle;
  --unfinished_;
}

void Crowd::SendMessages(int number) {
  Socket& socket = At(number);
  socket.state = State::kAsking;
  Send(number, ClientFrame(Opcode::kText, std::exchange(socket.words, {})));
}

}  // namespace herald::benchmark
