// SPDX-License-Identifier: Apache-2.0

#include "tests/service/engine/shared_store.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/contract/require.h"
#include "tests/service/engine/shared_engine.h"

namespace herald::core {
namespace {

using contract::Require;

constexpr size_t kAll = std::numeric_limits<size_t>::max();
// How many entries of a channel are found again; no history of a test has more.
constexpr size_t kEntriesMax = 10'000;

}  // namespace

// The node of the truth: passes its events on to all nodes, and asks them.
class SharedStore::Listener final : public EngineListener {
 public:
  explicit Listener(SharedStore* store) : store_(store) {}

  // The store has no locks.
  void WithChannel(absl::string_view /*channel*/,
                   absl::FunctionRef<void()> body) override {
    body();
  }
  void OnHistoryBegan(absl::string_view name, const Position& at,
                      bool /*lost*/) override {
    const std::string channel(name);
    Channel& entry = store_->channels_[channel];
    entry.previous = store_->EndOf(entry);
    entry.epoch = at.epoch;
    entry.offset = 0;
    entry.entries.clear();
    PushHistory(channel, entry.previous);
  }
  void OnHistoryEnded(absl::string_view name, bool /*lost*/) override {
    const std::string channel(name);
    Channel& entry = store_->channels_[channel];
    entry.previous = store_->EndOf(entry);
    entry.epoch.clear();
    entry.offset = 0;
    entry.entries.clear();
    if (!store_->forgetting_) PushHistory(channel, entry.previous);
  }
  int64_t OnPublication(const PublicationPtr& publication) override {
    const std::string& channel = publication->channel;
    Channel& entry = store_->channels_[channel];
    const Mirror::Entry stored{publication, store_->timers_->Now()};
    Position at;
    if (publication->offset > 0) {
      at = {entry.epoch, publication->offset};
      entry.offset = publication->offset;
      entry.entries[publication->offset] = stored;
      if (entry.entries.size() > kEntriesMax) {
        entry.entries.erase(entry.entries.begin());
      }
    }
    if (store_->on_publication) store_->on_publication(*publication, at);
    store_->Push(channel, [&](SharedEngine& engine, int64_t number) {
      return [&engine, channel, number, epoch = at.epoch, stored] {
        engine.channels().OnPublication(channel, number, epoch, stored);
      };
    });
    return SubscriberCount(channel);
  }
  void OnMemberAdded(absl::string_view channel,
                     const v1::Member& member) override {
    PushMember(std::string(channel), /*added=*/true, member);
  }
  void OnMemberRemoved(absl::string_view channel,
                       absl::string_view user_id) override {
    v1::Member member;
    member.set_user_id(std::string(user_id));
    PushMember(std::string(channel), /*added=*/false, member);
  }
  // The truth is embedded: it reports each member, and is never away.
  void OnRosterReplaced(absl::string_view, const Position&) override {
    contract::Require(false);
  }
  void OnEngineUp(bool /*up*/) override { contract::Require(false); }
  contract::ChannelSettings RulesOf(absl::string_view channel) override {
    contract::ChannelSettings rules;
    SharedEngine* const node = store_->NodeOfRules();
    if (node == nullptr) return rules;
    node->listener()->WithChannel(
        channel, [&] { rules = node->listener()->RulesOf(channel); });
    return rules;
  }
  int64_t SubscriberCount(absl::string_view channel) override {
    return store_->registry_.Count(std::string(channel));
  }
  void ForEachChannel(
      absl::FunctionRef<void(absl::string_view channel)> body) override {
    for (const auto& [channel, count] : store_->registry_.Counts()) {
      body(channel);
    }
  }
  int64_t channel_count() override {
    return static_cast<int64_t>(store_->registry_.Counts().size());
  }
  int64_t subscription_count() override {
    int64_t sum = 0;
    for (const auto& [channel, count] : store_->registry_.Counts()) {
      sum += count;
    }
    return sum;
  }
  void OnLeaseEnded(uint64_t gateway, int64_t attach) override {
    store_->registry_.OnLeaseEnded(gateway, store_->timers_->Now());
    for (Node& node : store_->nodes_) {
      if (!node.alive || node.cut) continue;
      node.pushes.emplace_back([engine = node.engine.get(), gateway, attach] {
        engine->OnLeaseEnded(gateway, attach);
      });
    }
  }

  // The channel's history begins, or has ended if it has no epoch.
  void PushHistory(const std::string& channel, const Position& previous) {
    const std::string epoch = store_->channels_[channel].epoch;
    store_->Push(channel, [&](SharedEngine& engine, int64_t number) {
      return [&engine, channel, number, epoch, previous] {
        engine.channels().OnHistory(channel, number, epoch, previous);
      };
    });
  }

 private:
  void PushMember(const std::string& channel, bool added,
                  const v1::Member& member) {
    const Mirror::MemberChange change{++store_->channels_[channel].version,
                                      added, member};
    store_->Push(channel, [&](SharedEngine& engine, int64_t number) {
      return [&engine, channel, number, change] {
        engine.channels().OnMember(channel, number, change);
      };
    });
  }

  SharedStore* const store_;
};

SharedStore::SharedStore(Timers* timers, int nodes,
                         std::function<uint64_t()> random,
                         MemoryEngineOptions options)
    : timers_(timers),
      random_(std::move(random)),
      listener_(std::make_unique<Listener>(this)),
      truth_(timers, std::move(options)),
      nodes_(Index(nodes)) {
  truth_.SetListener(listener_.get());
  for (int i = 0; i < nodes; ++i) {
    nodes_[Index(i)].engine = std::make_unique<SharedEngine>(this, i);
  }
}

SharedStore::~SharedStore() = default;

std::string SharedStore::NameOf(int node) { return absl::StrCat("node", node); }

// --- Queues ------------------------------------------------------------------

bool SharedStore::Turn() {
  std::vector<std::pair<void (SharedStore::*)(int), int>> possible;
  for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) {
    const Node& node = nodes_[Index(i)];
    if (!node.alive) continue;
    if (HasCommand(i)) possible.emplace_back(&SharedStore::RunCommand, i);
    if (!node.answers.empty()) {
      possible.emplace_back(&SharedStore::RunAnswer, i);
    }
    if (!node.pushes.empty()) possible.emplace_back(&SharedStore::RunPush, i);
  }
  if (possible.empty()) return false;
  const auto [run, node] = possible[random_() % possible.size()];
  (this->*run)(node);
  return true;
}

void SharedStore::Settle() {
  while (Turn()) {
  }
}

bool SharedStore::IsConnected(int node) const {
  const Node& one = nodes_[Index(node)];
  return up_ && one.alive && !one.cut;
}

bool SharedStore::HasCommand(int node) const {
  return IsConnected(node) && !nodes_[Index(node)].commands.empty();
}

void SharedStore::RunCommand(int node) {
  std::deque<Command>& commands = nodes_[Index(node)].commands;
  Command command = std::move(commands.front());
  commands.pop_front();
  Execute(node, std::move(command));
}

void SharedStore::Execute(int node, Command command) {
  Require(!executing_.has_value());
  executing_ = node;
  command.run(/*reached=*/true);
  executing_.reset();
}

void SharedStore::RunAnswer(int node) {
  std::deque<Answering>& answers = nodes_[Index(node)].answers;
  Answering answer = std::move(answers.front());
  answers.pop_front();
  answer.run(answer.arrived);
}

void SharedStore::RunPush(int node) {
  std::deque<absl::AnyInvocable<void()>>& pushes = nodes_[Index(node)].pushes;
  absl::AnyInvocable<void()> push = std::move(pushes.front());
  pushes.pop_front();
  push();
}

void SharedStore::Send(int node, Command command) {
  Node& sender = nodes_[Index(node)];
  if (!sender.alive) return;
  if (!command.lasting && !IsConnected(node)) return command.run(false);
  sender.commands.push_back(std::move(command));
}

void SharedStore::Answer(int node, absl::AnyInvocable<void(bool arrived)> run) {
  nodes_[Index(node)].answers.push_back({std::move(run)});
}

void SharedStore::Push(
    const std::string& channel,
    absl::FunctionRef<absl::AnyInvocable<void()>(SharedEngine&, int64_t)>
        make) {
  for (const auto& [node, number] : channels_[channel].subscribers) {
    Node& receiver = nodes_[Index(node)];
    receiver.pushes.push_back(make(*receiver.engine, number));
  }
}

// --- Faults ------------------------------------------------------------------

// All but lasting commands are refused.
void SharedStore::Refuse(Node& node) {
  std::deque<Command> lasting;
  for (Command& command : std::exchange(node.commands, {})) {
    if (command.lasting) {
      lasting.push_back(std::move(command));
    } else {
      command.run(/*reached=*/false);
    }
  }
  node.commands = std::move(lasting);
}

void SharedStore::Cut(int node) {
  Node& one = nodes_[Index(node)];
  if (!one.alive || one.cut) return;
  if (up_) {
    for (size_t n = random_() % (one.commands.size() + 1); n > 0; --n) {
      RunCommand(node);
    }
  }
  one.cut = true;
  for (Answering& answer : one.answers) answer.arrived = false;
  one.pushes.clear();
  for (auto& [name, channel] : channels_) channel.subscribers.erase(node);
  Refuse(one);
  one.engine->OnCut(/*noticed=*/random_() % 2 == 0);
}

void SharedStore::Reconnect(int node) {
  Node& one = nodes_[Index(node)];
  if (!one.alive || !std::exchange(one.cut, false)) return;
  if (up_) one.engine->OnConnected();
}

void SharedStore::SetUp(bool up) {
  if (std::exchange(up_, up) == up) return;
  for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) {
    if (!up) Refuse(nodes_[Index(i)]);
    if (IsConnected(i)) nodes_[Index(i)].engine->OnConnected();
  }
}

void SharedStore::ForgetEnd() {
  std::vector<int> connected;
  for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) {
    if (nodes_[Index(i)].alive && !nodes_[Index(i)].cut) connected.push_back(i);
    Cut(i);
  }
  for (const int node : connected) Reconnect(node);
  for (auto& [name, channel] : channels_) {
    if (channel.epoch.empty()) continue;
    forgetting_ = true;
    truth_.Forget(name);
    channel.epoch.clear();
    forgetting_ = false;
    const auto open =
        std::find_if(channel.open.begin(), channel.open.end(),
                     [](const auto& one) { return one.second.size > 0; });
    if (open == channel.open.end()) {
      listener_->PushHistory(name, {});
    } else {
      truth_.Open(name, open->second, [](const absl::Status&) {});
    }
  }
}

void SharedStore::Kill(int node) {
  Cut(node);
  Node& one = nodes_[Index(node)];
  one.alive = false;
  one.commands.clear();
  one.answers.clear();
  for (auto& [name, channel] : channels_) {
    if (channel.open.contains(node)) Close(node, name);
  }
  for (const auto& [gateway, link] : registry_.links()) {
    if (link.node == node) truth_.Detach(gateway, link.attach, false);
  }
  registry_.EndCountsOf(node);
}

void SharedStore::Restart(int node) {
  Node& one = nodes_[Index(node)];
  Require(!one.alive);
  one.engine = std::make_unique<SharedEngine>(this, node);
  one.alive = true;
  one.cut = false;
}

// --- Commands ----------------------------------------------------------------

void SharedStore::Subscribe(int node, const std::string& channel,
                            int64_t number) {
  channels_[channel].subscribers[node] = number;
}

void SharedStore::Unsubscribe(int node, const std::string& channel,
                              int64_t number) {
  std::map<int, int64_t>& subscribers = channels_[channel].subscribers;
  const auto it = subscribers.find(node);
  if (it != subscribers.end() && it->second == number) subscribers.erase(it);
}

void SharedStore::Open(int node, const std::string& channel,
                       const HistoryLimits& limits) {
  channels_[channel].open[node] = limits;
  truth_.Open(channel, limits, [](const absl::Status&) {});
}

void SharedStore::Close(int node, const std::string& channel) {
  std::map<int, HistoryLimits>& open = channels_[channel].open;
  if (open.erase(node) > 0 && open.empty()) truth_.Close(channel);
}

Mirror::LogAnswer SharedStore::AnswerTo(const std::string& channel,
                                        const Mirror::LogQuestion& question) {
  Mirror::LogAnswer answer;
  const Channel& entry = channels_[channel];
  if (question.since.has_value()) {
    Missed missed;
    const auto take = [&](auto all) { missed = *std::move(all); };
    if (!question.since->epoch.empty()) {
      truth_.Since(channel, question.since, kAll, take);
    }
    if (!missed.available) truth_.Since(channel, std::nullopt, kAll, take);
    answer.position = missed.position;
    answer.previous = entry.previous;
    answer.since = missed.since;
    for (int64_t i = missed.since + 1; i <= missed.position.offset; ++i) {
      answer.entries.push_back(entry.entries.at(i));
    }
    Require(answer.entries.size() == missed.chunks.size());
  }
  if (question.roster) {
    answer.roster.emplace().version = entry.version;
    for (v1::PresentMember& present : truth_.Members(channel)) {
      v1::Member& member = answer.roster->members.emplace_back();
      member.set_user_id(std::move(*present.mutable_user_id()));
      member.set_user_info(std::move(*present.mutable_user_info()));
    }
  }
  return answer;
}

SharedStore::Place SharedStore::PlaceOf(const std::string& channel) {
  return {truth_.PositionOf(channel).value_or(Position()), VersionOf(channel)};
}

int64_t SharedStore::VersionOf(const std::string& channel) const {
  const auto it = channels_.find(channel);
  return it == channels_.end() ? 0 : it->second.version;
}

Admission SharedStore::Admit(int node, const std::string& channel,
                             AdmissionRequest subscription) {
  const uint64_t gateway = subscription.socket.gateway;
  const int64_t attach = subscription.attach;
  subscription.count +=
      registry_.Count(channel) - registry_.Count(channel, node);
  Admission admission = Admission::kUnavailable;
  truth_.Admit(channel, std::move(subscription),
               [&](Admission answer) { admission = answer; });
  if (admission == Admission::kAdmitted) {
    registry_.Add(channel, gateway, attach, 1);
  }
  return admission;
}

int64_t SharedStore::PushFence(int node) {
  Node& receiver = nodes_[Index(node)];
  receiver.pushes.emplace_back(
      [engine = receiver.engine.get(), fence = ++last_fence_] {
        engine->OnFence(fence);
      });
  return last_fence_;
}

int64_t SharedStore::Attach(int node, uint64_t gateway) {
  int64_t number = 0;
  truth_.Attach(gateway, [&](auto attach) { number = *attach; });
  registry_.Attach(gateway, {node, number, {}});
  return number;
}

void SharedStore::Detach(uint64_t gateway, int64_t attach, bool goodbye) {
  truth_.Detach(gateway, attach, goodbye);
  registry_.EndCounts(gateway, attach);
  if (goodbye) registry_.Forget(gateway, attach);
}

// --- The bus -----------------------------------------------------------------

std::vector<OtherNode> SharedStore::NodesBut(int node) const {
  std::vector<OtherNode> others;
  for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) {
    if (i == node || !nodes_[Index(i)].alive) continue;
    NodeListener* const listener = nodes_[Index(i)].engine->node_listener();
    others.push_back({NameOf(i), listener == nullptr ? "" : listener->Stats()});
  }
  return others;
}

absl::StatusOr<std::string> SharedStore::FindNode(int asker,
                                                  uint64_t gateway) const {
  const absl::StatusOr<int> node = registry_.Find(gateway, timers_->Now());
  if (!node.ok()) return node.status();
  if (*node == asker) return absl::NotFoundError("it has the gateway itself");
  if (!IsAlive(*node)) return absl::UnavailableError("its node has died");
  return NameOf(*node);
}

void SharedStore::SendBus(int from, const std::string& to,
                          const std::string& bytes) {
  for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) {
    Node& node = nodes_[Index(i)];
    if (i == from || (!to.empty() && to != NameOf(i))) continue;
    if (!node.alive || node.cut) continue;
    node.pushes.emplace_back([engine = node.engine.get(), sender = NameOf(from),
                              bytes] { engine->OnBus(sender, bytes); });
  }
}

Position SharedStore::EndOf(const Channel& channel) const {
  if (forgetting_ || channel.epoch.empty()) return {};
  return {channel.epoch, channel.offset};
}

SharedEngine* SharedStore::NodeOfRules() {
  if (executing_.has_value()) return nodes_[Index(*executing_)].engine.get();
  for (Node& node : nodes_) {
    if (node.alive && node.engine->listener() != nullptr) {
      return node.engine.get();
    }
  }
  return nullptr;
}

}  // namespace herald::core
