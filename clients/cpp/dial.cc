// SPDX-License-Identifier: Apache-2.0

#include "clients/cpp/dial.h"

#include <algorithm>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "clients/cpp/timer_waker.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"
#include "proto/contract/address.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "proto/contract/redial_backoff.h"

namespace herald::client {
namespace {

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

}  // namespace

std::shared_ptr<grpc::Channel> Dial(const std::string& target) {
  grpc::ChannelArguments arguments;
  // A proxy of the environment is for the web; a service is near.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // An event, or a roster of a service of an older release, may exceed gRPC's
  // 4 MiB.
  arguments.SetMaxReceiveMessageSize(
      static_cast<int>(contract::kLinkMessageBytesMax));
  // Detects within 25 s of a call's life that the service has vanished.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // By default gRPC's own backoff grows to 2 minutes. The "minimum" is not a
  // pause: it is the time that one attempt to connect may take.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                   Milliseconds(contract::kRedialMin));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
                   Milliseconds(contract::kRedialMax));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2'000);
  // gRPC 1.51 sizes its window by probes, between which a message of more than
  // 4 MiB may stand still for 10 s; so the window is fixed.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1 << 20);
  struct Dialled {
    std::shared_ptr<void> waker = WakeTimersAfterSteps();
    std::shared_ptr<grpc::Channel> channel;
  };
  const auto dialled = std::make_shared<Dialled>();
  dialled->channel = grpc::CreateCustomChannel(
      target, grpc::InsecureChannelCredentials(), arguments);
  return {dialled, dialled->channel.get()};
}

absl::Status CheckAccess(absl::string_view target,
                         absl::string_view api_token) {
  const absl::Status dialled = contract::CheckTarget(target);
  if (!dialled.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "target ", contract::Quoted(target), " ", dialled.message(),
        " (allowed: ", contract::kTargetForms, ")"));
  }
  const bool printable =
      std::all_of(api_token.begin(), api_token.end(),
                  [](char c) { return c >= 0x20 && c <= 0x7e; });
  if (printable) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the API token has a character that is not printable ASCII");
}

void ShowApiToken(const std::string& api_token, grpc::ClientContext* context) {
  if (api_token.empty()) return;
  context->AddMetadata("authorization", "Bearer " + api_token);
}

absl::Duration DrawRedialBackoff() {
  thread_local absl::BitGen generator;
  return contract::RedialBackoff(absl::Uniform(generator, 0.0, 1.0));
}

absl::Status CheckTexts(std::initializer_list<NamedText> texts) {
  for (const auto& [name, value] : texts) {
    if (contract::IsUtf8(value)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(name, " ", contract::Quoted(value), " is not UTF-8"));
  }
  return absl::OkStatus();
}

}  // namespace herald::client
