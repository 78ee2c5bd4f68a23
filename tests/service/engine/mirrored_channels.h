// SPDX-License-Identifier: Apache-2.0
//
// The open channels of one node of a SharedStore: a Mirror of each, and the
// calls that wait for it.
//
// Threads: one; see shared_store.h.

#ifndef HERALD_TESTS_SERVICE_ENGINE_MIRRORED_CHANNELS_H_
#define HERALD_TESTS_SERVICE_ENGINE_MIRRORED_CHANNELS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "service/engine/channel_log.h"
#include "service/engine/engine_listener.h"
#include "service/history/mirror.h"
#include "tests/service/engine/shared_client.h"

namespace herald::core {

class MirroredChannels {
 public:
  using OpenDone = ChannelLog::OpenDone;
  using Body = absl::AnyInvocable<void()>;

  // `client` outlives the object.
  explicit MirroredChannels(SharedClient* client) : client_(client) {}

  void SetListener(EngineListener* listener) { listener_ = listener; }

  // Calls `body` with the channel's shard locked.
  // REQUIRES: is_unlocked(), as for pushes and OnConnected().
  void WithChannel(const std::string& channel, absl::FunctionRef<void()> body);
  // Whether no call from here holds a lock.
  bool is_unlocked() const { return locked_.empty(); }

  // See ChannelLog. REQUIRES: the shard is locked, as for WhenAt().
  void Open(absl::string_view channel, const HistoryLimits& limits,
            OpenDone done);
  void Close(absl::string_view channel);
  // Nullptr if it is not open.
  Mirror* Find(absl::string_view channel);
  const Mirror* Find(absl::string_view channel) const;
  // Calls `done` once the mirror has the version of the members.
  void WhenAt(const std::string& name, int64_t version, Body done);

  // Pushes of the store for the subscription of that number.
  void OnPublication(const std::string& channel, int64_t number,
                     const std::string& epoch, const Mirror::Entry& entry);
  void OnHistory(const std::string& channel, int64_t number,
                 const std::string& epoch, const Position& previous);
  void OnMember(const std::string& channel, int64_t number,
                const Mirror::MemberChange& change);
  // The store can be reached again: compares positions with it.
  void OnConnected();

  // Whether pushes are held somewhere, until a question is answered.
  bool is_asking() const;
  // The open channels, with the limits that they were opened with.
  std::map<std::string, HistoryLimits> Limits() const;

 private:
  struct Channel {
    Channel(const HistoryLimits& limits_in, int64_t number_in)
        : mirror(limits_in), limits(limits_in), number(number_in) {}

    Mirror mirror;
    HistoryLimits limits;
    int64_t number;               // Of its subscription.
    std::vector<OpenDone> opens;  // For the next question.
    // Answers that wait for the mirror to reach a version of the members.
    std::vector<std::pair<int64_t, Body>> waiting;
  };

  Channel* Entry(absl::string_view channel);
  // Nullptr if it is not open, or by another subscription.
  Channel* Entry(absl::string_view channel, int64_t number);

  // The rest: with the shard locked.
  void Ask(const std::string& name, Channel& channel);
  void OnAnswer(const std::string& name, int64_t number,
                absl::StatusOr<Mirror::LogAnswer> answer,
                std::vector<OpenDone> opens);
  void OnNoAnswer(const std::string& name, Channel& channel,
                  std::vector<OpenDone> opens);
  void Deliver(const std::string& name, const Mirror::Events& events);
  void AnswerWaiting(const std::string& name);
  void NotifyClosed(const std::string& name, int64_t number);

  SharedClient* const client_;
  EngineListener* listener_ = nullptr;
  std::map<std::string, Channel, std::less<>> channels_;
  int64_t last_number_ = 0;
  std::string locked_;  // The channel that is locked from here.
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_ENGINE_MIRRORED_CHANNELS_H_
