// SPDX-License-Identifier: Apache-2.0
//
// Decides who may listen to `private-` and `presence-` channels: everybody
// whose `auth` is "user:<name>". A real one would look a session up instead.
//
//   herald-example-authorizer --address=127.0.0.1:50052
//
// Point Herald at it with BROADCAST_AUTHORIZER=127.0.0.1:50052.

#include <signal.h>

#include <algorithm>
#include <iostream>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "herald/client/authorizer_server.h"

ABSL_FLAG(std::string, address, "127.0.0.1:50052", "where to listen");

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

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Allows private and presence channels to auth \"user:<name>\".");
  absl::ParseCommandLine(argc, argv);

  // Before there are threads, so that all of them leave the signals to main().
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  ExampleAuthorizer authorizer;
  const std::string address = absl::GetFlag(FLAGS_address);
  auto server = AuthorizerServer::Start({.address = address}, &authorizer);
  if (!server.ok()) {
    std::cerr << server.status().message() << "\n";
    return 1;
  }
  std::cout << "authorizer listening on " << address << " (port "
            << (*server)->port() << ")" << std::endl;

  int signal = 0;
  sigwait(&stop, &signal);
  (*server)->Shutdown();
  return 0;
}
