// SPDX-License-Identifier: Apache-2.0

#include "tests/fuzz/played_gateway.h"

#include <algorithm>
#include <utility>

#include "gateway/session/drain.h"
#include "proto/contract/require.h"

namespace herald::fuzz {

using contract::Require;

PlayedGateway::PlayedGateway(bool trusts_service)
    : trusts_service_(trusts_service) {
  gateway::ClientRates rates(/*message_rate=*/20, /*whisper_rate=*/5,
                             /*subscriptions_max=*/5);
  std::vector<gateway::ShardInbox*> inboxes;
  for (int i = 0; i < kPlayedLoops; ++i) {
    PlayedLoop& loop = loops_[static_cast<size_t>(i)];
    loop.shard = std::make_unique<gateway::Shard>(
        gateway::ShardOptions{i, /*subscriptions_max=*/5, rates}, &router_,
        &loop, &counts_, loop.now);
    inboxes.push_back(&loop);
  }
  router_.SetShards(std::move(inboxes));
}

void PlayedGateway::LinkUp() {
  service_->Begin();
  has_link_ = true;
  router_.LinkUp(service_, absl::Seconds(1));
  Require(service_->is_attached());
}

void PlayedGateway::LinkDown() {
  router_.LinkDown("it ended");
  has_link_ = false;
}

void PlayedGateway::Send(link::v1::ServiceItem item) {
  service_->OnSent(item);
  link::v1::AttachResponse frame;
  *frame.add_items() = std::move(item);
  Require(router_.Receive(std::move(frame)).ok());
}

void PlayedGateway::Open(int loop) {
  ClientModel& client =
      *clients_.emplace_back(std::make_unique<ClientModel>(trusts_service_));
  client.loop = loop;
  gateway::Shard& shard = *loops_[static_cast<size_t>(loop)].shard;
  const uint64_t number =
      kPlayedLoops * ++opened_ + static_cast<uint64_t>(loop);
  gateway::HeaderPool::Builder facts("203.0.113.7");
  facts.AddHeader("Origin", "https://example.org");
  client.session = shard.Open(&client, &dialect_, number,
                              shard.headers().Make(std::move(facts)));
}

void PlayedGateway::Leave(size_t client) {
  const std::unique_ptr<ClientModel> gone = std::move(clients_[client]);
  clients_.erase(clients_.begin() + static_cast<ptrdiff_t>(client));
  loops_[static_cast<size_t>(gone->loop)].shard->Closed(gone->session);
}

void PlayedGateway::Receive(ClientModel& client, absl::string_view text) {
  if (client.is_closed() || client.is_paused()) return;
  client.OnSent(text);
  loops_[static_cast<size_t>(client.loop)].shard->Receive(client.session, text);
}

void PlayedGateway::ReceiveControlFrame(ClientModel& client) {
  if (client.is_closed() || client.is_paused()) return;
  loops_[static_cast<size_t>(client.loop)].shard->ReceiveFrames(client.session,
                                                                1);
}

void PlayedGateway::Turn(int index) {
  PlayedLoop& loop = loops_[static_cast<size_t>(index)];
  if (!loop.batches.empty()) {
    std::vector<gateway::Delivery> batch = std::move(loop.batches.front());
    loop.batches.pop_front();
    for (gateway::Delivery& item : batch) loop.shard->Deliver(item);
  }
  if (loop.flush_at <= loop.now) {
    loop.flush_at = absl::InfiniteFuture();
    loop.wants_flush = true;
  }
  if (std::exchange(loop.wants_flush, false)) loop.shard->FlushDirty();
  ReadAll();
}

void PlayedGateway::Settle() {
  constexpr int kTurnsMax = 2000;  // More are a loop that finds no rest.
  const auto is_busy = [](const PlayedLoop& loop) {
    return !loop.batches.empty() || loop.wants_flush ||
           loop.flush_at <= loop.now;
  };
  for (int turns = 0; std::any_of(loops_.begin(), loops_.end(), is_busy);) {
    Require(++turns < kTurnsMax);
    for (int i = 0; i < kPlayedLoops; ++i) Turn(i);
  }
}

void PlayedGateway::Sleep(absl::Duration time) {
  for (PlayedLoop& loop : loops_) {
    const absl::Time end = loop.now + time;
    while (loop.now < end) {
      loop.now += std::min(end - loop.now, gateway::TimerWheel::kSlot);
      loop.shard->Advance(loop.now, loop.now);
    }
  }
  for (int i = 0; i < kPlayedLoops; ++i) Turn(i);
}

void PlayedGateway::CloseSome(int loop, int64_t count) {
  gateway::Drain drain(absl::FromUnixSeconds(1000), absl::ZeroDuration(),
                       /*sockets=*/0, absl::Seconds(1), /*seed=*/1);
  const int64_t left =
      loops_[static_cast<size_t>(loop)].shard->CloseSome(count, &drain);
  Require(left >= 0 && left <= static_cast<int64_t>(clients_.size()));
}

void PlayedGateway::ReadAll() {
  for (const auto& client : clients_) client->Read();
}

void PlayedGateway::RequireEmptyAfterwards() {
  while (!clients_.empty()) Leave(0);
  Settle();
  Sleep(absl::Seconds(1));  // The link may have been full.
  Settle();
  Require(counts_.clients == 0 && counts_.subscriptions == 0);
  for (const PlayedLoop& loop : loops_) {
    Require(loop.shard->session_count() == 0);
  }
  Require(service_->counts().empty());
  Require(service_->calls().empty());
  LinkDown();
  Settle();
  LinkUp();
  Require(service_->counts().empty());
}

}  // namespace herald::fuzz
