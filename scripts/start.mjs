// `npm start`: the worker in the local runtime, an issuer that stands in for Auth0, a listener,
// and a few log records, so that the events are seen to arrive. Goes on until Ctrl-C.
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs, parseEnv } from "node:util";

import { DevServer } from "./devserver.mjs";
import { spawnGroup } from "./group.mjs";
import { guide } from "./guide.mjs";
import { startIssuer } from "./issuer.mjs";
import { listen } from "./listener.mjs";
import { logRecords } from "./records.mjs";
import { Fault, main, paint } from "./terminal.mjs";
import { ROOT } from "./toolchain.mjs";

const HELP = `Runs the worker on this machine and shows events arriving.

  npm start [-- --port PORT]

  --port PORT   where the worker listens; without it 8787, or a free port when that is taken`;

const TENANT = "acme@us";
const AUDIENCE = "https://events.auth0a.com/api";
const ISSUER_PORT = 8788;
const PARENT_CHECK = 500;
const PATIENCE_WITH_EVENTS = 10_000;

const started = [];
const ending = Promise.withResolvers();

await main(async () => {
  const { port, help } = options();
  if (help) return console.log(HELP);
  endOnRequest();
  try {
    await Promise.race([run(port), ending.promise]);
  } finally {
    await Promise.allSettled(started.map((part) => part.stop()));
  }
});
// Sockets that their other end has not closed yet must not hold anybody up.
process.exit();

async function run(port) {
  if (port) await assertFree(port);
  const issuer = await startIssuer(ISSUER_PORT, AUDIENCE);
  started.push(issuer);
  const secret = userSecret();
  const publishSecret = secret ?? randomBytes(24).toString("base64url");
  const worker = new DevServer(port, {
    AUDIENCE,
    ISSUERS: JSON.stringify({ [TENANT]: [{ issuer: issuer.url, jwks_uri: keySetUrl(issuer) }] }),
    // A secret of the user's own reaches the worker by its file, not by a command line.
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
  console.log(`The tenant ${TENANT} has its tokens from ${paint("cyan", issuer.url)}\n`);
  await demonstrate(tenantUrl, token, publishToken, () => issuer.token("my-backend"));
  console.log(guide(`${url}/`, TENANT, issuer.url, { token, publishToken }));
  await worker.ended;
  throw new Fault("wrangler has ended: what it said is above. Run npm start again.");
}

/**
 * The issuer's keys at an address that no earlier run had. They are new each time, and for what the
 * worker remembers of an address it may be half a minute until it asks there again.
 */
function keySetUrl({ url }) {
  return `${url}.well-known/jwks.json?run=${randomUUID()}`;
}

/** Publishes log records as a log stream does, and shows the events that a listener gets. */
async function demonstrate(tenantUrl, token, publishToken, getToken) {
  // What earlier runs left behind need not be shown again.
  const kept = await call(`${tenantUrl}/api/events`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const records = logRecords();
  const awaited = new Set();
  const arrived = Promise.withResolvers();
  const listener = listen(`${tenantUrl.replace("http", "ws")}/api/subscribe`, {
    getToken,
    lastEventId: kept.events[0]?.id,
    onEvent(event) {
      console.log(eventLine(event));
      if (awaited.delete(event.id) && awaited.size === 0) arrived.resolve();
    },
  });
  started.push(listener);
  const { sub, filter } = await listener.authenticated;
  for (const { log_id, data } of records) if (data.type !== "s") awaited.add(log_id);
  console.log(`Listening as ${sub}, with the filter ${filter}`);
  console.log(`Publishing ${records.length} log records, ${awaited.size} of which end a session:`);

  const counts = await publish(tenantUrl, publishToken, records);
  await Promise.race([arrived.promise, tooLate()]);
  console.log(paint("dim", `The log stream got the answer ${JSON.stringify(counts)}\n`));
}

async function tooLate() {
  await delay(PATIENCE_WITH_EVENTS);
  throw new Fault("The events do not arrive at the listener: see what the worker says above.");
}

/** Hands log records to the worker, as a log stream does, and gives what became of them. */
function publish(tenantUrl, publishToken, records) {
  return call(`${tenantUrl}/api/publish`, {
    method: "POST",
    headers: { authorization: publishToken, "content-type": "application/json" },
    body: JSON.stringify(records),
  });
}

async function call(url, init) {
  const response = await fetch(url, init);
  const body = await response.text();
  if (!response.ok) throw new Fault(`${url} answers ${response.status}: ${body}`);
  return JSON.parse(body);
}

/** On a terminal an event is a line for the eye, in a pipe the JSON of the wire. */
function eventLine(event) {
  if (!process.stdout.isTTY) return JSON.stringify(event);
  const time = new Date(event.date).toLocaleTimeString("en-GB");
  const session = event.session_id ? paint("dim", `  session ${event.session_id}`) : "";
  return `  ${paint("dim", time)}  ${paint("green", event.type.padEnd(16))}  ${event.user_id}${session}`;
}

/** The secret that the user may have put in .dev.vars, which wrangler reads as well. */
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
  if (!token) throw new Fault(`${stderr}\nThere is no publish token: fix what is said above.`);
  return token;
}

/** Fails where the port is taken, which wrangler would say only after the build. */
async function assertFree(port) {
  const probe = createServer().listen(port, "127.0.0.1");
  try {
    await once(probe, "listening");
  } catch (error) {
    throw new Fault(
      `Port ${port} cannot be had (${error.code}): leave out --port, and a free one is found.`,
    );
  }
  probe.close();
}

// ---- Options and the end

function options() {
  try {
    const { values } = parseArgs({
      options: { port: { type: "string" }, help: { type: "boolean" } },
    });
    const port = values.port === undefined ? undefined : Number(values.port);
    if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) {
      throw new Error(`--port=${values.port} is no port`);
    }
    return { ...values, port };
  } catch (error) {
    throw new Fault(`${error.message}: --help tells the options.`);
  }
}

function endOnRequest() {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, ending.resolve);
  // Whoever reads along may leave, as in `npm start | head`.
  process.stdout.on("error", ending.resolve);
  // npm, when it is ended, does not hand the signal on to what its shell runs.
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || ending.resolve(), PARENT_CHECK).unref();
}
