// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/publisher.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/end_to_end/chaos/failure.h"
#include "tests/support/backend.h"

namespace herald::chaos {
namespace {

constexpr size_t kInFlightMax = 16;

void SetDeadline(Milliseconds wait, grpc::ClientContext* context) {
  context->set_deadline(std::chrono::system_clock::now() + wait);
}

}  // namespace

Publisher::Publisher(int64_t number, Kind kind, const PublisherWorld* shared,
                     Random random)
    : number_(number),
      kind_(kind),
      shared_(shared),
      name_(absl::StrCat("publisher ", number)),
      stub_(v1::BroadcastService::NewStub(
          testing_support::MakeChannel(shared->address))),
      random_(random),
      errand_([this] { Run(); }) {}

Publisher::~Publisher() { errand_.Stop(); }

void Publisher::Run() {
  if (kind_ == Kind::kUnary) {
    while (!finishes_ && !errand_.stops()) {
      PublishOne(Make());
      Rest(Milliseconds(5), Milliseconds(40));
    }
    return;
  }
  while (!errand_.stops() && !(finishes_ && open_.empty())) {
    RunStream();
    Rest(Milliseconds(5), Milliseconds(100));
  }
}

void Publisher::Rest(Milliseconds min, Milliseconds max) {
  std::this_thread::sleep_for(random_.Between(min, max));
}

Publisher::Message Publisher::Make() {
  Message message;
  message.id = {number_, ++last_number_};
  std::vector<std::string> channels;
  std::vector<Channel> all = shared_->plan->channels;
  if (is_feed()) {
    std::erase_if(all, [](const Channel& one) { return !one.drops_to_latest; });
  }
  const int64_t count =
      is_feed() || random_.Chance(85) ? 1 : random_.Between(2, 4);
  while (static_cast<int64_t>(channels.size()) < count) {
    const std::string& name = all[random_.Index(all.size())].name;
    if (std::find(channels.begin(), channels.end(), name) == channels.end()) {
      channels.push_back(name);
    }
  }
  const std::string except =
      random_.Chance(15) ? shared_->sockets->Pick(&random_) : "";
  message.request =
      testing_support::MakeBroadcast(channels, "e", DataOf(message.id));
  message.request.set_except_socket_id(except);
  message.request.set_idempotency_key(ToString(message.id));
  shared_->ledger->Publish(message.id, std::move(channels), except);
  return message;
}

void Publisher::Begin(const Message& message) {
  shared_->ledger->BeginAttempt(message.id, shared_->service->ends_done());
}

void Publisher::End(const Message& message) {
  shared_->ledger->EndAttempt(message.id, shared_->service->ends_begun());
}

void Publisher::Take(const Message& message,
                     const v1::BroadcastResponse& response) {
  const v1::BroadcastRequest& request = message.request;
  if (response.receipts_size() != request.channels_size()) {
    throw Failure(
        name_, "",
        absl::StrCat(name_, ": ", response.receipts_size(), " receipts for ",
                     request.channels_size(), " channels"));
  }
  for (int i = 0; i < request.channels_size(); ++i) {
    const v1::Receipt& receipt = response.receipts(i);
    const auto& all = shared_->plan->channels;
    const auto channel = std::find_if(
        all.begin(), all.end(),
        [&](const Channel& one) { return one.name == request.channels(i); });
    if (receipt.channel() != channel->name) {
      throw Failure(name_, "",
                    absl::StrCat(name_, ": a receipt of ", receipt.channel(),
                                 " in the place of ", channel->name));
    }
    std::optional<Position> where;
    if (!receipt.epoch().empty() || receipt.offset() != 0) {
      where = {receipt.epoch(), receipt.offset()};
    }
    shared_->ledger->Acknowledge(message.id, *channel, where);
  }
}

void Publisher::CheckRefusal(const Message& message, grpc::StatusCode code,
                             const std::string& why) const {
  if (code == grpc::StatusCode::UNAVAILABLE ||
      code == grpc::StatusCode::DEADLINE_EXCEEDED ||
      code == grpc::StatusCode::CANCELLED) {
    return;
  }
  throw Failure(
      name_, "",
      absl::StrCat(name_, ": ", ToString(message.id), " was refused with ",
                   static_cast<int>(code), ", ", why));
}

void Publisher::PublishOne(const Message& message) {
  waiting_ = message.id.number;
  while (!errand_.stops()) {
    grpc::ClientContext context;
    // Some calls time out so soon that the answer is lost on its way.
    SetDeadline(!finishes_ && random_.Chance(3)
                    ? random_.Between(Milliseconds(1), Milliseconds(20))
                    : Milliseconds(3'000),
                &context);
    v1::BroadcastResponse response;
    Begin(message);
    const Errand::Waiting waiting(&errand_, &context);
    const grpc::Status status =
        stub_->Broadcast(&context, message.request, &response);
    End(message);
    if (status.ok()) {
      Take(message, response);
      break;
    }
    shared_->log->Add(name_, absl::StrCat(ToString(message.id), ": ",
                                          status.error_message()));
    CheckRefusal(message, status.error_code(), status.error_message());
    Rest(Milliseconds(5), Milliseconds(50));
  }
  waiting_ = 0;
}

void Publisher::RunStream() {
  grpc::ClientContext context;
  SetDeadline(random_.Between(Milliseconds(500), Milliseconds(8'000)),
              &context);
  const Errand::Waiting waiting(&errand_, &context);
  const std::unique_ptr<Stream> stream = stub_->BroadcastStream(&context);
  // Of `open_`, how many were sent on this stream and are not answered.
  size_t written = 0;
  bool is_alive = true;
  while (is_alive && !errand_.stops() && !(finishes_ && open_.empty())) {
    is_alive = WriteSome(stream.get(), &written) &&
               ReadAnswers(stream.get(), &written);
    if (is_alive) Rest(Milliseconds(20), Milliseconds(150));
  }
  for (size_t i = 0; i < written; ++i) End(open_[i]);
  if (is_alive) stream->WritesDone();
  const grpc::Status status = stream->Finish();
  if (status.ok()) return;
  shared_->log->Add(
      name_, absl::StrCat("its stream has ended: ", status.error_message()));
  CheckRefusal(open_.empty() ? Message{} : open_.front(), status.error_code(),
               status.error_message());
}

bool Publisher::WriteSome(Stream* stream, size_t* written) {
  if (!finishes_) {
    const auto count = static_cast<size_t>(random_.Between(1, kInFlightMax));
    while (open_.size() < count) open_.push_back(Make());
  }
  if (open_.empty()) return true;
  waiting_ = open_.front().id.number;
  while (*written < open_.size()) {
    const Message& message = open_[*written];
    v1::BroadcastStreamRequest request;
    *request.mutable_broadcast() = message.request;
    Begin(message);
    ++*written;
    if (!stream->Write(request)) return false;
  }
  return true;
}

bool Publisher::ReadAnswers(Stream* stream, size_t* written) {
  std::deque<Message> refused;
  bool is_alive = true;
  while (*written > 0) {
    v1::BroadcastStreamResponse response;
    is_alive = stream->Read(&response);
    if (!is_alive) break;
    Message message = std::move(open_.front());
    open_.pop_front();
    --*written;
    End(message);
    if (response.has_error()) {
      const v1::BroadcastError& error = response.error();
      CheckRefusal(message, static_cast<grpc::StatusCode>(error.code()),
                   error.message());
      refused.push_back(std::move(message));
      continue;
    }
    Take(message, response.broadcast());
  }
  // Behind the messages of this stream: they are tried again.
  open_.insert(open_.end(), refused.begin(), refused.end());
  waiting_ = open_.empty() ? 0 : open_.front().id.number;
  return is_alive;
}

std::string Publisher::WhatIsMissing() const {
  return absl::StrCat(name_, " waits for the answer to number ",
                      waiting_.load());
}

}  // namespace herald::chaos
