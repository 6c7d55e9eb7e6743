// One of the two sides that are compared: a runtime with its worker, and the crowd at it.
import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";

import { ScriptError } from "../scripts/terminal.mjs";
import { publishToken, PUBLISH_SECRET } from "../tests/support/built_worker.mjs";
import { nodeFetch } from "../tests/support/issuer.mjs";
import { BareWorkerd } from "../tests/support/workerd.mjs";

const FLOOR = {
  folder: fileURLToPath(new URL("floor", import.meta.url)),
  className: "Floor",
  binding: "FLOOR",
};
const CROWD = fileURLToPath(new URL("crowd_process.mjs", import.meta.url));
/** The length of the ticks in which Linux counts a process's time (`getconf CLK_TCK` is 100). */
const TICK_MS = 10;
const SETTLING_MS = 60;
const SETTLED_AT_THE_LATEST_MS = 5_000;

/** The project's worker, which fetches its keys at `issuer`; listeners are by `client`. */
export const ours = (client, issuer) => {
  const ISSUERS = JSON.stringify({ acme: [{ issuer: issuer.issuer }] });
  return new Side("ours", client, new BareWorkerd({ PUBLISH_SECRET, ISSUERS }));
};

/** The floor. */
export const floor = (client) => new Side("floor", client, new BareWorkerd({}, FLOOR));

export class Side {
  #answered;
  #client;
  #crowd;
  #workerd;

  constructor(name, client, workerd) {
    this.name = name;
    this.#client = client;
    this.#workerd = workerd;
  }

  /** Starts the runtime, and notes in `startedIn` how long its object took to answer. */
  async start(...args) {
    const began = performance.now();
    await this.#workerd.start(...args);
    const response = await nodeFetch(new URL("/acme/api/_debug", this.#workerd.url));
    await response.text();
    const took = performance.now() - began;
    if (response.status !== 200) throw new ScriptError(`${this.name} answers ${response.status}`);
    this.startedIn = took;
  }

  /** The process of the crowd, which comes when it is first needed. */
  #gather() {
    this.#crowd = fork(CROWD, [this.#workerd.url.href, this.#client]);
    this.#crowd.on("message", (answer) => this.#answered(answer));
    this.#crowd.on("exit", () => this.#answered?.({ error: "its crowd has died" }));
  }

  join(listeners, { atOnce = 50, onUpgrade = false } = {}) {
    return this.#call("join", { listeners, atOnce, onUpgrade });
  }

  publish(records) {
    const events = records.map(({ log_id, data: { user_id } }) => ({ log_id, user_id }));
    const authorization = publishToken("acme.auth0.com");
    return this.#call("publish", { body: JSON.stringify(records), authorization, events });
  }

  leave() {
    return this.#call("leave");
  }

  async #call(method, argument) {
    const { promise, resolve } = Promise.withResolvers();
    this.#answered = resolve;
    if (!this.#crowd) this.#gather();
    this.#crowd.send({ method, argument });
    const { value, error } = await promise;
    if (error) {
      const said = this.#workerd.log.trim().split("\n").at(-1);
      throw new ScriptError(`It could not be measured (${this.name}): ${error}\n${said}`);
    }
    return value;
  }

  /** The milliseconds of processor time that the runtime has used; nothing without /proc. */
  cpu() {
    // The name of the program, in brackets, may hold spaces.
    const fields = this.#proc("stat")?.split(") ").at(-1).split(" ");
    return fields && (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  }

  /** The bytes of memory that the runtime holds; nothing without /proc. */
  memory() {
    const kilobytes = this.#proc("status")?.match(/^VmRSS:\s+(\d+) kB$/m)?.[1];
    return kilobytes && Number(kilobytes) * 1024;
  }

  #proc(file) {
    try {
      return readFileSync(`/proc/${this.#workerd.pid}/${file}`, "utf8");
    } catch {
      return undefined;
    }
  }

  /** Waits until the runtime has done what it had still to do. */
  async settle() {
    const deadline = performance.now() + SETTLED_AT_THE_LATEST_MS;
    let used;
    do {
      used = this.cpu();
      await delay(SETTLING_MS);
    } while (performance.now() < deadline && this.cpu() !== used);
  }

  async stop() {
    if (this.#crowd?.connected) this.#crowd.disconnect();
    this.#crowd = undefined;
    if (this.#workerd.pid) await this.#workerd.kill();
  }
}
