// SPDX-License-Identifier: Apache-2.0
//
// An authorizer inside the test that answers as the test scripts it: with a
// yes, a no, nothing, an answer that breaks the contract, or a revocation.
//
//   ScriptedAuthorizer authorizer;
//   world options: "--authorizer=" + authorizer.address()
//   authorizer.Answer([](const AuthorizeRequest& question) {
//     return std::vector{Deny(question, "not today")};
//   });
//
// Without a script, its answer depends on the `auth_token`:
//
//   user:<id>      yes, with the member <id> and the user_info {"name":"<id>"}
//   yes            yes, without a member
//   no             no, because "not yours"
//   silence        no answer at all
//   anything else  no, because "unknown token"
//
// Threads: Answer(), Send(), Stop(), Start() and the counters may be called
// from any thread. A script runs on the thread of its stream and must not
// block.

#ifndef HERALD_TESTS_SUPPORT_SCRIPTED_AUTHORIZER_H_
#define HERALD_TESTS_SUPPORT_SCRIPTED_AUTHORIZER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "herald/v1/authorizer_service.pb.h"
#include "tests/support/deadline.h"

namespace herald::testing_support {

// Answers for scripts.
v1::AuthorizeResponse Allow(const v1::AuthorizeRequest& question);
v1::AuthorizeResponse AllowUser(const v1::AuthorizeRequest& question,
                                absl::string_view user_id,
                                absl::string_view user_info);
v1::AuthorizeResponse Deny(const v1::AuthorizeRequest& question,
                           absl::string_view reason);

// An answer whose bytes cannot be parsed.
v1::AuthorizeResponse Broken();

// The announcement that keepalives are answered, and the answer to one.
v1::AuthorizeResponse Ready();

v1::AuthorizeResponse RevokeUser(absl::string_view user_id,
                                 absl::string_view channel,
                                 absl::string_view reason);
v1::AuthorizeResponse RevokeSocket(absl::string_view socket_id,
                                   absl::string_view channel,
                                   absl::string_view reason);

// Makes a yes end after `lifetime`.
v1::AuthorizeResponse Expiring(v1::AuthorizeResponse response,
                               Milliseconds lifetime);

// The script that is described above.
std::vector<v1::AuthorizeResponse> AnswerByToken(
    const v1::AuthorizeRequest& question);

class ScriptedAuthorizer {
 public:
  using Script = std::function<std::vector<v1::AuthorizeResponse>(
      const v1::AuthorizeRequest&)>;

  // Listens on a free port of 127.0.0.1.
  ScriptedAuthorizer();
  ~ScriptedAuthorizer();

  ScriptedAuthorizer(const ScriptedAuthorizer&) = delete;
  ScriptedAuthorizer& operator=(const ScriptedAuthorizer&) = delete;

  std::string address() const;

  // Answers with `script` from now on. A script that throws ends its stream
  // with UNKNOWN and the message of the exception.
  void Answer(Script script);

  // From now on each answer is sent by one of `threads` threads, which takes
  // `latency` for it; a script that throws ends its stream at once. REQUIRES:
  // called once.
  void DecideOnThreads(int threads, Milliseconds latency);

  // Announces on streams from now on that it answers keepalives, as it always
  // does. How many it has received; they do not count as questions.
  void KnowKeepalives();
  int keepalive_count() const;

  // Sends `response` on the open stream, unasked. Waits for a stream.
  void Send(const v1::AuthorizeResponse& response);

  // Stop() breaks the streams and refuses new ones; Start() listens again, on
  // the same port.
  void Stop();
  void Start();

  // All questions so far, in the order of their arrival.
  std::vector<v1::AuthorizeRequest> questions() const;
  size_t question_count() const;

  // Streams opened so far.
  int stream_count() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_SCRIPTED_AUTHORIZER_H_
