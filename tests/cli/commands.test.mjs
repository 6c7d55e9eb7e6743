// The commands that do one thing and end, as processes against the running worker.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

import { eventOf, login, scp, slo, USER } from "../support/records.mjs";
import { publishToken } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { PUBLISH_SECRET } from "../support/worker.mjs";
import { SECRET, lines, run, startIssuer, startWorkerFor } from "./support/cli.mjs";

const issuing = await startIssuer();
const { tenant: newTenant, worker } = await startWorkerFor(issuing);

const folder = mkdtempSync(join(tmpdir(), "session-events-test-"));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
/** A file with this text, in a folder of its own. */
function file(name, text) {
  const place = mkdtempSync(join(folder, `${(files += 1)}-`));
  writeFileSync(join(place, name), text);
  return { cwd: place, path: join(place, name) };
}

describe("events and listeners", { concurrency: true }, () => {
  test("are written one a line, as the worker has them", async (t) => {
    const { tenant, at } = newTenant();
    const none = await run(t, ["events", ...at]);
    assert.deepEqual([none.code, none.stdout], [0, ""]);
    const records = [slo(), scp()];
    await tenant.publish(...records);
    const events = await run(t, ["events", ...at]);
    assert.equal(events.code, 0, events.output);
    assert.deepEqual(lines(events.stdout), records.map(eventOf).reverse());
    assert.equal(events.output, events.stdout, "there is nothing else to say");

    await tenant.listen({ sub: "auth0|jane", scope: "listen:events:self" });
    await tenant.connect();
    const listeners = await run(t, ["listeners", ...at]);
    assert.deepEqual(lines(listeners.stdout), (await tenant.listeners()).connections);
  });

  test("are not written for who may not see them, in the worker's words", async (t) => {
    const { tenant, address } = newTenant();
    for (const command of ["events", "listeners"]) {
      const token = tenant.token({ scope: "listen:events:self" });
      const { code, stdout, output } = await run(t, [command, ...address, "--token", token]);
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.match(output, /^error: 403 insufficient_scope: .*listen:events/);
      assert.ok(!output.includes(token));
    }
  });
});

describe("the login", { concurrency: true }, () => {
  test("that fails says what to check, and not the secret", async (t) => {
    const { at } = newTenant();
    const args = at.map((word) => (word === SECRET ? "wr0ng-secret" : word));
    const { code, output } = await run(t, ["events", ...args]);
    assert.equal(code, 1);
    assert.match(output, /oauth\/token answers 401 access_denied: .*check client id and secret/);
    assert.ok(!output.includes("wr0ng-secret"));
  });

  test("that is missing says how to give it", async (t) => {
    const { address } = newTenant();
    for (const args of [[], ["--client-id", "backend"], ["--token", ""]]) {
      const { code, output } = await run(t, ["events", ...address, ...args]);
      assert.equal(code, 1);
      assert.match(output, /^error: there is no access token: give --token, or --client-id/);
    }
  });

  test("comes from a .env, which counts less than the environment and the command line", async (t) => {
    const { tenant, address } = newTenant();
    const { cwd } = file(
      ".env",
      `SESSION_EVENTS_URL=${worker.url}\nSESSION_EVENTS_TENANT=${tenant.slug}
AUTH0_ISSUER=${issuing.url}\nAUTH0_CLIENT_ID=from-file\nAUTH0_CLIENT_SECRET=${SECRET}\n`,
    );
    const inFile = await run(t, ["listeners"], { cwd });
    assert.equal(inFile.code, 0, inFile.output);
    const wrong = "wrong@us";
    const env = { SESSION_EVENTS_TENANT: wrong };
    assert.match((await run(t, ["listeners"], { cwd, env })).output, /^error: 401 /);
    assert.equal((await run(t, ["listeners", ...address], { cwd, env })).code, 0);
    const broken = file(".env", "AUTH0_CLIENT_SECRET='no end\n");
    const { code, output } = await run(t, ["listeners", ...address], { cwd: broken.cwd });
    assert.equal(code, 1);
    assert.match(output, /^error: \.env cannot be read/);
    assert.doesNotMatch(output, /no end/, "it may be a secret");
  });

  test("is sent over TLS or to this machine only, and leads nowhere else", async (t) => {
    const { at } = newTenant();
    for (const [option, url] of [
      ["--url", "http://events.example.com"],
      ["--issuer", "http://login.example.com/"],
      ["--url", "events.example.com"],
    ]) {
      const args = at.map((word, place) => (at[place - 1] === option ? url : word));
      const { code, output } = await run(t, ["events", ...args]);
      assert.equal(code, 2);
      assert.match(output, /write it with https:\/\//);
    }
    const target = await startIssuer();
    const server = createServer((_, response) =>
      response.writeHead(307, { location: `${target.url}oauth/token` }).end(),
    ).listen(0, "127.0.0.1");
    after(() => server.close());
    await once(server, "listening");
    const elsewhere = `http://127.0.0.1:${server.address().port}`;
    const { code } = await run(t, ["events", ...at.slice(0, -1), elsewhere]);
    assert.equal(code, 1);
    assert.equal(target.logins, 0);
  });
});

describe("publish", { concurrency: true }, () => {
  const counts = (changes) => ({
    received: 3,
    events: 2,
    duplicates: 0,
    ignored: 1,
    malformed: 0,
    ...changes,
  });

  test("takes a saved log in each of its forms, and harms nothing the second time", async (t) => {
    const { tenant, address } = newTenant();
    const token = ["--publish-token", publishToken(tenant.domain)];
    const three = () => [slo(), login(), scp()];
    for (const form of [
      (records) => JSON.stringify(records),
      (records) => JSON.stringify(records, null, 2),
      (records) => records.map((record) => `${JSON.stringify(record)}\r\n`).join(""),
    ]) {
      const { path } = file("log.json", form(three()));
      const first = await run(t, ["publish", path, ...address, ...token]);
      assert.equal(first.code, 0, first.output);
      assert.deepEqual(lines(first.stdout), [counts()]);
      const second = await run(t, ["publish", path, ...address, ...token]);
      assert.deepEqual(lines(second.stdout), [counts({ events: 0, duplicates: 2 })]);
    }
    const one = slo();
    const input = JSON.stringify(one, null, 2);
    const { stdout } = await run(t, ["publish", "-", ...address, ...token], { input });
    assert.deepEqual(lines(stdout), [counts({ received: 1, events: 1, ignored: 0 })]);
    assert.deepEqual((await tenant.events())[0], eventOf(one));
  });

  test("sends more than a request may hold, in its order", async (t) => {
    const { tenant, address } = newTenant();
    const padding = "x".repeat(20_000);
    const records = Array.from({ length: 400 }, (_, place) =>
      slo({ user_id: `auth0|${place}`, description: padding }),
    );
    const { path } = file("log.jsonl", records.map((record) => JSON.stringify(record)).join("\n"));
    const env = { PUBLISH_SECRET };
    const { code, stdout, output } = await run(t, ["publish", path, ...address], { env });
    assert.equal(code, 0, output);
    assert.deepEqual(lines(stdout), [counts({ received: 400, events: 400, ignored: 0 })]);
    const newest = records.slice(-100).map(eventOf).reverse();
    assert.deepEqual(await tenant.events(), newest);
  });

  test("tells the places of what cannot be read, and publishes the rest", async (t) => {
    const { tenant, address } = newTenant();
    const good = JSON.stringify(slo());
    const { path } = file("log.jsonl", `${good}\n{"log_id":\n{"data":{}}\n`);
    const env = { PUBLISH_TOKEN: publishToken(tenant.domain) };
    const { code, stdout, output } = await run(t, ["publish", path, ...address], { env });
    assert.equal(code, 1);
    assert.deepEqual(lines(stdout), [counts({ events: 1, ignored: 0, malformed: 2 })]);
    assert.match(output, /^Not readable: record 2, 3$/m);
    assert.equal((await tenant.events()).length, 1);
  });

  test("tells of what the worker does not take", async (t) => {
    const { address } = newTenant();
    const { path } = file("log.json", JSON.stringify(slo({ user_id: "x".repeat(2_000) })));
    const env = { PUBLISH_SECRET };
    const { code, stdout, output } = await run(t, ["publish", path, ...address], { env });
    assert.equal(code, 1);
    assert.equal(lines(stdout)[0].malformed, 1);
    assert.match(output, /^Not taken by the worker: 1; its log tells which$/m);
  });

  test("says what is wrong with the file, the token or the address", async (t) => {
    const { address } = newTenant();
    const { path } = file("log.json", JSON.stringify([slo()]));
    const secret = ["--publish-secret", "another secret"];
    const elsewhere = ["--url", "http://127.0.0.1:1", "--tenant", "acme"];
    for (const [args, complaint] of [
      [[path, ...address, ...secret], /^error: 401 invalid_token: .*not this tenant's/],
      [[path, ...address], /^error: there is no publish token: give --publish-token/],
      [["/no/such/file", ...address, ...secret], /^error: \/no\/such\/file cannot be read/],
      [[file("a", "not a log").path, ...address, ...secret], /holds no log records: it must be/],
    ]) {
      const { code, stdout, output } = await run(t, ["publish", ...args]);
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.match(output, complaint);
    }
    const { code } = await run(t, ["publish", file("b", "[]").path, ...elsewhere, ...secret]);
    assert.equal(code, 0, "there is nothing to publish");
  });

  test("tries a batch again while the worker is away, and says how far it came", async (t) => {
    let asked = 0;
    const refusals = [503, 429, 500];
    const server = createServer(async (request, response) => {
      const received = JSON.parse((await request.toArray()).join("")).length;
      asked += 1;
      const status = refusals.shift() ?? (asked > 4 ? 401 : 200);
      const receipt = { received, events: received, duplicates: 0, ignored: 0, malformed: 0 };
      const error = { error: "code", error_description: "A sentence." };
      response.writeHead(status, { "retry-after": "0" });
      response.end(JSON.stringify(status === 200 ? receipt : error));
    }).listen(0, "127.0.0.1");
    after(() => server.close());
    await once(server, "listening");
    const records = Array.from({ length: 700 }, () => slo());
    const { path } = file("log.json", JSON.stringify(records));
    const url = `http://127.0.0.1:${server.address().port}`;
    const args = ["--url", url, "--tenant", "acme", "--publish-token", "t0ken"];
    const { code, output } = await run(t, ["publish", path, ...args]);
    assert.equal(asked, 5);
    assert.equal(code, 1);
    assert.match(output, /^error: 401 code: A sentence\.\n500 of 700 records were taken; publish/);
    assert.ok(!output.includes("t0ken"));
  });
});

describe("doctor", { concurrency: true }, () => {
  const check = async (t, args, env) => {
    const { code, stdout, output } = await run(t, ["doctor", ...args], { env });
    const found = lines(stdout);
    return {
      code,
      output,
      status: Object.fromEntries(found.map(({ check, status }) => [check, status])),
      message: Object.fromEntries(found.map(({ check, message }) => [check, message])),
    };
  };

  test("finds nothing where all is well, the whole way included", async (t) => {
    const { at } = newTenant();
    const { code, status, message, output } = await check(t, [...at, "--round-trip"], {
      PUBLISH_SECRET,
    });
    assert.deepEqual(status, {
      tenant: "good",
      network: "good",
      worker: "good",
      served: "good",
      "key set": "good",
      login: "good",
      token: "good",
      access: "good",
      publishing: "good",
      "round trip": "good",
    });
    assert.equal(code, 0);
    assert.match(message["round trip"], /^an event arrived \d+ ms after it was published$/);
    assert.ok(!output.includes(SECRET) && !output.includes(PUBLISH_SECRET));
  });

  test("leaves out what it is not given, and publishes nothing unasked", async (t) => {
    const { tenant, address } = newTenant();
    const { code, status } = await check(t, [...address, "--issuer", issuing.url]);
    assert.equal(status.login, "left out");
    assert.equal(status.publishing, "left out");
    assert.equal("round trip" in status, false);
    assert.equal(code, 0);
    assert.deepEqual(await tenant.events(), []);
  });

  test("takes a user's own token for what it is", async (t) => {
    const { tenant, address } = newTenant();
    const token = issuing.issuer.token({ sub: USER, scope: "listen:events:self" });
    const args = [...address, "--issuer", issuing.url, "--token", token];
    const { code, status, message } = await check(t, args);
    assert.equal(status.access, "good");
    assert.match(message.token, /may listen to its own events, for another \d+ s/);
    assert.equal(code, 0);
    const env = { PUBLISH_TOKEN: publishToken(tenant.domain) };
    const roundTrip = await check(t, [...args, "--round-trip"], env);
    assert.match(roundTrip.message["round trip"], /takes a token with listen:events/);
    assert.equal(roundTrip.code, 1);
  });

  for (const [what, changes, broken, mend, env] of [
    [
      "a name that is not found",
      { "--url": "https://no-such-host.invalid" },
      "network",
      /check the URL/,
    ],
    ["a port where nobody is", { "--url": "http://127.0.0.1:1" }, "worker", /cannot be reached/],
    ["another service", { "--url": () => issuing.url }, "worker", /which no session-events worker/],
    [
      "an issuer that has no keys",
      { "--issuer": () => `${worker.url}` },
      "key set",
      /check the tenant's loc/,
    ],
    [
      "a secret that is wrong",
      { "--client-secret": "wrong" },
      "login",
      /check client id and secret/,
    ],
    [
      "another audience",
      { "--audience": "https://other.example.com" },
      "access",
      /for another API/,
    ],
    ["a token that is none", { "--token": "opaque" }, "token", /without an audience/],
    [
      "another tenant's token",
      { "--token": () => newTenant().tenant.token() },
      "token",
      /of this tenant/,
    ],
    [
      "a token for another API",
      { "--token": () => token({ aud: "https://x" }) },
      "token",
      /for the audience/,
    ],
    ["an old token", { "--token": () => token({ exp: now() - 5 }) }, "token", /has expired/],
    [
      "a token without a right",
      { "--token": () => token({ scope: "openid listen" }) },
      "token",
      /neither/,
    ],
    [
      "a publish token that is wrong",
      {},
      "publishing",
      /not this tenant's/,
      { PUBLISH_TOKEN: "x" },
    ],
  ]) {
    test(`finds ${what}, and says what to mend`, async (t) => {
      const { at } = newTenant();
      const options = new Map();
      for (let place = 0; place < at.length; place += 2) options.set(at[place], at[place + 1]);
      for (const [name, value] of Object.entries(changes))
        options.set(name, typeof value === "function" ? value() : value);
      const { code, status, message, output } = await check(t, [...options].flat(), env);
      assert.equal(code, 1, output);
      assert.equal(status[broken], "bad", output);
      assert.match(message[broken], mend);
    });
  }
  const token = (claims) => issuing.issuer.token(claims);

  test("finds a tenant that is not served", async (t) => {
    const { startWorker } = await import("../support/worker.mjs");
    const other = await startWorker({ vars: { TENANTS: "someone-else@us" } });
    const { login } = newTenant();
    const args = ["--url", String(other.url), "--tenant", "acme@us", ...login];
    const { code, message } = await check(t, args);
    assert.equal(code, 1);
    assert.match(message.served, /acme@us is not served: add it to TENANTS/);
  });
});

describe("the program", { concurrency: true }, () => {
  for (const shell of ["bash", "elvish", "fish", "powershell", "zsh"]) {
    test(`prints completions for ${shell}`, async (t) => {
      const { code, stdout } = await run(t, ["completions", shell]);
      assert.equal(code, 0);
      assert.match(stdout, /listeners/);
      assert.match(stdout, /round-trip/);
    });
  }

  test("shows no secret of the environment in its help", async (t) => {
    const secrets = {
      SESSION_EVENTS_TOKEN: "hidden-1",
      AUTH0_CLIENT_SECRET: "hidden-2",
      PUBLISH_TOKEN: "hidden-3",
      PUBLISH_SECRET: "hidden-4",
    };
    for (const command of ["listen", "events", "listeners", "publish", "doctor"]) {
      const { code, stdout } = await run(t, [command, "--help"], { env: secrets });
      assert.equal(code, 0);
      assert.match(stdout, /\[env: /);
      assert.doesNotMatch(stdout, /hidden/);
    }
  });

  test("tells a wrong command line from a failure", async (t) => {
    for (const args of [[], ["listn"], ["events"], ["events", "--tenant", "acme.us.auth0.com"]]) {
      const { code, stdout } = await run(t, args);
      assert.deepEqual([code, stdout], [2, ""]);
    }
  });
});
