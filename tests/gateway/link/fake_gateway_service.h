// SPDX-License-Identifier: Apache-2.0
//
// The service's end of the link, from a link's point of view: greets, answers
// every subscribe with yes, keeps the gateway's items, and misbehaves on
// demand. It listens on 127.0.0.1.
//
// Threads: any, for every method.

#ifndef HERALD_TESTS_GATEWAY_LINK_FAKE_GATEWAY_SERVICE_H_
#define HERALD_TESTS_GATEWAY_LINK_FAKE_GATEWAY_SERVICE_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "grpcpp/server.h"
#include "grpcpp/server_context.h"
#include "herald/link/v1/gateway_service.grpc.pb.h"

namespace herald::gateway {

class FakeGatewayService final : public link::v1::GatewayService::Service {
 public:
  // Its behaviour on a link.
  enum class Manner {
    kServe,   // All as it should be.
    kIgnore,  // Sends nothing at all.
    kStall,   // As kServe until it has settled, then reads no more.
    kRefuse,  // Ends it with UNAUTHENTICATED.
    kFlood,   // As kServe; a subscribe is followed by kFloodFrames.
    kEcho,    // As kServe; the first frame without items gets another one.
  };

  // Frames of one publication each, of the data "0", "1" and so on, taken 10 s
  // ago.
  static constexpr int kFloodFrames = 100;

  // One Attach call, also after its end.
  struct Attach {
    std::string authorization;
    std::vector<link::v1::GatewayItem> items;
    int64_t frame_bytes_max = 0;
    int frame_count = 0;
    int empty_count = 0;       // Of these, without items.
    bool half_closed = false;  // The gateway half-closed it.
    bool ended = false;
  };

  explicit FakeGatewayService(Manner manner = Manner::kServe)
      : manner_(manner) {}
  ~FakeGatewayService() override { StopServer(); }

  // Listens on `port`, or on a free one for 0. Fails the test if it cannot.
  void StartServer(int port = 0);

  // As a process that is killed: all links break.
  void StopServer();

  std::string target() const;

  void SetManner(Manner manner);

  // The value of Settings.cluster on links from here on.
  void SetCluster(bool cluster);

  // Breaks the links that there are.
  void EndLinks();

  // Waits until `happened` is true of the calls so far. False after patience.
  using Attaches = std::deque<Attach>;
  bool WaitFor(const std::function<bool(const Attaches&)>& happened);

  // Waits for the item of this kind on the `number`th call, from 0.
  bool WaitForItem(size_t number, link::v1::GatewayItem::ItemCase kind);

  Attaches attaches();

 private:
  using Stream = grpc::ServerReaderWriter<link::v1::AttachResponse,
                                          link::v1::AttachRequest>;

  grpc::Status Attach(grpc::ServerContext* context, Stream* stream) override;
  // Returns when the link is over.
  grpc::Status Serve(grpc::ServerContext* context, Stream* stream,
                     size_t number);
  static void Flood(const std::string& channel, Stream* stream);
  link::v1::AttachResponse Note(size_t number,
                                const link::v1::AttachRequest& frame);

  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;

  std::mutex mu_;
  std::condition_variable changed_;
  Manner manner_;
  bool cluster_ = false;
  Attaches attaches_;
  std::vector<grpc::ServerContext*> open_;
};

}  // namespace herald::gateway

#endif  // HERALD_TESTS_GATEWAY_LINK_FAKE_GATEWAY_SERVICE_H_
