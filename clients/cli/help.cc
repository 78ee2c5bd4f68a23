// SPDX-License-Identifier: Apache-2.0

#include "clients/cli/help.h"

#include "absl/strings/str_cat.h"

namespace herald::cli {
namespace {

constexpr absl::string_view kOverview =
    R"(herald publishes to a Herald service and looks into it.

Usage:
  herald <command> [arguments] [flags]

Commands:
  broadcast   Publish an event to channels
  watch       Print the messages of channels, until Ctrl-C
  history     Print the history of a channel
  members     List the members of a presence channel
  channels    List the channels that have subscribers
  stats       Show totals and gateways
  disconnect  Close the connections of a socket or a user
  dev         Run a service, a gateway and an authorizer on this machine

Flags:
)";

constexpr absl::string_view kConnectionFlags =
    R"(  --address HOST:PORT  the service (default: BROADCAST_GRPC_ADDRESS, else
                       127.0.0.1:50051)
  --token TOKEN        the API token (default: the first of
                       BROADCAST_API_TOKEN)
  --json               print JSON instead of text for people
)";

constexpr absl::string_view kTimeoutFlag =
    R"(  --timeout DURATION   longest time, retries included (default: 5s)
)";

constexpr absl::string_view kEnd =
    R"(
Variables are also read from a file .env in the working directory. If the
service cannot be reached, a line on standard error reports it immediately; the
command retries until its timeout.

Exit codes: 0 done, 1 the service refused or could not be reached, or the output
cannot be written, 2 the command line or a setting is wrong.
)";

constexpr absl::string_view kBroadcast =
    R"(Publishes one event to one or more channels.

Usage:
  herald broadcast CHANNEL[,CHANNEL...] EVENT DATA [flags]

DATA is JSON text; "-" reads it from standard input. Prints the number of
sockets that were subscribed to each channel, and the event's place in the
channel's history, if there is one. All channels receive the event, or none
does.

Examples:
  herald broadcast news created '{"id": 1}'
  herald broadcast news,orders changed 42 --except 1234.5678
  generate | herald broadcast news report -

Flags:
  --except SOCKET      a socket that must not receive it
  --key KEY            idempotency key: repeats within 5 minutes, or the life
                       of the history, are harmless
)";

constexpr absl::string_view kWatch =
    R"(Prints the messages of channels, one line for each, until Ctrl-C.

Usage:
  herald watch CHANNEL... [flags]

Needs no authorizer, is not a member, and is not counted as a subscriber. When
the connection breaks, the service is dialled again; on channels with history
the missed events are then printed. If events may be missing, a line on standard
error reports it. Ctrl-C and SIGTERM end it with exit code 0; it ends with 1 if
the service stays unreachable or the output cannot be written, which includes a
line that is not read when the signal arrives.

Examples:
  herald watch news presence-room
  herald watch news --json | jq .data

Flags:
)";

constexpr absl::string_view kWatchTimeoutFlag =
    R"(  --timeout DURATION   longest time without the service (default: 5s)
)";

constexpr absl::string_view kHistory =
    R"(Prints the history of a channel: a line for each event, the oldest first.

Usage:
  herald history CHANNEL [flags]

A line begins with the place of its event, which --since takes. A channel has a
history if a rule in the service's --config gives it one.

Examples:
  herald history chat.1
  herald history chat.1 --since c7x2mq4kd3ta:41
  herald history chat.1 --json | jq .data

Flags:
  --since EPOCH:OFFSET only the events after that; all of them, or an error
  --limit N            most events (default: all)
)";

constexpr absl::string_view kMembers =
    R"(Lists the members of a presence channel, with their connections.

Usage:
  herald members CHANNEL [flags]

Examples:
  herald members presence-room

Flags:
)";

constexpr absl::string_view kChannels =
    R"(Lists the channels that have subscribers, in the order of their names.

Usage:
  herald channels [flags]

Examples:
  herald channels --prefix presence-

Flags:
  --prefix PREFIX      only names that begin with it
)";

constexpr absl::string_view kStats =
    R"(Shows the numbers of connections, channels and subscriptions, and the
attached gateways.

Usage:
  herald stats [flags]

Flags:
)";

constexpr absl::string_view kDisconnect =
    R"(Closes connections permanently: their clients do not reconnect.

Usage:
  herald disconnect --socket ID [flags]
  herald disconnect --user ID [flags]

A user is identified by the member that the authorizer named. Prints the number
of closed connections.

Examples:
  herald disconnect --socket 1234.5678
  herald disconnect --user ada --reason "signed out everywhere"

Flags:
  --socket ID          one connection
  --user ID            every connection of one user
  --reason TEXT        why; reaches the browser, cut to 123 bytes
)";

constexpr absl::string_view kDev =
    R"(Runs a service, a gateway and an authorizer on this machine, and restarts
each of them that dies. Ctrl-C and SIGTERM stop all of them.

Usage:
  herald dev [flags]

Runs the programs in the folder of this one, prints their logs with a name
before each line, and commands to try when all are ready. Settings come from
the environment or from .env, as those of the programs do. Not for production:
there, let the machine's own supervisor restart them.

Flags:
  --no-authorizer      start none: BROADCAST_AUTHORIZER is yours, or there is to
                       be none
  --examples FOLDER    the folder clients/examples of Herald's source: the chat
                       in it is started, and is the authorizer (CHAT_ADDRESS:
                       where, by default 127.0.0.1:8000)
  --no-chat            with --examples: start the small authorizer instead
  --data FOLDER        where the chat keeps its messages (default: in memory)

While the output cannot be written (a full disk), the programs run on. When the
reader of the output has gone, all of them are stopped.

Exit codes: 0 stopped, 1 a program cannot start or stop, a port is in use, or
output was lost, 2 the command line is wrong, or a setting cannot be used here.
)";

}  // namespace

std::string HelpText(absl::string_view command) {
  const struct {
    absl::string_view name;
    absl::string_view text;
  } kTexts[] = {{"broadcast", kBroadcast}, {"history", kHistory},
                {"members", kMembers},     {"channels", kChannels},
                {"stats", kStats},         {"disconnect", kDisconnect}};
  for (const auto& [name, text] : kTexts) {
    if (name == command) {
      return absl::StrCat(text, kConnectionFlags, kTimeoutFlag);
    }
  }
  if (command == "dev") return std::string(kDev);
  if (command == "watch") {
    return absl::StrCat(kWatch, kConnectionFlags, kWatchTimeoutFlag);
  }
  return absl::StrCat(kOverview, kConnectionFlags, kTimeoutFlag,
                      "  --version            print the version\n"
                      "  --help               also: herald <command> --help\n",
                      kEnd);
}

}  // namespace herald::cli
