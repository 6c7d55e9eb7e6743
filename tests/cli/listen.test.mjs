// `session-events listen`, as a process against the running worker.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { startFaultyProxy } from "../support/faulty_proxy.mjs";
import { Program } from "../support/program.mjs";
import { eventOf, slo, USER } from "../support/records.mjs";
import { now } from "../support/token.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { SECRET, cli, lines, run } from "./support/cli.mjs";
import { startBareWorkerdFor, startIssuer, startWorkerFor } from "./support/cli.mjs";

const issuing = await startIssuer();
const { tenant: newTenant } = await startWorkerFor(issuing);

const listens = (program) => program.waitForOutput(/^Listening to /m);
const writes = (program, ...records) =>
  waitFor(
    () => lines(program.stdout).length >= records.length,
    () => `waited for ${records.length} events:\n${program.output}`,
  ).then(() => assert.deepEqual(lines(program.stdout), records.map(eventOf)));

describe("listen", { concurrency: true }, () => {
  test("writes the events that there are and those that come, one a line, and nothing besides", async (t) => {
    const { tenant, at } = newTenant();
    const before = slo();
    await tenant.publish(before);
    const program = cli(t, ["listen", ...at]);
    assert.match((await listens(program)).input, /as backend@clients, to events of all users/);
    await writes(program, before);
    const live = slo({ user_id: "auth0|jane" });
    await tenant.publish(live);
    await writes(program, before, live);
  });

  test("begins where it is told to", async (t) => {
    const { tenant, at } = newTenant();
    const records = [slo(), slo(), slo()];
    await tenant.publish(...records);
    const program = cli(t, ["listen", ...at, "--last-event-id", records[1].log_id]);
    await writes(program, records[2]);
  });

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ]) {
    test(`ends on ${signal} with ${code}, and says goodbye to the worker`, async (t) => {
      const { tenant, at } = newTenant();
      const program = cli(t, ["listen", ...at]);
      await listens(program);
      program.process.kill(signal);
      assert.equal(await program.exit, code);
      assert.equal(program.stdout, "");
      await waitFor(async () => (await tenant.listeners()).count === 0);
    });
  }

  test("ends on Ctrl-C while it waits for another try, too", async (t) => {
    const args = ["--url", "http://127.0.0.1:1", "--tenant", "acme", "--token", "a.b.c"];
    const program = cli(t, ["listen", ...args]);
    await program.waitForOutput(/trying again/);
    program.process.kill("SIGINT");
    assert.equal(await program.exit, 130);
  });

  test("says once that there has been no connection, and goes on trying", async (t) => {
    const args = ["--url", "http://127.0.0.1:1", "--tenant", "acme", "--token", "a.b.c"];
    const program = cli(t, ["listen", ...args]);
    const [all] = await program.waitForOutput(
      /^(.*trying again.*\n){3}There has been no.*doctor[^]*again/m,
    );
    assert.equal(all.match(/no connection yet/g).length, 1);
  });

  test("ends in silence when its reader leaves", async (t) => {
    const { tenant, at } = newTenant();
    const first = slo();
    await tenant.publish(first);
    const command = 'set -o pipefail; "$@" | head -n 1';
    const { spawnfile } = cli(t, ["--version"]).process;
    const program = new Program(t, "bash", ["-c", command, "bash", spawnfile, "listen", ...at]);
    await program.waitForOutput(/"id"/);
    // The next event is what shows that nobody reads.
    await tenant.publish(slo());
    assert.equal(await program.exit, 0);
    assert.deepEqual(lines(program.stdout), [eventOf(first)]);
    assert.doesNotMatch(program.output, /error|panic|pipe/i);
  });

  test("comes back after a loss, and writes what was published meanwhile, each event once", async (t) => {
    const { tenant, login } = newTenant();
    const proxy = await startFaultyProxy(tenant.worker.url);
    const records = [slo(), slo(), slo()];
    await tenant.publish(records[0]);
    const program = cli(t, ["listen", "--url", proxy.url, "--tenant", tenant.slug, ...login]);
    await writes(program, records[0]);
    proxy.disconnect();
    await program.waitForOutput(/trying again in \d\.\d s/);
    await tenant.publish(records[1]);
    proxy.restore();
    await writes(program, records[0], records[1]);
    await tenant.publish(records[2]);
    await writes(program, ...records);
  });

  test("comes back to a worker that was ended and started again, and misses nothing", async (t) => {
    const workerd = await startBareWorkerdFor(issuing);
    const publish = (...records) => workerd.publish("acme@us", ...records);
    const proxy = await startFaultyProxy(workerd.url);
    const { login } = newTenant();
    const program = cli(t, ["listen", "--url", proxy.url, "--tenant", "acme@us", ...login]);
    await listens(program);
    const records = [slo(), slo(), slo()];
    await publish(records[0]);
    await writes(program, records[0]);
    proxy.disconnect();
    await workerd.kill();
    await workerd.start();
    proxy.redirectTo(workerd.url);
    await publish(records[1]);
    proxy.restore();
    await writes(program, records[0], records[1]);
    await publish(records[2]);
    await writes(program, ...records);
  });

  test("comes back to what was published meanwhile even when nothing had come before", async (t) => {
    const { tenant, login } = newTenant();
    const proxy = await startFaultyProxy(tenant.worker.url);
    const token = tenant.token({ sub: USER, scope: "listen:events:self" });
    const address = ["--url", proxy.url, "--tenant", tenant.slug];
    const program = cli(t, ["listen", ...address, "--token", token, ...login]);
    await program.waitForOutput(/to events of that user alone/);
    proxy.disconnect();
    await program.waitForOutput(/trying again/);
    const records = [slo({ user_id: "auth0|other" }), slo()];
    await tenant.publish(...records);
    proxy.restore();
    await writes(program, records[1]);
  });

  test("renews its token on the open socket", async (t) => {
    const { tenant, address } = newTenant();
    const short = await startIssuer();
    // Long enough for a slow machine to renew it in time.
    short.lifetime = 8;
    // The worker knows the other issuer alone, so this one signs for it.
    short.issuer = issuing.issuer;
    const login = ["--client-id", "backend", "--client-secret", SECRET, "--issuer", short.url];
    const program = cli(t, ["listen", ...address, ...login]);
    await listens(program);
    const [{ connected_on }] = (await tenant.listeners()).connections;
    const end = Date.now() + 8_500;
    await waitFor(() => short.logins >= 2);
    await waitFor(() => Date.now() > end);
    const record = slo();
    await tenant.publish(record);
    await writes(program, record);
    const { connections } = await tenant.listeners();
    assert.deepEqual(
      connections.map((connection) => connection.connected_on),
      [connected_on],
    );
  });

  test("asks for one token at a time, however many events come meanwhile", async (t) => {
    const { tenant, at } = newTenant();
    const slow = await startIssuer();
    // Long enough for a slow machine to renew each in time.
    Object.assign(slow, { lifetime: 12, delay: 800, issuer: issuing.issuer });
    const begin = Date.now();
    const program = cli(t, ["listen", ...at.with(-1, slow.url)]);
    await listens(program);
    let published = 0;
    // Longer than two tokens are in use.
    for (const end = Date.now() + 16_000; Date.now() < end; published += 1) {
      await tenant.publish(slo());
      await delay(100);
    }
    await waitFor(() => lines(program.stdout).length === published);
    assert.doesNotMatch(program.output, /trying again/);
    // A token is renewed at half of its life, and not before.
    const most = 1 + Math.floor((Date.now() - begin) / 6_000);
    assert.ok(slow.logins <= most, `${slow.logins} logins`);
  });

  test("ends when the issuer refuses the login, in the issuer's words", async (t) => {
    const { at } = newTenant();
    const args = at.map((word) => (word === SECRET ? "wr0ng-secret" : word));
    const { code, output } = await run(t, ["listen", ...args]);
    assert.equal(code, 1);
    assert.match(output, /^error: .*401 access_denied: .*check client id and secret/);
    assert.ok(!output.includes("wr0ng-secret"));
  });

  test("ends when the token that it was given has had its time, and asks for another", async (t) => {
    const { tenant, address } = newTenant();
    // Long enough for a slow machine to connect.
    const token = tenant.token({ exp: now() + 6 });
    const { code, output } = await run(t, ["listen", ...address, "--token", token]);
    assert.equal(code, 1);
    assert.match(output, /^error: .*4419 token_expired: give a new token/m);
    assert.ok(!output.includes(token));
  });

  test("ends when it is refused, in the worker's words, and shows no token", async (t) => {
    const { tenant, address, at } = newTenant();
    for (const [token, words, code] of [
      [tenant.token({ exp: now() - 9 }), /invalid_token: .* has expired/, 4401],
      [tenant.token({ scope: "" }), /insufficient_scope: .*listen:events:self/, 4403],
      ["garbage", /invalid_token: .*not a well-formed JSON Web Token/, 4401],
    ]) {
      const end = await run(t, ["listen", ...address, "--token", token]);
      assert.equal(end.code, 1);
      assert.equal(end.stdout, "");
      assert.match(end.output, words);
      assert.match(end.output, new RegExp(`^error: the connection was closed with ${code}`, "m"));
      assert.ok(!end.output.includes(token));
    }
    const other = await run(t, ["listen", ...at, "--audience", "https://other.example.com"]);
    assert.equal(other.code, 1, "a new login would get the same");
    assert.match(other.output, /for another API/);
    const url = ["--url", String(tenant.worker.url), "--tenant", "unserved@eu", "--token", "a"];
    assert.equal((await run(t, ["listen", ...url])).code, 1);
  });

  test("ends when there is no such worker", async (t) => {
    const { worker } = newTenant().tenant;
    const url = new URL("/elsewhere", worker.url);
    const args = ["--url", String(url), "--tenant", "acme", "--token", "a.b.c"];
    const { code, output } = await run(t, ["listen", ...args]);
    assert.equal(code, 1);
    assert.match(output, /^error: ws:.*\/elsewhere\/acme\/api\/subscribe is not found: check/m);
  });

  test("goes on trying while the issuer does not let it log in", async (t) => {
    const { at } = newTenant();
    const away = await startIssuer();
    away.failing = true;
    away.issuer = issuing.issuer;
    const program = cli(t, ["listen", ...at.slice(0, -1), away.url]);
    await program.waitForOutput(/oauth\/token answers 503.*trying again/);
    away.failing = false;
    await listens(program);
  });
});
