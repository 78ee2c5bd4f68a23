// SPDX-License-Identifier: Apache-2.0
//
// Decides for an AuthorizerLink which stream is written, opened or cut next,
// and which questions are answered. It passes the questions of the
// QuestionDispatcher to the AuthorizerStreams. Each event adds its consequences
// to an AuthorizerWork, which the link carries out.
//
// Threads: none of its own; the link's lock guards it.

#ifndef HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_TRAFFIC_H_
#define HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_TRAFFIC_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "herald/v1/authorizer_service.pb.h"
#include "proto/contract/limits.h"
#include "service/authorizer/question_dispatcher.h"
#include "service/rpc/authorizer/authorizer_stream.h"
#include "service/rpc/authorizer/authorizer_streams.h"

namespace herald::rpc {

struct AuthorizerOptions {
  std::string target;  // A gRPC target, for example `dns:///auth:7000`.
  absl::Duration timeout = absl::Seconds(1);
  int64_t in_flight_max = contract::kAuthorizerInFlightMax;
  int64_t queue_max = contract::kAuthorizerQueueMax;
  absl::Duration keepalive_interval = absl::Seconds(20);
  absl::Duration keepalive_timeout = absl::Seconds(10);
};

// Done once the lock is released, in this order.
struct AuthorizerWork {
  absl::InlinedVector<AuthorizerStreamPtr, 2> write;  // Tokens are held.
  std::vector<AuthorizerStreamPtr> start;
  std::vector<AuthorizerStreamPtr> retire;  // Cancelled if they do not end.
  std::optional<absl::Duration> redial;
  bool went_up = false;
  std::vector<authorizer::Answered> answers;
  absl::Time sweep = absl::InfiniteFuture();
};

class AuthorizerTraffic {
 public:
  using StreamPtr = AuthorizerStreamPtr;
  using Work = AuthorizerWork;

  // `host` outlives the streams.
  AuthorizerTraffic(AuthorizerStream::Host* host, AuthorizerOptions options);

  // Answers all questions UNAVAILABLE and cancels the streams. From then on
  // nothing is asked or dialled.
  void Stop(absl::Time now, Work& work);
  bool stopped() const { return stopped_; }

  // Writes the question or enqueues it. False if the queue was full, so that
  // this one or another was refused.
  bool Ask(authorizer::QuestionPtr question, absl::Time now, Work& work);

  // Opens the main stream. REQUIRES: !stopped(); there is none.
  void Dial(absl::Time now, Work& work);

  // Events of a stream. OnRead() takes every message but a decision; nullptr:
  // one that could not be parsed.
  void OnStreamWorks(AuthorizerStream* stream, absl::Time now, Work& work);
  void OnWritten(AuthorizerStream* stream, bool ok, absl::Time now, Work& work);
  void OnRead(AuthorizerStream* stream, const v1::AuthorizeResponse* response,
              absl::Time now, Work& work);
  authorizer::QuestionDispatcher::DecisionOutcome OnDecision(
      AuthorizerStream* stream, v1::Decision& decision, absl::Time now,
      Work& work);
  struct StreamLoss {
    bool lost = false;    // It was in use.
    bool down = false;    // No stream works any more.
    bool broken = false;  // By its own fault: others go on; or by poison.
    int poisoned = 0;     // Questions that were found to be poison.
  };
  StreamLoss OnStreamDone(AuthorizerStream* stream, const grpc::Status& status,
                          absl::Time now, Work& work);

  // Checks whether the connection of a new stream stands. Returns when to check
  // again.
  std::optional<absl::Duration> CheckStart(const StreamPtr& stream,
                                           absl::Time now, Work& work);
  // Checks a stream that may be idle. Returns when to check again.
  absl::Time CheckIdle(const StreamPtr& stream, absl::Time now, Work& work);
  // Refuses questions that have timed out, and asks others in their place. Sets
  // `work.sweep` to when the next one times out.
  void Sweep(absl::Time now, Work& work);

  const AuthorizerOptions& options() const { return options_; }
  AuthorizerStreams& streams() { return streams_; }
  const AuthorizerStreams& streams() const { return streams_; }
  const authorizer::QuestionDispatcher& dispatcher() const {
    return dispatcher_;
  }

 private:
  using Role = AuthorizerStream::Role;

  // Writes questions to streams that can take one, and opens lanes that are
  // needed.
  void Pump(absl::Time now, Work& work);
  void WriteNext(const StreamPtr& stream, absl::Time now, Work& work);
  bool WriteAtOnce(authorizer::QuestionPtr& question, absl::Time now,
                   Work& work);
  // The next stream takes the main one's place.
  void Promote(absl::Time now, Work& work);
  // Ends our side of a retiring stream once it has no question open.
  static void Retire(const StreamPtr& stream, Work& work);
  // The main stream has ended.
  void OnMainDone(const absl::Status& why, absl::Time now, StreamLoss& loss,
                  Work& work);
  // A question of it has timed out. Others that it has are asked elsewhere.
  void GiveUpLane(AuthorizerStream* lane, absl::Time now);
  // Takes questions that have timed out. Returns when the next one will.
  absl::Time TakeLate(absl::Time now, Work& work);
  void NoteSignOfLife(AuthorizerStream* stream, absl::Time now) const;

  const AuthorizerOptions options_;
  AuthorizerStreams streams_;
  authorizer::QuestionDispatcher dispatcher_;
  absl::Time lanes_not_before_ = absl::InfinitePast();
  bool reported_down_ = false;
  bool stopped_ = false;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_AUTHORIZER_AUTHORIZER_TRAFFIC_H_
