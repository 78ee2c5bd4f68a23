// SPDX-License-Identifier: Apache-2.0
//
// herald-gateway with a second protocol, on /lines: see line_dialect.h.

#include "gateway/dialects/native/native_dialect.h"
#include "gateway/program.h"
#include "tests/gateway/dialects/line_dialect.h"

int main(int argc, char** argv) {
  static const herald::gateway::NativeDialect native;
  static const herald::gateway::LineDialect lines;
  return herald::gateway::RunGateway(
      argc, argv, [](const herald::gateway::GatewayOptions& options) {
        herald::gateway::Endpoints endpoints;
        endpoints.Add(options.ws_path, &native);
        endpoints.Add("/lines", &lines);
        return endpoints;
      });
}
