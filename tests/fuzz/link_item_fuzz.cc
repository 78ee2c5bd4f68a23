// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a link, as a gateway of any kind sends them. Promise: an item
// that breaks a rule is refused with INVALID_ARGUMENT and ends the link; after
// that nothing of the link is taken, and nothing of it stays.

#include <memory>
#include <string>

#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "service/gateways/link_checks.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/refusal.h"
#include "tests/fuzz/world.h"

namespace herald::fuzz {
namespace {

using contract::Require;
using link::v1::GatewayItem;

constexpr uint64_t kGateway = 1;

bool IsOwn(const std::string& socket_id) {
  const auto id = contract::ParseSocketId(socket_id);
  return id.has_value() && id->gateway == kGateway;
}

// The core relies on this for an item that was checked.
void RequireChecked(const GatewayItem& item) {
  if (item.has_held()) {
    Require(contract::CheckChannelName(item.held().channel()).ok());
    Require(item.held().subscription_count() >= 0);
    for (const link::v1::HeldMember& member : item.held().members()) {
      Require(contract::CheckUserId(member.member().user_id()).ok());
      for (const std::string& id : member.socket_ids()) Require(IsOwn(id));
    }
  } else if (item.has_subscribe()) {
    Require(item.subscribe().ticket() > 0);
    Require(IsOwn(item.subscribe().socket_id()));
    Require(!item.subscribe().has_member() || item.subscribe().call_id() > 0);
  } else if (item.has_unsubscribe()) {
    Require(contract::CheckChannelName(item.unsubscribe().channel()).ok());
  } else if (item.has_whisper()) {
    Require(contract::CheckChannelName(item.whisper().channel()).ok());
    Require(contract::CheckEventName(item.whisper().event()).ok());
    Require(IsOwn(item.whisper().socket_id()));
  } else if (item.has_call_result()) {
    Require(item.call_result().disconnected_count() >= 0);
  } else if (item.has_report()) {
    Require(item.report().client_count() >= 0);
  }
}

core::Verdict DrawDecision(Input& input) {
  core::Verdict decision;
  if (input.Flag()) decision.status = absl::PermissionDeniedError("no");
  if (input.Flag()) decision.member.emplace().set_user_id("ada");
  return decision;
}

// Handles the items as the rim does, up to the first error.
void HandleAll(World& world, const core::AttachmentPtr& gateway,
               link::v1::AttachRequest frame, Input& input) {
  for (GatewayItem& item : *frame.mutable_items()) {
    const absl::Status valid =
        core::CheckItem(item, kGateway, contract::kPayloadBytesLimit);
    if (IsOkOr(valid, {absl::StatusCode::kInvalidArgument})) {
      RequireChecked(item);
    }
    const absl::Status status = world.hub().Handle(gateway, std::move(item));
    world.RequireSaneCounts();
    if (!IsOkOr(status, {absl::StatusCode::kInvalidArgument,
                         absl::StatusCode::kFailedPrecondition})) {
      return;
    }
    Require(valid.ok());
    if (world.judge().open() > 0 && input.Flag()) {
      world.judge().Decide(0, DrawDecision(input));
    }
  }
}

void Test(Input input) {
  World world;
  if (!input.Flag()) world.Settle();
  world.hub().SetRules(Rules(input.Below(kRulesCount)));
  const auto outbox = std::make_shared<Outbox>();
  const core::AttachmentPtr gateway = world.Open(kGateway, outbox);
  Require(gateway != nullptr);
  GatewayItem attached;
  attached.mutable_attached();
  // The bytes of decisions come before the frame.
  Input decisions = input;
  for (int i = 0; i < 4; ++i) input.Byte();
  if (input.Flag()) Require(world.hub().Handle(gateway, attached).ok());
  link::v1::AttachRequest frame;
  const absl::string_view bytes = input.Rest();
  if (frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    HandleAll(world, gateway, std::move(frame), decisions);
  }
  outbox->TakeItems();
  world.hub().Close(gateway, "it ends");
  GatewayItem late;
  late.mutable_report()->set_client_count(1);
  Require(absl::IsAborted(world.hub().Handle(gateway, late)));
  while (world.judge().open() > 0) world.judge().Decide(0, {});
  Require(outbox->TakeItems().empty());
  world.Settle();
  world.RequireEmpty();
}

}  // namespace
}  // namespace herald::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  herald::fuzz::Test({data, size});
  return 0;
}
