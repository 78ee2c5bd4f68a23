// SPDX-License-Identifier: Apache-2.0
//
// Publishes one event on the channel `news`, in three ways.
//
//   herald-example-publisher [host:port]

#include <iostream>

#include "herald/client/broadcast_stream.h"
#include "herald/client/publisher.h"

namespace {

using herald::client::BroadcastResult;
using herald::client::BroadcastStream;
using herald::client::Publisher;
using herald::client::Receipt;

constexpr const char* kUsage = "Usage: herald-example-publisher [host:port]\n";

int Fail(const absl::Status& status) {
  std::cerr << status << "\n";
  return absl::IsInvalidArgument(status) ? 2 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string target = argc > 1 ? argv[1] : "127.0.0.1:50051";
  if (target == "--help") {
    std::cout << kUsage << std::flush;
    return std::cout ? 0 : 1;
  }
  if (argc > 2 || target.substr(0, 1) == "-") {
    std::cerr << kUsage;
    return 2;
  }
  Publisher publisher({.target = target});

  // One call.
  absl::StatusOr<Receipt> receipt =
      publisher.Broadcast("news", "created", R"({"id":1})");
  if (!receipt.ok()) return Fail(receipt.status());
  std::cout << "news has " << receipt->subscribers << " subscribers\n";

  // With a builder: two channels, and not to the socket that caused it.
  BroadcastResult receipts = publisher.Channel("news")
                                 .Channel("orders")
                                 .Event("changed")
                                 .Data(R"({"id":1,"title":"Herald"})")
                                 .Except("1.2")
                                 .Send();
  if (!receipts.ok()) return Fail(receipts.status());
  std::cout << "sent to " << receipts->size() << " channels\n";

  // Many, without waiting for each.
  int published = 0;
  BroadcastStream stream({.target = target});
  for (int id = 1; id <= 100; ++id) {
    const std::string data = "{\"id\":" + std::to_string(id) + "}";
    absl::Status sent = stream.Send(
        {.channels = {"news"}, .event = "counted", .data = data},
        [&published](BroadcastResult result) { published += result.ok(); });
    if (!sent.ok()) return Fail(sent);
  }
  absl::Status end = stream.Finish();
  if (!end.ok()) return Fail(end);
  std::cout << "published " << published << " of 100" << std::endl;
  return std::cout ? 0 : 1;
}
