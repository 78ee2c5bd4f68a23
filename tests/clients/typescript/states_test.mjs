// SPDX-License-Identifier: Apache-2.0
//
// The effect of each possible event in each state, as one table.

import assert from "node:assert/strict";
import { test } from "node:test";
import { world } from "./world.mjs";

// The possible events. `socket` is the one that was opened last; where there is
// no connection, it is one that was abandoned, and its frames must be ignored.
const happenings = {
  "connect()": ({ herald }) => herald.connect(),
  "disconnect()": ({ herald }) => herald.disconnect(),
  hello: ({ socket }) => socket.accept("1.2"),
  garbage: ({ socket }) => socket.say("}{"),
  "event too early": ({ socket }) =>
    socket.say({ type: "event", event: "e", channel: "c", data: 1 }),
  pong: ({ socket }) => socket.say({ type: "pong" }),
  online: ({ browser }) => browser.network("online"),
  offline: ({ browser }) => browser.network("offline"),
  visible: ({ browser }) => browser.show(true),
  hidden: ({ browser }) => browser.show(false),
  "10 s": ({ clock }) => clock.advance(10_000),
  "25 s": ({ clock }) => clock.advance(25_000),
  "33 s": ({ clock }) => clock.advance(33_000),
};
for (const code of [1000, 1001, 1002, 1003, 1006, 1007, 1008, 1009, 1011, 1013, 4001, 4002, 4003]) {
  happenings[`close ${code}`] = ({ socket }) => socket.end(code);
}

// The code of the new state, or a dot where nothing changes. A reconnect comes
// 250 ms later; where time goes on for longer, no server answers those
// attempts.
const table = `
  what happens    | closed  | connecting              | connected               | unavailable
  connect()       | started | .                       | .                       | started
  disconnect()    | .       | disconnected            | disconnected            | disconnected
  hello           | .       | connected               | .                       | .
  garbage         | .       | .                       | .                       | .
  event too early | .       | .                       | .                       | .
  pong            | .       | .                       | .                       | .
  online          | .       | .                       | .                       | online
  offline         | .       | .                       | .                       | .
  visible         | .       | .                       | .                       | visible
  hidden          | .       | .                       | .                       | .
  10 s            | .       | connect_timeout         | .                       | retry
  25 s            | .       | retry                   | .                       | retry
  33 s            | .       | retry                   | no_pong                 | connect_timeout
  close 1000      | .       | server_closed           | server_closed           | .
  close 1001      | .       | server_closed           | server_closed           | .
  close 1002      | .       | refused                 | refused                 | .
  close 1003      | .       | refused                 | refused                 | .
  close 1006      | .       | connect_failed          | connection_lost         | .
  close 1007      | .       | refused                 | refused                 | .
  close 1008      | .       | refused                 | refused                 | .
  close 1009      | .       | refused                 | refused                 | .
  close 1011      | .       | server_closed           | server_closed           | .
  close 1013      | .       | server_closed           | server_closed           | .
  close 4001      | .       | server_closed           | server_closed           | .
  close 4002      | .       | server_closed           | server_closed           | .
  close 4003      | .       | disconnected_by_backend | disconnected_by_backend | .
`;

// The state that each code is a reason for.
const states = {
  connecting: ["started", "retry", "online", "visible"],
  connected: ["connected"],
  unavailable: [
    "connect_failed",
    "connect_timeout",
    "connection_lost",
    "server_closed",
    "no_pong",
  ],
  closed: ["disconnected", "disconnected_by_backend", "refused"],
};
const stateOf = (code) => Object.keys(states).find((state) => states[state].includes(code));

const [head, ...rows] = table
  .trim()
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()));

const bring = {
  closed: ({ herald, browser }) => {
    browser.socket.accept();
    herald.disconnect();
  },
  connecting: () => {},
  connected: ({ browser }) => browser.socket.accept(),
  unavailable: ({ browser }) => browser.socket.end(),
};

for (const [what, ...cells] of rows) {
  cells.forEach((expected, i) => {
    const from = head[i + 1];
    test(`${what}, ${from}: ${expected === "." ? "stays so" : expected}`, async (t) => {
      const made = world(t);
      const { herald, browser, clock } = made;
      bring[from](made);
      const before = herald.reason;
      const changes = [];
      herald.onStateChange((change) => changes.push(change));
      await happenings[what]({ ...made, socket: browser.socket });
      if (expected === ".") {
        assert.equal(herald.state, from);
        assert.deepEqual(herald.reason, before);
        assert.deepEqual(changes, []);
      } else {
        assert.equal(herald.reason.code, expected);
        assert.equal(herald.state, stateOf(expected));
        assert.equal(changes[0].previous, from);
        assert.deepEqual(changes.at(-1).reason, herald.reason);
        assert.equal(changes.at(-1).state, herald.state);
      }
      await holdsInEveryState(made);
    });
  });
}

async function holdsInEveryState({ herald, browser, clock }) {
  const { state, reason } = herald;
  assert.match(reason.text, /\w/);
  assert.equal(herald.socketId !== undefined, state === "connected");
  assert.equal(reason.retryAt !== undefined, state === "unavailable");
  assert.equal(reason.retryIn !== undefined, state === "unavailable");
  // Only `unavailable` opens another socket by itself, at the time that it
  // names.
  const count = browser.sockets.length;
  if (state === "unavailable") {
    await clock.advance(reason.retryAt - clock.now() - 1);
    assert.equal(browser.sockets.length, count);
    await clock.advance(1);
    assert.equal(herald.state, "connecting");
    assert.equal(browser.sockets.length, count + 1);
  } else if (state === "closed") {
    assert.equal(clock.timerCount, 0);
    browser.network("online");
    browser.show(true);
    assert.equal(herald.state, "closed");
    assert.equal(browser.sockets.length, count);
  }
}

test("the table knows every state and everything that can happen", () => {
  assert.deepEqual(head.slice(1), Object.keys(bring));
  assert.deepEqual(rows.map(([what]) => what).sort(), Object.keys(happenings).sort());
});

for (const code of [1001, 1002, 4003]) {
  test(`the reason names close code ${code} and the server's text`, (t) => {
    const { herald, browser } = world(t);
    browser.socket.accept();
    browser.socket.end(code, "because");
    assert.equal(herald.reason.closeCode, code);
    assert.equal(herald.reason.text, "because");
  });
}
