// SPDX-License-Identifier: Apache-2.0
//
// Pauses and resumes reading of the sockets of one loop.
//
// Invariant: a socket is not read while kPendingSubscribesMax of its subscribes
// wait for an answer. A subscribe that the client has taken back counts until
// the service has answered it, for it keeps the authorizer busy until then. Nor
// is a socket read while a repeated subscribe waits for its answer, which may
// be large, or while it is beyond its rates (client_flow.h).
//
// A message that has begun is read to its end all the same, for its deadline
// goes on. Beyond the rate of messages it is not: control frames and fragments
// in an unfinished message would evade that rate.
//
// Threads: its loop.

#ifndef HERALD_GATEWAY_LOOP_READING_PAUSES_H_
#define HERALD_GATEWAY_LOOP_READING_PAUSES_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "gateway/loop/client_state.h"
#include "gateway/loop/loop_state.h"

namespace herald::gateway {

class ReadingPauses {
 public:
  explicit ReadingPauses(LoopState* state) : state_(state) {}

  // Pauses or resumes reading, or changes where the pause begins, after a
  // change of `client`'s counts or flow, or after time has passed. Returns
  // whether reading is about to resume; then the caller calls ResumeReading()
  // on the socket. REQUIRES: it is not closing.
  bool Update(ClientState* client);

  // The numbers of the sockets whose rate allows reading again at `now`. The
  // caller updates them.
  std::vector<uint64_t> TakeEnded(absl::Time now);

  // The socket is gone.
  void Forget(uint64_t number) { until_.erase(number); }

 private:
  LoopState* const state_;
  // Sockets that are not read because of a rate, and until when.
  absl::flat_hash_map<uint64_t, absl::Time> until_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LOOP_READING_PAUSES_H_
