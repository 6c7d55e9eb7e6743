// The built worker on the workerd binary alone, as a self-hoster runs it: no wrangler, no proxies,
// none of the platform's other services, and the network of this machine.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { BUILT_WORKER, ROOT } from "./worker.mjs";

/** Starts it with `vars` as its only bindings beside the objects; gives its URL, its log, and `stop`. */
export async function startBareWorkerd(vars) {
  const folder = mkdtempSync(join(tmpdir(), "session-events-test-"));
  cpSync(join(ROOT, BUILT_WORKER), join(folder, "worker"), { recursive: true });
  mkdirSync(join(folder, "objects"));
  writeFileSync(join(folder, "config.capnp"), configuration(folder, vars));

  const workerd = spawn(
    join(ROOT, "node_modules/.bin/workerd"),
    ["serve", join(folder, "config.capnp"), "--control-fd=3"],
    { stdio: ["ignore", "pipe", "pipe", "pipe"] },
  );
  const end = () => workerd.kill("SIGKILL");
  process.on("exit", end);
  let log = "";
  for (const stream of [workerd.stdout, workerd.stderr]) stream.on("data", (data) => (log += data));

  const listening = once(workerd.stdio[3], "data").then(([line]) => JSON.parse(line).port);
  const ended = once(workerd, "exit").then(() => {
    throw new Error(`workerd ended: ${log}`);
  });
  const port = await Promise.race([listening, ended]);
  return {
    url: new URL(`http://127.0.0.1:${port}/`),
    log: () => log,
    async stop() {
      ended.catch(() => {});
      end();
      await ended.catch(() => {});
      process.off("exit", end);
      rmSync(folder, { recursive: true });
    },
  };
}

function configuration(folder, vars) {
  const used = readFileSync(join(folder, "worker/index.js"), "utf8");
  const wasm = readdirSync(join(folder, "worker")).filter((file) => file.endsWith(".wasm") && used.includes(file));
  const [, date] = readFileSync(join(ROOT, "wrangler.toml"), "utf8").match(/^compatibility_date = "(.+)"$/m);
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
  durableObjectNamespaces = [(className = "TenantHub", uniqueKey = "TenantHub", enableSql = true)],
  durableObjectStorage = (localDisk = "objects"),
  bindings = [
    (name = "TENANT_HUB", durableObjectNamespace = "TenantHub"),
    ${Object.entries(vars).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)}),`).join("\n    ")}
  ],
);
`;
}
