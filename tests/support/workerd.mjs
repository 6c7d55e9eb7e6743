// The built worker on the workerd binary alone, as a self-hoster runs it: no wrangler, no proxies,
// none of the platform's other services, and the network of this machine.
//
// Nothing here needs a test runner: the measurements in bench/ start it as well.
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

import { answers, Issuer, nodeFetch } from "./issuer.mjs";
import { BUILT_WORKER, ROOT, publishToken } from "./built_worker.mjs";

/** An issuer that listens: here the worker reaches out for itself. `close` ends it. */
export async function serveIssuer() {
  const server = createServer(async (request, response) => {
    const answer = await answers.keySet(issuer);
    const found = request.url === "/.well-known/jwks.json";
    response.writeHead(found ? 200 : 404).end(await answer.text());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = new Issuer(`http://127.0.0.1:${server.address().port}/`);
  return { issuer, close: () => server.close() };
}

/** The project's worker. */
const OURS = { folder: join(ROOT, BUILT_WORKER), className: "TenantHub", binding: "TENANT_HUB" };

/**
 * A worker with `vars` as its only bindings beside the objects: the project's, or whichever has
 * its index.js in `folder` and its objects' class under `className`.
 */
export class BareWorkerd {
  /** All that it has written. */
  log = "";
  #folder = mkdtempSync(join(tmpdir(), "session-events-test-"));
  #worker;
  #process;

  constructor(vars, worker = OURS) {
    cpSync(worker.folder, join(this.#folder, "worker"), { recursive: true });
    mkdirSync(join(this.#folder, "objects"));
    this.#worker = worker;
    this.configure(vars);
    process.on("exit", () => {
      this.#process?.kill("SIGKILL");
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  /** Has it run with these vars when it is started next. */
  configure(vars) {
    const text = configuration(this.#folder, vars, this.#worker);
    writeFileSync(join(this.#folder, "config.capnp"), text);
  }

  /** Starts it, on what an earlier run has left on the disk; `args` go to workerd as well. */
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
      assert.fail(`workerd does not start: ${this.log}`),
    );
    ended.catch(() => {});
    this.url = new URL(`http://127.0.0.1:${await Promise.race([listening, ended])}/`);
  }

  /** Publishes log records of a tenant, `acme` or `acme@us`, which must be taken. */
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

  /** The process that it runs in, once it was started. */
  get pid() {
    return this.#process?.pid;
  }

  /** Whether it was told to end, so that whatever it was doing may have come to nothing. */
  get isKilled() {
    return this.#process.killed;
  }

  /** Ends it at once, whatever it is doing; it has no say in the matter. */
  async kill() {
    const ended = once(this.#process, "exit");
    if (this.#process.kill("SIGKILL")) await ended;
  }
}

/** The port that a socket has been given, as workerd tells it among other things. */
async function portOf(socket, lines) {
  for await (const line of lines) {
    const said = JSON.parse(line);
    if (said.socket === socket) return said.port;
  }
  return new Promise(() => {});
}

function configuration(folder, vars, { className, binding }) {
  const used = readFileSync(join(folder, "worker/index.js"), "utf8");
  const wasm = readdirSync(join(folder, "worker")).filter(
    (file) => file.endsWith(".wasm") && used.includes(file),
  );
  const [, date] = readFileSync(join(ROOT, "wrangler.toml"), "utf8").match(
    /^compatibility_date = "(.+)"$/m,
  );
  const text = JSON.stringify;
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .sessionEvents),
    (name = "internet", network = (allow = ["local", "private", "public"], tlsOptions = (trustBrowserCas = true))),
    (name = "objects", disk = (path = ${text(join(folder, "objects"))}, writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const sessionEvents :Workerd.Worker = (
  compatibilityDate = ${text(date)},
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
    ${Object.entries(vars)
      .map(([name, value]) => `(name = ${text(name)}, text = ${text(value)}),`)
      .join("\n    ")}
  ],
);
`;
}
