// SPDX-License-Identifier: Apache-2.0
//
// A WebSocket client that Herald did not write: npm `ws`, driven by lines.
//
//   node websocket_client.mjs <package.json beside node_modules> <url>
//
// Standard input: `send <text>`, `large <bytes>`, `binary <text>`, `ping`,
// `pause`, `resume`, `close`. Standard output: `open`, `message <text>`, `ping`,
// `pong`, `refused <status>`, `error <message>`, `close <code> <reason>`.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [packageFile, url] = process.argv.slice(2);
const WebSocket = createRequire(packageFile)("ws");

const say = (...words) => console.log(words.join(" "));

const socket = new WebSocket(url, { origin: "https://app.example" });
socket.on("open", () => say("open"));
socket.on("message", (data, isBinary) =>
  say(isBinary ? "binary" : "message", data.toString()),
);
socket.on("ping", () => say("ping"));
socket.on("pong", () => say("pong"));
socket.on("unexpected-response", (_request, response) => {
  say("refused", response.statusCode);
  process.exit(0);
});
socket.on("error", (error) => say("error", error.message));
socket.on("close", (code, reason) => {
  say("close", code, reason.toString());
  process.exit(0);
});

const commands = {
  send: (text) => socket.send(text),
  large: (bytes) => socket.send("x".repeat(Number(bytes))),
  binary: (text) => socket.send(Buffer.from(text)),
  ping: () => socket.ping(),
  pause: () => socket.pause(),
  resume: () => socket.resume(),
  close: () => socket.close(1000),
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const space = line.indexOf(" ");
  const name = space < 0 ? line : line.slice(0, space);
  commands[name]?.(space < 0 ? "" : line.slice(space + 1));
});
