// One of the two compared sides: a runtime with its Worker, and the load generator connected to it.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";

import { ScriptError } from "../scripts/terminal.mjs";
import { publishToken, PUBLISH_SECRET, tenantsWith } from "../tests/support/built_worker.mjs";
import { AUDIENCE, nodeFetch } from "../tests/support/issuer.mjs";
import { BareWorkerd } from "../tests/support/workerd.mjs";
import { Remote } from "./remote.mjs";

const FLOOR = {
  folder: fileURLToPath(new URL("floor", import.meta.url)),
  className: "Floor",
  binding: "FLOOR",
};
/** The unit of processor time in /proc: Linux counts 100 ticks a second (`getconf CLK_TCK`). */
const TICK_MS = 10;
const SETTLE_INTERVAL_MS = 60;
const SETTLE_TIMEOUT_MS = 5_000;

/** Creates the side of this project's Worker, with key sets from `issuer`. */
export const createOurs = (client, issuer) => {
  const TENANTS = tenantsWith({ acme: [issuer.issuer] });
  return new Side("ours", client, new BareWorkerd({ PUBLISH_SECRET, AUDIENCE, TENANTS }));
};

/** Creates the side of the floor. */
export const createFloor = (client) => new Side("floor", client, new BareWorkerd({}, FLOOR));

class Side {
  #client;
  #flood;
  #loadGenerator;
  #workerd;

  constructor(name, client, workerd) {
    this.name = name;
    this.#client = client;
    this.#workerd = workerd;
  }

  /** Starts the runtime. `startTime` is the time until its Durable Object has responded. */
  async start(...args) {
    const startedAt = performance.now();
    await this.#workerd.start(...args);
    const response = await nodeFetch(new URL("/acme/api/_debug", this.#workerd.url));
    await response.text();
    this.startTime = performance.now() - startedAt;
    if (response.status !== 200) {
      throw new ScriptError(`The Worker (${this.name}) responded with ${response.status}.`);
    }
  }

  connect(subscribers, { concurrency = 50, tokenOnUpgrade = false } = {}) {
    return this.#call("connect", { subscribers, concurrency, tokenOnUpgrade });
  }

  publish(records) {
    const events = records.map(({ log_id, data: { user_id } }) => ({ log_id, user_id }));
    const authorization = publishToken("acme.auth0.com");
    return this.#call("publish", { body: JSON.stringify(records), authorization, events });
  }

  disconnectAll() {
    return this.#call("disconnectAll");
  }

  #call(method, argument) {
    this.#loadGenerator ??= new Remote("LoadGenerator", this.#workerd.url.href, this.#client);
    return this.#request(this.#loadGenerator, method, argument);
  }

  /** Starts to send messages, see `Flood`. */
  startFlood(options) {
    this.#flood ??= new Remote("Flood", this.#workerd.url.href);
    return this.#request(this.#flood, "start", options);
  }

  stopFlood() {
    return this.#request(this.#flood, "stop");
  }

  async #request(remote, method, argument) {
    try {
      return await remote.call(method, argument);
    } catch (error) {
      const lastLogLine = this.#workerd.log.trim().split("\n").at(-1);
      throw new ScriptError(
        `The measurement failed (${this.name}): ${error.message}\n${lastLogLine}`,
      );
    }
  }

  /** Returns the runtime's processor time in milliseconds, or undefined without /proc. */
  cpu() {
    // The second field is the program's name in brackets, which may contain spaces.
    const fields = this.#readProc("stat")?.split(") ").at(-1).split(" ");
    return fields && (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  }

  /** Returns the runtime's resident memory in bytes, or undefined without /proc. */
  memory() {
    const kilobytes = this.#readProc("status")?.match(/^VmRSS:\s+(\d+) kB$/m)?.[1];
    return kilobytes && Number(kilobytes) * 1024;
  }

  #readProc(file) {
    try {
      return readFileSync(`/proc/${this.#workerd.pid}/${file}`, "utf8");
    } catch {
      return undefined;
    }
  }

  /** Waits until the runtime is idle: its processor time no longer grows. */
  async settle() {
    const deadline = performance.now() + SETTLE_TIMEOUT_MS;
    let used;
    do {
      used = this.cpu();
      await delay(SETTLE_INTERVAL_MS);
    } while (performance.now() < deadline && this.cpu() !== used);
  }

  async stop() {
    for (const remote of [this.#loadGenerator, this.#flood]) remote?.end();
    this.#loadGenerator = this.#flood = undefined;
    if (this.#workerd.pid) await this.#workerd.kill();
  }
}
