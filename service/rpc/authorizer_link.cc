// SPDX-License-Identifier: Apache-2.0
//
// The life of questions and of streams. authorizer_deadlines.cc has what
// happens to those who are out of time.

#include "service/rpc/authorizer_link.h"

#include <algorithm>

#include "absl/random/random.h"
#include "proto/contract/redial_backoff.h"
#include "proto/contract/require.h"
#include "service/rpc/authorizer_answer.h"
#include "service/rpc/authorizer_channel.h"
#include "service/rpc/authorizer_stream.h"

namespace herald::rpc {

AuthorizerLink::AuthorizerLink(Options options, core::Timers* timers,
                               AuthorizerObserver* observer, Revoke revoke)
    : options_(std::move(options)),
      timers_(timers),
      observer_(observer),
      revoke_(std::move(revoke)),
      channel_(MakeAuthorizerChannel(options_.target)),
      window_(options_.in_flight_max, options_.timeout) {}

std::shared_ptr<AuthorizerLink> AuthorizerLink::Create(
    Options options, core::Timers* timers, AuthorizerObserver* observer,
    Revoke revoke) {
  return std::shared_ptr<AuthorizerLink>(new AuthorizerLink(
      std::move(options), timers, observer, std::move(revoke)));
}

AuthorizerLink::~AuthorizerLink() {
  contract::MutexLock lock(&mu_);
  contract::Require(stream_ == nullptr);
}

void AuthorizerLink::Start() { Dial(); }

void AuthorizerLink::Stop() {
  std::vector<Ready> all;
  {
    contract::MutexLock lock(&mu_);
    const bool first = !std::exchange(stopped_, true);
    Requeue();
    for (Open& open : queue_) {
      all.push_back({std::move(open.done), Undecided("the service is stopping"),
                     std::nullopt});
    }
    queue_.clear();
    if (stream_ != nullptr) {
      stream_->Cancel();
    } else if (first && busy_ == 0) {
      idle_.Notify();
    }
  }
  Deliver(std::move(all));
  idle_.WaitForNotification();
  std::vector<std::shared_ptr<void>> spent;
  contract::MutexLock lock(&mu_);  // The notifier has left, too.
  spent.swap(spent_);
}

void AuthorizerLink::Leave() {
  contract::MutexLock lock(&mu_);
  --busy_;
  if (stopped_ && busy_ == 0 && stream_ == nullptr &&
      !idle_.HasBeenNotified()) {
    idle_.Notify();
  }
}

bool AuthorizerLink::connected() const {
  std::shared_ptr<grpc::Channel> channel;
  {
    contract::MutexLock lock(&mu_);
    if (stream_ == nullptr || stream_->reading_ended) return false;
    channel = channel_;
  }
  return channel->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY;
}

AuthorizerLink::Questions AuthorizerLink::questions() const {
  contract::MutexLock lock(&mu_);
  return {static_cast<int64_t>(queue_.size()), InFlight()};
}

int64_t AuthorizerLink::InFlight() const {
  return static_cast<int64_t>(in_flight_.size()) + window_.late();
}

bool AuthorizerLink::IsFull() const {
  return !window_.HasRoom(static_cast<int64_t>(in_flight_.size()));
}

void AuthorizerLink::Authorize(core::Question question, Done done) {
  Open open;
  open.request = std::make_shared<v1::AuthorizeRequest>();
  open.request->set_socket_id(std::move(question.socket_id));
  open.request->set_channel(std::move(question.channel));
  open.request->set_auth_token(std::move(question.auth_token));
  open.request->set_channel_data(std::move(question.channel_data));
  *open.request->mutable_connection() = std::move(question.connection);
  open.done = std::move(done);
  open.arrived = SteadyNow();
  std::shared_ptr<Stream> write;
  const char* refusal = nullptr;
  bool full = false;
  absl::Time sweep = absl::InfiniteFuture();
  {
    contract::MutexLock lock(&mu_);
    if (stopped_) {
      refusal = "the service is stopping";
    } else if (static_cast<int64_t>(queue_.size()) >= options_.queue_max) {
      refusal = "too many questions wait for the authorizer";
      full = true;
    } else {
      // With a stream it is asked within a timeout, or has a sweep of its own.
      sweep = DeadlineOf(open);
      if (stream_ != nullptr) {
        sweep = std::min(sweep, open.arrived + options_.timeout);
      }
      queue_.push_back(std::move(open));
      if (TakeNext(stream_.get())) write = stream_;
    }
  }
  if (refusal != nullptr) {
    if (full) observer_->OnAuthorizerQueueFull();
    std::vector<Ready> one;
    one.push_back({std::move(open.done), Undecided(refusal), std::nullopt});
    return Deliver(std::move(one));
  }
  if (write != nullptr) write->Write();
  ArmSweep(sweep);
}

bool AuthorizerLink::TakeNext(Stream* stream) {
  if (stream == nullptr || stream != stream_.get() || stream->writing ||
      stream->broken || stream->reading_ended || queue_.empty() || IsFull()) {
    return false;
  }
  Open open = std::move(queue_.front());
  queue_.pop_front();
  const int64_t id = ++last_id_;
  open.request->set_request_id(id);
  stream->writing = true;
  stream->writing_id = id;
  stream->write_started = SteadyNow();
  stream->request = open.request;
  open.written = stream->write_started;
  open.asked = std::min(open.asked, open.written);
  in_flight_.emplace(id, std::move(open));
  return true;
}

void AuthorizerLink::OnStreamWorks() {
  {
    contract::MutexLock lock(&mu_);
    if (std::exchange(works_, true)) return;
    told_down_ = false;
  }
  observer_->OnAuthorizerUp();
}

void AuthorizerLink::OnWritten(Stream* stream, bool ok) {
  bool write = false;
  bool release = false;
  const absl::Time now = SteadyNow();
  const absl::Time deadline = now + options_.timeout;
  {
    contract::MutexLock lock(&mu_);
    stream->writing = false;
    stream->request = nullptr;
    stream->broken |= !ok;
    stream->silent_since = std::min(stream->silent_since, now);
    const auto it = in_flight_.find(stream->writing_id);
    if (ok && it != in_flight_.end() &&
        it->second.deadline == absl::InfiniteFuture()) {
      it->second.deadline = deadline;
    }
    release = stream->reading_ended;
    write = TakeNext(stream);
  }
  if (write) stream->Write();
  if (!ok && !release) stream->Cancel();  // The end of the reading follows.
  ArmSweep(deadline);
  if (release) stream->RemoveHold();
}

void AuthorizerLink::OnReadingEnded(Stream* stream) {
  bool release = false;
  std::weak_ptr<Stream> ending;
  {
    contract::MutexLock lock(&mu_);
    ending = stream_;
    stream->reading_ended = true;
    release = !stream->writing;
  }
  // The status follows. Should it not, the stream ends all the same, for nobody
  // reads any more; but a cancel that came sooner could take its place.
  timers_->After(options_.timeout, [ending] {
    if (const auto late = ending.lock()) late->Cancel();
  });
  if (release) stream->RemoveHold();
}

void AuthorizerLink::OnStreamDone(Stream* stream, const absl::Status& why) {
  bool tell = false;
  bool redial = false;
  const char* cut = nullptr;
  const absl::Time now = SteadyNow();
  {
    contract::MutexLock lock(&mu_);
    contract::Require(stream_.get() == stream);
    cut = stream->cut;
    spent_.push_back(std::move(stream_));
    if (cut != nullptr && !stopped_) {
      spent_.push_back(
          std::exchange(channel_, MakeAuthorizerChannel(options_.target)));
    }
    ++busy_;
    Requeue();
    window_.OnStreamEnd();
    redial = !stopped_;
    tell = redial && (works_ || !told_down_);
    // Since the last one that worked: dialling in vain prolongs nothing.
    if (works_) without_stream_since_ = now;
    works_ = false;
    told_down_ = true;
  }
  if (tell) {
    observer_->OnAuthorizerDown(cut == nullptr ? why
                                               : absl::UnavailableError(cut));
  }
  if (redial) {
    DialLater();
    ArmSweep(now + options_.timeout);
  }
  Leave();
}

void AuthorizerLink::Requeue() {
  std::vector<int64_t> ids;
  for (const auto& [id, open] : in_flight_) ids.push_back(id);
  // The last one is asked first: if it was an answer that broke the stream (one
  // that is too large), those behind it get theirs now.
  std::sort(ids.begin(), ids.end());
  for (const int64_t id : ids) {
    queue_.push_front(std::move(in_flight_.at(id)));
  }
  in_flight_.clear();
}

void AuthorizerLink::DialLater() {
  absl::BitGen random;
  timers_->After(contract::RedialBackoff(absl::Uniform(random, 0.0, 1.0)),
                 [weak = weak_from_this()] {
                   if (const auto self = weak.lock()) self->Dial();
                 });
}

void AuthorizerLink::Dial() {
  std::shared_ptr<Stream> stream;
  std::vector<std::shared_ptr<void>> spent;
  bool write = false;
  {
    contract::MutexLock lock(&mu_);
    if (stopped_) return;
    ++busy_;
    stream = std::make_shared<Stream>(this, channel_);
    stream_ = stream;
    spent.swap(spent_);
    last_id_ = 0;
    write = TakeNext(stream.get());
  }
  if (write) stream->Write();
  stream->Start();
  Leave();
}

void AuthorizerLink::OnRead(Stream* stream, v1::AuthorizeResponse* response) {
  {
    contract::MutexLock lock(&mu_);
    stream->silent_since =
        InFlight() > 0 ? SteadyNow() : absl::InfiniteFuture();
  }
  if (response == nullptr) return observer_->OnAuthorizerIgnored("malformed");
  switch (response->response_case()) {
    case v1::AuthorizeResponse::kDecision:
      return Decide(stream, *response->mutable_decision());
    case v1::AuthorizeResponse::kRevocation:
      if (!revoke_(std::move(*response->mutable_revocation())).ok()) {
        observer_->OnAuthorizerIgnored("invalid_revocation");
      }
      return;
    case v1::AuthorizeResponse::RESPONSE_NOT_SET:
      observer_->OnAuthorizerIgnored("empty");
  }
}

void AuthorizerLink::Decide(Stream* stream, v1::Decision& decision) {
  std::vector<Ready> one;
  std::shared_ptr<Stream> write;
  bool late = false;
  const absl::Time now = SteadyNow();
  {
    contract::MutexLock lock(&mu_);
    const auto it = in_flight_.find(decision.request_id());
    if (it != in_flight_.end()) {
      window_.OnAnswer(it->second.written, now, !queue_.empty());
      one.push_back({std::move(it->second.done), ToDecision(decision),
                     now - it->second.asked});
      in_flight_.erase(it);
    } else {
      late = window_.TakeLate(decision.request_id());
    }
    if (InFlight() == 0) stream->silent_since = absl::InfiniteFuture();
    if (TakeNext(stream_.get())) write = stream_;
  }
  if (write != nullptr) write->Write();
  if (one.empty()) {
    return observer_->OnAuthorizerIgnored(late ? "late" : "unknown_request");
  }
  Deliver(std::move(one));
}

void AuthorizerLink::Deliver(std::vector<Ready> all) {
  for (Ready& one : all) {
    const absl::Status& status = one.decision.status;
    observer_->OnDecision(status.ok()                        ? "allowed"
                          : absl::IsPermissionDenied(status) ? "denied"
                                                             : "unavailable",
                          one.latency);
    one.done(std::move(one.decision));
  }
}

}  // namespace herald::rpc
