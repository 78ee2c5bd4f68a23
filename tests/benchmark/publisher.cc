// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/publisher.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "tests/benchmark/limit_server.h"
#include "tests/benchmark/stream_caller.h"
#include "tests/benchmark/websocket_bytes.h"

namespace herald::benchmark {
namespace {

constexpr char kEvent[] = "bench";

class HeraldPublisher final : public Publisher {
 public:
  HeraldPublisher(const std::string& target, const std::string& token)
      : stub_(v1::BroadcastService::NewStub(
            grpc::CreateChannel(target, grpc::InsecureChannelCredentials()))),
        stream_(
            token,
            [this](auto* context, auto* reactor) {
              stub_->async()->BroadcastStream(context, reactor);
            },
            [](const v1::BroadcastStreamResponse& response) {
              return response.error().message();
            }) {}

  void Publish(const std::string& channel, const std::string& data) override {
    v1::BroadcastStreamRequest request;
    request.mutable_broadcast()->add_channels(channel);
    request.mutable_broadcast()->set_event(kEvent);
    request.mutable_broadcast()->set_data(data);
    stream_.Send(std::move(request));
  }

  void Check() override { stream_.Check(); }
  void Finish() override { stream_.Finish(); }

 private:
  const std::unique_ptr<v1::BroadcastService::Stub> stub_;
  StreamCaller<v1::BroadcastStreamRequest, v1::BroadcastStreamResponse> stream_;
};

class FramePublisher final : public Publisher {
 public:
  explicit FramePublisher(const std::vector<Endpoint>& servers) {
    for (const Endpoint& server : servers) fds_.push_back(ConnectTo(server));
  }
  ~FramePublisher() override {
    for (const int fd : fds_) ::close(fd);
  }

  void Publish(const std::string& channel, const std::string& data) override {
    const std::string frame = PackForLimitServer(ServerTextFrame(
        absl::StrCat(R"({"type":"event","event":")", kEvent, R"(","channel":")",
                     channel, R"(","data":)", data, "}")));
    for (const int fd : fds_) SendAll(fd, frame);
  }

  void Check() override {}
  void Finish() override {}

 private:
  std::vector<int> fds_;
};

}  // namespace

std::unique_ptr<Publisher> MakeHeraldPublisher(const std::string& target,
                                               const std::string& token) {
  return std::make_unique<HeraldPublisher>(target, token);
}

std::unique_ptr<Publisher> MakeFramePublisher(
    const std::vector<Endpoint>& servers) {
  return std::make_unique<FramePublisher>(servers);
}

}  // namespace herald::benchmark
