// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/gate/open_streams.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "grpc/grpc.h"
#include "grpc/support/alloc.h"

namespace herald::rpc {
namespace {

constexpr intptr_t kPageSize = 1000;

// A socket gets its id before its server lists it, so ids may appear out of
// order, by a few.
constexpr int64_t kOutOfOrderMax = 64;

// A text of gRPC's; empty if gRPC has no such entry. A JSON parser would take
// ten times as long as gRPC takes to write it, and strangers decide how often
// it is read.
class Text {
 public:
  explicit Text(char* text) : text_(text) {}
  absl::string_view view() const {
    return text_ == nullptr ? "" : absl::string_view(text_.get());
  }

 private:
  struct Free {
    void operator()(char* text) const { gpr_free(text); }
  };
  const std::unique_ptr<char, Free> text_;
};

// The text field `name`, without a quote in it. Removes it and everything
// before it from `from`; empty if there is none.
absl::string_view Take(absl::string_view& from, absl::string_view name) {
  const std::string begin = absl::StrCat("\"", name, "\":\"");
  const size_t at = from.find(begin);
  if (at == absl::string_view::npos) return "";
  from.remove_prefix(at + begin.size());
  const absl::string_view value = from.substr(0, from.find('"'));
  from.remove_prefix(value.size());
  return value;
}

// Channelz writes 64-bit numbers as text, and omits zeros.
int64_t NumberAt(absl::string_view from, absl::string_view name) {
  int64_t number = 0;
  return absl::SimpleAtoi(Take(from, name), &number) ? number : 0;
}

}  // namespace

std::vector<OpenStreams::Connection> ChannelzStreams::TakeNew() {
  std::vector<Connection> found;
  int64_t next = next_id_;
  const Text servers(grpc_channelz_get_servers(0));
  absl::string_view rest = servers.view();
  int64_t server = 0;
  while (absl::SimpleAtoi(Take(rest, "serverId"), &server)) {
    int64_t from = std::max<int64_t>(0, next_id_ - kOutOfOrderMax);
    for (bool more = true; std::exchange(more, false);) {
      const Text page(
          grpc_channelz_get_server_sockets(server, from, kPageSize));
      absl::string_view sockets = page.view();
      for (;;) {
        // "chttp2 ipv4:10.0.0.1:5000".
        const absl::string_view name = Take(sockets, "name");
        Connection one;
        if (!absl::SimpleAtoi(Take(sockets, "socketId"), &one.id)) break;
        one.peer = std::string(name.substr(name.find(' ') + 1));
        from = one.id + 1;
        next = std::max(next, from);
        found.push_back(std::move(one));
        more = true;
      }
    }
  }
  next_id_ = next;
  return found;
}

std::optional<OpenStreams::Streams> ChannelzStreams::CountOf(int64_t id) {
  const Text answer(grpc_channelz_get_socket(id));
  if (answer.view().empty()) return std::nullopt;
  Streams count;
  count.begun = NumberAt(answer.view(), "streamsStarted");
  count.open = count.begun - NumberAt(answer.view(), "streamsSucceeded") -
               NumberAt(answer.view(), "streamsFailed");
  return count;
}

}  // namespace herald::rpc
