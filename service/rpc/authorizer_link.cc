// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/authorizer_link.h"

#include <algorithm>
#include <chrono>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/client_callback.h"
#include "herald/v1/authorizer_service.grpc.pb.h"
#include "proto/contract/grpc_status.h"
#include "proto/contract/redial_backoff.h"
#include "proto/contract/require.h"
#include "service/rpc/authorizer_answer.h"
#include "service/rpc/authorizer_channel.h"
#include "service/rpc/frames.h"

namespace herald::rpc {
namespace {

// Sweeps come no closer together, however close the deadlines are.
constexpr absl::Duration kSweepPauseMin = absl::Milliseconds(5);

// A response that was larger keeps no memory for the next one.
constexpr size_t kKeptBytesMax = 64 << 10;

// Deadlines are kept on the steady clock, whatever the time of day does.
absl::Time Now() {
  return absl::UnixEpoch() +
         absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

core::Decision Undecided(absl::string_view why) {
  core::Decision decision;
  decision.status = absl::UnavailableError(why);
  return decision;
}

}  // namespace

// One stream. It is told what to write and tells the link what happens; the
// link's lock guards what they share.
//
// The pen: whoever sets `writing` may write, and OnWriteDone() puts it down.
//
// The hold: writes come from outside of reactions, so the call must not end
// between them. It is released by whoever sees both the reading ended and the
// pen down.
//
// Responses are read as raw bytes, for gRPC would stop reading at one that does
// not parse.
class AuthorizerLink::Stream final
    : public grpc::ClientBidiReactor<v1::AuthorizeRequest, grpc::ByteBuffer> {
 public:
  Stream(AuthorizerLink* link, const std::shared_ptr<grpc::Channel>& channel)
      : link_(link) {
    static const std::string kMethod = absl::StrCat(
        "/", v1::AuthorizerService::service_full_name(), "/Authorize");
    grpc::TemplatedGenericStub<v1::AuthorizeRequest, grpc::ByteBuffer>(channel)
        .PrepareBidiStreamingCall(&context_, kMethod, /*options=*/{}, this);
    AddHold();
  }

  void Start() {
    StartRead(&reading_);
    StartCall();
  }

  // REQUIRES: the caller has the pen.
  void Write() { StartWrite(request.get()); }

  void Cancel() { context_.TryCancel(); }

  // Guarded by the link's lock; `request` belongs to the pen.
  bool writing = false;
  bool broken = false;  // A write has failed.
  bool reading_ended = false;
  int64_t writing_id = 0;
  absl::Time write_started;
  absl::Time silent_since = absl::InfiniteFuture();  // See Cut().
  const char* cut = nullptr;                         // Why it was given up.
  std::shared_ptr<v1::AuthorizeRequest> request;

 private:
  void OnReadInitialMetadataDone(bool ok) override {
    if (ok) link_->OnStreamWorks();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return link_->OnReadingEnded(this);
    link_->OnStreamWorks();
    link_->OnRead(this,
                  DecodeMessage(reading_, &response_) ? &response_ : nullptr);
    if (reading_.Length() > kKeptBytesMax) {
      response_ = v1::AuthorizeResponse();
    }
    StartRead(&reading_);
  }

  void OnWriteDone(bool ok) override {
    if (ok) link_->OnStreamWorks();
    link_->OnWritten(this, ok);
  }

  void OnDone(const grpc::Status& status) override {
    link_->OnStreamDone(this, status.ok()
                                  ? absl::UnavailableError(
                                        "the authorizer has ended the stream")
                                  : contract::ToAbslStatus(status));
  }

  AuthorizerLink* const link_;  // Stop() waits for OnDone().
  grpc::ClientContext context_;

  // Touched only by the chain of reads.
  grpc::ByteBuffer reading_;
  v1::AuthorizeResponse response_;
};

AuthorizerLink::AuthorizerLink(Options options, core::Timers* timers,
                               AuthorizerObserver* observer, Revoke revoke)
    : options_(std::move(options)),
      timers_(timers),
      observer_(observer),
      revoke_(std::move(revoke)),
      channel_(MakeAuthorizerChannel(options_.target)) {}

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

void AuthorizerLink::Authorize(core::Question question, Done done) {
  Open open;
  open.request = std::make_shared<v1::AuthorizeRequest>();
  open.request->set_socket_id(std::move(question.socket_id));
  open.request->set_channel(std::move(question.channel));
  open.request->set_auth_token(std::move(question.auth_token));
  open.request->set_channel_data(std::move(question.channel_data));
  *open.request->mutable_connection() = std::move(question.connection);
  open.done = std::move(done);
  open.arrived = Now();
  std::shared_ptr<Stream> write;
  const char* refusal = nullptr;
  absl::Time sweep = absl::InfiniteFuture();
  {
    contract::MutexLock lock(&mu_);
    if (stopped_) {
      refusal = "the service is stopping";
    } else if (static_cast<int64_t>(queue_.size()) >= options_.queue_max) {
      refusal = "too many questions wait for the authorizer";
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
    std::vector<Ready> one;
    one.push_back({std::move(open.done), Undecided(refusal), std::nullopt});
    return Deliver(std::move(one));
  }
  if (write != nullptr) write->Write();
  ArmSweep(sweep);
}

bool AuthorizerLink::TakeNext(Stream* stream) {
  if (stream == nullptr || stream != stream_.get() || stream->writing ||
      stream->broken || stream->reading_ended || queue_.empty() ||
      static_cast<int64_t>(in_flight_.size()) >= options_.in_flight_max) {
    return false;
  }
  Open open = std::move(queue_.front());
  queue_.pop_front();
  const int64_t id = ++last_id_;
  open.request->set_request_id(id);
  stream->writing = true;
  stream->writing_id = id;
  stream->write_started = Now();
  stream->request = open.request;
  open.asked = std::min(open.asked, stream->write_started);
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
  const absl::Time now = Now();
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
  const absl::Time now = Now();
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
    stream->silent_since = absl::InfiniteFuture();
  }
  if (response == nullptr) return observer_->OnAuthorizerIgnored("malformed");
  switch (response->response_case()) {
    case v1::AuthorizeResponse::kDecision:
      return Decide(*response->mutable_decision());
    case v1::AuthorizeResponse::kRevocation:
      if (!revoke_(std::move(*response->mutable_revocation())).ok()) {
        observer_->OnAuthorizerIgnored("invalid_revocation");
      }
      return;
    case v1::AuthorizeResponse::RESPONSE_NOT_SET:
      observer_->OnAuthorizerIgnored("empty");
  }
}

void AuthorizerLink::Decide(v1::Decision& decision) {
  std::vector<Ready> one;
  std::shared_ptr<Stream> write;
  {
    contract::MutexLock lock(&mu_);
    const auto it = in_flight_.find(decision.request_id());
    if (it != in_flight_.end()) {
      one.push_back({std::move(it->second.done), ToDecision(decision),
                     Now() - it->second.asked});
      in_flight_.erase(it);
      if (TakeNext(stream_.get())) write = stream_;
    }
  }
  if (write != nullptr) write->Write();
  if (one.empty()) return observer_->OnAuthorizerIgnored("unknown_request");
  Deliver(std::move(one));
}

absl::Time AuthorizerLink::DeadlineOf(const Open& open) const {
  if (open.deadline != absl::InfiniteFuture()) return open.deadline;
  const absl::Time last = open.arrived + kQueueWaits * options_.timeout;
  if (works_) return last;
  return std::min(
      last, std::max(open.arrived, without_stream_since_) + options_.timeout);
}

absl::Time AuthorizerLink::TakeLate(absl::Time now, std::vector<Ready>& late) {
  absl::Time next = absl::InfiniteFuture();
  const auto in_time = [&](const Open& open) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const absl::Time deadline = DeadlineOf(open);
    if (deadline > now) next = std::min(next, deadline);
    return deadline > now;
  };
  const auto give_up = [&late](Open& open) {
    const bool asked = open.asked != absl::InfiniteFuture();
    late.push_back({std::move(open.done),
                    Undecided(asked ? "the authorizer did not answer in time"
                                    : "the authorizer cannot be reached"),
                    std::nullopt});
  };
  for (auto it = in_flight_.begin(); it != in_flight_.end();) {
    const auto here = it++;
    if (in_time(here->second)) continue;
    give_up(here->second);
    in_flight_.erase(here);
  }
  const bool unanswered = !late.empty();
  const auto rest =
      std::stable_partition(queue_.begin(), queue_.end(), in_time);
  std::for_each(rest, queue_.end(), give_up);
  queue_.erase(rest, queue_.end());
  if (stream_ == nullptr) return next;
  if (stream_->writing && works_) {
    const absl::Time hangs = stream_->write_started + options_.timeout;
    if (hangs <= now) Cut("the authorizer does not read");
    if (hangs > now) next = std::min(next, hangs);
  }
  if (unanswered &&
      now - stream_->silent_since >= kSilentTimeouts * options_.timeout) {
    Cut("the authorizer is silent");
  }
  return next;
}

void AuthorizerLink::Cut(const char* why) {
  stream_->cut = why;
  stream_->Cancel();
}

void AuthorizerLink::Sweep(int64_t number) {
  std::vector<Ready> late;
  std::shared_ptr<Stream> write;
  absl::Time next = absl::InfiniteFuture();
  {
    contract::MutexLock lock(&mu_);
    if (stopped_ || number != last_sweep_) return;
    ++busy_;
    sweep_due_ = absl::InfiniteFuture();
    next = TakeLate(Now(), late);
    if (TakeNext(stream_.get())) write = stream_;
  }
  if (write != nullptr) write->Write();
  Deliver(std::move(late));
  ArmSweep(next);
  Leave();
}

void AuthorizerLink::ArmSweep(absl::Time when) {
  int64_t number = 0;
  {
    contract::MutexLock lock(&mu_);
    if (stopped_ || when >= sweep_due_) return;
    sweep_due_ = when;
    number = ++last_sweep_;
  }
  timers_->After(std::max(kSweepPauseMin, when - Now()),
                 [weak = weak_from_this(), number] {
                   if (const auto self = weak.lock()) self->Sweep(number);
                 });
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
