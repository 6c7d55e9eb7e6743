// The built worker in workerd, with the production configuration.
//
// A test file calls `startWorker` at its top. When its tests are done, whatever was started is
// stopped, and it is a failure if the runtime logged an error or a part of a credential, or if the
// worker asked the outside for anything but a key set.
import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after } from "node:test";

import { createTestHarness } from "wrangler";

import { CONTROL, inRuntime } from "./altered_runtime.mjs";
import { BUILT_WORKER, PUBLISH_SECRET, ROOT } from "./built_worker.mjs";
import { nodeFetch, strayRequests } from "./issuer.mjs";
import { credentialsIn } from "./token.mjs";

export { BUILT_WORKER, PUBLISH_SECRET, ROOT } from "./built_worker.mjs";

process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
process.env.WRANGLER_SEND_METRICS = "false";

/** Where the live page is, as wrangler.toml says it. */
const CONSOLE = "build/console";

/**
 * Starts workerd; `vars` and `secrets` go on top of the production configuration, which
 * `configure` may change as text. `runtime` changes what the worker's objects run in, as
 * `inRuntime` tells. Errors that match one of `expectedErrors` are no failure.
 */
export async function startWorker({
  vars = {},
  secrets = { PUBLISH_SECRET },
  configure = (wranglerToml) => wranglerToml,
  runtime,
  expectedErrors = [],
} = {}) {
  const worker = new Worker({ vars, secrets, configure, runtime, expectedErrors });
  workers.push(worker);
  await worker.start();
  return worker;
}

const workers = [];

after(async () => {
  const errors = workers.flatMap((worker) => worker.unexpectedErrors());
  const log = workers.flatMap((worker) => worker.logs().map(({ message }) => message)).join("\n");
  await Promise.all(workers.map((worker) => worker.stop()));
  assert.deepEqual(errors, [], "the runtime logged errors");
  assert.deepEqual(credentialsIn(log), [], "the log holds parts of these credentials");
  assert.deepEqual(strayRequests, [], "the worker asked for more than key sets");
});

const TEMPORARY = tmpdir();

class Worker {
  #harness;
  #expectedErrors;
  /** Where this workerd has its configuration and its objects' databases. */
  #folder = mkdtempSync(join(TEMPORARY, "session-events-test-"));

  constructor({ vars, secrets, configure, runtime, expectedErrors }) {
    this.shards = Number(vars.SHARDS ?? 1);
    this.#expectedErrors = expectedErrors;
    if (!existsSync(join(ROOT, BUILT_WORKER, "index.js"))) {
      throw new Error(
        `There is no built worker in ${BUILT_WORKER}: run npm run deploy:dry-run first.`,
      );
    }
    process.on("exit", () => rmSync(this.#folder, { recursive: true, force: true }));
    // A copy, so that no .dev.vars of the developer's lies beside it.
    const configPath = join(this.#folder, "wrangler.toml");
    const wranglerToml = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
    writeFileSync(configPath, configure(wranglerToml).replace(CONSOLE, join(ROOT, CONSOLE)));
    const prebuiltWorkerDir = runtime ? this.#alter(runtime) : join(ROOT, BUILT_WORKER);
    this.#harness = createTestHarness({
      root: this.#folder,
      workers: [
        {
          configPath,
          env: "production",
          prebuiltWorkerDir,
          vars,
          secrets,
        },
      ],
    });
  }

  /** A copy of the built worker in another runtime. */
  #alter(runtime) {
    const folder = join(this.#folder, "altered");
    cpSync(join(ROOT, BUILT_WORKER), folder, { recursive: true });
    const index = join(folder, "index.js");
    writeFileSync(index, inRuntime(runtime, readFileSync(index, "utf8")));
    return folder;
  }

  async start() {
    process.env.TMPDIR = this.#folder;
    ({ url: this.url } = await this.#harness.listen());
  }

  /** Runs the same worker with other vars; what is stored stays. */
  async reconfigure(vars) {
    await this.#harness.update((options) => ({
      ...options,
      workers: options.workers.map((worker) => ({ ...worker, vars })),
    }));
    await this.start();
  }

  fetch(path, init) {
    return nodeFetch(new URL(path, this.url), { signal: AbortSignal.timeout(20_000), ...init });
  }

  /** The ids of the objects that exist. */
  objects() {
    return this.#harness.getWorker().listDurableObjectIds("TenantHub");
  }

  /** The tenant's object, seen from below. */
  hub(domain) {
    const worker = this.#harness.getWorker();
    const evict = () =>
      worker.evictDurableObject("TenantHub", { name: domain, webSockets: "hibernate" });
    return {
      /** Throws the running object out of memory; its sockets and its rows stay. */
      evict,
      /** The same, and tells whether there was anything to throw out. */
      evictIfRunning: () =>
        evict().then(
          () => true,
          (error) => {
            if (/not currently running/.test(error.message)) return false;
            throw error;
          },
        ),
      /**
       * What is known of the object's surroundings, and `changes` to them; of a worker that runs
       * in a `runtime`.
       */
      control: async (changes) => {
        const { TENANT_HUB } = await worker.getEnv();
        const init = changes && { method: "POST", body: JSON.stringify(changes) };
        const response = await TENANT_HUB.getByName(domain).fetch(CONTROL, init);
        return response.json();
      },
      /**
       * Runs SQL on the object's database file, from outside the object; what is changed counts
       * for an object that is evicted before and started after.
       */
      sql: async (query, ...bindings) => {
        const { TENANT_HUB } = await worker.getEnv();
        const id = TENANT_HUB.idFromName(domain).toString();
        const [file] = globSync(join(this.#folder, `miniflare-*/do/*-TenantHub/${id}.sqlite`));
        assert.ok(file, `there is no object named ${domain}`);
        const database = new DatabaseSync(file);
        try {
          return database.prepare(query).all(...bindings);
        } finally {
          database.close();
        }
      },
    };
  }

  logs() {
    return this.#harness.getLogs();
  }

  unexpectedErrors() {
    const expected = (message) => this.#expectedErrors.some((pattern) => pattern.test(message));
    return this.logs().filter(({ level, message }) => level === "error" && !expected(message));
  }

  stop() {
    return this.#harness.close();
  }
}
