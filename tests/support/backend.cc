// SPDX-License-Identifier: Apache-2.0

#include "tests/support/backend.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace herald::testing_support {

v1::BroadcastRequest MakeBroadcast(std::vector<std::string> channels,
                                   absl::string_view event,
                                   absl::string_view data) {
  v1::BroadcastRequest request;
  for (std::string& channel : channels) {
    request.add_channels(std::move(channel));
  }
  request.set_event(std::string(event));
  request.set_data(std::string(data));
  return request;
}

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 50);
  // In spite of its name, how long one attempt may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

Watching::Watching(Stub* stub, std::unique_ptr<grpc::ClientContext> context,
                   const std::vector<std::string>& channels)
    : context_(std::move(context)), reader_([&] {
        v1::WatchRequest request;
        for (const std::string& channel : channels) {
          request.add_channels(channel);
        }
        return stub->Watch(context_.get(), request);
      }()) {}

Watching::~Watching() {
  if (has_ended_) return;
  context_->TryCancel();
  v1::WatchResponse response;
  while (reader_->Read(&response)) {
  }
  reader_->Finish().IgnoreError();
}

v1::ServerMessage Watching::Next() {
  v1::WatchResponse response;
  if (!reader_->Read(&response)) ADD_FAILURE() << "the Watch has ended";
  return response.message();
}

grpc::Status Watching::WaitForEnd() {
  v1::WatchResponse response;
  while (reader_->Read(&response)) {
  }
  has_ended_ = true;
  return reader_->Finish();
}

Backend::Backend(const std::string& address, std::string token)
    : token_(std::move(token)),
      stub_(v1::BroadcastService::NewStub(MakeChannel(address))) {}

std::unique_ptr<grpc::ClientContext> Backend::MakeContext() const {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + kPatience);
  if (!token_.empty()) {
    context->AddMetadata("authorization", absl::StrCat("Bearer ", token_));
  }
  return context;
}

int64_t Backend::Broadcast(absl::string_view channel, absl::string_view event,
                           absl::string_view data,
                           absl::string_view except_socket_id) {
  v1::BroadcastRequest request =
      MakeBroadcast({std::string(channel)}, event, data);
  request.set_except_socket_id(std::string(except_socket_id));
  const auto [status, response] = Call(&Stub::Broadcast, request);
  if (!status.ok() || response.receipts_size() != 1) {
    ADD_FAILURE() << "Broadcast to " << channel << ": "
                  << status.error_message();
    return -1;
  }
  EXPECT_EQ(response.receipts(0).channel(), std::string(channel));
  return response.receipts(0).subscribers();
}

std::string Backend::Members(absl::string_view channel) {
  v1::GetMembersRequest request;
  request.set_channel(std::string(channel));
  const auto [status, response] = Call(&Stub::GetMembers, request);
  EXPECT_TRUE(status.ok()) << "GetMembers: " << status.error_message();
  std::string text;
  for (const v1::PresentMember& member : response.members()) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", member.user_id(), " (",
                    member.socket_ids_size(), ")");
  }
  return text;
}

std::unique_ptr<Watching> Backend::Watch(
    const std::vector<std::string>& channels) {
  return std::make_unique<Watching>(stub(), MakeContext(), channels);
}

}  // namespace herald::testing_support
