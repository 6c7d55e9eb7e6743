// The command line as a process, and what it needs around it: a worker with tenants whose issuer
// is on this machine, where the command line can log in.
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { startBareWorkerdWith } from "../../support/bare_workerd.mjs";
import { keySetResponses, Issuer } from "../../support/issuer.mjs";
import { Program } from "../../support/program.mjs";
import { Tenant } from "../../support/tenant.mjs";
import { now } from "../../support/token.mjs";
import { ROOT, startWorker } from "../../support/worker.mjs";

const BINARY = join(ROOT, "target", "debug", "session-events");
const NAMES = Array.from({ length: 40 }, (_, number) => `cli-${number}`);
export const SECRET = "s3cret-of-the-application";

if (!existsSync(BINARY)) {
  throw new Error("There is no command line: run cargo build --package session-events-cli first.");
}

/** Runs the command line, in a folder without a .env. */
export const cli = (t, args, { env, cwd = tmpdir(), input } = {}) =>
  new Program(t, BINARY, args, { cwd, input, env });

/** Runs it to its end, and gives how it ended and what it wrote. */
export async function run(t, args, options) {
  const program = cli(t, args, options);
  const code = await program.exit;
  const { stdout, output } = program;
  return { code, stdout, output };
}

export const lines = (stdout) =>
  stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

/**
 * An issuer on this machine. Whoever knows the secret gets a token; its life in seconds, its
 * scope and how many milliseconds it takes can be changed.
 */
export async function startIssuer() {
  const issuing = { lifetime: 600, scope: "listen:events", logins: 0, failing: false, delay: 0 };
  const server = createServer(async (request, response) => {
    const answer = (status, body) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.url === "/.well-known/jwks.json") {
      const set = await keySetResponses.keySet(issuing.issuer).text();
      return response.writeHead(200).end(set);
    }
    if (request.method !== "POST" || request.url !== "/oauth/token") return answer(404, {});
    const form = new URLSearchParams((await request.toArray()).join(""));
    issuing.logins += 1;
    await delay(issuing.delay);
    if (issuing.failing) return answer(503, {});
    if (form.get("client_secret") !== SECRET)
      return answer(401, { error: "access_denied", error_description: "Unauthorized" });
    const { lifetime, scope } = issuing;
    const access_token = issuing.issuer.token({
      sub: `${form.get("client_id")}@clients`,
      aud: form.get("audience"),
      exp: now() + lifetime,
      jti: String(issuing.logins),
      scope,
    });
    answer(200, { access_token, expires_in: lifetime, token_type: "Bearer" });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => server.close());
  issuing.url = `http://127.0.0.1:${server.address().port}/`;
  issuing.issuer = new Issuer(issuing.url);
  return issuing;
}

/** A worker, with these further vars, whose tenants accept that issuer beside their own. */
export async function startWorkerFor(issuing, vars = {}) {
  const issuers = NAMES.map((name) => [`${name}@us`, [{ issuer: issuing.url }]]);
  const worker = await startWorker({
    vars: { ISSUERS: JSON.stringify(Object.fromEntries(issuers)), ...vars },
  });
  const names = [...NAMES];
  return {
    worker,
    /** A tenant of its own for a test, with the options that lead there. */
    tenant() {
      const tenant = new Tenant(worker, { name: names.shift() });
      const address = ["--url", String(worker.url), "--tenant", tenant.slug];
      const application = ["--client-id", "backend", "--client-secret", SECRET];
      const login = [...application, "--issuer", issuing.url];
      return { tenant, address, login, at: [...address, ...login] };
    },
  };
}

/** A worker that can be ended and started again. Its tenant `acme@us` accepts that issuer. */
export const startBareWorkerdFor = (issuing) =>
  startBareWorkerdWith({ "acme@us": [{ issuer: issuing.url }] });
