// Runs `session-events listen` against a Worker.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { startFaultyProxy } from "../support/faulty_proxy.mjs";
import { AUDIENCE } from "../support/issuer.mjs";
import { Program } from "../support/program.mjs";
import { eventOf, sce, scp, slo, USER } from "../support/records.mjs";
import { now } from "../support/token.mjs";
import { waitFor } from "../support/wait_for.mjs";
import {
  CLIENT_SECRET,
  jsonLines,
  runCli,
  startBareWorkerdFor,
  startCli,
  startIssuerServer,
  startWorkerFor,
} from "./support/cli.mjs";

const issuerServer = await startIssuerServer();
const { newTenant } = await startWorkerFor(issuerServer);

const subscribed = (program) => program.waitForOutput(/^Subscribed to /m);
const prints = (program, ...records) =>
  waitFor(
    () => jsonLines(program.stdout).length >= records.length,
    () => `waited for ${records.length} events:\n${program.output}`,
  ).then(() => assert.deepEqual(jsonLines(program.stdout), records.map(eventOf)));

describe("listen", { concurrency: true }, () => {
  test("prints stored events and new events, one per line", async (t) => {
    const { tenant, allArgs } = newTenant();
    const before = slo();
    await tenant.publish(before);
    const program = startCli(t, ["listen", ...allArgs]);
    assert.match((await subscribed(program)).input, /as backend@clients, to events of all users/);
    await prints(program, before);
    const live = slo({ user_id: "auth0|jane" });
    await tenant.publish(live);
    await prints(program, before, live);
  });

  test("starts after the event given by --last-event-id", async (t) => {
    const { tenant, allArgs } = newTenant();
    const records = [slo(), slo(), slo()];
    await tenant.publish(...records);
    const program = startCli(t, ["listen", ...allArgs, "--last-event-id", records[1].log_id]);
    await prints(program, records[2]);
  });

  test("prints only the events of the given types and users, and resumes after events that it did not print", async (t) => {
    const { tenant, loginArgs } = newTenant();
    const proxy = await startFaultyProxy(tenant.worker.url);
    const args = ["--url", proxy.url, "--tenant", tenant.slug, ...loginArgs];
    const [jane, joe] = ["auth0|jane", "auth0|joe"];
    const filter = ["--type", "logout,user_blocked", "--type", "password_changed", "--user", jane];
    const program = startCli(t, ["listen", ...args, ...filter]);
    await subscribed(program);
    const shown = [slo({ user_id: jane }), scp({ user_id: jane })];
    await tenant.publish(slo({ user_id: joe }), shown[0], sce({ user_id: jane }), shown[1]);
    await prints(program, ...shown);

    await tenant.publish(slo({ user_id: joe }));
    proxy.disconnect();
    await program.waitForOutput(/retrying/);
    shown.push(slo({ user_id: jane }));
    await tenant.publish(shown.at(-1));
    proxy.restore();
    await prints(program, ...shown);
    assert.doesNotMatch(program.output, /missed/);
  });

  test("rejects a type that does not exist and lists the types", async (t) => {
    const { allArgs } = newTenant();
    const { code, output } = await runCli(t, ["listen", ...allArgs, "--type", "logouts"]);
    assert.equal(code, 2);
    assert.match(output, /invalid value 'logouts'.*\n.*possible values: .*user_blocked.*logout/);
  });

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ]) {
    test(`closes the socket and exits with ${code} on ${signal}`, async (t) => {
      const { tenant, allArgs } = newTenant();
      const program = startCli(t, ["listen", ...allArgs]);
      await subscribed(program);
      program.process.kill(signal);
      assert.equal(await program.exit, code);
      assert.equal(program.stdout, "");
      await waitFor(async () => (await tenant.listeners()).count === 0);
    });
  }

  test("ends on Ctrl-C while it waits before a retry", async (t) => {
    const args = ["--url", "http://127.0.0.1:1", "--tenant", "acme", "--token", "a.b.c"];
    const program = startCli(t, ["listen", ...args]);
    await program.waitForOutput(/retrying/);
    program.process.kill("SIGINT");
    assert.equal(await program.exit, 130);
  });

  test("recommends doctor once after three failed attempts, and continues to retry", async (t) => {
    const args = ["--url", "http://127.0.0.1:1", "--tenant", "acme", "--token", "a.b.c"];
    const program = startCli(t, ["listen", ...args]);
    const [output] = await program.waitForOutput(
      /^(.*retrying.*\n){3}No connection could.*doctor[^]*retrying/m,
    );
    assert.equal(output.match(/No connection could be established yet/g).length, 1);
  });

  test("exits without an error when the reader of its output exits", async (t) => {
    const { tenant, allArgs } = newTenant();
    const first = slo();
    await tenant.publish(first);
    const command = 'set -o pipefail; "$@" | head -n 1';
    const { spawnfile } = startCli(t, ["--version"]).process;
    const args = ["-c", command, "bash", spawnfile, "listen", ...allArgs];
    const env = { SESSION_EVENTS_AUDIENCE: AUDIENCE };
    const program = new Program(t, "bash", args, { env });
    await program.waitForOutput(/"id"/);
    // Writing the next event fails, because the pipe is closed.
    await tenant.publish(slo());
    assert.equal(await program.exit, 0);
    assert.deepEqual(jsonLines(program.stdout), [eventOf(first)]);
    assert.doesNotMatch(program.output, /error|panic|pipe/i);
  });

  test("reconnects after a lost connection and prints the missed events, each event once", async (t) => {
    const { tenant, loginArgs } = newTenant();
    const proxy = await startFaultyProxy(tenant.worker.url);
    const records = [slo(), slo(), slo()];
    await tenant.publish(records[0]);
    const program = startCli(t, [
      "listen",
      "--url",
      proxy.url,
      "--tenant",
      tenant.slug,
      ...loginArgs,
    ]);
    await prints(program, records[0]);
    proxy.disconnect();
    await program.waitForOutput(/retrying in \d\.\d s/);
    await tenant.publish(records[1]);
    proxy.restore();
    await prints(program, records[0], records[1]);
    await tenant.publish(records[2]);
    await prints(program, ...records);
  });

  test("reconnects to a restarted Worker and misses no event", async (t) => {
    const workerd = await startBareWorkerdFor(issuerServer);
    const publish = (...records) => workerd.publish("acme@us", ...records);
    const proxy = await startFaultyProxy(workerd.url);
    const { loginArgs } = newTenant();
    const program = startCli(t, [
      "listen",
      "--url",
      proxy.url,
      "--tenant",
      "acme@us",
      ...loginArgs,
    ]);
    await subscribed(program);
    const records = [slo(), slo(), slo()];
    await publish(records[0]);
    await prints(program, records[0]);
    proxy.disconnect();
    await workerd.kill();
    await workerd.start();
    proxy.redirectTo(workerd.url);
    await publish(records[1]);
    proxy.restore();
    await prints(program, records[0], records[1]);
    await publish(records[2]);
    await prints(program, ...records);
  });

  test("prints the events missed by a connection that had not received any event yet", async (t) => {
    const { tenant, loginArgs } = newTenant();
    const proxy = await startFaultyProxy(tenant.worker.url);
    const token = tenant.token({ sub: USER, scope: "listen:events:self" });
    const proxyArgs = ["--url", proxy.url, "--tenant", tenant.slug];
    const program = startCli(t, ["listen", ...proxyArgs, "--token", token, ...loginArgs]);
    await program.waitForOutput(/to events of this user only/);
    proxy.disconnect();
    await program.waitForOutput(/retrying/);
    const records = [slo({ user_id: "auth0|other" }), slo()];
    await tenant.publish(...records);
    proxy.restore();
    await prints(program, records[1]);
  });

  test("refreshes its access token on the open socket", async (t) => {
    const { tenant, workerArgs } = newTenant();
    const shortLived = await startIssuerServer();
    // Long enough for a slow machine to refresh the token in time: after ten seconds at the earliest.
    shortLived.lifetime = 20;
    // The Worker accepts only the other issuer, so this server signs with its keys.
    shortLived.issuer = issuerServer.issuer;
    const loginArgs = [
      "--client-id",
      "backend",
      "--client-secret",
      CLIENT_SECRET,
      "--issuer",
      shortLived.url,
    ];
    const program = startCli(t, ["listen", ...workerArgs, ...loginArgs]);
    await subscribed(program);
    const [{ connected_on }] = (await tenant.listeners()).connections;
    const afterExpiry = Date.now() + 20_500;
    await waitFor(() => shortLived.logins >= 2);
    await waitFor(() => Date.now() > afterExpiry);
    const record = slo();
    await tenant.publish(record);
    await prints(program, record);
    const { connections } = await tenant.listeners();
    assert.deepEqual(
      connections.map((connection) => connection.connected_on),
      [connected_on],
    );
  });

  test("requests one token at a time while many events arrive", async (t) => {
    const { tenant, allArgs } = newTenant();
    const slow = await startIssuerServer();
    // Long enough for a slow machine to refresh each token in time.
    Object.assign(slow, { lifetime: 20, delay: 800, issuer: issuerServer.issuer });
    const startedAt = Date.now();
    const program = startCli(t, ["listen", ...allArgs.with(-1, slow.url)]);
    await subscribed(program);
    let published = 0;
    // Longer than the time until the second refresh.
    for (const end = Date.now() + 23_000; Date.now() < end; published += 1) {
      await tenant.publish(slo());
      await delay(100);
    }
    await waitFor(() => jsonLines(program.stdout).length === published);
    assert.doesNotMatch(program.output, /retrying/);
    // A token is refreshed at half of its lifetime and not earlier.
    const maxLogins = 1 + Math.floor((Date.now() - startedAt) / 10_000);
    assert.ok(slow.logins <= maxLogins, `${slow.logins} logins`);
  });

  test("ends with the issuer's error description if the issuer rejects the login", async (t) => {
    const { allArgs } = newTenant();
    const args = allArgs.map((word) => (word === CLIENT_SECRET ? "wr0ng-secret" : word));
    const { code, output } = await runCli(t, ["listen", ...args]);
    assert.equal(code, 1);
    assert.match(output, /^error: .*401 access_denied: .*check the client id and secret/);
    assert.ok(!output.includes("wr0ng-secret"));
  });

  test("ends when the given token expires, and prints that a new one is needed", async (t) => {
    const { tenant, workerArgs } = newTenant();
    // Long enough for a slow machine to connect.
    const token = tenant.token({ exp: now() + 6 });
    const { code, output } = await runCli(t, ["listen", ...workerArgs, "--token", token]);
    assert.equal(code, 1);
    assert.match(output, /^error: .*4419 token_expired: give a new token/m);
    assert.ok(!output.includes(token));
  });

  test("ends with the Worker's error description if the token is rejected, and does not print the token", async (t) => {
    const { tenant, workerArgs, allArgs } = newTenant();
    for (const [token, description, status] of [
      [tenant.token({ exp: now() - 9 }), /invalid_token: .* has expired/, 401],
      [tenant.token({ scope: "" }), /insufficient_scope: .*listen:events:self/, 403],
      ["garbage", /invalid_token: .*not a well-formed JSON Web Token/, 401],
    ]) {
      const result = await runCli(t, ["listen", ...workerArgs, "--token", token]);
      assert.equal(result.code, 1);
      assert.equal(result.stdout, "");
      assert.match(result.output, description);
      assert.match(
        result.output,
        new RegExp(`^error: the Worker rejected the connection with ${status} `, "m"),
      );
      assert.ok(!result.output.includes(token));
    }
    const wrongAudience = await runCli(t, [
      "listen",
      ...allArgs,
      "--audience",
      "https://other.example.com",
    ]);
    assert.equal(wrongAudience.code, 1, "a second login returns the same kind of token");
    assert.match(wrongAudience.output, /for another API/);
    const unservedArgs = [
      "--url",
      String(tenant.worker.url),
      "--tenant",
      "unserved@eu",
      "--token",
      "a",
    ];
    assert.equal((await runCli(t, ["listen", ...unservedArgs])).code, 1);
  });

  test("ends if the URL is not that of a Worker", async (t) => {
    const { worker } = newTenant().tenant;
    const url = new URL("/elsewhere", worker.url);
    const args = ["--url", String(url), "--tenant", "acme", "--token", "a.b.c"];
    const { code, output } = await runCli(t, ["listen", ...args]);
    assert.equal(code, 1);
    assert.match(output, /^error: ws:.*\/elsewhere\/acme\/api\/subscribe is not found: check/m);
  });

  test("continues to retry while the issuer is unavailable", async (t) => {
    const { allArgs } = newTenant();
    const unavailable = await startIssuerServer();
    unavailable.failing = true;
    unavailable.issuer = issuerServer.issuer;
    const program = startCli(t, ["listen", ...allArgs.slice(0, -1), unavailable.url]);
    await program.waitForOutput(/oauth\/token returned 503.*retrying/);
    unavailable.failing = false;
    await subscribed(program);
  });
});
