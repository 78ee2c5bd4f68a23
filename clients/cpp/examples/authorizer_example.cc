// SPDX-License-Identifier: Apache-2.0
//
// Authorizes subscriptions to `private-` and `presence-` channels if their
// `auth` is "user:<name>". A real one would look a session up instead.
//
//   herald-example-authorizer --address=127.0.0.1:50052
//
// Point Herald at it with BROADCAST_AUTHORIZER=127.0.0.1:50052.

#include <signal.h>

#include <algorithm>
#include <iostream>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "herald/client/authorizer_server.h"

namespace {

using herald::client::AllowMember;
using herald::client::AuthorizerServer;
using herald::client::ChannelAuthorizer;
using herald::client::Decision;
using herald::client::Deny;

// A plain name needs no escaping in JSON.
bool IsName(absl::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '-' || c == '_' || c == '.';
         });
}

class ExampleAuthorizer final : public ChannelAuthorizer {
 public:
  Decision Authorize(const herald::v1::AuthorizeRequest& question) override {
    absl::string_view name = question.auth_token();
    if (!absl::ConsumePrefix(&name, "user:")) {
      return Deny("auth must be \"user:<name>\", for example \"user:ada\"");
    }
    if (!IsName(name)) {
      return Deny(
          "the name in \"user:<name>\" must be 1 to 64 letters, digits, "
          "dots, hyphens or underscores");
    }
    return AllowMember(name, absl::StrCat("{\"name\":\"", name, "\"}"));
  }
};

constexpr const char* kUsage =
    "Usage: herald-example-authorizer [--address=HOST:PORT]\n\n"
    "Allows private and presence channels to auth \"user:<name>\". Listens on\n"
    "127.0.0.1:50052 by default. SIGTERM and SIGINT stop it.\n";

}  // namespace

int main(int argc, char** argv) {
  // Before there are threads, so that all of them leave the signals to main().
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  for (const int ignored : {SIGHUP, SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2}) {
    signal(ignored, SIG_IGN);
  }

  std::string address = "127.0.0.1:50052";
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      std::cout << kUsage << std::flush;
      return std::cout ? 0 : 1;
    }
    if (argument == "--address" && i + 1 < argc) {
      address = argv[++i];
    } else if (absl::ConsumePrefix(&argument, "--address=")) {
      address = std::string(argument);
    } else {
      std::cerr << "there is no flag " << argument << "\n" << kUsage;
      return 2;
    }
  }

  ExampleAuthorizer authorizer;
  auto server = AuthorizerServer::Start({.address = address}, &authorizer);
  if (!server.ok()) {
    std::cerr << server.status().message() << "\n";
    return absl::IsInvalidArgument(server.status()) ? 2 : 1;
  }
  std::cout << "authorizer listening on " << address << " (port "
            << (*server)->port() << ")" << std::endl;

  int signal = 0;
  sigwait(&stop, &signal);
  (*server)->Shutdown();
  return std::cout ? 0 : 1;
}
