// SPDX-License-Identifier: Apache-2.0
//
// The frames of tests/golden/native, which the C++ tests read too: the library
// understands each frame of a server, and sends each frame of a client in this
// form. A frame that is added there needs a line here.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { root } from "./library.mjs";
import { at, reconnect, settle, subscribed, world } from "./world.mjs";

const folder = new URL("tests/golden/native/", root);
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
const read = (file) => readFileSync(new URL(file, folder), "utf8").trimEnd();

/** Records every callback of an application on the channels of the golden frames. */
function listenToEverything(herald, heard) {
  herald.onStateChange(({ state }) => heard.push([state, herald.socketId]));
  const names = ["news", "private-x", "presence-room", "chat.1"];
  for (const channel of names.map((name) => herald.channel(name))) {
    channel.subscribed(() => heard.push(["subscribed", channel.name, channel.position]));
    channel.lost(({ since, position }) => heard.push(["lost", channel.name, since, position]));
    channel.error(({ code, reason }) => heard.push([code, channel.name, reason]));
    channel.listenToAll((event, data, { offset }) =>
      heard.push(["event", event, data, ...(offset ? [offset] : [])]),
    );
    channel.listenForWhisper("typing", (data, { userId }) => heard.push(["whisper", data, userId]));
  }
  const room = herald.join("room");
  room.here((members) => heard.push(["here", ...members]));
  room.joining((member) => heard.push(["joining", member]));
  room.leaving((member) => heard.push(["leaving", member]));
}

const ADA = { id: "ada", info: { name: "Ada" } };
const BOB = { id: "bob", info: { name: "Bob" } };
const ALL = [subscribed("news"), subscribed("private-x")];
const EPOCH = "c7x2mq4kd3ta";
const CHAT = at(EPOCH, 41, "chat.1");
const FORTY_ONE = { epoch: EPOCH, offset: 41 };
const FORTY_THREE = { epoch: EPOCH, offset: 43 };
const ROOM = {
  type: "subscribed",
  channel: "presence-room",
  members: [{ user_id: "bob", user_info: { name: "Bob" } }],
};

// The gateway's frames before, and the effect of the frame.
const server = {
  "server_connected.json": ["connecting", [["connected", "1234.5678"]]],
  "server_error.json": [[], [["server_error", undefined, "the message is not JSON"]]],
  "server_error_channel.json": [
    ALL,
    [["server_error", "news", "whisper on news: the socket is not subscribed"]],
  ],
  "server_event.json": [ALL, [["event", "created", { id: 1 }]]],
  "server_event_offset.json": [[CHAT], [["event", "said", "hello", 42]]],
  "server_event_verbatim.json": [
    ALL,
    [["event", '"quoted" \\ ümläut', [1.5, "é", { a: null }]]],
  ],
  "server_event_whisper.json": [ALL, [["whisper", { on: true }, undefined]]],
  "server_event_whisper_presence.json": [[ROOM], [["whisper", { on: true }, "ada"]]],
  "server_member_added.json": [
    [{ ...ROOM, members: [] }],
    [["joining", BOB]],
  ],
  "server_member_removed.json": [[ROOM], [["leaving", BOB]]],
  "server_pong.json": [[], []],
  "server_subscribed.json": [[], [["subscribed", "news", undefined]]],
  "server_subscribed_history.json": [[], [["subscribed", "chat.1", FORTY_THREE]]],
  "server_subscribed_presence.json": [
    [],
    [
      ["subscribed", "presence-room", undefined],
      ["here", ADA, { id: "bob", info: null }],
    ],
  ],
  "server_subscribed_presence_lost.json": [
    [{ ...ROOM, ...FORTY_ONE }],
    [
      ["joining", ADA],
      ["lost", "presence-room", FORTY_ONE, FORTY_THREE],
      ["subscribed", "presence-room", FORTY_THREE],
    ],
  ],
  "server_subscribed_recovered.json": [
    [CHAT, "break"],
    [["subscribed", "chat.1", FORTY_ONE]],  // The next event moves it.
  ],
  "server_subscription_error.json": [[], [["unauthorized", "private-x", "not yours"]]],
  "server_subscription_error_invalid.json": [
    [],
    [
      [
        "invalid_message",
        "presence-room",
        'field "channel_data" must be an object, or a string that holds one',
      ],
    ],
  ],
  "server_unsubscribed.json": [ALL, []], // The answer to a leave(), below.
  "server_unsubscribed_reason.json": [
    ALL,
    [["unsubscribed", "private-x", "the grant has expired"]],
  ],
};

for (const file of files.filter((name) => name.startsWith("server_"))) {
  test(`${file} is understood`, async (t) => {
    assert.ok(server[file], "no line for this frame");
    const [before, expected] = server[file];
    const heard = [];
    const made = world(t, {
      onError: ({ code, channel, reason }) => heard.push([code, channel, reason]),
    });
    const { herald, browser } = made;
    browser.socket.readyState = 1;
    if (before !== "connecting") browser.socket.say(read("server_connected.json"));
    listenToEverything(herald, heard);
    for (const message of before === "connecting" ? [] : before) {
      if (message === "break") await reconnect(made);
      else browser.socket.say(message);
    }
    if (file === "server_unsubscribed.json") herald.leave("news");
    heard.length = 0;
    browser.socket.say(read(file));
    assert.deepEqual(heard, expected);
  });
}

const SIGNED = JSON.parse(read("client_subscribe_signed.json"));

// The calls of the application that send the frame.
const client = {
  "client_ping.json": [{}, (_herald, { clock }) => clock.advance(25_000)],
  "client_subscribe.json": [{}, (herald) => herald.channel("news")],
  "client_subscribe_channel_data.json": [
    {
      authorize: () => ({
        auth: "token-of-ada",
        channelData: { user_id: "ada", user_info: { name: "Ada" } },
      }),
    },
    (herald) => herald.join("room"),
  ],
  "client_subscribe_latest.json": [{}, (herald) => herald.channel("chat.1", { latest: true })],
  "client_subscribe_recover.json": [
    {},
    async (herald, made) => {
      herald.channel("chat.1");
      made.browser.socket.say(CHAT);
      await reconnect(made);
    },
  ],
  "client_subscribe_private.json": [
    { authorize: () => "token-of-ada" },
    (herald) => herald.private("x"),
  ],
  "client_subscribe_signed.json": [
    {
      authorize: () => ({
        auth: SIGNED.auth,
        channelData: JSON.stringify({ user_id: "ada", user_info: { name: "Ada" } }),
      }),
    },
    (herald) => herald.join("room"),
  ],
  "client_unsubscribe.json": [
    {},
    (herald, { browser }) => {
      herald.channel("news");
      browser.socket.take();
      herald.leave("news");
    },
  ],
  "client_whisper.json": [
    {},
    (herald, { browser }) => {
      const room = herald.join("room");
      browser.socket.say(ROOM);
      browser.socket.take();
      room.whisper("typing", { on: true });
    },
  ],
};

for (const file of files.filter((name) => name.startsWith("client_"))) {
  test(`${file} is sent by the client`, async (t) => {
    assert.ok(client[file], "no line for this frame");
    const [options, act] = client[file];
    const made = world(t, options);
    made.browser.socket.accept();
    await act(made.herald, made);
    await settle();
    assert.deepEqual(made.browser.socket.take(), [JSON.parse(read(file))]);
  });
}

test("the frames are there, and every line has its frame", () => {
  const names = [...Object.keys(server), ...Object.keys(client)];
  assert.deepEqual(names.filter((name) => !files.includes(name)), []);
  assert.equal(files.length, names.length);
});
