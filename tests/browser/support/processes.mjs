// SPDX-License-Identifier: Apache-2.0
//
// Processes with lines that can be waited for, which end with the test.

import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

export const PATIENCE = 30_000; // Milliseconds for any one wait.

export class Process {
  #child;
  #lines = [];
  #waiting = new Set();
  #ended;

  /** Starts a program; the kernel ends it if we are killed. */
  constructor(program, args, env) {
    this.#child = spawn("setpriv", ["--pdeathsig", "KILL", program, ...args], {
      env, stdio: ["ignore", "pipe", "pipe"] });
    this.#ended = new Promise((resolve) => this.#child.once("close", resolve));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => this.#heard(line));
    }
    this.#ended.then(() => this.#heard(undefined));
  }

  /** The first line that matches, also of those that have come already. */
  async line(pattern) {
    const found = this.#lines.find((line) => pattern.test(line));
    if (found) return found;
    return new Promise((resolve, reject) => {
      const wait = { pattern, resolve, reject: (why) => {
        clearTimeout(timer);
        this.#waiting.delete(wait);
        reject(new Error(`${why} and no ${pattern} in:\n${this.#lines.join("\n")}`));
      } };
      const timer = setTimeout(() => wait.reject("too late"), PATIENCE);
      wait.resolve = (line) => {
        clearTimeout(timer);
        this.#waiting.delete(wait);
        resolve(line);
      };
      this.#waiting.add(wait);
    });
  }

  /** Its exit code, or the signal's name, when it has ended. */
  async ended() {
    await this.#ended;
    return this.#child.exitCode ?? this.#child.signalCode;
  }

  /** Ends it and returns its exit code, or the signal's name. */
  async end(signal = "SIGKILL") {
    this.#child.kill(signal);
    return this.ended();
  }

  #heard(line) {
    if (line !== undefined) this.#lines.push(line);
    for (const wait of [...this.#waiting]) {
      if (line === undefined) wait.reject("it has ended");
      else if (wait.pattern.test(line)) wait.resolve(line);
    }
  }
}

/** A port from below the range in which the system chooses ports for others. */
export async function freePort() {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 12000 + Math.floor(Math.random() * 20000);
    const probe = createServer();
    const isFree = await new Promise((resolve) => {
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
  throw new Error("no free port");
}
