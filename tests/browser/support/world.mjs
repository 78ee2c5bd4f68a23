// SPDX-License-Identifier: Apache-2.0
//
// A service, a gateway and the chat, as real processes on ports of their own, and Chromium.

import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { launch } from "./chromium.mjs";
import { freePort, PATIENCE, Process } from "./processes.mjs";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CHAT = join(ROOT, "clients/examples/chat/server.py");
const RULES = join(ROOT, "clients/examples/chat/channels.json");
const ROOMS = ["general", "design", "launch", "coffee"]; // Those that the chat begins with.
export const BUNDLE = process.env.HERALD_CLIENT ||
  join(ROOT, "clients/typescript/dist/herald.min.js");

export class World {
  errors = [];  // Errors on any page.
  #env = Object.fromEntries(Object.entries(process.env).filter(
    ([name]) => !/^(BROADCAST|CHAT)_/.test(name)));
  #ports;

  /** `chat` is the program that serves the chat, with its arguments. */
  static async start(chat = [CHAT]) {
    const world = new World();
    try {
      await world.#start(chat);
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  async #start(chat) {
    const [service, gateway, web, authorizer] =
      await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    this.#ports = { service, gateway, authorizer };
    this.url = `http://127.0.0.1:${web}/`;
    this.websocket = `ws://127.0.0.1:${gateway}/ws`;
    this.chat = new Process("/usr/bin/python3", [...chat,
      `--address=127.0.0.1:${web}`, `--authorizer-address=127.0.0.1:${authorizer}`,
      `--service=127.0.0.1:${service}`, `--websocket=${this.websocket}`,
      `--client=${BUNDLE}`], this.#env);
    this.browser = await launch();
    await Promise.all([this.startService(), this.startGateway(), this.chat.line(/is ready/)]);
    await this.isReady();
  }

  async startService() {
    this.service = this.#program("herald-service", {
      grpc_address: `127.0.0.1:${this.#ports.service}`, metrics_address: "127.0.0.1:0",
      authorizer: `127.0.0.1:${this.#ports.authorizer}`, authorizer_timeout: 10,
      config: RULES });
    await this.service.line(/what=grpc address=/);
  }

  async startGateway() {
    this.gateway = this.#program("herald-gateway", {
      ws_address: `127.0.0.1:${this.#ports.gateway}`,
      service: `127.0.0.1:${this.#ports.service}` });
    await this.gateway.line(/what=ws address=/);
  }

  /** Waits until `/readyz` of the gateway is 200: its service answers. */
  async isReady() {
    const url = `http://127.0.0.1:${this.#ports.gateway}/readyz`;
    const deadline = performance.now() + PATIENCE;
    while (performance.now() < deadline) {
      const response = await fetch(url).catch(() => undefined);
      if (response?.ok) return;
      await pause(50);
    }
    throw new Error("the gateway was not ready in time");
  }

  /** Runs the command line against the service; returns its exit code. */
  herald(...args) {
    return this.#command(...args).ended();
  }

  /**
   * Closes all pages, and waits until Herald has no subscriptions and the chat's own rooms have no
   * members: those of a gateway that was killed stay for two seconds. No page may have had an error.
   */
  async goHome() {
    await Promise.all(this.browser.contexts().map((context) => context.close()));
    await this.#says(/"channel_count":0,/, "stats");
    for (const room of ROOMS) await this.#says(/"members":\[\]/, "members", `presence-chat-${room}`);
    assert.deepEqual(this.errors.splice(0), []);
  }

  /** Ends all processes; the chat must exit with 0. */
  async stop() {
    await this.browser?.close();
    const code = await this.chat?.end("SIGTERM");
    await this.gateway?.end();
    await this.service?.end();
    if (code) throw new Error(`the chat has ended with ${code}`);
  }

  /** Waits until the command line prints a line that matches. */
  async #says(pattern, ...args) {
    const deadline = performance.now() + PATIENCE;
    let last;
    while (!pattern.test(last = await this.#command(...args, "--json").line(/^\{/))) {
      if (performance.now() > deadline) throw new Error(`not empty in time: ${last}`);
      await pause(20);
    }
  }

  #command(...args) {
    return new Process(join(process.env.HERALD_BIN, "herald"),
      [...args, `--address=127.0.0.1:${this.#ports.service}`], this.#env);
  }

  #program(name, flags) {
    return new Process(join(process.env.HERALD_BIN, name),
      Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`), this.#env);
  }
}
