// The worker in `wrangler dev`: started, awaited, and ended with everything it started itself.
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

import { signalGroup, spawnGroup } from "./group.mjs";
import { Fault, Progress, paint, plain } from "./terminal.mjs";
import { ROOT } from "./toolchain.mjs";

const PATIENCE_WITH_THE_END = 5_000;
const BUILD = "[custom build] ";
const READY = /^\[wrangler:info\] Ready on (\S+)/;
// wrangler's line for each request, which would crowd the events out.
const REQUEST = /^\[wrangler:info\] [A-Z]+ \//;

export class DevServer {
  #child;
  #exit;
  #ready = Promise.withResolvers();
  #output = [];
  #progress = new Progress(
    "Building and starting the worker (the first time takes about two minutes)",
  );
  #stopping = false;

  /** Starts the worker with `vars`, at `port` or, without one, at a free port. */
  constructor(port, vars) {
    const args = ["dev", "--show-interactive-dev-session=false"];
    if (port) args.push("--port", port);
    for (const [name, value] of Object.entries(vars)) args.push("--var", `${name}:${value}`);
    this.#child = spawnGroup(join(ROOT, "node_modules", ".bin", "wrangler"), args, {
      cwd: ROOT,
      env: { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false" },
      lastSignal: "SIGKILL",
    });
    this.#exit = once(this.#child, "exit");
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => this.#show(plain(line)));
    }
    once(this.#child, "close").then(() => this.#ready.reject(new Fault(this.#complaint())));
  }

  /** The URL of the worker as soon as it serves; a fault when it does not come to that. */
  ready() {
    return this.#ready.promise.finally(() => this.#endProgress());
  }

  /** Resolves when the worker has ended, by itself or not. */
  get ended() {
    return this.#exit;
  }

  async stop() {
    this.#stopping = true;
    this.#endProgress();
    signalGroup(this.#child, "SIGTERM");
    await Promise.race([this.#exit, delay(PATIENCE_WITH_THE_END)]);
    // wrangler may be gone and something that it started not.
    signalGroup(this.#child, "SIGKILL");
  }

  // While it starts, the latest line is enough; later on, each one may matter: a build that
  // failed after an edit, or what the worker writes on its console.
  #show(line) {
    const url = line.match(READY)?.[1];
    if (url) this.#ready.resolve(url);
    if (this.#progress) {
      this.#output.push(line);
      this.#progress.show(line);
    } else if (!this.#stopping && !REQUEST.test(line)) {
      console.log(paint("dim", `  ${line}`));
    }
  }

  // When the build fails, wrangler adds a dump of its own; the compiler's words do.
  #complaint() {
    const buildFailed = this.#output.some((line) => line.includes("Running custom build"));
    const lines = this.#output.filter((line) => line.startsWith(BUILD) === buildFailed);
    const text = lines.map((line) => line.replace(BUILD, "")).join("\n");
    return `${text}\n\nThe worker does not start: fix what is said above, then run this again.`;
  }

  #endProgress() {
    this.#progress?.end();
    this.#progress = undefined;
  }
}
