// SPDX-License-Identifier: Apache-2.0
//
// The right to write to one stream of gRPC's callback API, which takes one
// write at a time and none after the end of the write side: a server's
// Finish(), a client's StartWritesDone(). One token for each stream keeps both
// rules: only its holder starts these operations.
//
// A second write in flight makes gRPC abort the process. Once a server has
// called Finish(), or a client has removed its hold, another thread may run
// OnDone() at any time, which destroys the stream. A later operation would use
// freed memory.
//
// States:
//
//   free   No write is in flight.
//   held   One thread takes the next step, or a write is in flight; then its
//          completion, OnWriteDone(), takes the next step.
//   ended  Kept for ever: the last operation was started or is about to be, or
//          a write has failed.
//
// Use: a change that calls for a step is made under the owner's lock, and
// TryTake() is called without releasing it. If the token is not free, the
// caller is done: its holder sees the change when it decides the next step. The
// step is decided under the lock as well, and carried out without it:
//
//   void Write() {  // REQUIRES: the caller holds the token.
//     {
//       MutexLock lock(&mu_);
//       if (outbox_.empty() && !closing_) return token_.Release();
//       if (closing_) token_.End(); else message_ = TakeFirst(&outbox_);
//     }
//     ...  // Finish(), or StartWrite(): its OnWriteDone() calls Write().
//   }
//
// A message that is enqueued between the look into the outbox and Release()
// would never be written; therefore both are done under one lock.
//
// Threads: none of its own; its owner locks. The token passes from the thread
// that took it to the one that runs OnWriteDone().

#ifndef HERALD_PROTO_CONTRACT_WRITE_TOKEN_H_
#define HERALD_PROTO_CONTRACT_WRITE_TOKEN_H_

#include <cstdint>

#include "proto/contract/require.h"

namespace herald::contract {

class WriteToken {
 public:
  WriteToken() = default;

  // A token that is held from the beginning, by the thread that starts the
  // stream. Before that nothing is written.
  static WriteToken Held() { return WriteToken(State::kHeld); }

  // Takes the token and returns true if it is free. The caller must take the
  // next step then: a write, Release() or End().
  [[nodiscard]] bool TryTake() {
    if (state_ != State::kFree) return false;
    state_ = State::kHeld;
    return true;
  }

  // Nothing is left to write. REQUIRES: the caller holds the token, and no
  // write is in flight.
  void Release() {
    Require(is_held());
    state_ = State::kFree;
  }

  // The write side ends. The caller may still start its last operation; later
  // nothing is started. REQUIRES: the caller holds the token, and no write is
  // in flight.
  void End() {
    Require(is_held());
    state_ = State::kEnded;
  }

  bool is_free() const { return state_ == State::kFree; }
  bool is_held() const { return state_ == State::kHeld; }
  bool has_ended() const { return state_ == State::kEnded; }

 private:
  enum class State : uint8_t { kFree, kHeld, kEnded };

  explicit WriteToken(State state) : state_(state) {}

  State state_ = State::kFree;
};

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_WRITE_TOKEN_H_
