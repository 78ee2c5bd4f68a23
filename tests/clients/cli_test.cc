// SPDX-License-Identifier: Apache-2.0
//
// `herald`, as people and scripts use it: the real program against a service
// that gives the answers of each test.

#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/clients/fake_broadcast_service.h"
#include "tests/clients/subprocess.h"
#include "tests/support/deadline.h"

namespace herald::testing_support {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

v1::ServerMessage Event(const std::string& data) {
  v1::ServerMessage message;
  message.mutable_event()->set_channel("news");
  message.mutable_event()->set_event("created");
  message.mutable_event()->set_data(data);
  return message;
}

v1::ServerMessage Event(const std::string& data, int64_t offset) {
  v1::ServerMessage message = Event(data);
  message.mutable_event()->set_offset(offset);
  return message;
}

v1::ServerMessage Subscribed(const std::string& epoch, int64_t offset,
                             std::optional<bool> recovered = std::nullopt) {
  v1::ServerMessage message;
  v1::Subscribed* const subscribed = message.mutable_subscribed();
  subscribed->set_channel("news");
  subscribed->set_epoch(epoch);
  subscribed->set_offset(offset);
  if (recovered.has_value()) subscribed->set_recovered(*recovered);
  return message;
}

class CommandLine : public ::testing::Test {
 protected:
  // Runs `herald` with the address in its environment.
  Outcome Herald(std::vector<std::string> words, const std::string& input = "",
                 std::vector<std::string> environment = {}) {
    words.insert(words.begin(), HERALD_CLI);
    environment.push_back("BROADCAST_GRPC_ADDRESS=" + service_.address());
    return RunToEnd(std::move(words), std::move(environment), input);
  }

  FakeBroadcastService service_;
};

TEST_F(CommandLine, BroadcastsAndShowsTheSubscribers) {
  const Outcome outcome =
      Herald({"broadcast", "news,orders-of-today", "created", R"({"id": 1})"});

  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out,
            "CHANNEL          SUBSCRIBERS\n"
            "news                       1\n"
            "orders-of-today            2\n");
  EXPECT_THAT(outcome.err, IsEmpty());
  const auto request = service_.broadcasts.Take();
  EXPECT_THAT(request->channels(), ElementsAre("news", "orders-of-today"));
  EXPECT_EQ(request->event(), "created");
  EXPECT_EQ(request->data(), R"({"id": 1})");
}

TEST_F(CommandLine, BroadcastsWithFlagsAnywhere) {
  const Outcome outcome = Herald({"--json", "broadcast", "--except=1.2", "news",
                                  "created", "--key", "once", "-5"});

  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, R"({"receipts":[{"channel":"news","subscribers":1}]})"
                         "\n");
  const auto request = service_.broadcasts.Take();
  EXPECT_EQ(request->except_socket_id(), "1.2");
  EXPECT_EQ(request->idempotency_key(), "once");
  EXPECT_EQ(request->data(), "-5");
}

TEST_F(CommandLine, BroadcastsStandardInput) {
  const std::string data = "\"" + std::string(200'000, 'x') + "\"";

  EXPECT_EQ(Herald({"broadcast", "news", "created", "-"}, data).exit_code, 0);

  EXPECT_EQ(service_.broadcasts.Take()->data(), data);
}

TEST_F(CommandLine, ListsMembers) {
  v1::PresentMember* const ada = service_.members.add_members();
  ada->set_user_id("ada");
  ada->set_user_info(R"({"name":"Ada"})");
  ada->add_socket_ids("1.2");
  ada->add_socket_ids("3.4");
  service_.members.add_members()->set_user_id("müller");

  EXPECT_EQ(Herald({"members", "presence-room"}).out,
            "USER    INFO            SOCKETS\n"
            "ada     {\"name\":\"Ada\"}  1.2 3.4\n"
            "müller\n");
  EXPECT_EQ(Herald({"members", "presence-room", "--json"}).out,
            R"({"members":[{"user_id":"ada","user_info":{"name":"Ada"},)"
            R"("socket_ids":["1.2","3.4"]},)"
            R"({"user_id":"müller","user_info":null,"socket_ids":[]}]})"
            "\n");
}

TEST_F(CommandLine, ListsChannels) {
  v1::Channel& news = service_.channels.emplace_back();
  news.set_name("news");
  news.set_type(v1::CHANNEL_TYPE_PUBLIC);
  news.set_subscriber_count(1200);
  v1::Channel& room = service_.channels.emplace_back();
  room.set_name("presence-room");
  room.set_type(v1::CHANNEL_TYPE_PRESENCE);
  room.set_subscriber_count(3);
  room.set_member_count(2);

  EXPECT_EQ(Herald({"channels", "--prefix", "n"}).out,
            "CHANNEL        TYPE      SUBSCRIBERS  MEMBERS\n"
            "news           public           1200        -\n"
            "presence-room  presence            3        2\n");
  EXPECT_EQ(service_.list_requests.Take()->prefix(), "n");
  EXPECT_EQ(Herald({"channels", "--json"}).out,
            R"({"channels":[{"name":"news","type":"public",)"
            R"("subscriber_count":1200,"member_count":0},)"
            R"({"name":"presence-room","type":"presence",)"
            R"("subscriber_count":3,"member_count":2}]})"
            "\n");
}

TEST_F(CommandLine, ReportsAnEmptyList) {
  EXPECT_EQ(Herald({"channels"}).out, "no channels\n");
  EXPECT_EQ(Herald({"channels", "--json"}).out, "{\"channels\":[]}\n");
  EXPECT_EQ(Herald({"members", "presence-a"}).out, "no members\n");
  EXPECT_EQ(Herald({"members", "presence-a", "--json"}).out,
            "{\"members\":[]}\n");
}

TEST_F(CommandLine, ShowsStatistics) {
  service_.stats.set_client_count(10'000);
  service_.stats.set_channel_count(1000);
  service_.stats.set_subscription_count(12'000);
  service_.stats.set_version("0.1.0");
  service_.stats.mutable_start_time()->set_seconds(1'700'000'000);
  v1::Gateway* const gateway = service_.stats.add_gateways();
  gateway->set_id("4711");
  gateway->set_client_count(10'000);
  gateway->set_subscription_count(12'000);
  gateway->set_version("0.1.0");
  gateway->mutable_attach_time()->set_seconds(1'700'000'001);

  const Outcome table = Herald({"stats"});
  EXPECT_THAT(table.out, StartsWith("VERSION  UP"));
  EXPECT_THAT(table.out, HasSubstr("   10000      1000          12000"));
  EXPECT_THAT(table.out, HasSubstr("\n4711     0.1.0    "));
  EXPECT_EQ(Herald({"stats", "--json"}).out,
            R"({"client_count":10000,"channel_count":1000,)"
            R"("subscription_count":12000,"gateways":[{"id":"4711",)"
            R"("client_count":10000,"subscription_count":12000,)"
            R"("attach_time":"2023-11-14T22:13:21.000Z","version":"0.1.0"}],)"
            R"("version":"0.1.0","start_time":"2023-11-14T22:13:20.000Z"})"
            "\n");
}

TEST_F(CommandLine, DisconnectsASocketOrAUser) {
  EXPECT_EQ(Herald({"disconnect", "--socket", "1.2", "--reason=bye"}).out,
            "closed 1 connection\n");
  service_.disconnected_count = 2;
  EXPECT_EQ(Herald({"disconnect", "--user", "ada"}).out,
            "closed 2 connections\n");
  EXPECT_EQ(Herald({"disconnect", "--user", "ada", "--json"}).out,
            "{\"disconnected_count\":2}\n");

  const auto requests = service_.disconnects.Take(2);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].socket_id(), "1.2");
  EXPECT_EQ(requests[0].reason(), "bye");
  EXPECT_EQ(requests[1].user_id(), "ada");
}

TEST_F(CommandLine, WatchesUntilItIsInterrupted) {
  service_.watch_messages = {Event(R"({"id": 1})")};
  service_.watch_stays = true;
  Subprocess watch(
      {HERALD_CLI, "watch", "news", "orders", "--address", service_.address()});

  // Each line is there as soon as it has happened.
  EXPECT_EQ(watch.ReadLine(), "connected");
  EXPECT_EQ(watch.ReadLine(), "subscribed      news");
  EXPECT_EQ(watch.ReadLine(), "subscribed      orders");
  EXPECT_EQ(watch.ReadLine(), R"(event           news  created  {"id": 1})");
  watch.Signal(SIGINT);

  EXPECT_EQ(watch.Wait(), 0);
  EXPECT_THAT(watch.err(), IsEmpty());
}

TEST_F(CommandLine, WatchesInJsonOneObjectPerLine) {
  service_.watch_messages = {Event("{\n  \"text\": \"one\\ntwo\"\n}")};
  service_.watch_stays = true;
  Subprocess watch(
      {HERALD_CLI, "watch", "news", "--json", "--address", service_.address()});

  EXPECT_EQ(watch.ReadLine(), R"({"type":"connected","socket_id":""})");
  EXPECT_EQ(watch.ReadLine(), R"({"type":"subscribed","channel":"news"})");
  EXPECT_EQ(watch.ReadLine(),
            R"({"type":"event","channel":"news","event":"created",)"
            R"("data":{   "text": "one\ntwo" }})");
  watch.Signal(SIGTERM);
  EXPECT_EQ(watch.Wait(), 0);
}

TEST_F(CommandLine, StopsWatchingWhenTheServiceStaysAway) {
  service_.watch_stays = true;
  Subprocess watch({HERALD_CLI, "watch", "news", "--timeout", "300ms",
                    "--address", service_.address()});
  EXPECT_EQ(watch.ReadLine(), "connected");

  service_.Stop();

  EXPECT_EQ(watch.Wait(), 1);
  EXPECT_THAT(watch.err(), HasSubstr("herald: UNAVAILABLE: "));
  service_.Restart();
}

TEST_F(CommandLine, WatchesOnBehindABreakAndReportsPossibleLosses) {
  service_.watch_end = {grpc::StatusCode::UNAVAILABLE, "the service stops"};
  service_.watch_stays = true;
  service_.ScriptWatches({
      {Subscribed("a", 7), Event("1", 8)},
      {Subscribed("a", 9, true), Event("1", 8), Event("2", 9)},
      {Subscribed("b", 3, false), Event("3", 4)},
  });
  Subprocess watch(
      {HERALD_CLI, "watch", "news", "--address", service_.address()});

  for (const char* line :
       {"connected", "subscribed      news  at a:7",
        "event           news  #8  created  1", "connected",
        "subscribed      news  at a:9, recovered",
        "event           news  #9  created  2", "connected",
        "subscribed      news  at b:3", "event           news  #4  created  3",
        "connected", "subscribed      news"}) {
    EXPECT_EQ(watch.ReadLine(), line);
  }
  watch.Signal(SIGINT);

  EXPECT_EQ(watch.Wait(), 0);
  EXPECT_EQ(watch.err(),
            "herald: events of news may be missing, between a:9 and b:3\n"
            "herald: events of news may be missing: the stream was down, and "
            "no history has them\n");
}

TEST_F(CommandLine, ShowsTheHistoryOfAChannel) {
  service_.epoch = "c7x2:mq4k";
  for (const int64_t offset : {41, 42, 43}) {
    service_.remembered.push_back(Event("{\"id\":\n1}", offset).event());
  }
  service_.page_events_max = 2;

  const std::string text =
      "c7x2:mq4k:41  created  {\"id\":\\x0a1}\n"
      "c7x2:mq4k:42  created  {\"id\":\\x0a1}\n"
      "c7x2:mq4k:43  created  {\"id\":\\x0a1}\n";
  const Outcome all = Herald({"history", "news"});
  EXPECT_EQ(all.exit_code, 0) << all.err;
  EXPECT_EQ(all.out, text);
  EXPECT_EQ(Herald({"history", "news", "--limit", "1"}).out,
            text.substr(0, text.size() / 3));
  EXPECT_EQ(
      Herald({"history", "news", "--since", "c7x2:mq4k:42", "--json"}).out,
      R"({"channel":"news","event":"created","data":{"id": 1},)"
      R"("epoch":"c7x2:mq4k","offset":43})"
      "\n");
  EXPECT_EQ(Herald({"history", "news", "--since", "c7x2:mq4k:43"}).out,
            "no events\n");
  EXPECT_EQ(Herald({"history", "news", "--since=c7x2:mq4k:43", "--json"}).out,
            "");

  // The limit of each page: the rest of the wanted events, at most 1,000.
  const auto requests = service_.history_requests.Take(6);
  ASSERT_EQ(requests.size(), 6u);
  EXPECT_EQ(requests[0].limit(), 1000);
  EXPECT_EQ(requests[1].since().offset(), 42);
  EXPECT_EQ(requests[2].limit(), 1);
}

TEST_F(CommandLine, ReportsWhyThereIsNoHistory) {
  const Outcome none = Herald({"history", "news"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_EQ(none.err,
            "herald: FAILED_PRECONDITION: channel \"news\" keeps no history\n");
  service_.epoch = "b";
  const Outcome over = Herald({"history", "news", "--since", "a:1"});
  EXPECT_EQ(over.exit_code, 1);
  EXPECT_EQ(over.err, "herald: OUT_OF_RANGE: epoch \"a\" is over\n");
}

TEST_F(CommandLine, ShowsThePositionOfItsBroadcast) {
  service_.epoch = "a";
  EXPECT_EQ(Herald({"broadcast", "news,orders", "created", "1"}).out,
            "CHANNEL  SUBSCRIBERS  PLACE\n"
            "news               1  a:41\n"
            "orders             2  a:42\n");
  EXPECT_EQ(Herald({"broadcast", "news", "created", "1", "--json"}).out,
            R"({"receipts":[{"channel":"news","subscribers":1,)"
            R"("epoch":"a","offset":41}]})"
            "\n");
}

TEST_F(CommandLine, ReportsTheCodeOfAFailedCall) {
  const Outcome refused = Herald({"members", "news"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.out, IsEmpty());
  EXPECT_EQ(refused.err,
            "herald: FAILED_PRECONDITION: channel \"news\" is no presence "
            "channel\n");

  service_.Stop();
  Subprocess away({HERALD_CLI, "stats", "--timeout", "3s", "--address",
                   service_.address()});
  EXPECT_THAT(*away.ReadErrorLine(),
              StartsWith("herald: " + service_.address() + " is unavailable"));
  EXPECT_EQ(away.Wait(), 1);
  EXPECT_THAT(away.err(), StartsWith("herald: UNAVAILABLE: "));
  service_.Restart();
}

// Lines of an absent service: one at once and one at the end, none of gRPC's.
TEST_F(CommandLine, ReportsAtOnceThatTheServiceIsAway) {
  const std::string address = service_.address();
  service_.Stop();
  const std::vector<std::vector<std::string>> commands = {
      {"broadcast", "news", "created", "1"},
      {"watch", "news"},
      {"history", "news"},
      {"members", "presence-room"},
      {"channels"},
      {"stats"},
      {"disconnect", "--user", "ada"}};
  for (std::vector<std::string> words : commands) {
    SCOPED_TRACE(words.front());
    words.insert(words.begin(), HERALD_CLI);
    words.push_back("--address=" + address);
    const absl::Time start = absl::Now();
    Subprocess herald(words);

    EXPECT_THAT(*herald.ReadErrorLine(),
                AllOf(StartsWith("herald: " + address + " is unavailable (f"),
                      EndsWith("Connection refused); retrying for 5s")));
    EXPECT_LT(absl::Now() - start,
              testing_support::kSlowness * absl::Seconds(4));
  }
  service_.Restart();
}

TEST_F(CommandLine, WorksWhenTheServiceReturnsInTime) {
  service_.Stop();
  Subprocess stats({HERALD_CLI, "channels", "--timeout", "60s", "--address",
                    service_.address()});
  EXPECT_THAT(*stats.ReadErrorLine(), HasSubstr(" is unavailable "));

  service_.Restart();

  EXPECT_EQ(stats.Wait(), 0);
  EXPECT_EQ(stats.out(), "no channels\n");
  EXPECT_THAT(stats.err(), IsEmpty());
}

TEST_F(CommandLine, EndsAtItsTimeout) {
  service_.gate.Close();

  const Outcome outcome =
      Herald({"broadcast", "news", "created", "1", "--timeout=200ms"});

  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, StartsWith("herald: DEADLINE_EXCEEDED: "));
}

TEST_F(CommandLine, ShowsTheTokenOfTheFlagElseTheFirstOfTheEnvironment) {
  Herald({"stats", "--token", "flag"}, "", {"BROADCAST_API_TOKEN=a,b"});
  Herald({"stats"}, "", {"BROADCAST_API_TOKEN= a , b "});
  Herald({"stats"});

  EXPECT_EQ(service_.authorizations.Take(), "Bearer flag");
  EXPECT_EQ(service_.authorizations.Take(), "Bearer a");
  EXPECT_EQ(service_.authorizations.Take(), "");
}

TEST_F(CommandLine, AsksNoProxyOfTheEnvironment) {
  const Outcome outcome = Herald(
      {"stats"}, "",
      {"http_proxy=http://127.0.0.1:1", "grpc_proxy=http://127.0.0.1:1"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(CommandLine, WarnsOfAVariableThatIsMisspelt) {
  const Outcome outcome =
      Herald({"stats"}, "", {"BROADCAST_API_TOKENS=a", "BROADCAST_DRIVER=log"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("BROADCAST_API_TOKENS"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("BROADCAST_DRIVER")));
}

TEST_F(CommandLine, ReadsAnEnvFileInItsWorkingDirectory) {
  std::string directory = ::testing::TempDir() + "/herald-cli-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  std::ofstream(directory + "/.env")
      << "BROADCAST_GRPC_ADDRESS=" << service_.address() << "\n"
      << "BROADCAST_API_TOKEN=from-file\n";

  const Outcome outcome = RunToEnd({HERALD_CLI, "stats"}, {}, "", directory);

  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(service_.authorizations.Take(), "Bearer from-file");
  std::filesystem::remove_all(directory);
}

TEST_F(CommandLine, HelpsWithEachCommand) {
  const Outcome all = Herald({"--help"});
  EXPECT_EQ(all.exit_code, 0);
  for (const char* command : {"broadcast", "watch", "history", "members",
                              "channels", "stats", "disconnect"}) {
    EXPECT_THAT(all.out, HasSubstr(std::string("\n  ") + command));
    for (const Outcome& outcome :
         {Herald({command, "--help"}), Herald({"help", command})}) {
      EXPECT_EQ(outcome.exit_code, 0);
      EXPECT_THAT(outcome.out, HasSubstr(std::string("herald ") + command));
      EXPECT_THAT(outcome.out, HasSubstr("--address"));
    }
  }
  EXPECT_EQ(Herald({"--version"}).out, "herald " HERALD_VERSION "\n");
}

TEST_F(CommandLine, LeavesWithTwoWhenItIsNotUnderstood) {
  const struct {
    std::vector<std::string> words;
    std::string message;
  } kCases[] = {
      {{}, "Usage:"},
      {{"nonsense"}, "there is no command \"nonsense\""},
      {{"nonsense", "--help"}, "there is no command \"nonsense\""},
      {{"stats", "--nonsense"}, "there is no flag --nonsense"},
      {{"stats", "-x"}, "there is no flag -x"},
      {{"stats", "--key", "x"}, "stats has no flag --key"},
      {{"stats", "--timeout"}, "--timeout needs a value"},
      {{"stats", "--timeout", "soon"}, "--timeout cannot be \"soon\""},
      {{"stats", "--timeout", "0s"}, "--timeout must be greater than zero"},
      {{"stats", "--json=perhaps"}, "--json cannot be \"perhaps\""},
      {{"stats", "extra"}, "stats takes no arguments"},
      {{"broadcast", "news", "created"}, "needs CHANNEL, EVENT and DATA"},
      {{"watch"}, "watch needs a CHANNEL"},
      {{"stats", "--address=http://a:1"}, "--address: \"http://a:1\""},
      {{"stats", "--address", "localhost"}, "(allowed: host:port"},
      {{"watch", "news", "--address=127.0.0.1:99999"}, "(allowed: host:port"},
      {{"watch", "news", "--since=a:1"}, "watch has no flag --since"},
      {{"history"}, "history needs one CHANNEL"},
      {{"history", "news", "orders"}, "history needs one CHANNEL"},
      {{"history", "news", "--limit=-1"}, "--limit must not be negative"},
      {{"history", "news", "--limit", "few"}, "--limit cannot be \"few\""},
      {{"history", "news", "--since", "41"}, "--since cannot be \"41\""},
      {{"history", "news", "--since=:41"}, "--since cannot be \":41\""},
      {{"history", "news", "--since=a:"}, "--since cannot be \"a:\""},
      {{"history", "news", "--since=a:-1"}, "--since cannot be \"a:-1\""},
      {{"history", "news", "--since=a:x"}, "--since cannot be \"a:x\""},
      {{"members"}, "members needs one CHANNEL"},
      {{"channels", "news"}, "channels takes no arguments"},
      {{"disconnect"}, "either --socket ID or --user ID"},
      {{"disconnect", "--socket=1.2", "--user=ada"}, "either --socket ID"},
  };
  for (const auto& [words, message] : kCases) {
    const Outcome outcome = Herald(words);
    EXPECT_EQ(outcome.exit_code, 2) << message;
    EXPECT_THAT(outcome.err, HasSubstr(message));
    EXPECT_THAT(outcome.out, IsEmpty());
  }
  EXPECT_EQ(service_.authorizations.size(), 0u);
}

}  // namespace
}  // namespace herald::testing_support
