// SPDX-License-Identifier: Apache-2.0
//
// The PROXY header, which a proxy sends before the first byte of its client.
// Promise: a header is within its bounds; the network's cuts change nothing;
// broken bytes stay broken, for all bytes behind them.

#include "gateway/http/proxy_header.h"
#include "proto/contract/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using herald::contract::Require;
  using herald::gateway::ParseProxyHeader;
  using herald::gateway::ProxyHeader;
  const absl::string_view all(reinterpret_cast<const char*>(data), size);
  const ProxyHeader header = ParseProxyHeader(all);
  if (header.state == ProxyHeader::State::kWhole) {
    Require(header.bytes > 0 && header.bytes <= size);
    Require(header.bytes <= ProxyHeader::kBytesMax);
  } else {
    Require(!header.source.has_value());
    // A header that has no end is not waited for.
    Require(header.state == ProxyHeader::State::kBroken ||
            size < ProxyHeader::kBytesMax);
  }
  for (size_t cut = 0; cut < size && cut < ProxyHeader::kBytesMax; ++cut) {
    const ProxyHeader part = ParseProxyHeader(all.substr(0, cut));
    if (part.state == ProxyHeader::State::kMore) continue;
    Require(part.state == header.state && part.bytes == header.bytes);
    Require(part.source == header.source);
  }
  return 0;
}
