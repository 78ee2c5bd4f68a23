// SPDX-License-Identifier: Apache-2.0
//
// A BroadcastService on a real socket that decides nothing: it keeps the
// requests, and gives the answers that the test has set.

#ifndef HERALD_TESTS_CLIENTS_FAKE_BROADCAST_SERVICE_H_
#define HERALD_TESTS_CLIENTS_FAKE_BROADCAST_SERVICE_H_

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/grpcpp.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "tests/clients/gate.h"
#include "tests/clients/mailbox.h"

namespace herald::testing_support {

class FakeBroadcastService final : public v1::BroadcastService::Service {
 public:
  // Listens on a free port of 127.0.0.1.
  FakeBroadcastService();
  ~FakeBroadcastService() override;

  // "127.0.0.1:port".
  std::string address() const;

  // Stops, and starts again on the same port.
  void Stop();
  void Restart();

  // The next unary calls and the next streams end with these, one each.
  void FailNext(int calls, const grpc::Status& status);

  // The next Watches send these after `connected`, one each, and end with
  // `watch_end`. Those behind them are as below.
  void ScriptWatches(std::deque<std::vector<v1::ServerMessage>> scripts);

  // The requests, in order.
  Mailbox<v1::BroadcastRequest> broadcasts;
  Mailbox<v1::ListChannelsRequest> list_requests;
  Mailbox<v1::SubscribeRequest> subscribes;
  Mailbox<v1::UnsubscribeRequest> unsubscribes;
  Mailbox<v1::DisconnectRequest> disconnects;
  Mailbox<v1::WatchRequest> watches;
  Mailbox<v1::GetHistoryRequest> history_requests;

  // The `authorization` of each call; empty if there was none.
  Mailbox<std::string> authorizations;

  // Closed, it holds each publication before it is answered.
  Gate gate;

  // Sent by a Watch after `subscribed`; then it ends with `watch_end`.
  std::vector<v1::ServerMessage> watch_messages;
  grpc::Status watch_end;
  bool watch_stays = false;  // It goes on until it is cancelled.
  int watch_keepalives = 0;  // Sent behind the messages of a Watch that stays.

  // How a BroadcastStream lies.
  bool answer_twice = false;
  bool answer_nothing = false;  // Without a receipt or an error.
  int end_stream_after = -1;    // Ends by itself after that many answers.

  // The life of all channels' counters, and the history of each, in the order
  // of offsets; empty: they have no history.
  std::string epoch;
  std::vector<v1::Event> remembered;
  int page_events_max = 1000;

  // The answers to the other calls.
  v1::GetMembersResponse members;
  int page_members_max = 1000;
  v1::GetStatsResponse stats;
  std::vector<v1::Channel> channels;  // Listed two per page.
  int receipts_per_channel = 1;
  int64_t disconnected_count = 1;

 private:
  // With so many receipts for each channel.
  void Answer(const v1::BroadcastRequest& request, int receipts,
              v1::BroadcastResponse* response) const;

  // The messages of a Watch after `connected`.
  std::vector<v1::ServerMessage> MessagesOf(const v1::WatchRequest& request,
                                            bool* scripted);

  // The end that FailNext() has in store for a call, or OK.
  grpc::Status Begin(grpc::ServerContext* context);

  grpc::Status Broadcast(grpc::ServerContext* context,
                         const v1::BroadcastRequest* request,
                         v1::BroadcastResponse* response) override;
  grpc::Status BroadcastStream(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::BroadcastStreamResponse,
                               v1::BroadcastStreamRequest>* stream) override;
  grpc::Status Subscribe(grpc::ServerContext* context,
                         const v1::SubscribeRequest* request,
                         v1::SubscribeResponse* response) override;
  grpc::Status Unsubscribe(grpc::ServerContext* context,
                           const v1::UnsubscribeRequest* request,
                           v1::UnsubscribeResponse* response) override;
  grpc::Status GetMembers(grpc::ServerContext* context,
                          const v1::GetMembersRequest* request,
                          v1::GetMembersResponse* response) override;
  grpc::Status GetHistory(grpc::ServerContext* context,
                          const v1::GetHistoryRequest* request,
                          v1::GetHistoryResponse* response) override;
  grpc::Status GetChannel(grpc::ServerContext* context,
                          const v1::GetChannelRequest* request,
                          v1::GetChannelResponse* response) override;
  grpc::Status ListChannels(grpc::ServerContext* context,
                            const v1::ListChannelsRequest* request,
                            v1::ListChannelsResponse* response) override;
  grpc::Status GetStats(grpc::ServerContext* context,
                        const v1::GetStatsRequest* request,
                        v1::GetStatsResponse* response) override;
  grpc::Status Disconnect(grpc::ServerContext* context,
                          const v1::DisconnectRequest* request,
                          v1::DisconnectResponse* response) override;
  grpc::Status Watch(grpc::ServerContext* context,
                     const v1::WatchRequest* request,
                     grpc::ServerWriter<v1::WatchResponse>* writer) override;

  const int port_;
  std::mutex mutex_;
  std::deque<grpc::Status> failures_;
  std::deque<std::vector<v1::ServerMessage>> watch_scripts_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_CLIENTS_FAKE_BROADCAST_SERVICE_H_
