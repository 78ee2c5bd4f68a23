// SPDX-License-Identifier: Apache-2.0
//
// Asks the application for credentials: once for all channels that are due in one turn of the event
// loop, or once for each. Each question gets exactly one answer, even if the application fails.

import { AuthorizeError, type AuthorizeErrorCode, SubscriptionError, textOf } from "./errors.js";
import type { Recover } from "./history.js";
import type { Credentials, Settings } from "./options.js";
import { isLate } from "./patience.js";

/** @internal */
export interface Question {
  channel_: string;
  socketId_: string;
  recover_: Recover;
  /** Whether the answer is still needed. */
  isOpen_(): boolean;
  /** Called with the `subscribe` to send, or with an error, if `isOpen_()`. */
  answer_(answer: string | AuthorizeError | SubscriptionError): void;
}

/** Returns the message to send. Throws if the credentials are invalid. */
function encode({ channel_: channel, recover_: recover }: Question, credentials: Credentials) {
  const given = typeof credentials === "string" ? { auth: credentials } : credentials;
  const { auth, channelData } = given as { auth?: unknown; channelData?: unknown };
  const isObject = typeof given === "object" && !Array.isArray(given);
  if (!isObject || (auth !== undefined && typeof auth !== "string")) {
    throw new TypeError("credentials are a string, or an object with `auth` and `channelData`");
  }
  if (channelData !== undefined && !/object|string/.test(typeof channelData)) {
    throw new TypeError("`channelData` is an object, or a string that holds one");
  }
  return JSON.stringify({ type: "subscribe", channel, auth, channel_data: channelData, recover });
}

/** @internal */
export class Authorization {
  readonly #settings: Settings;
  #due: Question[] = [];

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Puts a question, together with the others of this turn. */
  ask_(question: Question): void {
    if (this.#due.push(question) === 1) queueMicrotask(() => this.#askAll());
  }

  #askAll(): void {
    const { authorize_: authorize, authorizeAll_: authorizeAll } = this.#settings;
    const due = this.#due.filter((question) => question.isOpen_());
    this.#due = [];
    const [first] = due;
    if (!first) return;
    if (authorizeAll) {
      const channels = due.map((question) => question.channel_);
      this.#put(due, () => authorizeAll(channels, first.socketId_), true);
    } else {
      for (const question of due) {
        this.#put([question], () => authorize?.(question.channel_, question.socketId_));
      }
    }
  }

  #put(questions: Question[], ask: () => unknown, isMap?: boolean): void {
    const timeout = this.#settings.authorizeTimeout_;
    const answer = (read: (question: Question) => ReturnType<typeof readCredentials>) => {
      clearTimeout(timer);
      for (const question of questions.splice(0)) {
        if (question.isOpen_()) question.answer_(read(question));
      }
    };
    const since = performance.now();
    const giveUp = () =>
      answer(failure("authorize_timeout", `no credentials within ${timeout} ms`));
    let timer = setTimeout(() => {
      if (isLate(since, timeout)) timer = setTimeout(giveUp, timeout);
      else giveUp();
    }, timeout);
    new Promise((resolve) => resolve(ask())).then(
      (given) => answer((question) => readCredentials(question, given, isMap)),
      (cause) => answer(failure("authorize_failed", `no credentials: ${textOf(cause)}`, cause)),
    );
  }
}

const failure =
  (code: AuthorizeErrorCode, reason: string, cause?: unknown) =>
  ({ channel_: channel }: Question) =>
    new AuthorizeError(code, reason, channel, cause);

function readCredentials(question: Question, given: any, isMap?: boolean) {
  const channel = question.channel_;
  try {
    if (isMap && (typeof given !== "object" || !given)) {
      throw new TypeError("the answer is an object with credentials for each channel");
    }
    const credentials = isMap ? given[channel] : given;
    return credentials == null
      ? new SubscriptionError("unauthorized", "the application gives no credentials", channel)
      : encode(question, credentials);
  } catch (cause) {
    return failure("authorize_invalid", `bad credentials: ${textOf(cause)}`, cause)(question);
  }
}
