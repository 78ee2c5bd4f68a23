// SPDX-License-Identifier: Apache-2.0

#include "tests/support/canary.h"

#include <algorithm>
#include <utility>

#include "gtest/gtest.h"
#include "tests/support/backend.h"
#include "tests/support/raw_socket.h"

namespace herald::testing_support {
namespace {

constexpr Milliseconds kPause(5);

// Reads until the frames have brought `pongs` and `events`.
bool ReadUntil(RawSocket& socket, int pongs, int events) {
  while (pongs > 0 || events > 0) {
    const auto frame = socket.ReadFrame();
    if (!frame.has_value() || frame->opcode == kClose) return false;
    if (frame->opcode == kPing) socket.Send(ClientFrame(kPong, frame->payload));
    pongs -= frame->payload == R"({"type":"pong"})";
    events -= frame->payload.starts_with(R"({"type":"event")");
  }
  return true;
}

}  // namespace

Canary::Canary(const std::string& gateway_address,
               const std::string& grpc_address, const std::string& source,
               const std::string& token)
    : thread_([this, gateway_address, grpc_address, source, token] {
        Run(gateway_address, grpc_address, source, token);
      }),
      watch_([this] { WatchTheMachine(); }) {
  EXPECT_TRUE(WaitUntil([this] {
    const std::lock_guard lock(mutex_);
    return ready_;
  })) << "the canary cannot subscribe";
}

Canary::~Canary() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  thread_.join();
  watch_.join();
}

Milliseconds Canary::TakeWorst() {
  const std::lock_guard lock(mutex_);
  if (began_ != kNever) worst_ = std::max(worst_, Clock::now() - began_);
  const Clock::duration late =
      std::exchange(worst_, {}) - std::exchange(stall_, {});
  return std::max(std::chrono::duration_cast<Milliseconds>(late),
                  Milliseconds(0));
}

void Canary::WatchTheMachine() {
  for (;;) {
    const Clock::time_point due = Clock::now() + kPause;
    std::this_thread::sleep_until(due);
    const std::lock_guard lock(mutex_);
    stall_ = std::max(stall_, Clock::now() - due);
    if (stopped_) return;
  }
}

void Canary::Run(const std::string& gateway_address,
                 const std::string& grpc_address, const std::string& source,
                 const std::string& token) {
  Backend backend(grpc_address, token);
  RawSocket socket(gateway_address, source);
  EXPECT_EQ(socket.Upgrade(), 101);
  socket.Send(ClientFrame(kText, R"({"type":"subscribe","channel":"canary"})"));
  for (int answers = 0; answers < 2; ++answers) socket.ReadFrame();
  for (bool alive = true; alive;) {
    {
      const std::lock_guard lock(mutex_);
      ready_ = true;
      if (began_ != kNever) worst_ = std::max(worst_, Clock::now() - began_);
      began_ = kNever;
      if (stopped_) return;
    }
    std::this_thread::sleep_for(kPause);
    {
      const std::lock_guard lock(mutex_);
      began_ = Clock::now();
    }
    socket.Send(ClientFrame(kText, R"({"type":"ping"})"));
    backend.Broadcast("canary", "e", "1");
    alive = ReadUntil(socket, /*pongs=*/1, /*events=*/1);
  }
  ADD_FAILURE() << "the canary's connection has ended";
}

}  // namespace herald::testing_support
