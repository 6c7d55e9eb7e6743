// Runs `session-events revocations --follow` against a Worker.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import { WebSocketServer } from "ws";

import { startFaultyProxy } from "../support/faulty_proxy.mjs";
import { gdUnenroll, slo, srrt, USER } from "../support/records.mjs";
import { authenticated, event } from "../support/scripted_server.mjs";
import { jsonLines, startBareWorkerdFor, startCli } from "./support/cli.mjs";
import {
  nextDate,
  passwordChange,
  passwordChanges,
  publishAll,
  revocationOf,
  sessionLogout,
  startRevocationWorker,
} from "./support/revocations.mjs";

const { issuerServer, newTenant } = await startRevocationWorker();

/** Waits for the revocation of the last record, and compares all revocations that were printed. */
async function assertPrinted(program, records) {
  const last = revocationOf(records.at(-1));
  await program.waitForOutput(new RegExp(RegExp.escape(JSON.stringify(last))));
  assert.deepEqual(jsonLines(program.stdout), records.map(revocationOf));
}

describe("revocations --follow", { concurrency: true }, () => {
  const follow = (t, url, slug, loginArgs) =>
    startCli(t, ["revocations", "--follow", "--url", String(url), "--tenant", slug, ...loginArgs]);

  test("prints each new revocation, and no other event", async (t) => {
    const { tenant, loginArgs } = newTenant();
    const records = [
      passwordChange("auth0|jane"),
      sessionLogout("auth0|mary", "s1"),
      passwordChange("auth0|jane"),
    ];
    await tenant.publish(records[0]);
    const program = follow(t, tenant.worker.url, tenant.slug, loginArgs);
    await program.waitForOutput(/^Subscribed to /m);
    await assertPrinted(program, records.slice(0, 1));
    await tenant.publish(gdUnenroll({ date: nextDate() }), records[1], records[2]);
    await assertPrinted(program, records);
    program.process.kill("SIGINT");
    assert.equal(await program.exit, 130);
  });

  test("starts without any revocations", async (t) => {
    const { tenant, loginArgs } = newTenant();
    const program = follow(t, tenant.worker.url, tenant.slug, loginArgs);
    await program.waitForOutput(/^Subscribed to /m);
    assert.equal(program.stdout, "");
    const record = passwordChange(USER);
    await tenant.publish(record);
    await assertPrinted(program, [record]);
  });

  test("prints the revocations missed during a lost connection, each once", async (t) => {
    const { tenant, loginArgs } = newTenant();
    const proxy = await startFaultyProxy(tenant.worker.url);
    const records = [
      passwordChange(USER),
      sessionLogout(USER, "s1"),
      passwordChange(USER),
      passwordChange("auth0|mary"),
    ];
    await tenant.publish(records[0]);
    const program = follow(t, proxy.url, tenant.slug, loginArgs);
    await program.waitForOutput(/^Subscribed to /m);
    await tenant.publish(records[1]);
    await assertPrinted(program, records.slice(0, 2));
    proxy.disconnect();
    await program.waitForOutput(/retrying in \d\.\d s/);
    await tenant.publish(records[2]);
    proxy.restore();
    await tenant.publish(records[3]);
    await assertPrinted(program, records);
  });

  test("reads the pages again if events are no longer stored, and prints each new or changed revocation once", async (t) => {
    const { tenant, loginArgs } = newTenant();
    const proxy = await startFaultyProxy(tenant.worker.url);
    // More than two pages before the subscription, more than the limit between two reads of the
    // pages during it, and more than a page and the stored events while it is disconnected.
    const records = passwordChanges(2_300, "before");
    await publishAll(tenant, records);
    const program = follow(t, proxy.url, tenant.slug, loginArgs);
    await program.waitForOutput(/^Subscribed to /m);
    await assertPrinted(program, records);
    const live = [...passwordChanges(2_100, "live"), passwordChange("auth0|before-3")];
    await publishAll(tenant, live);
    records.push(...live);
    await assertPrinted(program, records);
    for (const round of [1, 2]) {
      proxy.disconnect();
      await program.waitForOutput(new RegExp(`(retrying[^]*){${round}}`));
      const missed = [
        ...passwordChanges(1_050, `missed-${round}`),
        passwordChange("auth0|before-7"),
        passwordChange("auth0|live-7"),
        passwordChange(`auth0|new-${round}`),
      ];
      await publishAll(tenant, missed);
      proxy.restore();
      records.push(...missed);
      await assertPrinted(program, records);
    }
    const end = passwordChange("auth0|end");
    await tenant.publish(end);
    await assertPrinted(program, [...records, end]);
  });

  test("survives restarts of the Worker without lost or repeated revocations", async (t) => {
    const workerd = await startBareWorkerdFor(issuerServer);
    const publish = (...records) => workerd.publish("acme@us", ...records);
    const proxy = await startFaultyProxy(workerd.url);
    const { loginArgs } = newTenant();
    const records = [passwordChange(USER)];
    await publish(...records);
    const program = follow(t, proxy.url, "acme@us", loginArgs);
    await program.waitForOutput(/^Subscribed to /m);
    for (const missed of [1, 150]) {
      proxy.disconnect();
      await workerd.kill();
      await workerd.start();
      proxy.redirectTo(workerd.url);
      const meanwhile = passwordChanges(missed, `missed-${missed}`);
      await publish(...meanwhile);
      proxy.restore();
      records.push(...meanwhile);
      await assertPrinted(program, records);
      const live = passwordChange(USER);
      await publish(live);
      records.push(live);
      await assertPrinted(program, records);
    }
  });

  test("prints a revocation that applies to further tokens, and no other", async (t) => {
    const { tenant, loginArgs } = newTenant();
    // With an event to resume after, the program does not read the pages again after it has subscribed.
    await tenant.publish(passwordChange("auth0|mary"));
    const program = follow(t, tenant.worker.url, tenant.slug, loginArgs);
    await program.waitForOutput(/^Subscribed to /m);
    const details = { session_id: "s1" };
    const dates = Array.from({ length: 5 }, nextDate);
    const revokedAt = (index) => srrt({ user_id: USER, date: dates[index], details });
    const loggedOutAt = (index) => slo({ user_id: USER, date: dates[index], details });
    const records = [
      revokedAt(2),
      loggedOutAt(1), // ends the session for good, although its date is earlier
      revokedAt(3), // applies to later tokens without a session id
      loggedOutAt(4),
    ];
    const included = [revokedAt(1), loggedOutAt(0), revokedAt(2), loggedOutAt(3)];
    const [first, ...others] = records;
    await tenant.publish(first, included[0], others[0], included[1], others[1], included[2]);
    await tenant.publish(included[3], others[2]);
    await program.waitForOutput(new RegExp(`"date":"${dates[4]}"`));
    const [, ...printed] = jsonLines(program.stdout);
    assert.deepEqual(
      printed.map(({ type, date }) => [type, date]),
      records.map(({ data: { type, date } }) => [
        type === "slo" ? "logout" : "refresh_token_revoked",
        date,
      ]),
    );
  });

  test("retries while the pages are unavailable, and reports unknown event types", async (t) => {
    const pages = [];
    const authentications = [];
    const server = createServer((_, response) => {
      const page = pages.length > 1 ? pages.shift() : pages[0];
      response.writeHead(page.error ? 503 : 200).end(JSON.stringify(page));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const sockets = new WebSocketServer({ server });
    after(() => {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
    });
    const revocation = (user_id) => ({ user_id, type: "logout", date: nextDate() });
    const [first, second, third] = ["auth0|1", "auth0|2", "auth0|3"].map(revocation);
    const page = (...revocations) => ({ revocations, last_event_id: "1" });
    const error = { error: "storage_unavailable", error_description: "A sentence." };
    pages.push(page(first), error, page(first, second));
    const newer = { ...event("4"), type: "made_up_in_2031", revokes: "device" };
    sockets.on("connection", (socket, request) => {
      const send = (message) => socket.send(JSON.stringify(message));
      authentications.push(new URL(request.url, url).searchParams.get("last_event_id"));
      send(authenticated({ recovered: false }));
      send({ ...event("2"), ...second, revokes: "user" });
      send(newer);
      send({ ...event("3"), ...third, revokes: "user" });
    });
    const url = `http://127.0.0.1:${server.address().port}`;
    const program = follow(t, url, "acme", ["--token", "a.b.c"]);
    await program.waitForOutput(new RegExp(RegExp.escape(JSON.stringify(third))));
    assert.deepEqual(jsonLines(program.stdout), [first, second, third]);
    assert.deepEqual(
      authentications,
      ["1", "1"],
      "the subscription resumes from the same event until the pages are read",
    );
    // Standard error is a separate pipe, so its text may arrive later.
    await program.waitForOutput(/^503 storage_unavailable: A sentence\.; retrying in /m);
    await program.waitForOutput(
      /^An event of an unknown type was not printed .*"made_up_in_2031"/m,
    );
  });
});
