// SPDX-License-Identifier: Apache-2.0
//
// The end of a round: a promise that was broken, and the facts about it. Thrown
// where it is found; the round adds the operations around it, the seed, and the
// paths of the logs.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_FAILURE_H_
#define HERALD_TESTS_END_TO_END_CHAOS_FAILURE_H_

#include <stdexcept>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace herald::chaos {

class Failure : public std::runtime_error {
 public:
  // The operations of `who` and on `channel` are worth showing; empty: those of
  // the nemesis alone.
  Failure(std::string who, std::string channel, const std::string& what)
      : std::runtime_error(what),
        who_(std::move(who)),
        channel_(std::move(channel)) {}

  const std::string& who() const { return who_; }
  const std::string& channel() const { return channel_; }

 private:
  std::string who_;
  std::string channel_;
};

// Throws a Failure without a listener, with all of `parts`, joined.
template <typename... Parts>
[[noreturn]] void Fail(const Parts&... parts) {
  throw Failure("", "", absl::StrCat(parts...));
}

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_FAILURE_H_
