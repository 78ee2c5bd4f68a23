// SPDX-License-Identifier: Apache-2.0
//
// The promise of histories, under every schedule of breaks, retries, duplicates
// and losses that chance finds: the application receives each event at most
// once and in order, and where it misses one, it is notified that events were
// lost.

import assert from "node:assert/strict";
import { test } from "node:test";
import { at, event, refused, unsubscribed, world } from "./world.mjs";

const REMEMBERED = 10; // Events.
const JITTERS = [0, 300, 3000]; // How long a loss may wait, in ms: by the seed.

/** Numbers that look random, the same for the same seed. */
function randomOf(seed) {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % bound;
  };
}

/**
 * A gateway of one channel, with its history. Its messages wait in `outbox` until the test
 * delivers them; a break loses the rest.
 */
class Gateway {
  said = []; // All there ever was: { id, epoch, offset, except }.
  losses = 0; // That were announced, and delivered.
  recoveries = 0; // As well; with something to recover.
  start; // The id of the first event after the first `subscribed` that was delivered.
  #channel;
  #random;
  #browser;
  #epoch = 1;
  #offset = 0;
  #forgotten = 0; // The offset of the last event that is not remembered any more.
  #inbox = [];
  #outbox = [];
  #isSubscribed = false;

  constructor(browser, channel, random) {
    this.#browser = browser;
    this.#channel = channel;
    this.#random = random;
    browser.onSocket = (socket) => {
      this.#close();
      socket.onSent = (message) => this.#inbox.push(message);
    };
  }

  get isBusy() {
    return this.#inbox.length + this.#outbox.length > 0;
  }

  /** A backend publishes, sometimes to all but the socket that is there. */
  publish(isExcepted = false) {
    const { socket } = this.#browser;
    if (socket?.readyState !== 1) this.#close();
    const made = {
      id: this.said.length,
      epoch: this.#name,
      offset: ++this.#offset,
      except: isExcepted && this.#isSubscribed ? socket : undefined,
    };
    this.said.push(made);
    this.#forgotten = Math.max(this.#forgotten, this.#offset - REMEMBERED);
    if (this.#isSubscribed && !made.except) this.#send(made);
  }

  /** Handles one frame of the client. */
  handle() {
    const { type, recover } = this.#inbox.shift() ?? {};
    if (type !== "subscribe") return;
    if (this.#random(5) === 0) {
      this.#outbox.push(refused(this.#channel, "unavailable"));
      return;
    }
    this.#isSubscribed = true;
    const missed = this.#since(recover);
    const recovered = recover && missed !== undefined;
    const answer = at(this.#name, this.#offset, this.#channel, recovered);
    this.#outbox.push({ ...answer, next: this.said.length, missed: missed?.length });
    missed?.forEach((made) => this.#send(made));
  }

  /** Delivers one frame, and now and then once more. */
  deliver() {
    if (this.#browser.socket.readyState !== 1) this.#close();
    const message = this.#outbox.shift();
    if (!message) return;
    if (message.recovered === false) this.losses++;
    if (message.missed > 0) this.recoveries++;
    this.start ??= message.next;
    this.#browser.socket.say(message);
    if (message.type === "event" && this.#random(4) === 0) this.#browser.socket.say(message);
  }

  /** Drops the history. A subscriber that has missed events is notified. */
  forget() {
    const isMissed = this.#outbox.length > 0;
    this.#epoch++;
    this.#offset = this.#forgotten = 0;
    if (!this.#isSubscribed) return;
    this.#outbox = this.#outbox.filter(({ type }) => type !== "event");
    this.#outbox.push(at(this.#name, 0, this.#channel, isMissed ? false : undefined));
  }

  /** A slow reader is given the latest event only. */
  dropToLatest() {
    const latest = this.#outbox.filter(({ type }) => type === "event").at(-1);
    if (!this.#isSubscribed || !latest) return;
    this.#outbox = this.#outbox.filter(({ type }) => type !== "event");
    this.#outbox.push(at(this.#name, latest.offset - 1, this.#channel, false), latest);
  }

  /** The grant ends. */
  end() {
    if (!this.#isSubscribed) return;
    this.#isSubscribed = false;
    this.#outbox.push(unsubscribed(this.#channel, "the grant has expired"));
  }

  /** The socket is gone, and all that was on its way. */
  #close() {
    this.#inbox = [];
    this.#outbox = [];
    this.#isSubscribed = false;
  }

  get #name() {
    return `epoch-${this.#epoch}`;
  }

  #send({ id, offset }) {
    this.#outbox.push(event(this.#channel, "said", id, { offset }));
  }

  /** The events since a position; undefined if some of them are gone. */
  #since(recover) {
    if (!recover) return undefined;
    const { epoch, offset } = recover;
    const mine = this.said.filter((made) => made.epoch === this.#name);
    if (epoch === undefined) return mine.length ? mine.slice(-1) : undefined;
    if (epoch !== this.#name || offset > this.#offset || offset < this.#forgotten) return undefined;
    return mine.filter((made) => made.offset > offset);
  }
}

/** Lets chance do its worst to one channel, and then brings it to rest. Returns its callbacks. */
async function play(t, seed, options) {
  const random = randomOf(seed);
  const made = world(t, {
    authorize: () => "t",
    onError: () => {},
    autoConnect: false,
    lostJitter: JITTERS[seed % 3],
  });
  const { herald, browser, clock } = made;
  const name = seed % 2 ? "private-x" : "x";
  const gateway = new Gateway(browser, name, random);
  gateway.publish();
  const told = [];
  const channel = herald
    .channel(name, options)
    .listen("said", (id) => told.push(id))
    .lost(() => told.push("lost"));
  const acts = [
    ...Array(3).fill(() => gateway.publish(random(6) === 0)),
    ...Array(4).fill(() => gateway.handle()),
    ...Array(8).fill(() => gateway.deliver()),
    () => browser.socket.readyState === 0 && browser.socket.accept(`1.${random(1e6)}`),
    () => clock.advance(random(400)),
    () => random(6) === 0 && browser.socket.end(),
    () => random(12) === 0 && (herald.disconnect(), herald.connect()),
    () => random(24) === 0 && gateway.forget(),
    () => random(24) === 0 && gateway.dropToLatest(),
    () => random(8) === 0 && name !== "x" && gateway.end(),
  ];
  herald.connect();
  for (let i = 0; i < 400; i++) await acts[random(acts.length)]();

  if (herald.state === "unavailable") await clock.advance(20_000);
  if (herald.state === "connecting") browser.socket.accept();
  for (let i = 0; i < 200 && (channel.state !== "subscribed" || gateway.isBusy); i++) {
    gateway.handle();
    gateway.deliver();
    await clock.advance(200);
  }
  assert.equal(channel.state, "subscribed");
  gateway.publish();
  gateway.deliver();
  await clock.advance(Math.max(...JITTERS));
  return { told, gateway };
}

const happened = { recoveries: 0, losses: 0 };

for (let seed = 1; seed <= 150; seed++) {
  test(`each event once, in order, or a loss is reported: schedule ${seed}`, async (t) => {
    const { told, gateway } = await play(t, seed);
    assert.equal(told.at(-1), gateway.said.length - 1);
    const losses = told.filter((what) => what === "lost").length;
    if (JITTERS[seed % 3] === 0) assert.equal(losses, gateway.losses);
    else assert.ok(losses <= gateway.losses && !losses === !gateway.losses); // Several are one.
    happened.recoveries += gateway.recoveries;
    happened.losses += gateway.losses;
    let heard = gateway.start - 1;
    let isLost = false; // Since then.
    for (const what of told) {
      if (what === "lost") isLost = true;
      else {
        assert.ok(what > heard, `${what} after ${heard}`);
        const missed = gateway.said.slice(heard + 1, what).filter(({ except }) => !except);
        if (!isLost) assert.deepEqual(missed, []);
        heard = what;
        isLost = false;
      }
    }
  });
}

for (let seed = 1; seed <= 50; seed++) {
  test(`a subscriber to the latest event has it in the end: schedule ${seed}`, async (t) => {
    const { told, gateway } = await play(t, seed, { latest: true });
    const ids = told.filter((what) => what !== "lost");
    assert.deepEqual(ids, [...new Set(ids)].sort((a, b) => a - b));
    assert.equal(ids.at(-1), gateway.said.length - 1);
  });
}

test("the schedules were not idle", (t) => {
  t.diagnostic(JSON.stringify(happened));
  assert.ok(happened.recoveries > 150 && happened.losses > 150, JSON.stringify(happened));
});
