// SPDX-License-Identifier: Apache-2.0

#include "tests/clients/fake_broadcast_service.h"

#include <chrono>

#include "tests/support/restartable_port.h"

namespace herald::testing_support {
namespace {

// A payload of 16 MiB and the rest of its request.
constexpr int kMessageBytesMax = 64 << 20;

}  // namespace

FakeBroadcastService::FakeBroadcastService() : port_(RestartablePort()) {
  Restart();
}

FakeBroadcastService::~FakeBroadcastService() {
  gate.Open();
  Stop();
}

std::string FakeBroadcastService::address() const {
  return "127.0.0.1:" + std::to_string(port_);
}

void FakeBroadcastService::Stop() {
  if (server_ == nullptr) return;  // It could not be started again.
  server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
}

void FakeBroadcastService::Restart() {
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port_),
                           grpc::InsecureServerCredentials());
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  ASSERT_NE(server_, nullptr);
}

void FakeBroadcastService::ScriptWatches(
    std::deque<std::vector<v1::ServerMessage>> scripts) {
  const std::lock_guard lock(mutex_);
  watch_scripts_ = std::move(scripts);
}

void FakeBroadcastService::Answer(const v1::BroadcastRequest& request,
                                  int receipts,
                                  v1::BroadcastResponse* response) const {
  int64_t subscribers = 0;
  for (const std::string& channel : request.channels()) {
    ++subscribers;
    for (int i = 0; i < receipts; ++i) {
      v1::Receipt* const receipt = response->add_receipts();
      receipt->set_channel(channel);
      receipt->set_subscribers(subscribers);
      if (epoch.empty()) continue;
      receipt->set_epoch(epoch);
      receipt->set_offset(40 + subscribers);
    }
  }
}

void FakeBroadcastService::FailNext(int calls, const grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  failures_.insert(failures_.end(), static_cast<size_t>(calls), status);
}

grpc::Status FakeBroadcastService::Begin(grpc::ServerContext* context) {
  const auto& metadata = context->client_metadata();
  const auto header = metadata.find("authorization");
  authorizations.Put(
      header == metadata.end()
          ? ""
          : std::string(header->second.data(), header->second.size()));
  const std::lock_guard lock(mutex_);
  if (failures_.empty()) return grpc::Status::OK;
  const grpc::Status status = failures_.front();
  failures_.pop_front();
  return status;
}

grpc::Status FakeBroadcastService::Broadcast(
    grpc::ServerContext* context, const v1::BroadcastRequest* request,
    v1::BroadcastResponse* response) {
  broadcasts.Put(*request);
  const grpc::Status status = Begin(context);
  if (!status.ok()) return status;
  gate.Pass();
  Answer(*request, receipts_per_channel, response);
  return grpc::Status::OK;
}

grpc::Status FakeBroadcastService::BroadcastStream(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<v1::BroadcastStreamResponse,
                             v1::BroadcastStreamRequest>* stream) {
  const grpc::Status status = Begin(context);
  if (!status.ok()) return status;
  int answers = 0;
  v1::BroadcastStreamRequest request;
  while (answers != end_stream_after && stream->Read(&request)) {
    broadcasts.Put(request.broadcast());
    gate.Pass();
    v1::BroadcastStreamResponse response;
    if (request.broadcast().event() == "refused") {
      response.mutable_error()->set_code(grpc::StatusCode::INVALID_ARGUMENT);
      response.mutable_error()->set_message("event \"refused\" is refused");
    } else if (!answer_nothing) {
      Answer(request.broadcast(), 1, response.mutable_broadcast());
    }
    stream->Write(response);
    if (answer_twice) stream->Write(response);
    ++answers;
  }
  return grpc::Status::OK;
}

grpc::Status FakeBroadcastService::Subscribe(
    grpc::ServerContext* context, const v1::SubscribeRequest* request,
    v1::SubscribeResponse* /*response*/) {
  subscribes.Put(*request);
  return Begin(context);
}

grpc::Status FakeBroadcastService::Unsubscribe(
    grpc::ServerContext* context, const v1::UnsubscribeRequest* request,
    v1::UnsubscribeResponse* /*response*/) {
  unsubscribes.Put(*request);
  return Begin(context);
}

grpc::Status FakeBroadcastService::GetMembers(
    grpc::ServerContext* context, const v1::GetMembersRequest* request,
    v1::GetMembersResponse* response) {
  if (request->channel().rfind("presence-", 0) != 0) {
    return {grpc::StatusCode::FAILED_PRECONDITION,
            "channel \"" + request->channel() + "\" is no presence channel"};
  }
  int i = request->page_token().empty() ? 0 : std::stoi(request->page_token());
  const int end = std::min(i + page_members_max, members.members_size());
  for (; i < end; ++i) *response->add_members() = members.members(i);
  if (end < members.members_size()) {
    response->set_next_page_token(std::to_string(end));
  }
  return Begin(context);
}

grpc::Status FakeBroadcastService::GetHistory(
    grpc::ServerContext* context, const v1::GetHistoryRequest* request,
    v1::GetHistoryResponse* response) {
  history_requests.Put(*request);
  if (epoch.empty()) {
    return {grpc::StatusCode::FAILED_PRECONDITION,
            "channel \"" + request->channel() + "\" keeps no history"};
  }
  if (request->has_since() && request->since().epoch() != epoch) {
    return {grpc::StatusCode::OUT_OF_RANGE,
            "epoch \"" + request->since().epoch() + "\" is over"};
  }
  response->set_epoch(epoch);
  const int limit = request->limit() == 0 ? 100 : request->limit();
  for (const v1::Event& event : remembered) {
    response->set_offset(event.offset());
    if (event.offset() <= request->since().offset()) continue;
    if (response->messages_size() < std::min(limit, page_events_max)) {
      *response->add_messages() = event;
    }
  }
  return Begin(context);
}

grpc::Status FakeBroadcastService::GetChannel(
    grpc::ServerContext* context, const v1::GetChannelRequest* request,
    v1::GetChannelResponse* response) {
  response->mutable_channel()->set_name(request->channel());
  response->mutable_channel()->set_subscriber_count(7);
  return Begin(context);
}

grpc::Status FakeBroadcastService::ListChannels(
    grpc::ServerContext* context, const v1::ListChannelsRequest* request,
    v1::ListChannelsResponse* response) {
  list_requests.Put(*request);
  size_t i =
      request->page_token().empty() ? 0 : std::stoul(request->page_token());
  const size_t end = std::min(i + 2, channels.size());
  for (; i < end; ++i) *response->add_channels() = channels[i];
  if (end < channels.size()) response->set_next_page_token(std::to_string(end));
  return Begin(context);
}

grpc::Status FakeBroadcastService::GetStats(grpc::ServerContext* context,
                                            const v1::GetStatsRequest*,
                                            v1::GetStatsResponse* response) {
  *response = stats;
  return Begin(context);
}

grpc::Status FakeBroadcastService::Disconnect(
    grpc::ServerContext* context, const v1::DisconnectRequest* request,
    v1::DisconnectResponse* response) {
  disconnects.Put(*request);
  response->set_disconnected_count(disconnected_count);
  return Begin(context);
}

std::vector<v1::ServerMessage> FakeBroadcastService::MessagesOf(
    const v1::WatchRequest& request, bool* scripted) {
  const std::lock_guard lock(mutex_);
  *scripted = !watch_scripts_.empty();
  std::vector<v1::ServerMessage> messages;
  if (*scripted) {
    messages = std::move(watch_scripts_.front());
    watch_scripts_.pop_front();
    return messages;
  }
  for (const std::string& channel : request.channels()) {
    messages.emplace_back().mutable_subscribed()->set_channel(channel);
  }
  messages.insert(messages.end(), watch_messages.begin(), watch_messages.end());
  return messages;
}

grpc::Status FakeBroadcastService::Watch(
    grpc::ServerContext* context, const v1::WatchRequest* request,
    grpc::ServerWriter<v1::WatchResponse>* writer) {
  const grpc::Status status = Begin(context);
  if (!status.ok()) return status;
  v1::WatchResponse response;
  response.mutable_message()->mutable_connected();
  writer->Write(response);
  bool scripted = false;
  const std::vector<v1::ServerMessage> messages =
      MessagesOf(*request, &scripted);
  for (const v1::ServerMessage& message : messages) {
    *response.mutable_message() = message;
    writer->Write(response);
  }
  watches.Put(*request);
  if (watch_stays && !scripted) {
    response.Clear();
    response.mutable_keepalive();
    for (int i = 0; i < watch_keepalives; ++i) writer->Write(response);
    WaitUntil([&] { return context->IsCancelled(); });
  }
  return watch_end;
}

}  // namespace herald::testing_support
