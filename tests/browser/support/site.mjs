// SPDX-License-Identifier: Apache-2.0
//
// Some application's site, on a port of its own.

import { createServer } from "node:http";

/** Serves files, a map from paths to contents, at the name `host`. */
export async function serve(files, host = "127.0.0.1") {
  const server = createServer((request, response) => {
    const isScript = request.url.endsWith(".js");
    response.writeHead(request.url in files ? 200 : 404,
      { "Content-Type": isScript ? "text/javascript" : "text/html" });
    response.end(files[request.url]);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://${host}:${server.address().port}/`, close: () => server.close() };
}
