// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/load.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/benchmark/clock.h"
#include "tests/benchmark/failure.h"

namespace herald::benchmark {
namespace {

// From one channel to the next: far, so that neighbours in memory do not follow
// each other, and prime, so that each has its turn.
constexpr size_t kStride = 7919;

}  // namespace

std::string ChannelName(absl::string_view prefix, int number) {
  return absl::StrCat(prefix, "bench-", number);
}

Load::Load(Crowd* crowd, Publisher* publisher, const LoadOptions& options)
    : crowd_(crowd),
      publisher_(publisher),
      payload_bytes_(options.payload_bytes),
      ledger_(options.channel_of_socket) {
  const int last = *std::max_element(options.channel_of_socket.begin(),
                                     options.channel_of_socket.end());
  for (int i = 0; i <= last; ++i) {
    channels_.push_back(ChannelName(options.prefix, i));
  }
  crowd_->SetListener(this);
}

void Load::OnEvent(int socket, absl::string_view message, int64_t now) {
  const std::optional<Stamp> stamp = ParseStamp(message);
  if (!stamp.has_value()) Fail("socket ", socket, " received ", message);
  ledger_.Deliver(socket, *stamp);
  result_.delays.Add(now - stamp->sent);
}

void Load::PublishNext(int64_t due) {
  const auto channel = static_cast<int>(next_channel_);
  next_channel_ = (next_channel_ + kStride) % channels_.size();
  const int64_t sequence = ledger_.Publish(channel);
  ++result_.publishes;
  publisher_->Publish(channels_[static_cast<size_t>(channel)],
                      EncodeStamp({due, channel, sequence}, payload_bytes_));
}

void Load::WaitForOpen(int64_t open) {
  int64_t end = Now() + kPatience;
  int64_t deliveries = ledger_.deliveries();
  while (ledger_.open() > open) {
    crowd_->Look(100 * kMillisecond);
    publisher_->Check();
    if (ledger_.deliveries() != deliveries) {
      deliveries = ledger_.deliveries();
      end = Now() + kPatience;
    } else if (Now() > end) {
      Fail(ledger_.Missing());
    }
  }
}

void Load::Begin() {
  result_ = LoadResult();
  deliveries_before_ = ledger_.deliveries();
  begun_ = Now();
}

LoadResult Load::End() {
  WaitForOpen(0);
  result_.seconds =
      static_cast<double>(Now() - begun_) / static_cast<double>(kSecond);
  publisher_->Finish();
  result_.deliveries = ledger_.deliveries() - deliveries_before_;
  return std::exchange(result_, {});
}

LoadResult Load::RunClosed(int in_flight, int64_t duration) {
  Begin();
  for (int64_t now = begun_; now < begun_ + duration; now = Now()) {
    while (ledger_.open() < in_flight) PublishNext(Now());
    WaitForOpen(in_flight - 1);
  }
  return End();
}

LoadResult Load::RunPaced(double per_second, int64_t duration) {
  Begin();
  const double gap = static_cast<double>(kSecond) / per_second;
  const int64_t end = begun_ + duration;
  int64_t due = begun_;
  while (due < end) {
    while (due <= Now() && due < end) {
      PublishNext(due);
      due = begun_ +
            static_cast<int64_t>(static_cast<double>(result_.publishes) * gap);
    }
    crowd_->Poll(due - Now());
    publisher_->Check();
  }
  return End();
}

}  // namespace herald::benchmark
