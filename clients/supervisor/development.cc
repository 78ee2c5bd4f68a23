// SPDX-License-Identifier: Apache-2.0

#include "clients/supervisor/development.h"

#include <stdlib.h>

#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "clients/supervisor/probe.h"
#include "proto/contract/address.h"
#include "proto/contract/names.h"
#include "proto/settings/settings.h"

namespace herald::supervisor {
namespace {

using settings::Process;
using settings::Setting;
using settings::Settings;

const Setting& Find(const Settings& settings, absl::string_view name) {
  for (const Setting& setting : settings.all()) {
    if (setting.name == name) return setting;
  }
  abort();  // A name in this file that is not declared.
}

// The value, or `instead` where the program would take its own default; a value
// that differs from that default is added to `environment`.
std::string Take(const Settings& settings, absl::string_view name,
                 absl::string_view instead, Environment* environment) {
  const Setting& setting = Find(settings, name);
  const Settings::Value& value = settings.Of(setting);
  if (value.source != "default") return value.text;
  environment->emplace_back(VariableOf(setting), instead);
  return std::string(instead);
}

// The listening address of a server that is dialled as `target`: the target
// itself, or the host:port in `dns:///host:port`.
std::string ListenAddress(absl::string_view target) {
  const absl::string_view address =
      absl::StripPrefix(absl::StripPrefix(target, "dns:"), "///");
  return std::string(contract::SplitHostPort(address).has_value() ? address
                                                                  : target);
}

bool IsUnix(absl::string_view address) {
  return absl::StartsWith(address, "unix:");
}

std::string FromEnvironment(const char* variable, const char* otherwise) {
  const char* const value = getenv(variable);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

}  // namespace

Development::Development(DevelopmentOptions options)
    : options_(std::move(options)) {
  const Settings service(Process::kService, {});
  const Settings gateway(Process::kGateway, {});
  const std::string grpc = service.Text("grpc_address");
  const std::string websocket = gateway.Text("ws_address");
  const std::string metrics = gateway.Text("gateway_metrics_address");
  service_probes_ = service.Text("metrics_address");
  gateway_probes_ = metrics.empty() ? websocket : metrics;
  // Else the first bytes must name a client (BROADCAST_PROXY_PROTOCOL).
  gateway_answers_http_ =
      !metrics.empty() || gateway.Text("proxy_protocol") == "off";
  listeners_ = {{"BROADCAST_GRPC_ADDRESS", grpc},
                {"BROADCAST_METRICS_ADDRESS", service_probes_},
                {"BROADCAST_WS_ADDRESS", websocket}};
  if (!metrics.empty()) {
    listeners_.push_back({"BROADCAST_GATEWAY_METRICS_ADDRESS", metrics});
  }
  default_service_ = std::string(Find(service, "grpc_address").default_value);
  service_ = Take(gateway, "service", DialAddress(grpc), &environment_);
  // A Ctrl-C need not wait for clients that move to another gateway.
  const absl::Duration drain_time =
      settings::ParseSeconds(Take(gateway, "drain_time", "1", &environment_))
          .value_or(absl::ZeroDuration());
  stop_within_ = std::chrono::seconds(10) + absl::ToChronoSeconds(drain_time);
  websocket_url_ = IsUnix(websocket)
                       ? websocket
                       : absl::StrCat("ws://", DialAddress(websocket),
                                      gateway.Text("ws_path"));
  if (options_.authorizer) {
    authorizer_ = ListenAddress(
        Take(service, "authorizer", "127.0.0.1:50052", &environment_));
    listeners_.push_back({"BROADCAST_AUTHORIZER", authorizer_});
  }
  if (HasChat()) {
    Take(service, "config",
         absl::StrCat(options_.examples, "/chat/channels.json"), &environment_);
    chat_ = FromEnvironment("CHAT_ADDRESS", "127.0.0.1:8000");
    listeners_.push_back({"CHAT_ADDRESS", chat_});
    if (const auto tokens = service.List("api_token"); !tokens.empty()) {
      token_ = tokens.front();
    }
  }
}

absl::Status Development::Check() const {
  if (options_.authorizer &&
      (HasChat() ? !contract::SplitHostPort(authorizer_).has_value()
                 : !contract::CheckListenAddress(authorizer_).ok())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "BROADCAST_AUTHORIZER: the ", HasChat() ? "chat" : "example authorizer",
        " cannot listen on ", contract::Quoted(authorizer_),
        "; set host:port, for example 127.0.0.1:50052, or pass "
        "--no-authorizer if it is yours"));
  }
  if (HasChat() && IsUnix(websocket_url_)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "BROADCAST_WS_ADDRESS: browsers, which the chat needs, cannot dial ",
        contract::Quoted(websocket_url_),
        "; set host:port, for example 127.0.0.1:8080, or pass --no-chat"));
  }
  return absl::OkStatus();
}

std::string Development::Path(const std::string& program) const {
  return absl::StrCat(options_.programs, "/", program);
}

bool Development::HasChat() const {
  return options_.authorizer && options_.chat && !options_.examples.empty();
}

Program Development::Authorizer() const {
  if (!HasChat()) {
    return {"authorizer",
            {Path("herald-example-authorizer"),
             absl::StrCat("--address=", authorizer_)},
            environment_,
            [address = authorizer_] { return Accepts(address); }};
  }
  Program chat = {"chat",
                  {"/usr/bin/python3", "-u",
                   absl::StrCat(options_.examples, "/chat/server.py"),
                   absl::StrCat("--address=", chat_),
                   absl::StrCat("--authorizer-address=", authorizer_),
                   absl::StrCat("--service=", service_),
                   absl::StrCat("--websocket=", websocket_url_)},
                  environment_,
                  [this] { return Accepts(authorizer_) && Accepts(chat_); }};
  if (!options_.data.empty()) {
    chat.command.push_back(
        absl::StrCat("--database=", options_.data, "/chat.db"));
  }
  // The chat does not read .env. A flag would show the token to every user of
  // this machine.
  if (!token_.empty()) {
    chat.environment.emplace_back("BROADCAST_API_TOKEN", token_);
  }
  return chat;
}

std::vector<Program> Development::Programs() const {
  std::vector<Program> programs;
  if (options_.authorizer) programs.push_back(Authorizer());
  programs.push_back(
      {"service", {Path("herald-service")}, environment_, [this] {
         return IsReady(service_probes_);
       }});
  programs.push_back(
      {"gateway", {Path("herald-gateway")}, environment_, [this] {
         return gateway_answers_http_ ? IsReady(gateway_probes_)
                                      : Accepts(gateway_probes_);
       }});
  return programs;
}

std::string Development::Welcome(pid_t service) const {
  // As a user in this folder would type it.
  std::string herald = std::filesystem::proximate(Path("herald")).string();
  if (absl::StartsWith(herald, "..")) herald = Path("herald");
  const std::string to =
      service_ == default_service_ ? "" : absl::StrCat(" --address=", service_);
  std::string text = "\n";
  if (HasChat()) {
    absl::StrAppend(&text, "Open http://", DialAddress(chat_),
                    " in two windows, and chat.\n\n");
  }
  absl::StrAppend(&text, "Herald is running: WebSocket at ", websocket_url_,
                  ", gRPC at ", service_,
                  ".\nTry these, each in a terminal of its own. The broadcast "
                  "reaches those before it.\n\n");
  if (!options_.examples.empty() && !IsUnix(websocket_url_)) {
    absl::StrAppend(&text, "  python3 ", options_.examples,
                    "/listen.py --url=", websocket_url_, " news\n");
  }
  absl::StrAppend(&text, "  ", herald, " watch news", to, "\n  ", herald,
                  " broadcast news greeting '{\"text\":\"hello\"}'", to,
                  "\n\nKill the service, and see that the ",
                  HasChat() ? "chat goes on" : "listeners stay", ":\n\n",
                  "  kill -9 ", service, "\n\nCtrl-C stops everything.\n");
  return text;
}

}  // namespace herald::supervisor
