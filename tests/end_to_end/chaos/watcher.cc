// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/watcher.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/end_to_end/chaos/failure.h"
#include "tests/support/backend.h"

namespace herald::chaos {

using contract::MutexLock;

Watcher::Watcher(int number, const Plan& plan, const std::string& address,
                 Ledger* ledger, OrderBook* order, const Attendance* attendance,
                 OpLog* log, Random random)
    : name_(absl::StrCat("watch ", number)),
      attendance_(attendance),
      log_(log),
      stub_(
          v1::BroadcastService::NewStub(testing_support::MakeChannel(address))),
      random_(random),
      views_([&] {
        std::vector<ChannelView> views;
        for (const size_t place : ChannelsOf(plan, &random_)) {
          views.emplace_back(name_, &plan.channels[place], ledger, order);
        }
        return views;
      }()),
      errand_([this] { Run(); }) {}

Watcher::~Watcher() { errand_.Stop(); }

void Watcher::Run() {
  while (!errand_.stops()) {
    WatchOnce();
    std::this_thread::sleep_for(
        random_.Between(Milliseconds(10), Milliseconds(300)));
  }
}

void Watcher::WatchOnce() {
  grpc::ClientContext context;
  is_patient_ = settles_.load();
  const Milliseconds life =
      is_patient_ ? Milliseconds(120'000)
                  : random_.Between(Milliseconds(500), Milliseconds(8'000));
  context.set_deadline(std::chrono::system_clock::now() + life);
  const Errand::Waiting waiting(&errand_, &context);
  const auto reader = stub_->Watch(&context, Ask());
  v1::WatchResponse response;
  bool is_connected = false;
  while (reader->Read(&response)) {
    if (response.message().has_connected() != !is_connected) {
      throw Failure(name_, "",
                    absl::StrCat(name_, ": `connected` is not the first: ",
                                 response.message().ShortDebugString()));
    }
    if (is_connected) Take(response.message());
    is_connected = true;
  }
  const grpc::Status status = reader->Finish();
  log_->Add(name_,
            absl::StrCat("its Watch has ended: ", status.error_message()));
  {
    MutexLock lock(&mu_);
    for (ChannelView& view : views_) view.Disconnected();
  }
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:  // It reads too slowly.
      return;
    default:
      throw Failure(name_, "",
                    absl::StrCat(name_, " has ended with ",
                                 static_cast<int>(status.error_code()), ", ",
                                 status.error_message()));
  }
}

v1::WatchRequest Watcher::Ask() {
  v1::WatchRequest request;
  std::string text;
  MutexLock lock(&mu_);
  for (ChannelView& view : views_) {
    const std::string& channel = view.channel().name;
    request.add_channels(channel);
    const Recover recover = HowToRecover(view);
    view.Connected("");
    view.Asked(recover);
    absl::StrAppend(&text, " ", channel);
    if (recover.kind == Recover::Kind::kNothing) continue;
    v1::ChannelPosition* const since = request.add_since();
    since->set_channel(channel);
    since->set_epoch(recover.position.epoch);
    since->set_offset(recover.position.offset);
    absl::StrAppend(&text, " since ", ToString(recover.position));
  }
  log_->Add(name_, absl::StrCat("asks for", text));
  return request;
}

Recover Watcher::HowToRecover(const ChannelView& view) {
  using Kind = Recover::Kind;
  const std::optional<Position> position = view.position();
  const int64_t dice = settles_ ? 50 : random_.Between(0, 99);
  if (!view.channel().keeps_history()) return {Kind::kNothing};
  if (!position.has_value()) {
    return {dice >= 70 ? Kind::kLatest : Kind::kNothing};
  }
  if (dice < 5) return {Kind::kNothing};
  if (dice < 10) return {Kind::kLatest};
  if (dice < 13) return {Kind::kImpossible, {"none", position->offset}};
  return {Kind::kSince, *position};
}

void Watcher::Take(const v1::ServerMessage& message) {
  const Frame frame = ToFrame(message);
  MutexLock lock(&mu_);
  const auto view =
      std::find_if(views_.begin(), views_.end(), [&](const ChannelView& one) {
        return one.channel().name == frame.channel;
      });
  if (view == views_.end()) {
    throw Failure(name_, "",
                  absl::StrCat(name_, " received a frame of ", frame.channel));
  }
  view->Receive(frame);
  attendance_->CheckNews(view->channel(), frame, name_,
                         std::chrono::steady_clock::now());
}

bool Watcher::is_settled() const {
  // One that is about to end would miss the messages in between.
  bool all = is_patient_;
  Look([&](const ChannelView& view) { all &= view.active(); });
  return all;
}

void Watcher::Look(absl::FunctionRef<void(const ChannelView&)> look) const {
  MutexLock lock(&mu_);
  for (const ChannelView& view : views_) look(view);
}

}  // namespace herald::chaos
