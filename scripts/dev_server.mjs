// Runs the Worker in `wrangler dev`.
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

import { signalGroup, spawnGroup } from "./process_group.mjs";
import { Progress, ScriptError, paint, stripColours } from "./terminal.mjs";
import { ROOT } from "./toolchain.mjs";

const STOP_TIMEOUT_MS = 5_000;
const BUILD_PREFIX = "[custom build] ";
const READY = /^\[wrangler:info\] Ready on (\S+)/;
// wrangler prints a line for each request. They are hidden, so that the events remain readable.
const REQUEST = /^\[wrangler:info\] [A-Z]+ \//;

export class DevServer {
  #child;
  #exit;
  #ready = Promise.withResolvers();
  #output = [];
  #progress = new Progress(
    "Building and starting the Worker (the first time takes about two minutes)",
  );
  #stopping = false;

  /** Starts the Worker with the variables `vars`, on `port` or, if that is not given, a free port. */
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
      createInterface({ input: stream }).on("line", (line) => this.#onLine(stripColours(line)));
    }
    once(this.#child, "close").then(() => this.#ready.reject(this.#startError()));
  }

  /** Resolves to the Worker's URL when it accepts requests. Rejects if wrangler exits before that. */
  ready() {
    return this.#ready.promise.finally(() => this.#endProgress());
  }

  /** Resolves when wrangler has exited for any reason. */
  get ended() {
    return this.#exit;
  }

  async stop() {
    this.#stopping = true;
    this.#endProgress();
    signalGroup(this.#child, "SIGTERM");
    await Promise.race([this.#exit, delay(STOP_TIMEOUT_MS)]);
    // Processes that wrangler started can outlive it.
    signalGroup(this.#child, "SIGKILL");
  }

  // During start-up only the latest line is shown. Later every line is printed, because it may be
  // a failed rebuild or a message that the Worker logged.
  #onLine(line) {
    const url = line.match(READY)?.[1];
    if (url) this.#ready.resolve(url);
    if (this.#progress) {
      this.#output.push(line);
      this.#progress.show(line);
    } else if (!this.#stopping && !REQUEST.test(line)) {
      console.log(paint("dim", `  ${line}`));
    }
  }

  // After a failed build, only the compiler's output is shown, not the stack trace that wrangler
  // prints as well.
  #startError() {
    const buildFailed = this.#output.some((line) => line.includes("Running custom build"));
    const lines = this.#output.filter((line) => line.startsWith(BUILD_PREFIX) === buildFailed);
    const output = lines.map((line) => line.replace(BUILD_PREFIX, "")).join("\n");
    return new ScriptError(
      `${output}\n\nThe Worker does not start: fix the problem above, then run this again.`,
    );
  }

  #endProgress() {
    this.#progress?.end();
    this.#progress = undefined;
  }
}
