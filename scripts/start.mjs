// `npm start`: runs the Worker in the local runtime, with a stand-in for Auth0 and a subscriber.
// Publishes sample log records, prints the events that the subscriber receives, and runs until Ctrl-C.
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs, parseEnv } from "node:util";

import { DevServer } from "./dev_server.mjs";
import { guide } from "./guide.mjs";
import { startIssuer } from "./issuer.mjs";
import { sampleRecords } from "./log_records.mjs";
import { spawnGroup } from "./process_group.mjs";
import { subscribe } from "./subscriber.mjs";
import { ScriptError, main, paint } from "./terminal.mjs";
import { ROOT } from "./toolchain.mjs";

const HELP = `Runs the Worker on this machine and prints the events that a subscriber receives.

  npm start [-- --port PORT]

  --port PORT   the Worker's port (default: 8787, or a free port if 8787 is in use)`;

const TENANT = "acme@us";
const AUDIENCE = "https://events.auth0a.com/api";
const ISSUER_PORT = 8788;
const PARENT_CHECK_INTERVAL_MS = 500;
const EVENTS_TIMEOUT_MS = 10_000;

/** Everything that must be stopped at the end. */
const started = [];
const stopRequest = Promise.withResolvers();

await main(async () => {
  const { port, help } = options();
  if (help) return console.log(HELP);
  listenForStopRequest();
  try {
    await Promise.race([run(port), stopRequest.promise]);
  } finally {
    await Promise.allSettled(started.map((service) => service.stop()));
  }
});
// Sockets that are still closing would keep the process alive.
process.exit();

async function run(port) {
  if (port) await assertFree(port);
  const issuer = await startIssuer(ISSUER_PORT, AUDIENCE);
  started.push(issuer);
  const secret = userSecret();
  const publishSecret = secret ?? randomBytes(32).toString("hex");
  const worker = new DevServer(port, {
    AUDIENCE,
    TENANTS: JSON.stringify({
      [TENANT]: { issuers: [{ issuer: issuer.url, jwks_uri: keySetUrl(issuer) }] },
    }),
    // wrangler reads the user's own secret from .dev.vars. Other users could see it in a command line.
    ...(secret ? {} : { PUBLISH_SECRET: publishSecret }),
  });
  started.push(worker);
  const [url, publishToken] = await Promise.all([
    worker.ready(),
    derivePublishToken(publishSecret),
  ]);
  const token = await issuer.token("my-backend");
  const tenantUrl = `${url}/${TENANT}`;
  issuer.logTo((records) => publish(tenantUrl, publishToken, records));

  console.log(`${paint("bold", "session-events")} runs at ${paint("cyan", url)}`);
  console.log(`The issuer of the tenant ${TENANT} is ${paint("cyan", issuer.url)}\n`);
  await demonstrate(tenantUrl, token, publishToken, () => issuer.token("my-backend"));
  console.log(guide(`${url}/`, TENANT, issuer.url, AUDIENCE, { token, publishToken }));
  await worker.ended;
  throw new ScriptError("wrangler has exited: read its output above, then run npm start again.");
}

/**
 * Returns a key-set URL that is unique to this run. The issuer generates new keys in each run, but
 * the Worker caches a key set by its URL and may not refresh it for 30 seconds.
 */
function keySetUrl({ url }) {
  return `${url}.well-known/jwks.json?run=${randomUUID()}`;
}

/** Publishes sample log records and prints the events that a subscriber receives. */
async function demonstrate(tenantUrl, token, publishToken, getToken) {
  // Start after the last stored event, so that events of earlier runs are not replayed.
  const stored = await fetchJson(`${tenantUrl}/api/events`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const records = sampleRecords();
  const pending = new Set();
  const received = Promise.withResolvers();
  const subscriber = subscribe(`${tenantUrl.replace("http", "ws")}/api/subscribe`, {
    getToken,
    lastEventId: stored.events[0]?.id,
    onEvent(event) {
      console.log(formatEvent(event));
      if (pending.delete(event.id) && pending.size === 0) received.resolve();
    },
  });
  started.push(subscriber);
  const { sub, filter } = await subscriber.authenticated;
  for (const { log_id, data } of records) if (data.type !== "s") pending.add(log_id);
  console.log(`Subscribed as ${sub}, with the filter ${filter}`);
  console.log(`Publishing ${records.length} log records, ${pending.size} of which end a session:`);

  const counts = await publish(tenantUrl, publishToken, records);
  await Promise.race([received.promise, eventsTimeout()]);
  console.log(paint("dim", `The Worker responded to the log stream: ${JSON.stringify(counts)}\n`));
}

async function eventsTimeout() {
  await delay(EVENTS_TIMEOUT_MS);
  throw new ScriptError("The subscriber received no events: read the Worker's output above.");
}

/** Publishes log records as Auth0's log stream does. Returns the counts in the Worker's response. */
function publish(tenantUrl, publishToken, records) {
  return fetchJson(`${tenantUrl}/api/publish`, {
    method: "POST",
    headers: { authorization: publishToken, "content-type": "application/json" },
    body: JSON.stringify(records),
  });
}

async function fetchJson(url, init) {
  const response = await fetch(url, init);
  const body = await response.text();
  if (!response.ok) throw new ScriptError(`${url} responded with ${response.status}: ${body}`);
  return JSON.parse(body);
}

/** Formats an event as a coloured line on a terminal, and as JSON in a pipe. */
function formatEvent(event) {
  if (!process.stdout.isTTY) return JSON.stringify(event);
  const time = new Date(event.date).toLocaleTimeString("en-GB");
  const session = event.session_id ? paint("dim", `  session ${event.session_id}`) : "";
  return `  ${paint("dim", time)}  ${paint("green", event.type.padEnd(16))}  ${event.user_id}${session}`;
}

/** Returns the PUBLISH_SECRET of .dev.vars, a file that wrangler also reads, or undefined. */
function userSecret() {
  const file = join(ROOT, ".dev.vars");
  return existsSync(file) ? parseEnv(readFileSync(file, "utf8")).PUBLISH_SECRET : undefined;
}

async function derivePublishToken(secret) {
  const args = ["run", "--quiet", "--package", "session-events-cli", "--", "publish-token", TENANT];
  const cargo = spawnGroup("cargo", args, {
    cwd: ROOT,
    env: { ...process.env, PUBLISH_SECRET: secret },
  });
  const [stdout, stderr] = await Promise.all([text(cargo.stdout), text(cargo.stderr)]);
  const token = stdout.match(/^publish_token\t(.+)$/m)?.[1];
  if (!token) {
    throw new ScriptError(`${stderr}\nNo publish token could be derived: fix the error above.`);
  }
  return token;
}

/** Throws if the port is in use. wrangler would report that only after the build. */
async function assertFree(port) {
  const probe = createServer().listen(port, "127.0.0.1");
  try {
    await once(probe, "listening");
  } catch (error) {
    throw new ScriptError(
      `Port ${port} is not available (${error.code}): omit --port to use a free port.`,
    );
  }
  probe.close();
}

function options() {
  try {
    const { values } = parseArgs({
      options: { port: { type: "string" }, help: { type: "boolean" } },
    });
    const port = values.port === undefined ? undefined : Number(values.port);
    if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) {
      throw new Error(`--port=${values.port} is not a port number`);
    }
    return { ...values, port };
  } catch (error) {
    throw new ScriptError(`${error.message}: see --help for the options.`);
  }
}

/** Resolves `stopRequest` on a signal, when standard output closes, or when npm exits. */
function listenForStopRequest() {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stopRequest.resolve);
  // The reader of a pipe may exit, as in `npm start | head`.
  process.stdout.on("error", stopRequest.resolve);
  // npm does not forward a signal to the shell that runs this script.
  const parent = process.ppid;
  const checkParent = () => {
    if (process.ppid !== parent) stopRequest.resolve();
  };
  setInterval(checkParent, PARENT_CHECK_INTERVAL_MS).unref();
}
