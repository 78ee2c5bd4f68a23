// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/http_endpoint.h"

#include <functional>
#include <utility>
#include <vector>

#include "CivetServer.h"
#include "absl/strings/str_cat.h"
#include "service/rpc/listen_error.h"
#include "service/rpc/log.h"

namespace herald::rpc {
namespace {

// Answers GET and HEAD; CivetServer refuses other methods.
class Handler final : public CivetHandler {
 public:
  struct Answer {
    int code = 200;
    std::string body;
  };
  using Body = std::function<Answer()>;

  explicit Handler(Body body) : body_(std::move(body)) {}

  bool handleGet(CivetServer* /*server*/, mg_connection* connection) override {
    const Answer answer = body_();
    SendHeader(connection, answer);
    mg_write(connection, answer.body.data(), answer.body.size());
    return true;
  }

  bool handleHead(CivetServer* /*server*/, mg_connection* connection) override {
    SendHeader(connection, body_());
    return true;
  }

 private:
  static void SendHeader(mg_connection* connection, const Answer& answer) {
    const std::string header = absl::StrCat(
        "HTTP/1.1 ", answer.code,
        answer.code == 200 ? " OK" : " Service Unavailable",
        "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8"
        "\r\nContent-Length: ",
        answer.body.size(),
        "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n");
    mg_write(connection, header.data(), header.size());
  }

  const Body body_;
};

int LogForCivet(const mg_connection* /*connection*/, const char* text) {
  Log(LogLevel::kDebug, "http", {{"text", text}});
  return 1;  // It writes nothing itself then.
}

CivetCallbacks Callbacks() {
  CivetCallbacks callbacks;
  callbacks.log_message = LogForCivet;
  return callbacks;
}

}  // namespace

// The server with its handlers, which it does not own.
class HttpEndpoint::Server {
 public:
  Server(const std::string& address, Sources sources)
      : sources_(std::move(sources)),
        callbacks_(Callbacks()),
        server_({"listening_ports", address, "num_threads", "2",
                 "request_timeout_ms", "5000", "enable_keep_alive", "no"},
                &callbacks_),
        metrics_([this] {
          return Handler::Answer{200, sources_.metrics()};
        }),
        live_([] {
          return Handler::Answer{200, "ok\n"};
        }),
        ready_([this] {
          const absl::Status status = sources_.ready();
          if (status.ok()) return Handler::Answer{200, "ok\n"};
          return Handler::Answer{
              503, absl::StrCat("not ready: ", status.message(), "\n")};
        }) {
    server_.addHandler("/metrics", metrics_);
    server_.addHandler("/livez", live_);
    server_.addHandler("/readyz", ready_);
  }

  ~Server() { server_.close(); }  // Before the handlers go.

  int port() { return server_.getListeningPorts().front(); }

 private:
  const Sources sources_;
  const CivetCallbacks callbacks_;
  CivetServer server_;
  Handler metrics_;
  Handler live_;
  Handler ready_;
};

HttpEndpoint::HttpEndpoint(std::unique_ptr<Server> server, std::string address)
    : server_(std::move(server)), address_(std::move(address)) {}

HttpEndpoint::~HttpEndpoint() = default;

absl::StatusOr<std::unique_ptr<HttpEndpoint>> HttpEndpoint::Listen(
    const std::string& address, Sources sources) {
  try {
    auto server = std::make_unique<Server>(address, std::move(sources));
    const std::string host = address.substr(0, address.rfind(':'));
    const std::string bound = absl::StrCat(host, ":", server->port());
    return std::unique_ptr<HttpEndpoint>(
        new HttpEndpoint(std::move(server), bound));
  } catch (const CivetException&) {
    return ListenError(address);
  }
}

}  // namespace herald::rpc
