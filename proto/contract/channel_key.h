// SPDX-License-Identifier: Apache-2.0
//
// The key of a channel: its app, and its name within that app. Two apps may
// each have a channel `chat`, and neither sees the events of the other.
//
// The first app, that of native clients and gRPC, has the empty id; the id of
// any other app is one or more bytes of `A-Za-z0-9_-`. Clients know names only.
// Everything that has no app of its own carries the text of a key: the link,
// rules, logs. It is the bare name for the first app, `id/name` for any other:
//
//   text                    app   name
//   chat.7                        chat.7
//   44/chat.7               44    chat.7
//   44/a/b                  44    a/b                    The first `/` counts.
//   44/                     44    (empty)
//   /chat                         /chat                  No id is empty.
//   a.b/chat                      a.b/chat               An id has no `.`.
//   #server-to-user-a/b           #server-to-user-a/b    Nor a `#`.
//
// So every text is the text of one key. A valid channel name has no `/`
// (names.h), and the server's own names begin with `#`: neither is mistaken for
// a channel of another app.
//
// Threads: values. A key that was moved from may only be assigned or destroyed.

#ifndef HERALD_PROTO_CONTRACT_CHANNEL_KEY_H_
#define HERALD_PROTO_CONTRACT_CHANNEL_KEY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace herald::contract {

// The id of the first app.
inline constexpr absl::string_view kFirstApp = "";

// A borrowed key, to look up a channel without a copy. The owner of the texts
// outlives it.
struct ChannelKeyView {
  absl::string_view app;
  absl::string_view name;

  // The key with that text, which may be any.
  static ChannelKeyView FromText(absl::string_view text);

  // The text of the key.
  std::string Text() const;
  // As above, but makes it in `*space` if need be: for the first app, it is the
  // name itself, and nothing is copied.
  absl::string_view TextIn(std::string* space) const;

  friend bool operator==(ChannelKeyView a, ChannelKeyView b) {
    return a.name == b.name && a.app == b.app;
  }
  template <typename H>
  friend H AbslHashValue(H h, ChannelKeyView key) {
    return H::combine(std::move(h), key.app, key.name);
  }
};

// A key that owns its text: a string, and the length of the app's id in it. So
// its text costs nothing, and a key of the first app no more than its name.
class ChannelKey {
 public:
  // The empty name of the first app.
  ChannelKey() = default;

  // REQUIRES: the app is the first or has an id as above, and a name of the
  // first app does not read as the text of another app's key.
  explicit ChannelKey(ChannelKeyView key)
      : text_(key.Text()), app_bytes_(static_cast<uint32_t>(key.app.size())) {}

  // The key with that text, which may be any.
  static ChannelKey FromText(std::string text);

  absl::string_view app() const {
    return absl::string_view(text_).substr(0, app_bytes_);
  }
  absl::string_view name() const {
    return absl::string_view(text_).substr(app_bytes_ == 0 ? 0
                                                           : app_bytes_ + 1);
  }
  const std::string& text() const { return text_; }

  operator ChannelKeyView() const { return {app(), name()}; }

  friend bool operator==(const ChannelKey& a, const ChannelKey& b) {
    return a.app_bytes_ == b.app_bytes_ && a.text_ == b.text_;
  }
  template <typename H>
  friend H AbslHashValue(H h, const ChannelKey& key) {
    return H::combine(std::move(h), ChannelKeyView(key));
  }

 private:
  std::string text_;
  uint32_t app_bytes_ = 0;
};

// Of a table by ChannelKey that is searched by a ChannelKeyView: only a key
// that is new to the table is copied.
struct ChannelKeyHash {
  using is_transparent = void;
  size_t operator()(ChannelKeyView key) const {
    return absl::Hash<ChannelKeyView>()(key);
  }
};
struct ChannelKeyEqual {
  using is_transparent = void;
  bool operator()(ChannelKeyView a, ChannelKeyView b) const { return a == b; }
};
template <typename Value>
using ChannelKeyMap =
    absl::flat_hash_map<ChannelKey, Value, ChannelKeyHash, ChannelKeyEqual>;

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_CHANNEL_KEY_H_
