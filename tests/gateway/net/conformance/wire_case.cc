// SPDX-License-Identifier: Apache-2.0

#include "tests/gateway/net/conformance/wire_case.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

using testing_support::ClientFrame;
using testing_support::kClose;
using testing_support::kContinuation;
using testing_support::kPong;
using testing_support::kText;
using testing_support::Opcode;
using testing_support::RawSocket;
using testing_support::ServerFrame;

std::string Describe(const std::optional<ServerFrame>& frame) {
  if (!frame.has_value()) return "nothing";
  if (!frame->is_final) return "a fragment";
  if (frame->opcode == kClose)
    return absl::StrCat("close ", frame->close_code());
  if (frame->opcode == kPong) return PongOf(frame->payload);
  if (frame->opcode != kText) return absl::StrCat("opcode ", frame->opcode);
  for (const char* const type : {"pong", "error"}) {
    if (absl::StrContains(frame->payload,
                          absl::StrCat(R"("type":")", type, "\""))) {
      return absl::StrCat("message ", type);
    }
  }
  return frame->payload;
}

void Send(RawSocket& socket, const WireCase& one) {
  const std::string all = absl::StrJoin(one.frames, "");
  if (one.chops == Chops::kNone) {
    socket.Send(all);
  } else if (one.chops == Chops::kFrames) {
    for (const std::string& frame : one.frames) socket.Send(frame);
  } else {
    for (const char byte : all) socket.Send(std::string(1, byte));
  }
}

std::vector<std::string> ReadAnswers(RawSocket& socket, const WireCase& one) {
  std::vector<std::string> answers;
  while (answers.size() < one.answers.size()) {
    const std::optional<ServerFrame> frame = socket.ReadFrame();
    answers.push_back(Describe(frame));
    if (!frame.has_value() || frame->opcode == kClose) break;
  }
  return answers;
}

void ExpectAnswer(const TestGateway& gateway, const WireCase& one) {
  RawSocket socket(gateway.address());
  ASSERT_NE(Connect(socket), "");
  Send(socket, one);
  EXPECT_EQ(ReadAnswers(socket, one), one.answers);
  if (!one.answers.empty() && absl::StartsWith(one.answers.back(), "close ")) {
    // If the gateway closes first, it waits for this.
    socket.Send(ClientFrame(kClose, ""));
    EXPECT_EQ(Describe(socket.ReadFrame()), "nothing");
    EXPECT_TRUE(socket.WaitForEnd());
    EXPECT_FALSE(socket.was_reset());
    return;
  }
  socket.Send(ClientFrame(kText, PingText()));
  EXPECT_EQ(Describe(socket.ReadFrame()), kPongMessage) << "it stays open";
}

}  // namespace

void ExpectAnswers(const TestGateway& gateway,
                   const std::vector<WireCase>& cases) {
  for (const WireCase& one : cases) {
    SCOPED_TRACE(one.id);
    ExpectAnswer(gateway, one);
  }
}

std::string PingText(size_t bytes) {
  std::string message = R"({"type":"ping"})";
  message.resize(bytes, ' ');
  return message;
}

std::string PongOf(absl::string_view payload) {
  return absl::StrCat("pong ", payload);
}

std::string FrameWith(int reserved, int opcode, absl::string_view payload) {
  std::string frame = ClientFrame(static_cast<Opcode>(opcode), payload);
  frame[0] = static_cast<char>(frame[0] | reserved << 4);
  return frame;
}

std::vector<std::string> Fragments(Opcode opcode, absl::string_view message,
                                   size_t bytes, const std::string& between) {
  std::vector<std::string> frames;
  do {
    const absl::string_view part = message.substr(0, bytes);
    message.remove_prefix(part.size());
    frames.push_back(ClientFrame(frames.empty() ? opcode : kContinuation, part,
                                 message.empty()));
    if (frames.size() == 1 && !message.empty() && !between.empty()) {
      frames.push_back(between);
    }
  } while (!message.empty());
  return frames;
}

}  // namespace herald::gateway
