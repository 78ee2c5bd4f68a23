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

// The first room that a path belongs to counts.
extern const std::vector<Room> kRooms;

// Folders whose every .cc has its test below tests/, at the same path.
// The service's core is tested as a whole, by tests/service/core and
// tests/simulation, for its promises are made by several objects.
inline const std::vector<std::string> kMirrored = {
    "proto/admission/",       "gateway/protocol/", "gateway/dialects/",
    "gateway/channels/",      "gateway/router/",   "gateway/socket/",
    "gateway/subscriptions/", "gateway/loop/",     "gateway/session/"};

// No close code in here: they belong to the dialects.
inline const std::vector<std::string> kWithoutCloseCodes = {
    "gateway/protocol/", "gateway/channels/",      "gateway/router/",
    "gateway/socket/",   "gateway/subscriptions/", "gateway/loop/",
    "gateway/session/",  "proto/contract/"};
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
    "proto/log/log.cc",                // Log lines.
    "service/process/timer_thread.h",  // published_us, and times of calls.
    "tests/"};

}  // namespace herald::tidy

#endif  // HERALD_TESTS_TIDY_ROOMS_H_
