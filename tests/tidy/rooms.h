// SPDX-License-Identifier: Apache-2.0
//
// The includes that each room may have, as data. Debian installs every header
// in /usr/include, so a room that does not link a library could still include
// it; this table keeps the rooms apart.

#ifndef HERALD_TESTS_TIDY_ROOMS_H_
#define HERALD_TESTS_TIDY_ROOMS_H_

#include <string>
#include <vector>

namespace herald::tidy {

// Patterns are the beginning of the path between the delimiters of an
// `#include`, or with a leading `*` its end.
//
//   kStandard  a header of the C++ standard library
//   kSystem    a header of the operating system
inline constexpr char kStandard[] = "<standard>";
inline constexpr char kSystem[] = "<system>";

struct Room {
  std::string files;               // How the paths of its files begin.
  std::vector<std::string> may;    // Allowed includes.
  std::vector<std::string> never;  // Forbidden ones, in spite of `may`.
};

// Forbidden in a core: gRPC, clocks, threads and their locks (it has
// contract::Mutex), streams and logging.
inline const std::vector<std::string> kNotInCores = {
    "*.grpc.pb.h",
    "proto/contract/condition.h",
    "proto/contract/grpc_deadline.h",
    "proto/contract/grpc_status.h",
    "absl/flags/",
    "absl/synchronization/",
    "absl/time/clock.h",
    "chrono",
    "condition_variable",
    "ctime",
    "fstream",
    "iostream",
    "istream",
    "mutex",
    "ostream",
    "sstream",
    "syncstream",
    "thread"};

// The first room that a path belongs to counts.
inline const std::vector<Room> kRooms = {
    {"proto/contract/grpc_",
     {kStandard, "proto/contract/", "absl/", "grpc/", "grpcpp/"},
     {}},
    {"proto/contract/proto_",
     {kStandard, "proto/contract/", "*.pb.h", "google/protobuf/", "absl/"},
     kNotInCores},
    // A last line on stderr must not wait for its reader.
    {"proto/contract/require.cc",
     {kStandard, kSystem, "proto/contract/require.h"},
     {}},
    // <arpa/inet.h> is for inet_pton(), which is pure.
    {"proto/contract/",
     {kStandard, "arpa/inet.h", "netinet/in.h", "proto/contract/", "absl/"},
     {"proto/contract/grpc_status.h"}},
    {"proto/json/",
     {kStandard, "proto/json/", "proto/contract/", "absl/"},
     kNotInCores},
    {"proto/admission/",
     {kStandard, "proto/admission/", "proto/contract/", "absl/"},
     kNotInCores},
    {"proto/settings/",
     {kStandard, kSystem, "proto/settings/", "proto/contract/", "absl/"},
     {"proto/contract/grpc_status.h"}},
    {"proto/process/",
     {kStandard, kSystem, "proto/process/", "proto/admission/",
      "proto/contract/", "proto/json/", "proto/settings/",
      "google/protobuf/stubs/", "absl/", "boost/", "grpc/", "grpcpp/",
      "openssl/"},
     {}},
    // The rooms of the service's core, the lowest first: each includes those
    // before it, and none behind it.
    {"service/channel/",
     {kStandard, "service/channel/", "proto/contract/", "proto/json/", "*.pb.h",
      "google/protobuf/", "absl/"},
     kNotInCores},
    {"service/engine/",
     {kStandard, "service/channel/", "service/engine/", "proto/contract/",
      "*.pb.h", "google/protobuf/", "absl/"},
     kNotInCores},
    {"service/link/",
     {kStandard, "service/channel/", "service/engine/", "service/link/",
      "proto/admission/", "proto/contract/", "proto/json/", "*.pb.h",
      "google/protobuf/", "absl/"},
     kNotInCores},
    {"service/api/",
     {kStandard, "service/channel/", "service/engine/", "service/link/",
      "service/api/", "proto/contract/", "*.pb.h", "google/protobuf/", "absl/"},
     kNotInCores},
    {"service/rules/rule_changes",
     {kStandard, "service/channel/", "service/engine/", "service/link/",
      "service/rules/rule_changes.h", "proto/contract/", "*.pb.h",
      "google/protobuf/", "absl/"},
     kNotInCores},
    {"service/rules/",
     {kStandard, kSystem, "service/engine/history.h", "service/rules/rules_",
      "proto/contract/", "proto/json/", "*.pb.h", "google/protobuf/", "absl/"},
     {}},
    {"service/core.",
     {kStandard, "service/channel/", "service/engine/", "service/link/",
      "service/api/", "service/rules/rule_changes.h", "service/core.h",
      "proto/contract/", "*.pb.h", "absl/"},
     kNotInCores},
    {"service/authorizer/signature_",
     {kStandard, "service/channel/request_checks.h",
      "service/link/authorizer.h", "service/authorizer/signature_authorizer.h",
      "proto/contract/", "proto/json/", "*.pb.h", "absl/", "openssl/"},
     kNotInCores},
    {"service/authorizer/",
     {kStandard, "arpa/inet.h", "netinet/in.h", "service/link/authorizer.h",
      "service/authorizer/", "proto/contract/", "*.pb.h", "google/protobuf/",
      "absl/"},
     kNotInCores},
    {"service/rpc/",
     {kStandard, kSystem, "linux/tcp.h", "service/api/", "service/authorizer/",
      "service/channel/", "service/link/", "service/rpc/", "proto/admission/",
      "proto/contract/", "proto/process/", "proto/settings/", "*.pb.h",
      "google/protobuf/", "absl/", "grpc/", "grpcpp/", "openssl/"},
     {}},
    {"service/process/",
     {kStandard, kSystem, "service/api/", "service/authorizer/",
      "service/channel/", "service/process/", "service/rpc/", "proto/contract/",
      "proto/process/", "proto/settings/", "*.pb.h", "absl/", "prometheus/"},
     {}},
    {"service/program.",
     {kStandard, kSystem, "service/", "proto/contract/", "proto/process/",
      "proto/settings/", "absl/", "grpc/", "grpcpp/"},
     {}},
    {"service/main.cc",
     {kStandard, kSystem, "service/", "proto/contract/", "proto/process/",
      "proto/settings/", "absl/"},
     {}},
    // The rooms of the gateway, the lowest first. No room but main.cc knows a
    // client's protocol by name.
    {"gateway/protocol/",
     {kStandard, "gateway/protocol/", "proto/contract/", "*.pb.h", "absl/"},
     kNotInCores},
    {"gateway/dialects/native/",
     {kStandard, "gateway/protocol/", "gateway/dialects/native/",
      "proto/contract/", "proto/json/", "*.pb.h", "google/protobuf/", "absl/"},
     kNotInCores},
    {"gateway/router/",
     {kStandard, "gateway/protocol/", "gateway/router/", "proto/admission/",
      "proto/contract/", "*.pb.h", "google/protobuf/", "absl/"},
     kNotInCores},
    // <sys/uio.h> is for iovec, the form in which an outbox lends its frames.
    {"gateway/socket/",
     {kStandard, "sys/uio.h", "gateway/protocol/", "gateway/socket/",
      "proto/admission/", "proto/contract/", "*.pb.h", "google/protobuf/",
      "absl/"},
     kNotInCores},
    {"gateway/loop/",
     {kStandard, "gateway/protocol/", "gateway/router/", "gateway/socket/",
      "gateway/loop/", "proto/contract/", "*.pb.h", "google/protobuf/",
      "absl/"},
     kNotInCores},
    {"gateway/net/",
     {kStandard, kSystem, "gateway/protocol/", "gateway/router/",
      "gateway/socket/", "gateway/loop/", "gateway/net/", "proto/admission/",
      "proto/contract/", "proto/process/files.h", "proto/process/http_",
      "proto/process/listening_sockets.h", "proto/process/stream_socket.h",
      "*.pb.h", "absl/", "boost/"},
     {"*.grpc.pb.h", "proto/contract/grpc_status.h"}},
    {"gateway/process/",
     {kStandard, kSystem, "gateway/protocol/", "gateway/router/",
      "gateway/socket/", "gateway/loop/", "gateway/net/", "gateway/process/",
      "proto/contract/", "proto/process/", "proto/settings/", "absl/",
      "prometheus/"},
     {"*.grpc.pb.h", "proto/contract/grpc_status.h"}},
    {"gateway/link/",
     {kStandard, kSystem, "gateway/protocol/", "gateway/router/",
      "gateway/link/", "proto/contract/", "*.pb.h", "google/protobuf/", "absl/",
      "grpc/", "grpcpp/"},
     {}},
    {"gateway/program.",
     {kStandard, kSystem, "gateway/", "proto/contract/", "proto/process/",
      "proto/settings/", "absl/", "grpc/"},
     {"gateway/dialects/", "proto/contract/grpc_status.h"}},
    // The only file that names a dialect.
    {"gateway/main.cc",
     {"gateway/dialects/", "gateway/program.h", "proto/process/files.h"},
     {}},
    {"clients/cpp/include/",
     {kStandard, "herald/client/", "*.pb.h", "absl/"},
     {"*.grpc.pb.h"}},
    {"clients/cpp/examples/",
     {kStandard, kSystem, "herald/client/", "*.pb.h", "absl/"},
     {"*.grpc.pb.h"}},
    {"clients/cpp/",
     {kStandard, "clients/cpp/", "herald/client/", "proto/contract/",
      "proto/process/acceptor.h", "proto/process/clock_steps.h",
      "proto/process/listening_sockets.h", "*.pb.h", "google/protobuf/",
      "absl/", "grpc/", "grpcpp/"},
     {}},
    {"clients/supervisor/",
     {kStandard, kSystem, "clients/supervisor/", "proto/contract/",
      "proto/settings/", "absl/", "boost/"},
     {"proto/contract/grpc_status.h"}},
    {"clients/cli/",
     {kStandard, kSystem, "clients/cli/", "clients/supervisor/",
      "herald/client/", "proto/contract/", "proto/json/",
      "proto/process/files.h", "proto/settings/", "*.pb.h", "google/protobuf/",
      "absl/"},
     {"*.grpc.pb.h", "proto/contract/grpc_status.h"}},

    {"tests/", {"*"}, {}},
};

// Folders whose every .cc has its test below tests/, at the same path.
// The service's core is tested as a whole, by tests/service/core and
// tests/simulation, for its promises are made by several objects.
inline const std::vector<std::string> kMirrored = {
    "proto/admission/", "gateway/protocol/", "gateway/dialects/",
    "gateway/router/",  "gateway/socket/",   "gateway/loop/"};

// No close code in here: they belong to the dialects.
inline const std::vector<std::string> kWithoutCloseCodes = {
    "gateway/protocol/", "gateway/router/", "gateway/socket/", "gateway/loop/",
    "proto/contract/"};
inline const std::vector<std::string> kCloseCodes = {
    "1001", "1002", "1003", "1007", "1008", "1009",
    "1011", "1013", "4001", "4002", "4003", "4004"};

// The time of day may be set at any moment, so no duration is measured with it.
// These are its names, and the files that show it or send it.
inline const std::vector<std::string> kTimeOfDay = {
    "absl::Now", "system_clock", "gettimeofday", "CLOCK_REALTIME",
    "absl::CondVar"};
inline const std::vector<std::string> kMayKnowTimeOfDay = {
    "clients/cli/commands.cc",         // The age of an event.
    "gateway/link/service_link.cc",    // The lag of the link.
    "gateway/net/event_loop.h",        // From publish to socket.
    "proto/process/clock_steps.h",     // To see that it was set.
    "proto/process/log.cc",            // Log lines.
    "service/process/timer_thread.h",  // published_us, and times of calls.
    "tests/"};

}  // namespace herald::tidy

#endif  // HERALD_TESTS_TIDY_ROOMS_H_
