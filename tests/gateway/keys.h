// SPDX-License-Identifier: Apache-2.0
//
// Keys of channels, as tests write them.

#ifndef HERALD_TESTS_GATEWAY_KEYS_H_
#define HERALD_TESTS_GATEWAY_KEYS_H_

#include "absl/strings/string_view.h"
#include "proto/contract/channel_key.h"

namespace herald::gateway {

// The key with that text, which outlives it: a name of the first app, or
// `id/name`.
inline contract::ChannelKeyView Key(absl::string_view text) {
  return contract::ChannelKeyView::FromText(text);
}

}  // namespace herald::gateway

#endif  // HERALD_TESTS_GATEWAY_KEYS_H_
