// SPDX-License-Identifier: Apache-2.0
//
// Whether all listeners of a channel without history have heard its messages
// in one order: whether there is an order that agrees with what each of them
// heard on each connection. (With a history, offsets say so.)
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
  // What somebody heard on one connection, without a repetition.
  void Add(const std::string& channel, std::vector<MessageId> heard);

  // Failure: no order agrees with all that was heard. Messages that
  // `may_repeat` says yes to may have been said twice, at two places, and do
  // not count.
  void Check(absl::FunctionRef<bool(MessageId)> may_repeat) const;

 private:
  mutable contract::Mutex mu_;
  std::map<std::string, std::vector<std::vector<MessageId>>> heard_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_ORDER_BOOK_H_
