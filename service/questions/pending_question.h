// SPDX-License-Identifier: Apache-2.0
//
// A question between Authorize() and its decision, and the decision.

#ifndef HERALD_SERVICE_QUESTIONS_PENDING_QUESTION_H_
#define HERALD_SERVICE_QUESTIONS_PENDING_QUESTION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "herald/v1/authorizer_service.pb.h"
#include "proto/admission/source.h"
#include "service/subscriptions/authorizer.h"

namespace herald::authorizer {

using VerdictDone = absl::AnyInvocable<void(core::Verdict)>;

// Counts the bytes of a question in a total, for as long as it lives.
class QuestionBytes {
 public:
  using Total = std::shared_ptr<std::atomic<int64_t>>;

  QuestionBytes() = default;
  QuestionBytes(Total total, int64_t bytes)
      : total_(std::move(total)), bytes_(bytes) {
    *total_ += bytes_;
  }
  QuestionBytes(QuestionBytes&&) noexcept = default;
  QuestionBytes& operator=(QuestionBytes&& other) noexcept {
    std::swap(total_, other.total_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~QuestionBytes() {
    if (total_ != nullptr) *total_ -= bytes_;
  }

 private:
  Total total_;
  int64_t bytes_ = 0;
};

struct PendingQuestion {
  // Shared with the write in flight, which may end after the question.
  std::shared_ptr<v1::AuthorizeRequest> request;
  VerdictDone done;
  admission::Source source = admission::kNoSource;  // Of the gateway.
  std::string address;  // AddressKey() of the client.

  absl::Time arrived;
  absl::Time asked = absl::InfiniteFuture();     // When first written.
  absl::Time written = absl::InfinitePast();     // When last written.
  absl::Time deadline = absl::InfiniteFuture();  // Set when it was written.
  bool delivered = false;                        // Its last write has ended.

  // Broken streams on which it was open. One from the start for a question of a
  // socket in quarantine.
  int strikes = 0;
  bool excused = false;  // One did not count: there may have been an outage.
  bool watched = false;  // Its address is in quarantine.
  absl::Time struck = absl::InfinitePast();  // When the last one broke, and
  bool connection_stood = false;             // whether only the stream did.

  int64_t bytes = 0;      // Of memory.
  QuestionBytes waiting;  // While it waits for its first stream.

  const std::string& socket() const { return request->socket_id(); }
};

using QuestionPtr = std::unique_ptr<PendingQuestion>;

// `address`: AddressKey() of the client. The connection is added to the request
// as serialized bytes, so `request->connection()` is empty.
QuestionPtr MakePending(core::Question question, std::string address,
                        VerdictDone done, absl::Time arrived);

// A decision that is yet to be passed to `done`.
struct Answered {
  VerdictDone done;
  core::Verdict decision;
  // From the first write to the authorizer's answer, if there was one.
  std::optional<absl::Duration> latency = std::nullopt;
};

inline core::Verdict Undecided(absl::string_view why) {
  core::Verdict decision;
  decision.status = absl::UnavailableError(why);
  return decision;
}

}  // namespace herald::authorizer

#endif  // HERALD_SERVICE_QUESTIONS_PENDING_QUESTION_H_
