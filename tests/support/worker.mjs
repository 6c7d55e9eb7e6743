// Runs the built Worker in workerd with the production configuration.
//
// A test file calls `startWorker` at its top level. After its tests, every Worker is stopped. The
// file fails if the runtime logged an unexpected error, if a log contains a part of a credential,
// or if a Worker requested anything but a key set.
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

import { CONTROL_URL, instrument } from "./instrumented_runtime.mjs";
import { BUILT_WORKER, PUBLISH_SECRET, ROOT } from "./built_worker.mjs";
import { AUDIENCE, nodeFetch, unexpectedRequests } from "./issuer.mjs";
import { credentialsIn } from "./token.mjs";

export { BUILT_WORKER, PUBLISH_SECRET, ROOT, tenantsWith } from "./built_worker.mjs";

process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
process.env.WRANGLER_SEND_METRICS = "false";

/** The path of the console's assets in wrangler.toml. */
const CONSOLE_ASSETS = "build/console";

/** The variables that the production configuration lacks. Every tenant is served. */
const REQUIRED_VARIABLES = { AUDIENCE, TENANTS: "*" };

/**
 * Starts the Worker. `vars` and `secrets` are added to the production configuration, which has no
 * variables of its own, and to the required variables. A variable that is `null` is removed.
 * `configure` may change the text of wrangler.toml. `runtime` wraps the Durable Objects, see
 * `instrument`. Logged errors that match one of `expectedErrors` do not fail the test file.
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
  assert.deepEqual(credentialsIn(log), [], "the log contains parts of these credentials");
  assert.deepEqual(unexpectedRequests, [], "the Worker requested more than key sets");
});

const TEMPORARY = tmpdir();

let lastStart = Promise.resolve();

/**
 * Calls `start` when the previous call has ended. The runtime puts its databases into TMPDIR, which
 * all Workers of the process share, so two Workers that start at once would share a folder.
 */
function inOrder(start) {
  const started = lastStart.then(start);
  lastStart = started.catch(() => {});
  return started;
}

class Worker {
  #harness;
  #expectedErrors;
  /** The folder of this workerd's configuration and databases. */
  #folder = mkdtempSync(join(TEMPORARY, "session-events-test-"));

  constructor({ vars, secrets, configure, runtime, expectedErrors }) {
    this.shards = Number(vars.SHARDS ?? 1);
    this.#expectedErrors = expectedErrors;
    if (!existsSync(join(ROOT, BUILT_WORKER, "index.js"))) {
      throw new Error(`${BUILT_WORKER} contains no built Worker: run npm run bundle first.`);
    }
    process.on("exit", () => rmSync(this.#folder, { recursive: true, force: true }));
    // wrangler would also load a .dev.vars file that is next to the original.
    const configPath = join(this.#folder, "wrangler.toml");
    const wranglerToml = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
    writeFileSync(
      configPath,
      configure(wranglerToml).replace(CONSOLE_ASSETS, join(ROOT, CONSOLE_ASSETS)),
    );
    const prebuiltWorkerDir = runtime ? this.#instrument(runtime) : join(ROOT, BUILT_WORKER);
    this.#harness = createTestHarness({
      root: this.#folder,
      workers: [
        {
          configPath,
          env: "production",
          prebuiltWorkerDir,
          vars: { ...REQUIRED_VARIABLES, ...vars },
          secrets,
        },
      ],
    });
  }

  /** Copies the built Worker and instruments the copy. */
  #instrument(runtime) {
    const folder = join(this.#folder, "instrumented");
    cpSync(join(ROOT, BUILT_WORKER), folder, { recursive: true });
    const index = join(folder, "index.js");
    writeFileSync(index, instrument(runtime, readFileSync(index, "utf8")));
    return folder;
  }

  async start() {
    this.url = await inOrder(async () => {
      process.env.TMPDIR = this.#folder;
      const { url } = await this.#harness.listen();
      return url;
    });
  }

  /** Restarts the Worker with other variables besides the required ones, and keeps its storage. */
  async reconfigure(otherVars) {
    const vars = { ...REQUIRED_VARIABLES, ...otherVars };
    await this.#harness.update((options) => ({
      ...options,
      workers: options.workers.map((worker) => ({ ...worker, vars })),
    }));
    await this.start();
  }

  fetch(path, init) {
    return nodeFetch(new URL(path, this.url), { signal: AbortSignal.timeout(20_000), ...init });
  }

  /** Returns the ids of all existing objects. */
  objects() {
    return this.#harness.getWorker().listDurableObjectIds("TenantHub");
  }

  /** Direct access to the tenant object of this name. */
  tenantObject(name) {
    const worker = this.#harness.getWorker();
    const evict = () => worker.evictDurableObject("TenantHub", { name, webSockets: "hibernate" });
    return {
      /** Evicts the running object from memory and keeps its sockets and rows. */
      evict,
      /** Evicts the object if it is running, and returns whether it was. */
      evictIfRunning: () =>
        evict().then(
          () => true,
          (error) => {
            if (/not currently running/.test(error.message)) return false;
            throw error;
          },
        ),
      /** Returns the controls of an instrumented object after applying `changes`. */
      control: async (changes) => {
        const { TENANT_HUB } = await worker.getEnv();
        const init = changes && { method: "POST", body: JSON.stringify(changes) };
        const response = await TENANT_HUB.getByName(name).fetch(CONTROL_URL, init);
        return response.json();
      },
      /**
       * Runs SQL on the object's database file from outside the object. Evict the object before a
       * change, because a running object does not see it.
       */
      sql: async (query, ...bindings) => {
        const { TENANT_HUB } = await worker.getEnv();
        const id = TENANT_HUB.idFromName(name).toString();
        const files = globSync(join(this.#folder, `miniflare-*/do/*-TenantHub/${id}.sqlite`));
        assert.equal(files.length, 1, `databases of the object ${name}`);
        const [file] = files;
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
