// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a backend's requests. Promise: each has one answer, with a code
// that broadcast_service.proto names; a refused request changes nothing; no
// answer claims more than there is, and pages lead to an end.

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "proto/contract/limits.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/refusal.h"
#include "tests/fuzz/world.h"

namespace herald::fuzz {
namespace {

using contract::Require;
using Code = absl::StatusCode;

constexpr std::initializer_list<Code> kCodes = {
    Code::kInvalidArgument,   Code::kFailedPrecondition, Code::kNotFound,
    Code::kResourceExhausted, Code::kOutOfRange,         Code::kUnavailable,
    Code::kDeadlineExceeded};

// Calls `body` with the request that the bytes are, if they are one.
template <typename Request, typename Body>
void WithRequest(absl::string_view bytes, Body body) {
  Request request;
  if (request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    body(request);
  }
}

// Counts one answer, and checks its code.
template <typename Check>
auto Once(std::shared_ptr<Answers> answers, Check check) {
  return [answers = std::move(answers), check](const auto& answer) {
    answers->Add();
    check(answer);
  };
}

absl::Status StatusOf(const absl::Status& status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& answer) {
  return answer.status();
}

void Broadcast(World& world, const v1::BroadcastRequest& request) {
  const int64_t known = world.engine().Counts().histories;
  world.hub().Broadcast(
      request, Once(std::make_shared<Answers>(), [&](const auto& answer) {
        if (!IsOkOr(answer.status(), kCodes)) {
          Require(world.engine().Counts().histories == known);
          return;
        }
        Require(answer->receipts_size() == request.channels_size());
        Require(static_cast<int64_t>(request.data().size()) <=
                kPayloadBytesMax);
        int64_t subscribers = 0;
        for (const v1::Receipt& receipt : answer->receipts()) {
          subscribers += receipt.subscribers();
          Require(receipt.subscribers() >= 0 && receipt.offset() >= 0);
          Require(receipt.epoch().empty() == (receipt.offset() == 0));
        }
        Require(subscribers <= world.hub().Counts().subscriptions);
      }));
}

void Call(World& world, int kind, absl::string_view bytes) {
  const auto once = [] {
    return Once(std::make_shared<Answers>(),
                [](const auto& answer) { IsOkOr(StatusOf(answer), kCodes); });
  };
  if (kind == 0) {
    WithRequest<v1::SubscribeRequest>(bytes, [&](const auto& request) {
      world.hub().Subscribe(request, once());
    });
  } else if (kind == 1) {
    WithRequest<v1::UnsubscribeRequest>(bytes, [&](const auto& request) {
      world.hub().Unsubscribe(request, once());
    });
  } else if (kind == 2) {
    WithRequest<v1::DisconnectRequest>(bytes, [&](const auto& request) {
      world.hub().Disconnect(request, once());
    });
  } else {
    WithRequest<v1::Revocation>(bytes, [&](const auto& request) {
      IsOkOr(world.hub().Revoke(request), kCodes);
    });
  }
  // Gateways do not answer.
  world.timers().Advance(absl::Seconds(3));
}

void GetMembers(World& world, v1::GetMembersRequest request) {
  std::string last;
  for (int page = 0; page < 10; ++page) {
    const auto answer = world.hub().GetMembers(request);
    if (!IsOkOr(answer.status(), kCodes)) return Require(page == 0);
    Require(answer->members_size() <= 3);
    for (const v1::PresentMember& member : answer->members()) {
      Require(page == 0 || member.user_id() > last);
      last = member.user_id();
    }
    if (answer->next_page_token().empty()) return;
    Require(answer->members_size() > 0);
    request.set_page_token(answer->next_page_token());
  }
  Require(false);  // There are three of them.
}

void ListChannels(World& world, v1::ListChannelsRequest request) {
  std::string last = request.page_token();
  for (int page = 0; page < 10; ++page) {
    const auto answer = world.hub().ListChannels(request);
    if (!IsOkOr(answer.status(), kCodes)) return Require(page == 0);
    for (const v1::Channel& channel : answer->channels()) {
      Require(channel.name() > last);
      Require(absl::StartsWith(channel.name(), request.prefix()));
      last = channel.name();
    }
    if (answer->next_page_token().empty()) return;
    request.set_page_token(answer->next_page_token());
  }
  Require(false);
}

void GetHistory(World& world, const v1::GetHistoryRequest& request) {
  const auto answer = world.hub().GetHistory(request);
  if (!IsOkOr(answer.status(), kCodes)) return;
  Require(answer->messages_size() <= 3);
  int64_t last = request.since().offset();
  for (const v1::Event& event : answer->messages()) {
    Require(event.offset() > last && event.offset() <= answer->offset());
    last = event.offset();
  }
}

void Watch(World& world, const v1::WatchRequest& request) {
  const auto outbox = std::make_shared<Outbox>();
  const absl::Status status = world.hub().Watch(request, outbox);
  const bool is_open = IsOkOr(status, kCodes);
  Require(world.hub().Counts().watches == (is_open ? 1 : 0));
  const auto messages = outbox->TakeMessages();
  if (!is_open) return;
  int subscribed = 0;
  for (const v1::ServerMessage& message : messages) {
    subscribed += message.has_subscribed() ? 1 : 0;
  }
  Require(messages.front().has_connected());
  Require(subscribed == request.channels_size());
  world.hub().Unwatch(request, outbox);
}

void Test(Input input) {
  World world;
  world.Settle();
  world.Populate();
  const int64_t subscriptions = world.hub().Counts().subscriptions;
  const int kind = input.Below(10);
  const absl::string_view bytes = input.Rest();
  if (kind < 4) {
    Call(world, kind, bytes);
  } else if (kind == 4) {
    WithRequest<v1::BroadcastRequest>(
        bytes, [&](const auto& request) { Broadcast(world, request); });
  } else if (kind == 5) {
    WithRequest<v1::GetMembersRequest>(
        bytes, [&](const auto& request) { GetMembers(world, request); });
  } else if (kind == 6) {
    WithRequest<v1::ListChannelsRequest>(
        bytes, [&](const auto& request) { ListChannels(world, request); });
  } else if (kind == 7) {
    WithRequest<v1::GetHistoryRequest>(
        bytes, [&](const auto& request) { GetHistory(world, request); });
  } else if (kind == 8) {
    WithRequest<v1::WatchRequest>(
        bytes, [&](const auto& request) { Watch(world, request); });
  } else {
    WithRequest<v1::GetChannelRequest>(bytes, [&](const auto& request) {
      IsOkOr(world.hub().GetChannel(request).status(), kCodes);
    });
  }
  world.RequireSaneCounts();
  Require(world.hub().Counts().subscriptions == subscriptions);
  Require(world.hub().Counts().watches == 0);
}

}  // namespace
}  // namespace herald::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  herald::fuzz::Test({data, size});
  return 0;
}
