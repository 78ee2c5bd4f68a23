// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/message.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/end_to_end/chaos/failure.h"
#include "tests/end_to_end/chaos/random.h"

namespace herald::chaos {
namespace {

// Most are of the size of a chat's line; some span several reads of a socket,
// and a few more than gRPC and Beast have buffers for.
size_t FillBytes(int64_t publisher, uint64_t hash) {
  if (publisher >= kFeedFirst && publisher < kFeedEnd) {
    return 2'000 + hash % 6'000;
  }
  if (hash % 1000 == 0) return 30'000;
  if (hash % 50 == 0) return 3'000;
  return hash % 100;
}

}  // namespace

std::string ToString(const MessageId& id) {
  return absl::StrCat(id.publisher, "/", id.number);
}

std::string DataOf(const MessageId& id) {
  const uint64_t hash = Mix(static_cast<uint64_t>(id.publisher) << 32 ^
                            static_cast<uint64_t>(id.number));
  const char fill = static_cast<char>('a' + hash % 26);
  return absl::StrCat("\"m/", ToString(id), "/",
                      std::string(FillBytes(id.publisher, hash), fill), "\"");
}

MessageId ParseData(absl::string_view data) {
  const std::vector<absl::string_view> parts = absl::StrSplit(data, '/');
  MessageId id;
  if (parts.size() != 4 || !absl::SimpleAtoi(parts[1], &id.publisher) ||
      !absl::SimpleAtoi(parts[2], &id.number) || DataOf(id) != data) {
    Fail("data that was never published, of ", data.size(),
         " bytes: ", data.substr(0, 200));
  }
  return id;
}

}  // namespace herald::chaos
