// SPDX-License-Identifier: Apache-2.0

#include "herald/client/control.h"

#include <utility>

#include "clients/cpp/caller.h"
#include "clients/cpp/dial.h"

namespace herald::client {
namespace {

// A prefix cannot match more pages than there are channels; a service with
// circular page tokens must not keep a caller for ever.
constexpr int kPagesMax = 100'000;

std::string Text(absl::string_view text) { return std::string(text); }

}  // namespace

class Control::Impl {
 public:
  explicit Impl(ControlOptions options)
      : caller_(options.target, std::move(options.api_token), options.deadline,
                std::move(options.on_retry)) {}

  // Calls `method`, unless one of `texts` cannot be sent.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(Caller::AsyncMethod<Request, Response> method,
                                Request request,
                                std::initializer_list<NamedText> texts) {
    absl::Status status = CheckTexts(texts);
    if (!status.ok()) return status;
    return caller_.Wait<Request, Response>(method, std::move(request));
  }

  absl::Status Subscribe(const v1::SubscribeRequest& request) {
    return Call<v1::SubscribeRequest, v1::SubscribeResponse>(
               &Caller::Api::Subscribe, request,
               {{"socket_id", request.socket_id()},
                {"channel", request.channel()},
                {"auth_token", request.auth_token()},
                {"user_id", request.member().user_id()}})
        .status();
  }

  absl::StatusOr<v1::GetHistoryResponse> GetHistory(
      const v1::GetHistoryRequest& request) {
    return Call<v1::GetHistoryRequest, v1::GetHistoryResponse>(
        &Caller::Api::GetHistory, request,
        {{"channel", request.channel()}, {"epoch", request.since().epoch()}});
  }

  absl::StatusOr<int64_t> Disconnect(v1::DisconnectRequest request,
                                     absl::string_view subject,
                                     absl::string_view reason) {
    request.set_reason(Text(reason));
    auto response = Call<v1::DisconnectRequest, v1::DisconnectResponse>(
        &Caller::Api::Disconnect, std::move(request),
        {{"subject", subject}, {"reason", reason}});
    if (!response.ok()) return response.status();
    return response->disconnected_count();
  }

 private:
  Caller caller_;
};

Control::Control(ControlOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

Control::~Control() = default;

absl::StatusOr<std::vector<v1::PresentMember>> Control::GetMembers(
    absl::string_view channel) {
  std::vector<v1::PresentMember> members;
  std::string page_token;
  for (int page = 0; page < kPagesMax; ++page) {
    auto response = GetMembersPage(channel, 0, page_token);
    if (!response.ok()) return response.status();
    for (v1::PresentMember& member : *response->mutable_members()) {
      members.push_back(std::move(member));
    }
    if (response->next_page_token().empty()) return members;
    page_token = response->next_page_token();
  }
  return absl::InternalError("the service's pages do not end");
}

absl::StatusOr<v1::GetMembersResponse> Control::GetMembersPage(
    absl::string_view channel, int page_size, absl::string_view page_token) {
  v1::GetMembersRequest request;
  request.set_channel(Text(channel));
  request.set_page_size(page_size);
  request.set_page_token(Text(page_token));
  return impl_->Call<v1::GetMembersRequest, v1::GetMembersResponse>(
      &Caller::Api::GetMembers, std::move(request),
      {{"channel", channel}, {"page_token", page_token}});
}

absl::StatusOr<v1::Channel> Control::GetChannel(absl::string_view channel) {
  v1::GetChannelRequest request;
  request.set_channel(Text(channel));
  auto response = impl_->Call<v1::GetChannelRequest, v1::GetChannelResponse>(
      &Caller::Api::GetChannel, std::move(request), {{"channel", channel}});
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_channel());
}

absl::StatusOr<std::vector<v1::Channel>> Control::ListChannels(
    absl::string_view prefix) {
  std::vector<v1::Channel> channels;
  std::string page_token;
  for (int page = 0; page < kPagesMax; ++page) {
    auto response = ListChannelsPage(prefix, 1000, page_token);
    if (!response.ok()) return response.status();
    for (v1::Channel& channel : *response->mutable_channels()) {
      channels.push_back(std::move(channel));
    }
    if (response->next_page_token().empty()) return channels;
    page_token = response->next_page_token();
  }
  return absl::InternalError("the service's pages do not end");
}

absl::StatusOr<v1::ListChannelsResponse> Control::ListChannelsPage(
    absl::string_view prefix, int page_size, absl::string_view page_token) {
  v1::ListChannelsRequest request;
  request.set_prefix(Text(prefix));
  request.set_page_size(page_size);
  request.set_page_token(Text(page_token));
  return impl_->Call<v1::ListChannelsRequest, v1::ListChannelsResponse>(
      &Caller::Api::ListChannels, std::move(request),
      {{"prefix", prefix}, {"page_token", page_token}});
}

absl::StatusOr<v1::GetHistoryResponse> Control::GetHistory(
    absl::string_view channel, int limit) {
  v1::GetHistoryRequest request;
  request.set_channel(Text(channel));
  request.set_limit(limit);
  return impl_->GetHistory(request);
}

absl::StatusOr<v1::GetHistoryResponse> Control::GetHistorySince(
    absl::string_view channel, const v1::Position& since, int limit) {
  v1::GetHistoryRequest request;
  request.set_channel(Text(channel));
  *request.mutable_since() = since;
  request.set_limit(limit);
  return impl_->GetHistory(request);
}

absl::StatusOr<v1::GetStatsResponse> Control::GetStats() {
  return impl_->Call<v1::GetStatsRequest, v1::GetStatsResponse>(
      &Caller::Api::GetStats, v1::GetStatsRequest(), {});
}

absl::Status Control::Subscribe(absl::string_view socket_id,
                                absl::string_view channel) {
  return SubscribeWithToken(socket_id, channel, "");
}

absl::Status Control::SubscribeWithToken(absl::string_view socket_id,
                                         absl::string_view channel,
                                         absl::string_view auth_token) {
  v1::SubscribeRequest request;
  request.set_socket_id(Text(socket_id));
  request.set_channel(Text(channel));
  request.set_auth_token(Text(auth_token));
  return impl_->Subscribe(request);
}

absl::Status Control::SubscribeAs(absl::string_view socket_id,
                                  absl::string_view channel,
                                  absl::string_view user_id,
                                  absl::string_view user_info) {
  v1::SubscribeRequest request;
  request.set_socket_id(Text(socket_id));
  request.set_channel(Text(channel));
  request.mutable_member()->set_user_id(Text(user_id));
  request.mutable_member()->set_user_info(Text(user_info));
  return impl_->Subscribe(request);
}

absl::Status Control::Unsubscribe(absl::string_view socket_id,
                                  absl::string_view channel) {
  v1::UnsubscribeRequest request;
  request.set_socket_id(Text(socket_id));
  request.set_channel(Text(channel));
  return impl_
      ->Call<v1::UnsubscribeRequest, v1::UnsubscribeResponse>(
          &Caller::Api::Unsubscribe, std::move(request),
          {{"socket_id", socket_id}, {"channel", channel}})
      .status();
}

absl::StatusOr<int64_t> Control::DisconnectSocket(absl::string_view socket_id,
                                                  absl::string_view reason) {
  v1::DisconnectRequest request;
  request.set_socket_id(Text(socket_id));
  return impl_->Disconnect(std::move(request), socket_id, reason);
}

absl::StatusOr<int64_t> Control::DisconnectUser(absl::string_view user_id,
                                                absl::string_view reason) {
  v1::DisconnectRequest request;
  request.set_user_id(Text(user_id));
  return impl_->Disconnect(std::move(request), user_id, reason);
}

}  // namespace herald::client
