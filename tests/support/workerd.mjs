// Runs the built Worker on the workerd binary alone, as a self-hoster does: without wrangler and the
// other services of the platform, and on the network of this machine.
//
// This module needs no test runner, because the benchmarks in bench/ use it too.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { keySetResponses, Issuer, nodeFetch } from "./issuer.mjs";
import { BUILT_WORKER, ROOT, publishToken } from "./built_worker.mjs";

/** Starts an issuer that serves its key set over HTTP. `close` stops it. */
export async function serveIssuer() {
  const server = createServer(async (request, response) => {
    const keySet = await keySetResponses.keySet(issuer);
    const found = request.url === "/.well-known/jwks.json";
    response.writeHead(found ? 200 : 404).end(await keySet.text());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = new Issuer(`http://127.0.0.1:${server.address().port}/`);
  return { issuer, close: () => server.close() };
}

/** The Worker of this project. */
const SESSION_EVENTS = {
  folder: join(ROOT, BUILT_WORKER),
  className: "TenantHub",
  binding: "TENANT_HUB",
};

/**
 * A Worker with `vars` as its only bindings besides the Durable Object namespace. By default it is
 * the Worker of this project; otherwise `worker` names the folder of index.js, the class of its
 * Durable Objects and their binding. With a `metricsPort`, the binding METRICS sends its data points
 * to an HTTP server on that port; workerd then needs the argument `--experimental`.
 */
export class BareWorkerd {
  /** Everything that workerd has written. */
  log = "";
  #folder = mkdtempSync(join(tmpdir(), "session-events-test-"));
  #worker;
  #metricsPort;
  #process;

  constructor(vars, worker = SESSION_EVENTS, { metricsPort } = {}) {
    cpSync(worker.folder, join(this.#folder, "worker"), { recursive: true });
    mkdirSync(join(this.#folder, "objects"));
    this.#worker = worker;
    this.#metricsPort = metricsPort;
    this.configure(vars);
    process.on("exit", () => {
      this.#process?.kill("SIGKILL");
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  /** Sets the variables for the next start. */
  configure(vars) {
    const text = configuration(this.#folder, vars, this.#worker, this.#metricsPort);
    writeFileSync(join(this.#folder, "config.capnp"), text);
  }

  /** Starts workerd on the storage of earlier runs, with additional arguments. */
  async start(...args) {
    this.#process = spawn(
      join(ROOT, "node_modules/.bin/workerd"),
      ["serve", join(this.#folder, "config.capnp"), "--control-fd=3", ...args],
      { stdio: ["ignore", "pipe", "pipe", "pipe"] },
    );
    const { stdout, stderr, stdio } = this.#process;
    for (const stream of [stdout, stderr]) stream.on("data", (data) => (this.log += data));
    const listening = portOf("http", createInterface({ input: stdio[3] }));
    const ended = once(this.#process, "exit").then(() =>
      assert.fail(`workerd did not start: ${this.log}`),
    );
    ended.catch(() => {});
    this.url = new URL(`http://127.0.0.1:${await Promise.race([listening, ended])}/`);
  }

  /** Publishes log records of a tenant (`acme` or `acme@us`) and returns the counts. */
  async publish(tenant, ...records) {
    const response = await nodeFetch(new URL(`/${tenant}/api/publish`, this.url), {
      method: "POST",
      headers: { authorization: publishToken(`${tenant.replace("@", ".")}.auth0.com`) },
      body: JSON.stringify(records),
    });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text);
  }

  /** The process id of the running workerd. */
  get pid() {
    return this.#process?.pid;
  }

  /** True once `kill` was called, after which requests may fail. */
  get isKilled() {
    return this.#process.killed;
  }

  /** Kills the process without a shutdown. */
  async kill() {
    const ended = once(this.#process, "exit");
    if (this.#process.kill("SIGKILL")) await ended;
  }
}

/** Reads the port of a socket from the messages on workerd's control channel. */
async function portOf(socket, lines) {
  for await (const line of lines) {
    const message = JSON.parse(line);
    if (message.socket === socket) return message.port;
  }
  return new Promise(() => {});
}

function configuration(folder, vars, { className, binding }, metricsPort) {
  const index = readFileSync(join(folder, "worker/index.js"), "utf8");
  const wasm = readdirSync(join(folder, "worker")).filter(
    (file) => file.endsWith(".wasm") && index.includes(file),
  );
  const settings = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
  const [, date] = settings.match(/^compatibility_date = "(.+)"$/m);
  const [, flags] = settings.match(/^compatibility_flags = (\[.*\])$/m);
  const text = JSON.stringify;
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .sessionEvents),
    (name = "internet", network = (allow = ["local", "private", "public"], tlsOptions = (trustBrowserCas = true))),
    ${metricsPort ? `(name = "metrics", external = (address = "127.0.0.1:${metricsPort}", http = ())),` : ""}
    (name = "objects", disk = (path = ${text(join(folder, "objects"))}, writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const sessionEvents :Workerd.Worker = (
  compatibilityDate = ${text(date)},
  compatibilityFlags = ${flags},
  modules = [
    (name = "index.js", esModule = embed "worker/index.js"),
    ${wasm.map((file) => `(name = ${text(file)}, wasm = embed "worker/${file}"),`).join("\n    ")}
  ],
  durableObjectNamespaces = [
    (className = ${text(className)}, uniqueKey = ${text(className)}, enableSql = true),
  ],
  durableObjectStorage = (localDisk = "objects"),
  bindings = [
    (name = ${text(binding)}, durableObjectNamespace = ${text(className)}),
    ${metricsPort ? `(name = "METRICS", analyticsEngine = "metrics"),` : ""}
    ${Object.entries(vars)
      .map(([name, value]) => `(name = ${text(name)}, text = ${text(value)}),`)
      .join("\n    ")}
  ],
);
`;
}
