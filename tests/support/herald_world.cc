// SPDX-License-Identifier: Apache-2.0

#include "tests/support/herald_world.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "openssl/evp.h"
#include "openssl/hmac.h"
#include "tests/support/raw_socket.h"
#include "tests/support/restartable_port.h"

namespace herald::testing_support {

// Or the one on another engine that the tests run on.
const char* const kServiceBinary = [] {
  const char* const other = std::getenv("HERALD_TEST_SERVICE");
  return other != nullptr ? other : HERALD_SERVICE_BINARY;
}();
const char* const kGatewayBinary = HERALD_GATEWAY_BINARY;
const char* const kExampleAuthorizerBinary = HERALD_EXAMPLE_AUTHORIZER_BINARY;

namespace {

// Sockets that OpenMany() has between connect and `connected` at once: as many
// as any listen queue takes.
constexpr size_t kOpeningMax = 128;
constexpr size_t kSourcesCount = 8;

void AllowManyFiles() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);  // Children inherit it.
}

std::string NewAddress(bool is_restartable) {
  return absl::StrCat("127.0.0.1:", is_restartable ? RestartablePort() : 0);
}

}  // namespace

HeraldWorld::HeraldWorld(HeraldWorldOptions options)
    : options_(std::move(options)),
      grpc_address_(NewAddress(options_.is_restartable)) {
  AllowManyFiles();
  StartService();
  backend_ = std::make_unique<Backend>(grpc_address_, options_.api_token);
  for (size_t i = 0; i < options_.gateways; ++i) AddGateway();
  WaitUntilReady();
}

HeraldWorld::~HeraldWorld() {
  clients_.clear();
  gateways_.clear();
}

void HeraldWorld::StartService() {
  std::vector<std::string> arguments = {
      kServiceBinary, absl::StrCat("--grpc_address=", grpc_address_),
      "--metrics_address=127.0.0.1:0"};
  if (!options_.api_token.empty()) {
    arguments.push_back(absl::StrCat("--api_token=", options_.api_token));
  }
  // A sanitizer slows the authorizer down; a test's own flag comes later.
  arguments.push_back(absl::StrCat("--authorizer_timeout=", kSlowness));
  arguments.insert(arguments.end(), options_.service_flags.begin(),
                   options_.service_flags.end());
  service_ = std::make_unique<Process>(
      std::move(arguments),
      ProcessOptions{.environment = options_.service_environment});
  grpc_address_ = service_->ListeningAddress("grpc");
  metrics_address_ = service_->ListeningAddress("metrics");
}

void HeraldWorld::AddGateway() {
  gateways_.push_back({NewAddress(options_.is_restartable), nullptr});
  StartGateway(gateways_.size() - 1);
}

void HeraldWorld::StartGateway(size_t index) {
  Gateway& gateway = gateways_.at(index);
  std::vector<std::string> arguments = {
      options_.gateway_program.empty() ? kGatewayBinary
                                       : options_.gateway_program,
      absl::StrCat("--ws_address=", gateway.address),
      absl::StrCat("--service=", grpc_address_)};
  if (!options_.api_token.empty()) {
    arguments.push_back(absl::StrCat("--api_token=", options_.api_token));
  }
  arguments.insert(arguments.end(), options_.gateway_flags.begin(),
                   options_.gateway_flags.end());
  if (options_.gateway_files_max > 0) {
    arguments.insert(arguments.begin(),
                     {"/bin/sh", "-c",
                      absl::StrCat("ulimit -n ", options_.gateway_files_max,
                                   "; exec \"$0\" \"$@\"")});
  }
  gateway.process = std::make_unique<Process>(
      std::move(arguments),
      ProcessOptions{.environment = options_.gateway_environment});
  gateway.address = gateway.process->ListeningAddress("ws");
}

void HeraldWorld::WaitUntilReady() {
  WaitUntil([&] { return HttpGet(metrics_address_, "/readyz").status == 200; });
  for (const Gateway& gateway : gateways_) {
    if (gateway.process->has_ended()) continue;
    WaitUntil(
        [&] { return HttpGet(gateway.address, "/readyz").status == 200; });
  }
}

WebSocketClient& HeraldWorld::Open(size_t gateway, WebSocketOptions options) {
  WebSocketClient& client = OpenOther(gateway, std::move(options));
  client.WaitForConnected();
  return client;
}

WebSocketClient& HeraldWorld::OpenOther(size_t gateway,
                                        WebSocketOptions options) {
  options.address = gateway_address(gateway);
  clients_.push_back(std::make_unique<WebSocketClient>(&loop_, options));
  return *clients_.back();
}

int HeraldWorld::OpenRefused(size_t gateway, WebSocketOptions options) {
  options.address = gateway_address(gateway);
  return WebSocketClient(&loop_, options).WaitForRefusal();
}

std::vector<WebSocketClient*> HeraldWorld::OpenMany(size_t count) {
  std::vector<WebSocketClient*> opened;
  while (opened.size() < count) {
    const size_t begin = opened.size();
    for (size_t i = begin; i < std::min(count, begin + kOpeningMax); ++i) {
      WebSocketOptions options;
      options.address = gateway_address(i % gateways_.size());
      options.source = absl::StrCat("127.0.0.", 2 + i % kSourcesCount);
      clients_.push_back(std::make_unique<WebSocketClient>(&loop_, options));
      opened.push_back(clients_.back().get());
    }
    for (size_t i = begin; i < opened.size(); ++i) {
      if (!opened[i]->WaitForConnected()) return opened;
    }
  }
  return opened;
}

bool HeraldWorld::WaitUntil(absl::FunctionRef<bool()> done,
                            Milliseconds patience) {
  // A thread that asks a process for its metrics serves no socket meanwhile:
  // sockets have at least as much time as the questions.
  Clock::time_point next_look{};
  const auto look = [&] {
    const Clock::time_point begin = Clock::now();
    if (begin < next_look) return false;
    if (done()) return true;
    const Clock::time_point end = Clock::now();
    next_look = end + std::max<Clock::duration>(end - begin, Milliseconds(1));
    return false;
  };
  const bool is_done = loop_.RunUntil(look, patience);
  EXPECT_TRUE(is_done) << "the awaited condition did not come true";
  return is_done;
}

PrometheusText HeraldWorld::ServiceMetrics() const {
  return PrometheusText(HttpGet(metrics_address_, "/metrics").body);
}

PrometheusText HeraldWorld::GatewayMetrics(size_t index) const {
  return PrometheusText(HttpGet(gateway_address(index), "/metrics").body);
}

std::string Sign(absl::string_view secret, absl::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       digest.data(), &size);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

}  // namespace herald::testing_support
