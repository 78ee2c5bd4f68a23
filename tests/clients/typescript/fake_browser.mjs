// SPDX-License-Identifier: Apache-2.0
//
// A browser as the library sees it: timers and clocks that move only on demand,
// chosen chance, `online`, `offline` and visibility, and WebSockets with
// their other end in the test.

/** Waits until all promises that can be settled are. Real time, but no sleep. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** An EventTarget that knows how many listen. */
class CountedTarget extends EventTarget {
  count = 0;

  addEventListener(...args) {
    super.addEventListener(...args);
    this.count++;
  }

  removeEventListener(...args) {
    super.removeEventListener(...args);
    this.count--;
  }
}

class FakeClock {
  #awake = 0;  // The time of timers.
  #asleep = 0;  // The time that clocks count and timers do not.
  #startsAt = 1_700_000_000_000; // The time of day at the start.
  #timers = new Map();
  #last = 0;

  /** The time of day. */
  now = () => this.#startsAt + this.#awake + this.#asleep;

  /** performance.now(), which goes on while the device sleeps (High Resolution Time, section 3). */
  monotonic = () => this.#awake + this.#asleep;

  setTimeout = (callback, ms = 0) => {
    this.#timers.set(++this.#last, { due: this.#awake + Math.max(0, Number(ms) || 0), callback });
    return this.#last;
  };

  clearTimeout = (id) => void this.#timers.delete(id);

  get timerCount() {
    return this.#timers.size;
  }

  /** Lets time pass, with every timer at its time. */
  async advance(ms) {
    const end = this.#awake + ms;
    for (;;) {
      await settle();
      const next = [...this.#timers].sort((a, b) => a[1].due - b[1].due || a[0] - b[0])[0];
      if (!next || next[1].due > end) break;
      this.#awake = next[1].due;
      this.#timers.delete(next[0]);
      next[1].callback();
    }
    this.#awake = end;
    await settle();
  }

  /** The laptop sleeps: clocks go on and timers stand still. */
  sleep(ms) {
    this.#asleep += ms;
  }

  /** The time of day is set, by hand or by NTP: back if `ms` is negative. */
  step(ms) {
    this.#startsAt += ms;
  }
}

/** Both ends of a WebSocket: the library holds one, the test the other. */
class FakeSocket {
  readyState = 0;
  onmessage = null;
  onclose = null;
  onerror = null;
  closedWith; // The code of the library's close(), if it called that.
  #sent = [];

  constructor(url) {
    if (!/^wss?:/.test(url)) throw new SyntaxError(`"${url}" is no WebSocket URL`);
    this.url = url;
  }

  send(text) {
    if (this.readyState !== 1) throw new Error("sent while not open");
    this.#sent.push(text);
    this.onSent?.(JSON.parse(text));
  }

  close(code) {
    if (this.readyState < 2) this.closedWith = code;
    this.readyState = 3;
  }

  // The test's end.

  /** The gateway accepts, and sends `connected`. */
  accept(socketId = "1234.5678") {
    this.readyState = 1;
    this.say({ type: "connected", socket_id: socketId });
  }

  /** The gateway sends an object as JSON, or anything else as it is. */
  say(message) {
    const isObject = typeof message === "object" && message?.constructor === Object;
    this.onmessage?.({ data: isObject ? JSON.stringify(message) : message });
  }

  /** The connection ends, from the other side. */
  end(code = 1006, reason = "") {
    this.readyState = 3;
    this.onerror?.({});
    this.onclose?.({ code, reason, wasClean: code !== 1006 });
  }

  /** The messages that the library has sent since the last call. */
  take() {
    return this.#sent.splice(0).map((text) => JSON.parse(text));
  }
}

export class FakeBrowser {
  clock = new FakeClock();
  sockets = [];
  random = 0.5;  // The value of Math.random().
  consoleErrors = [];
  consoleWarnings = [];
  onSocket = () => {};
  #events = new CountedTarget();
  #documentEvents = new CountedTarget();
  #undo = [];

  constructor() {
    const browser = this;
    this.WebSocket = class extends FakeSocket {
      constructor(url) {
        super(url);
        browser.sockets.push(this);
        browser.onSocket(this);
      }
    };
    this.document = {
      hidden: false,
      addEventListener: (...args) => this.#documentEvents.addEventListener(...args),
      removeEventListener: (...args) => this.#documentEvents.removeEventListener(...args),
    };
  }

  /** Replaces Node's globals, until `remove()`. */
  install() {
    this.#replace(globalThis, "setTimeout", this.clock.setTimeout);
    this.#replace(globalThis, "clearTimeout", this.clock.clearTimeout);
    this.#replace(globalThis, "WebSocket", this.WebSocket);
    this.#replace(globalThis, "document", this.document);
    for (const name of ["addEventListener", "removeEventListener"]) {
      this.#replace(globalThis, name, (...args) => this.#events[name](...args));
    }
    this.#replace(Date, "now", this.clock.now);
    this.#replace(performance, "now", this.clock.monotonic);
    this.#replace(Math, "random", () => this.random);
    this.#replace(console, "error", (...args) => this.consoleErrors.push(args));
    this.#replace(console, "warn", (...args) => this.consoleWarnings.push(args));
    return this;
  }

  #replace(object, name, value) {
    const before = Object.getOwnPropertyDescriptor(object, name);
    Object.defineProperty(object, name, { value, configurable: true, writable: true });
    this.#undo.push(() => {
      if (before) Object.defineProperty(object, name, before);
      else delete object[name];
    });
  }

  remove() {
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }

  /** How many listen to the window and the document. */
  get listenerCount() {
    return this.#events.count + this.#documentEvents.count;
  }

  /** `online` or `offline`. */
  network(type) {
    this.#events.dispatchEvent(new Event(type));
  }

  show(visible) {
    this.document.hidden = !visible;
    this.#documentEvents.dispatchEvent(new Event("visibilitychange"));
  }

  /** The socket that was opened last. */
  get socket() {
    return this.sockets.at(-1);
  }
}
