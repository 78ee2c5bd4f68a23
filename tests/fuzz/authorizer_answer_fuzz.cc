// SPDX-License-Identifier: Apache-2.0
//
// The authorizer's answers, as they come from its stream. Promise: only a clear
// yes is a yes, and it lasts as long as it states; the reason of a no is text
// that can be sent; a connection that is passed on can be parsed.

#include <string>

#include "google/protobuf/util/message_differencer.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "service/authorizer/authorizer_answer.h"
#include "service/authorizer/connection_bytes.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/refusal.h"

namespace herald::fuzz {
namespace {

using contract::Require;

// The bounds of duration.proto, and that both parts have one sign.
bool IsValid(const google::protobuf::Duration& duration) {
  const bool fits =
      duration.nanos() > -1'000'000'000 && duration.nanos() < 1'000'000'000;
  return fits && !(duration.seconds() > 0 && duration.nanos() < 0) &&
         !(duration.seconds() < 0 && duration.nanos() > 0);
}

void TestDecision(v1::Decision decision) {
  const v1::Decision was = decision;
  const core::Verdict out = authorizer::ToDecision(decision);
  Require(out.status.ok() == was.allowed());
  Require(authorizer::OutcomeOf(out) == (was.allowed() ? "allowed" : "denied"));
  if (!IsOkOr(out.status, {absl::StatusCode::kPermissionDenied})) {
    Require(static_cast<int64_t>(out.status.message().size()) <=
            contract::kReasonBytesMax);
    return;
  }
  Require(out.member.has_value() == was.has_member());
  Require((out.expires_after == absl::InfiniteDuration()) ==
          !was.has_expires_after());
  if (!was.has_expires_after()) return;
  if (!IsValid(was.expires_after())) {
    Require(out.expires_after == absl::ZeroDuration());
  } else if (was.expires_after().seconds() > 0) {
    Require(out.expires_after > absl::ZeroDuration());
  } else if (was.expires_after().seconds() < 0) {
    Require(out.expires_after < absl::ZeroDuration());
  }
}

void TestStatus(Input input) {
  const auto code = static_cast<absl::StatusCode>(1 + input.Below(16));
  const std::string clean =
      authorizer::CleanStatus(absl::Status(code, input.Rest()));
  RequirePrintable(clean);
  Require(clean.size() <= 256);
}

void TestConnection(absl::string_view bytes) {
  const auto address = authorizer::RemoteAddressOf(bytes);
  if (!IsOkOr(address.status(), {absl::StatusCode::kInvalidArgument})) return;
  Require(contract::IsUtf8(*address));
}

}  // namespace
}  // namespace herald::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  herald::fuzz::Input input(data, size);
  switch (input.Below(3)) {
    case 0: {
      herald::v1::AuthorizeResponse response;
      const absl::string_view bytes = input.Rest();
      if (!response.ParseFromArray(bytes.data(),
                                   static_cast<int>(bytes.size()))) {
        break;
      }
      herald::fuzz::TestDecision(response.decision());
      break;
    }
    case 1:
      herald::fuzz::TestStatus(input);
      break;
    default:
      herald::fuzz::TestConnection(input.Rest());
  }
  return 0;
}
