// SPDX-License-Identifier: Apache-2.0

#include "service/gateways/gateway_stats.h"

#include "absl/strings/str_cat.h"

namespace herald::core {

google::protobuf::Timestamp ToTimestamp(absl::Time time, const Timers& timers) {
  const int64_t us =
      absl::ToUnixMicros(timers.TimeOfDay() - (timers.Now() - time));
  google::protobuf::Timestamp out;
  out.set_seconds(us / 1'000'000);
  out.set_nanos(static_cast<int32_t>(us % 1'000'000 * 1000));
  return out;
}

node::v1::NodeStats NodeStatsOf(const Gateways& gateways,
                                const Timers& timers) {
  node::v1::NodeStats stats;
  for (const AttachmentPtr& gateway : gateways.All()) {
    if (!gateway->attached) continue;
    v1::Gateway& out = *stats.add_gateways();
    out.set_id(absl::StrCat(gateway->gateway));
    out.set_client_count(gateway->client_count);
    out.set_subscription_count(gateway->subscription_count);
    out.set_version(gateway->version);
    *out.mutable_attach_time() = ToTimestamp(gateway->since, timers);
  }
  return stats;
}

}  // namespace herald::core
