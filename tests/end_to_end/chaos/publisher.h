// SPDX-License-Identifier: Apache-2.0
//
// A backend that publishes numbered messages, each with an idempotency key, and
// repeats each until it is answered: with unary calls, or with a stream that
// has several in flight.
//
// Threads: it has one of its own; Check() throws the failures of that thread.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_PUBLISHER_H_
#define HERALD_TESTS_END_TO_END_CHAOS_PUBLISHER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "grpcpp/grpcpp.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "tests/end_to_end/chaos/errand.h"
#include "tests/end_to_end/chaos/ledger.h"
#include "tests/end_to_end/chaos/op_log.h"
#include "tests/end_to_end/chaos/plan.h"
#include "tests/end_to_end/chaos/random.h"
#include "tests/end_to_end/chaos/server.h"
#include "tests/end_to_end/chaos/socket_list.h"

namespace herald::chaos {

// The objects that all publishers of a round share. Outlives them.
struct PublisherWorld {
  const Plan* plan;
  std::string address;
  const Server* service;  // Its lives are counted.
  Ledger* ledger;
  SocketList* sockets;
  OpLog* log;
};

class Publisher {
 public:
  enum class Kind { kUnary, kStream };

  // Begins to publish at once. `number` is its own, in MessageId; that of a
  // feed has it publish only where slow consumers get the latest.
  Publisher(int64_t number, Kind kind, const PublisherWorld* shared,
            Random random);
  ~Publisher();

  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  const std::string& name() const { return name_; }

  // From now on nothing new.
  void Finish() { finishes_ = true; }

  // Whether everything is answered.
  bool is_done() const { return errand_.is_done(); }

  // Throws the failure of its thread, if any.
  void Check() const { errand_.Check(); }

  // The answers that it waits for, for a report.
  std::string WhatIsMissing() const;

 private:
  using Stub = v1::BroadcastService::Stub;
  using Stream = grpc::ClientReaderWriter<v1::BroadcastStreamRequest,
                                          v1::BroadcastStreamResponse>;
  struct Message {
    MessageId id;
    v1::BroadcastRequest request;
  };

  bool is_feed() const { return number_ >= kFeedFirst; }

  void Run();
  Message Make();
  void Rest(Milliseconds min, Milliseconds max);

  // kUnary: publishes one message, however often that takes.
  void PublishOne(const Message& message);

  // kStream: one stream's life. Messages without an answer stay in `open_`.
  void RunStream();
  bool WriteSome(Stream* stream, size_t* written);
  bool ReadAnswers(Stream* stream, size_t* written);

  void Begin(const Message& message);
  void End(const Message& message);
  void Take(const Message& message, const v1::BroadcastResponse& response);
  // Whether it may be repeated; everything else ends the round.
  void CheckRefusal(const Message& message, grpc::StatusCode code,
                    const std::string& why) const;

  const int64_t number_;
  const Kind kind_;
  const PublisherWorld* const shared_;
  const std::string name_;
  const std::unique_ptr<Stub> stub_;
  Random random_;
  int64_t last_number_ = 0;
  std::deque<Message> open_;  // Without an answer, in order.
  std::atomic<bool> finishes_ = false;
  std::atomic<int64_t> waiting_ = 0;  // For the number of a message; 0: none.
  Errand errand_;                     // Last: it runs as soon as it is there.
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_PUBLISHER_H_
