// SPDX-License-Identifier: Apache-2.0
//
// Prints the messages of a channel, until the service is unreachable for a
// second.
//
//   herald-example-watch [host:port [channel]]

#include <iostream>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "herald/client/watch.h"

using herald::client::Loss;
using herald::client::Watch;
using herald::v1::ServerMessage;

constexpr const char* kUsage =
    "Usage: herald-example-watch [host:port [channel]]\n";

int main(int argc, char** argv) {
  const std::string target = argc > 1 ? argv[1] : "127.0.0.1:50051";
  const std::string channel = argc > 2 ? argv[2] : "news";
  if (target == "--help") {
    std::cout << kUsage << std::flush;
    return std::cout ? 0 : 1;
  }
  if (argc > 3 || target.substr(0, 1) == "-") {
    std::cerr << kUsage;
    return 2;
  }

  absl::Status end;
  absl::Notification ended;
  Watch watch(
      {.target = target,
       .channels = {channel},
       .give_up_after = absl::Seconds(1)},
      [](const ServerMessage& message) {
        if (message.has_subscribed()) {
          std::cout << "listening to " << message.subscribed().channel()
                    << std::endl;
        }
        if (message.has_event()) {
          std::cout << message.event().event() << " " << message.event().data()
                    << std::endl;
        }
      },
      [](const Loss& loss) {
        std::cout << "something of " << loss.channel << " is missing"
                  << std::endl;
      },
      [&](const absl::Status& status) {
        end = status;
        ended.Notify();
      });

  ended.WaitForNotification();
  std::cerr << "ended: " << end << "\n";
  if (absl::IsInvalidArgument(end)) return 2;
  return end.ok() && std::cout ? 0 : 1;
}
