// SPDX-License-Identifier: Apache-2.0
//
// One connection at a time to the gateway: opens sockets, detects dead ones, backs off and
// reconnects. Knows nothing of channels.
//
// Durations are differences of performance.now(): timers stand still while a laptop sleeps, and the
// time of day can be set.

import { Backoff } from "./backoff.js";
import { HeraldError, textOf } from "./errors.js";
import type { Settings, WebSocketConstructor } from "./options.js";
import { isLate } from "./patience.js";
import {
  badMessage,
  Decoder,
  DISCONNECTED_BY_BACKEND,
  FINAL_CLOSE_CODES,
  type ServerMessage,
  toldPause,
} from "./protocol.js";
import type { ConnectionState, StateChange, StateReason, StateReasonCode } from "./state.js";

type Timer = ReturnType<typeof setTimeout>;

/** @internal */
export interface ConnectionOwner {
  /** Called with each message but `connected`, in order. */
  message_(message: ServerMessage): void;
  changed_(change: StateChange): void;
  report_(error: HeraldError): void;
}

const OPEN = 1;

/** @internal */
export class Connection {
  state_: ConnectionState = "closed";
  reason_: StateReason = { code: "not_started", text: "connect() was not called yet" };
  socketId_: string | undefined;

  readonly #url: string;
  readonly #settings: Settings;
  readonly #owner: ConnectionOwner;
  readonly #backoff: Backoff;
  readonly #decoder = new Decoder();

  #socket: InstanceType<WebSocketConstructor> | undefined;
  // For the next attempt, the timeout of this one, or the next check of the heartbeat.
  #timer: Timer | undefined;
  #heardAt = 0;
  #pingedAt = 0;
  #pings = 0; // Without an answer yet.

  constructor(url: string, settings: Settings, owner: ConnectionOwner) {
    this.#url = url;
    this.#settings = settings;
    this.#owner = owner;
    this.#backoff = new Backoff(settings.minDelay_, settings.maxDelay_);
  }

  /** Connects now, unless it is connecting or connected. Throws the errors of the WebSocket. */
  open_(code: StateReasonCode = "started"): void {
    if (this.#socket) return;
    const Socket = this.#settings.webSocket_ ?? globalThis.WebSocket;
    if (!Socket) {
      throw new HeraldError("no_websocket", "there is no WebSocket here: give one as `webSocket`");
    }
    const socket = new Socket(this.#url);
    if (this.state_ === "closed") {
      this.#backoff.reset_();
      this.#watchBrowser(true);
    }
    this.#socket = socket;
    // Events of a socket that was dropped are ignored.
    const ifCurrent = (handle: (event: any) => void) => (event: any) => {
      if (this.#socket === socket) handle(event);
    };
    socket.onmessage = ifCurrent((event) => this.#onMessage(event.data));
    socket.onclose = ifCurrent((event) => this.#onClose(event.code, event.reason));
    socket.onerror = () => {}; // It closes, too.
    this.#limitConnecting(performance.now());
    this.#become("connecting", { code, text: "connecting to the server" });
  }

  /** Limits the attempt that began at `since`; if the timer fires late, it waits once more. */
  #limitConnecting(since?: number): void {
    const timeout = this.#settings.connectTimeout_;
    this.#setTimer(timeout, () => {
      if (since !== undefined && isLate(since, timeout)) this.#limitConnecting();
      else this.#lose("connect_timeout", "the server did not answer in time");
    });
  }

  close_(): void {
    if (this.state_ !== "closed") this.#end("disconnected", "disconnect() was called");
  }

  /** Sends if the socket is open; otherwise the text is dropped. */
  send_(text: string): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(text);
  }

  #onMessage(data: unknown): void {
    this.#heardAt = performance.now();
    this.#pings = 0;
    let message: ServerMessage | undefined;
    try {
      message = this.#decoder.decode_(data);
      if (message && (message.type === "connected") === (this.state_ === "connected")) {
        throw badMessage(`"${message.type}" out of order`);
      }
    } catch (error) {
      return this.#owner.report_(error as HeraldError);
    }
    if (message?.type === "connected") this.#onConnected(message.socket_id);
    else if (message) this.#owner.message_(message);
  }

  #onConnected(socketId: string): void {
    this.socketId_ = socketId;
    this.#backoff.succeed_();
    this.#setTimer(this.#settings.pingInterval_, this.#beat);
    this.#become("connected", { code: "connected", text: "connected" });
  }

  #onClose(code = 1006, reason = ""): void {
    const said = (text: string) => reason || text;
    if (code === DISCONNECTED_BY_BACKEND) {
      this.#end("disconnected_by_backend", said("disconnected by the backend"), code);
    } else if (FINAL_CLOSE_CODES.includes(code)) {
      this.#end("refused", said("the server refused the connection"), code);
    } else if (code !== 1006) {
      const text = said("the server has closed the connection");
      this.#lose("server_closed", text, code, toldPause(code, reason));
    } else if (this.state_ === "connecting") {
      this.#lose("connect_failed", "the server could not be reached", code);
    } else {
      this.#lose("connection_lost", "the connection broke", code);
    }
  }

  /** Drops the socket and schedules the next attempt. */
  #lose(code: StateReasonCode, text: string, closeCode?: number, toldPause?: number): void {
    this.#dropSocket();
    const pause = this.#backoff.fail_(toldPause);
    this.#setTimer(pause, () => this.#retry("retry"));
    this.#become("unavailable", {
      code,
      text,
      ...(closeCode !== undefined && { closeCode }),
      retryIn: pause,
      retryAt: Date.now() + pause,
    });
  }

  /** Drops the socket and stays closed. */
  #end(code: StateReasonCode, text: string, closeCode?: number): void {
    this.#dropSocket();
    this.#watchBrowser(false);
    this.#become("closed", { code, text, ...(closeCode !== undefined && { closeCode }) });
  }

  #dropSocket(): void {
    const socket = this.#socket;
    this.#socket = this.socketId_ = undefined;
    clearTimeout(this.#timer);
    socket?.close(1000);
  }

  #retry(code: StateReasonCode): void {
    try {
      this.open_(code);
    } catch (cause) {
      const text = textOf(cause);
      this.#end("cannot_connect", text);
      this.#owner.report_(new HeraldError("cannot_connect", text, undefined, cause));
    }
  }

  #become(state: ConnectionState, reason: StateReason): void {
    const previous = this.state_;
    this.state_ = state;
    this.reason_ = reason;
    this.#owner.changed_({ state, previous, reason });
  }

  #setTimer(ms: number, callback: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(callback, ms);
  }

  /** Sends a ping or drops the connection, if either is due. */
  readonly #beat = (): void => {
    const { pingInterval_: interval, pongTimeout_: timeout } = this.#settings;
    const asked = this.#pings > 0;
    const waited = performance.now() - (asked ? this.#pingedAt : this.#heardAt);
    const wait = asked ? timeout : interval;
    if (waited < wait) {
      this.#setTimer(wait - waited, this.#beat);
    } else if (!asked || (this.#pings < 2 && isLate(this.#pingedAt, timeout))) {
      this.#ping();
    } else {
      this.#lose("no_pong", "the server did not answer a ping");
    }
  };

  #ping(): void {
    this.#pings++;
    this.#pingedAt = performance.now();
    this.#setTimer(this.#settings.pongTimeout_, this.#beat);
    this.send_('{"type":"ping"}');
  }

  #watchBrowser(on: boolean): void {
    const method = on ? "addEventListener" : "removeEventListener";
    globalThis[method]?.("online", this.#onBrowser);
    globalThis[method]?.("offline", this.#onBrowser);
    globalThis.document?.[method]("visibilitychange", this.#onBrowser);
  }

  /** The network or the visibility has changed: checks at once, without waiting for a timer. */
  readonly #onBrowser = ({ type }: Event): void => {
    if (type === "visibilitychange" && globalThis.document.hidden) return;
    if (this.state_ === "unavailable") {
      if (type !== "offline") this.#retry(type === "online" ? "online" : "visible");
    } else if (this.state_ === "connected") {
      if (this.#pings) this.#beat();
      else this.#ping();
    }
  };
}
