// Runs the command line as a process, and starts what it connects to: an issuer on this machine
// and a Worker whose tenants accept that issuer.
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { startBareWorkerdWith } from "../../support/bare_workerd.mjs";
import { AUDIENCE, keySetResponses, Issuer } from "../../support/issuer.mjs";
import { Program } from "../../support/program.mjs";
import { Tenant } from "../../support/tenant.mjs";
import { now } from "../../support/token.mjs";
import { ROOT, startWorker, tenantsWith } from "../../support/worker.mjs";

export const BINARY = join(ROOT, "target", "debug", "session-events");
const TENANT_NAMES = Array.from({ length: 40 }, (_, number) => `cli-${number}`);
export const CLIENT_SECRET = "s3cret-of-the-application";

if (!existsSync(BINARY)) {
  throw new Error(
    "The command line is not built: run cargo build --package session-events-cli first.",
  );
}

/** Starts the command line in a directory without a .env, with the audience of the Worker. */
export const startCli = (t, args, { env, cwd = tmpdir(), input } = {}) =>
  new Program(t, BINARY, args, { cwd, input, env: { SESSION_EVENTS_AUDIENCE: AUDIENCE, ...env } });

/** Runs the command line to completion, and returns its exit code and output. */
export async function runCli(t, args, options) {
  const program = startCli(t, args, options);
  const code = await program.exit;
  const { stdout, output } = program;
  return { code, stdout, output };
}

export const jsonLines = (stdout) =>
  stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

/**
 * Starts an issuer with a token endpoint for the client secret above. A test can change the
 * lifetime of tokens in seconds, their scope, and the response time in milliseconds, and can make
 * the token endpoint fail.
 */
export async function startIssuerServer() {
  const issuerServer = {
    lifetime: 600,
    scope: "listen:events",
    logins: 0,
    failing: false,
    delay: 0,
  };
  const server = createServer(async (request, response) => {
    const respond = (status, body) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.url === "/.well-known/jwks.json") {
      const keySet = await keySetResponses.keySet(issuerServer.issuer).text();
      return response.writeHead(200).end(keySet);
    }
    if (request.method !== "POST" || request.url !== "/oauth/token") return respond(404, {});
    const form = new URLSearchParams((await request.toArray()).join(""));
    issuerServer.logins += 1;
    await delay(issuerServer.delay);
    if (issuerServer.failing) return respond(503, {});
    if (form.get("client_secret") !== CLIENT_SECRET)
      return respond(401, { error: "access_denied", error_description: "Unauthorized" });
    const { lifetime, scope } = issuerServer;
    const access_token = issuerServer.issuer.token({
      sub: `${form.get("client_id")}@clients`,
      aud: form.get("audience"),
      exp: now() + lifetime,
      jti: String(issuerServer.logins),
      scope,
    });
    respond(200, { access_token, expires_in: lifetime, token_type: "Bearer" });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => server.close());
  issuerServer.url = `http://127.0.0.1:${server.address().port}/`;
  issuerServer.issuer = new Issuer(issuerServer.url);
  return issuerServer;
}

/** Starts a Worker whose tenants accept this issuer in addition to their own. */
export async function startWorkerFor(issuerServer, vars = {}) {
  const issuers = TENANT_NAMES.map((name) => [`${name}@us`, [issuerServer.url]]);
  const worker = await startWorker({
    vars: { TENANTS: tenantsWith(Object.fromEntries(issuers)), ...vars },
  });
  const unusedNames = [...TENANT_NAMES];
  return {
    worker,
    /** Returns a new tenant and the command-line options to reach it and to log in. */
    newTenant() {
      const tenant = new Tenant(worker, { name: unusedNames.shift() });
      const workerArgs = ["--url", String(worker.url), "--tenant", tenant.slug];
      const clientArgs = ["--client-id", "backend", "--client-secret", CLIENT_SECRET];
      const loginArgs = [...clientArgs, "--issuer", issuerServer.url];
      return { tenant, workerArgs, loginArgs, allArgs: [...workerArgs, ...loginArgs] };
    },
  };
}

/** Starts a Worker that can be stopped and restarted. Its tenant `acme@us` accepts this issuer. */
export const startBareWorkerdFor = (issuerServer) =>
  startBareWorkerdWith({ "acme@us": [issuerServer.url] });
