// SPDX-License-Identifier: Apache-2.0
//
// herald-gateway with Herald's own client protocol.

#include "gateway/dialects/native/native_dialect.h"
#include "gateway/program.h"
#include "proto/process/files.h"

int main(int argc, char** argv) {
  herald::process::FillStandardFiles();
  static const herald::gateway::NativeDialect native;
  return herald::gateway::RunGateway(
      argc, argv, [](const herald::gateway::GatewayOptions& options) {
        herald::gateway::Endpoints endpoints;
        endpoints.Add(options.ws_path, &native);
        return endpoints;
      });
}
