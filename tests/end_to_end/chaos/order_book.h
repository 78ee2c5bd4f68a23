// SPDX-License-Identifier: Apache-2.0
//
// Whether all listeners of a channel without history have received its messages
// in one order: whether one order agrees with the messages of each connection.
// (With a history, offsets prove it.)
//
// Threads: any; it locks itself.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_ORDER_BOOK_H_
#define HERALD_TESTS_END_TO_END_CHAOS_ORDER_BOOK_H_

#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "proto/contract/mutex.h"
#include "tests/end_to_end/chaos/message.h"

namespace herald::chaos {

class OrderBook {
 public:
  // The messages of one connection of a listener, without a repetition.
  void Add(const std::string& channel, std::vector<MessageId> received);

  // Failure: no order agrees with all connections. Messages for which
  // `may_repeat` is true may have been published twice, at two places, and do
  // not count.
  void Check(absl::FunctionRef<bool(MessageId)> may_repeat) const;

 private:
  mutable contract::Mutex mu_;
  std::map<std::string, std::vector<std::vector<MessageId>>> received_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_ORDER_BOOK_H_
