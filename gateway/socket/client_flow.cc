// SPDX-License-Identifier: Apache-2.0

#include "gateway/socket/client_flow.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace herald::gateway {
namespace {

// Names, and the framing of the data.
constexpr int64_t kWhisperExtraBytes = 256;

absl::Duration TimeOf(int64_t bytes, int64_t per_second) {
  return absl::Seconds(static_cast<double>(bytes) /
                       static_cast<double>(per_second));
}

}  // namespace

ClientRates::ClientRates(int64_t message_rate, int64_t whisper_rate,
                         int64_t subscriptions_max)
    : messages(message_rate, 2 * subscriptions_max),
      whispers(whisper_rate, 2 * whisper_rate) {
  if (whisper_rate > 0)
    whisper_bytes = {kWhisperBytesPerSecond, kWhisperBurstBytes};
}

ClientFlow::WhisperFlow& ClientFlow::whispers() {
  if (whispers_ == nullptr) whispers_ = std::make_unique<WhisperFlow>();
  return *whispers_;
}

bool ClientFlow::OnFrames(const ClientRates& rates, int64_t count,
                          absl::Time now) {
  messages_.Take(rates.messages, count, now);
  return !messages_.Has(rates.messages, 1, now);
}

void ClientFlow::OnAnswer(const ClientRates& rates, int64_t bytes,
                          absl::Time now) {
  answers_.Take(rates.answer_bytes, bytes, now);
}

absl::Status ClientFlow::TakeWhisper(const ClientRates& rates, int64_t bytes,
                                     absl::Time now) {
  if (!rates.whispers.limited()) return absl::OkStatus();
  WhisperFlow& own = whispers();
  if (!own.count.Has(rates.whispers, 1, now)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a socket may send ", rates.whispers.per_second(),
                     " in a second (BROADCAST_CLIENT_EVENT_RATE)"));
  }
  bytes += kWhisperExtraBytes;
  if (!own.bytes.TryTake(rates.whisper_bytes, bytes, now)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a socket may send ", rates.whisper_bytes.per_second(),
                     " bytes of whispers in a second"));
  }
  own.count.Take(rates.whispers, 1, now);
  return absl::OkStatus();
}

bool ClientFlow::OnWhisperSent(int64_t bytes, absl::Time now) {
  WhisperFlow& own = whispers();
  own.window_bytes += bytes + kWhisperExtraBytes;
  own.recent_bytes = std::min(own.recent_bytes + bytes + kWhisperExtraBytes,
                              kWhisperBurstBytes);
  if (own.window_bytes <= kWhisperWindowBytes) return false;
  if (own.window_until == absl::InfinitePast()) {
    own.window_until = now + kWhisperWindowPatience;
  }
  return true;
}

void ClientFlow::OnWhisperBack(int64_t bytes) {
  if (whispers_ == nullptr) return;
  // It may come later than the window had patience for.
  whispers_->window_bytes = std::max<int64_t>(
      0, whispers_->window_bytes - bytes - kWhisperExtraBytes);
  if (whispers_->window_bytes <= kWhisperWindowLow) {
    whispers_->window_until = absl::InfinitePast();
  }
}

void ClientFlow::OnCongestion(int64_t bytes, absl::Time now) {
  if (whispers_ == nullptr) return;
  WhisperFlow& own = *whispers_;
  bytes = std::min(bytes + kWhisperExtraBytes, own.recent_bytes);
  own.recent_bytes -= bytes;
  own.congested_until = std::min(std::max(own.congested_until, now) +
                                     TimeOf(bytes, kCongestedBytesPerSecond),
                                 now + kCongestionPauseMax);
}

void ClientFlow::OnWhisperTaken() {
  if (whispers_ != nullptr) whispers_->no_room_since = absl::InfiniteFuture();
}

bool ClientFlow::OnWhisperDropped(absl::Time now) {
  WhisperFlow& own = whispers();
  own.no_room_since = std::min(own.no_room_since, now);
  return now - own.no_room_since < kSlowReaderPatience;
}

ClientFlow::Pause ClientFlow::PauseAt(const ClientRates& rates,
                                      absl::Time now) {
  const absl::Time messages_until = messages_.ReadyAt(rates.messages, 1);
  Pause pause{messages_until, RateLimit::kMessages, messages_until};
  const auto also = [&](absl::Time until, RateLimit why) {
    if (until > pause.until) pause = {until, why, messages_until};
  };
  also(answers_.ReadyAt(rates.answer_bytes, 0), RateLimit::kAnswers);
  if (whispers_ == nullptr) return pause;
  WhisperFlow& own = *whispers_;
  if (own.window_until != absl::InfinitePast() && own.window_until <= now) {
    // They are lost, or on the other side of a standstill; in either case the
    // bounds of queues hold the ones that come now.
    own.window_until = absl::InfinitePast();
    own.window_bytes = 0;
  }
  also(own.window_until, RateLimit::kWindow);
  if (own.congested_until >= now + kCongestionPauseMin) {
    also(own.congested_until, RateLimit::kCongested);
  }
  return pause;
}

}  // namespace herald::gateway
