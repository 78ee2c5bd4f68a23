// SPDX-License-Identifier: Apache-2.0
//
// One room: its presence channel, its timeline and its typing notices.
//
// Nothing is lost between loading and listening: all is loaded after `subscribed`, and the timeline
// takes each message once, wherever it comes from. After a break, or another room, Herald recovers
// the missed messages; only if it cannot, all are loaded again.

import * as api from "./api.mjs";
import { person } from "./dom.mjs";
import { Timeline } from "./timeline.mjs";
import { TypingListener, TypingSpeaker } from "./typing.mjs";

const LOAD_AGAIN_AFTER = 1000; // Milliseconds.
const NOBODY = new Map();

export class Room {
  timeline = new Timeline();
  loaded = false;
  onChange = () => {};
  onNews = () => {}; // (message): a new one.
  onError = () => {}; // (HeraldError or ApiError)
  #herald;
  #me;
  #channel;
  #position; // In the channel's history, when we left the room.
  #typing = new TypingListener(() => this.onChange());
  #speaker = new TypingSpeaker((on) => this.#whisper(on));
  #known = 0; // The newest message from which on we may have missed some; undefined: none.
  #turn = 0; // Of loading: a newer one replaces the one before.
  #mustLoad = true; // Until it is done.
  #loadingOlder = false;

  constructor(name, herald, me) {
    this.name = name;
    this.#herald = herald;
    this.#me = me;
  }

  /** The members by user id; none while the room is not entered. */
  get members() {
    return this.#channel?.members ?? NOBODY;
  }

  get typing() {
    return this.#typing.userIds;
  }

  enter() {
    this.#channel = this.#herald.join(`chat-${this.name}`, { since: this.#position })
      .subscribed(({ recovered }) => this.#entered(recovered))
      .lost(() => this.lost()) // And `subscribed`, which loads.
      .here(() => this.onChange())
      .joining((member) => this.#note("joined", member))
      .leaving((member) => this.#note("left", member))
      .listen("message", (message) => this.#heard(message))
      .listenForWhisper("typing", (data, { userId }) => {
        this.#typing.heard(userId, data?.on === true);
      })
      .error((error) => {
        if (error.code === "unsubscribed") this.lost();
        this.onError(error);
      });
    this.onChange();
  }

  leave() {
    this.lost();
    this.#turn++;
    this.#speaker.stopped();
    this.#position = this.#channel.position;
    this.#channel.leave();
    this.#channel = undefined;
    this.#typing.clear();
  }

  /** From now on we may miss messages, until they are recovered or loaded. */
  lost() {
    this.#known ??= this.timeline.newest;
    this.#typing.clear();
  }

  /** Whispers that we are typing, or no longer. */
  typed(isTyping) {
    if (isTyping) this.#speaker.typed();
    else this.#speaker.stopped();
  }

  /** Posts; the page shows the message immediately, and then its state. */
  async say(text) {
    const key = Array.from(crypto.getRandomValues(new Uint8Array(16)),
      (byte) => byte.toString(16).padStart(2, "0")).join("");
    const message = { key, text, room: this.name, author: this.#me, sent: Date.now() };
    this.timeline.addPending(message);
    this.typed(false);
    this.onChange();
    await this.#post(message);
  }

  async retry(key) {
    const message = this.timeline.retry(key);
    this.onChange();
    if (message) await this.#post(message);
  }

  discard(key) {
    this.timeline.discard(key);
    this.onChange();
  }

  async loadOlder() {
    if (this.#loadingOlder || !this.timeline.more) return;
    this.#loadingOlder = true;
    try {
      const before = this.timeline.oldest;
      const page = await api.messages(this.name, before);
      if (before === this.timeline.oldest) this.timeline.loadOlder(page);
      this.onChange();
    } catch (error) {
      this.onError(error);
    } finally {
      this.#loadingOlder = false;
    }
  }

  /** Loads the messages, unless Herald recovers all missed ones. */
  #entered(recovered) {
    if (recovered && !this.#mustLoad) this.#known = undefined;
    else this.#load();
  }

  async #load() {
    this.#known ??= this.timeline.newest;
    this.#mustLoad = true;
    const turn = ++this.#turn;
    while (turn === this.#turn) {
      try {
        const page = await api.messages(this.name);
        if (turn !== this.#turn) return;
        this.timeline.load(page, this.#known);
        this.#known = undefined;
        this.#mustLoad = false;
        this.loaded = true;
        this.onChange();
        return;
      } catch (error) {
        if (turn === this.#turn) this.onError(error);
        await new Promise((resolve) => setTimeout(resolve, LOAD_AGAIN_AFTER));
      }
    }
  }

  async #post({ key, text }) {
    try {
      const answer = await api.say(this.name, text, key, this.#herald.socketId);
      this.timeline.confirm(answer.message, answer.delivered);
      this.onNews(answer.message);
    } catch (error) {
      this.timeline.fail(key, error.message);
      if (error.status === 401) this.onError(error); // Else the message itself shows it.
    }
    this.onChange();
  }

  #heard(message) {
    this.#typing.forget(message.author.id);
    if (this.timeline.add(message)) this.onNews(message);
    this.onChange();
  }

  #note(what, member) {
    if (what === "left") this.#typing.forget(member.id);
    this.timeline.note(what, person(member));
    this.onChange();
  }

  #whisper(on) {
    if (this.#channel?.state === "subscribed") this.#channel.whisper("typing", { on });
  }
}
