// SPDX-License-Identifier: Apache-2.0
//
// Queries channels and members, and manages the connections of browsers, from a
// backend.
//
//   Control control({.target = "herald.internal:50051"});
//   auto members = control.GetMembers("presence-room");
//   for (const herald::v1::PresentMember& member : *members) …
//
// Threads: every method may be called from any thread, and blocks; not from a
// callback of this library.
//
// Failure: absl::Status with the codes of herald/v1/broadcast_service.proto;
// those that a method adds are listed with it. Common to all:
//
//   INVALID_ARGUMENT a value is wrong; the message names it UNAUTHENTICATED the
//   service requires another API token UNAVAILABLE the service, a gateway or
//   the authorizer could not be
//                      reached until the deadline
//   DEADLINE_EXCEEDED  no answer in time; it may have been done
//
// UNAVAILABLE is retried until the deadline, after 50 to 250 ms each time. All
// calls may be repeated; only Disconnect…() may then count too few, or find the
// socket already gone (NOT_FOUND).

#ifndef HERALD_CLIENT_CONTROL_H_
#define HERALD_CLIENT_CONTROL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "herald/v1/broadcast_service.pb.h"
#include "herald/v1/server_message.pb.h"

namespace herald::client {

struct ControlOptions {
  // As in PublisherOptions.
  std::string target = "127.0.0.1:50051";
  std::string api_token = {};

  // Longest time for one call, retries included. REQUIRES: > 0.
  absl::Duration deadline = absl::Seconds(5);

  // As in PublisherOptions.
  std::function<void(const absl::Status& failure)> on_retry = {};
};

class Control {
 public:
  // Begins to dial with the first call.
  explicit Control(ControlOptions options);

  // Fails the calls in flight with CANCELLED. REQUIRES: not called from a
  // callback of this library.
  ~Control();

  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  // The users on a presence channel, with their sockets, in the order of
  // `user_id`, page by page; so a user that joins or leaves meanwhile may be
  // missed. The deadline applies to each page.
  //
  //   FAILED_PRECONDITION  it is not a presence channel
  absl::StatusOr<std::vector<v1::PresentMember>> GetMembers(
      absl::string_view channel);

  // One page of GetMembers(): at most `page_size` members (0: as many as fit;
  // the most is 1,000), and at most 3 MiB of them or a single one. `page_token`
  // is empty for the first page, then `next_page_token` of the page before;
  // that is empty on the last one.
  absl::StatusOr<v1::GetMembersResponse> GetMembersPage(
      absl::string_view channel, int page_size, absl::string_view page_token);

  // One channel. An unused one is not an error: its counts are zero.
  absl::StatusOr<v1::Channel> GetChannel(absl::string_view channel);

  // All channels that have subscribers and a name that begins with `prefix`, in
  // the order of their names, page by page; so a channel that appears or
  // disappears meanwhile may be missed. The deadline applies to each page.
  absl::StatusOr<std::vector<v1::Channel>> ListChannels(
      absl::string_view prefix = "");

  // One page of ListChannels(): at most `page_size` channels (0: 100; the most
  // is 1,000). `page_token` is empty for the first page, then
  // `next_page_token` of the page before; that is empty on the last one.
  absl::StatusOr<v1::ListChannelsResponse> ListChannelsPage(
      absl::string_view prefix, int page_size, absl::string_view page_token);

  // The history of a channel, from the oldest event on, one page: at most
  // `limit` events (0: 100; the most is 1,000), and at most 1 MiB of them or a
  // single one. The page is the last one when its last event has the `offset`
  // of the response; otherwise the next one is that since this last event.
  //
  //   FAILED_PRECONDITION the channel has no history
  absl::StatusOr<v1::GetHistoryResponse> GetHistory(absl::string_view channel,
                                                    int limit = 0);

  // As GetHistory(), but only the events after `since`: all of them, page by
  // page, or none.
  //
  //   OUT_OF_RANGE  some are no longer there, or `since` is of the future or of
  //                 another epoch; the message names the case
  absl::StatusOr<v1::GetHistoryResponse> GetHistorySince(
      absl::string_view channel, const v1::Position& since, int limit = 0);

  // Totals of the service, and the attached gateways.
  absl::StatusOr<v1::GetStatsResponse> GetStats();

  // Subscribes a connected browser, which receives `subscribed` as if it had
  // subscribed itself. For a private or presence channel the authorizer is
  // asked, without a token. Already subscribed is not an error.
  //
  //   NOT_FOUND           the socket is not connected
  //   PERMISSION_DENIED   the authorizer denied it; the message is its reason
  //   RESOURCE_EXHAUSTED  a limit is reached; the message names it
  absl::Status Subscribe(absl::string_view socket_id,
                         absl::string_view channel);

  // As Subscribe(), with the `auth` that the authorizer receives.
  absl::Status SubscribeWithToken(absl::string_view socket_id,
                                  absl::string_view channel,
                                  absl::string_view auth_token);

  // As Subscribe(), but as this user, and the authorizer is not asked.
  // `user_info` is JSON text; empty means `null`.
  absl::Status SubscribeAs(absl::string_view socket_id,
                           absl::string_view channel, absl::string_view user_id,
                           absl::string_view user_info = "");

  // Ends a browser's subscription; it receives `unsubscribed` with a reason.
  // Not subscribed is not an error.
  //
  //   NOT_FOUND  the socket is not connected
  absl::Status Unsubscribe(absl::string_view socket_id,
                           absl::string_view channel);

  // Closes one connection permanently: its client does not reconnect. `reason`
  // is a sentence for the close frame, cut to 123 bytes. Returns the number of
  // closed connections.
  //
  //   NOT_FOUND  the socket is not connected
  absl::StatusOr<int64_t> DisconnectSocket(absl::string_view socket_id,
                                           absl::string_view reason = "");

  // Closes every connection of one user, as named by the member of a private or
  // presence subscription. An unknown user is not an error: 0 are closed.
  absl::StatusOr<int64_t> DisconnectUser(absl::string_view user_id,
                                         absl::string_view reason = "");

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace herald::client

#endif  // HERALD_CLIENT_CONTROL_H_
