// SPDX-License-Identifier: Apache-2.0
//
// Real processes from the folder HERALD_BIN: an authorizer, a service and a gateway, on free ports.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const PATIENCE_MS = 60_000; // Far more than anything here takes.

/** The rules of channels: some have a history. */
const RULES = fileURLToPath(new URL("rules.json", import.meta.url));

export const bin = process.env.HERALD_BIN;
if (!bin) throw new Error("HERALD_BIN names no folder with Herald's programs");

const given = new Set();

/** Another one each time, from below the range in which the system chooses ports for others. */
async function freePort() {
  for (let i = 0; i < 100; i++) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    const probe = createServer();
    const isFree = await new Promise((resolve) => {
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree || given.has(port)) continue;  // A server listens there, or will.
    given.add(port);
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
  throw new Error("no free port");
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `condition` returns a true value, and returns that. Fails after a minute. */
export async function until(condition, what = condition) {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`never came true: ${what}`);
    await sleep(10);
  }
}

async function isReady(address) {
  try {
    return (await fetch(`http://${address}/readyz`)).ok;
  } catch {
    return false;
  }
}

export class Servers {
  #addresses = {};
  #processes = new Map();
  #log = [];

  static async start() {
    const servers = new Servers();
    for (const name of ["grpc", "metrics", "ws", "authorizer"]) {
      servers.#addresses[name] = `127.0.0.1:${await freePort()}`;
    }
    try {
      servers.#spawn("authorizer", "herald-example-authorizer", [
        `--address=${servers.#addresses.authorizer}`,
      ]);
      servers.startService();
      servers.startGateway();
      await servers.ready();
    } catch (error) {
      await servers.stop();
      throw new Error(`${error.message}\n${servers.#log.join("")}`);
    }
    return servers;
  }

  get url() {
    return `ws://${this.#addresses.ws}/ws`;
  }

  startService() {
    this.#spawn("service", "herald-service");
  }

  startGateway() {
    this.#spawn("gateway", "herald-gateway");
  }

  /** Waits until the service and the gateway report that they are ready. */
  async ready() {
    await until(() => isReady(this.#addresses.metrics), "the service is ready");
    await until(() => isReady(this.#addresses.ws), "the gateway is ready");
  }

  /** kill -9 or another signal, and waits for the end. */
  async kill(name, signal = "SIGKILL") {
    const child = this.#processes.get(name);
    this.#processes.delete(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }

  /** Has a process stand still, as a machine that has lost its network. */
  pause(name) {
    this.#processes.get(name).kill("SIGSTOP");
  }

  resume(name) {
    this.#processes.get(name).kill("SIGCONT");
  }

  async stop() {
    for (const name of [...this.#processes.keys()]) await this.kill(name);
  }

  /** Runs the command line: `herald broadcast news greeting {}`. Returns its output. */
  async herald(command, ...args) {
    const { grpc } = this.#addresses;
    const all = [command, `--address=${grpc}`, ...args];
    const { stdout } = await run(join(bin, "herald"), all, { env: this.#env() });
    return stdout;
  }

  #env() {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith("BROADCAST_"));
    return {
      ...Object.fromEntries(own),
      BROADCAST_AUTHORIZER: this.#addresses.authorizer,
      BROADCAST_CONFIG: RULES,
      BROADCAST_DRAIN_TIME: "1",
      BROADCAST_GRPC_ADDRESS: this.#addresses.grpc,
      BROADCAST_METRICS_ADDRESS: this.#addresses.metrics,
      BROADCAST_SERVICE: this.#addresses.grpc,
      BROADCAST_WS_ADDRESS: this.#addresses.ws,
    };
  }

  #spawn(name, program, args = []) {
    // It must not outlive this process, however that ends. In a folder without
    // an .env, which the programs would read.
    const command = ["--pdeathsig", "KILL", join(bin, program), ...args];
    const child = spawn("setpriv", command, {
      cwd: tmpdir(),
      env: this.#env(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.on("error", (error) => this.#log.push(`${error.message}\n`));
    child.stdout.on("data", (text) => this.#log.push(String(text)));
    child.stderr.on("data", (text) => this.#log.push(String(text)));
    this.#processes.set(name, child);
  }
}
