// `session-events revocations --follow`, as a process against the running worker.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import { WebSocketServer } from "ws";

import { startFaultyProxy } from "../support/faulty_proxy.mjs";
import { sce, USER } from "../support/records.mjs";
import { authenticated, event } from "../support/scripted_server.mjs";
import { cli, lines, startBareWorkerdFor } from "./support/cli.mjs";
import {
  changed,
  changes,
  date,
  loggedOut,
  publishAll,
  revocationOf,
  startRevocations,
} from "./support/revocations.mjs";

const { issuing, newTenant } = await startRevocations();

/** Waits until what the last of these records revokes is written, and checks all that is. */
async function writes(program, records) {
  const last = revocationOf(records.at(-1));
  await program.waitForOutput(new RegExp(RegExp.escape(JSON.stringify(last))));
  assert.deepEqual(lines(program.stdout), records.map(revocationOf));
}

describe("revocations --follow", { concurrency: true }, () => {
  const follow = (t, url, slug, login) =>
    cli(t, ["revocations", "--follow", "--url", String(url), "--tenant", slug, ...login]);

  test("goes on with every event that revokes, and with no other", async (t) => {
    const { tenant, login } = newTenant();
    const records = [changed("auth0|jane"), loggedOut("auth0|mary", "s1"), changed("auth0|jane")];
    await tenant.publish(records[0]);
    const program = follow(t, tenant.worker.url, tenant.slug, login);
    await program.waitForOutput(/^Listening to /m);
    await writes(program, records.slice(0, 1));
    await tenant.publish(sce({ date: date() }), records[1], records[2]);
    await writes(program, records);
    program.process.kill("SIGINT");
    assert.equal(await program.exit, 130);
  });

  test("begins where nothing is revoked yet", async (t) => {
    const { tenant, login } = newTenant();
    const program = follow(t, tenant.worker.url, tenant.slug, login);
    await program.waitForOutput(/^Listening to /m);
    assert.equal(program.stdout, "");
    const record = changed(USER);
    await tenant.publish(record);
    await writes(program, [record]);
  });

  test("writes what a lost connection kept back, each once", async (t) => {
    const { tenant, login } = newTenant();
    const proxy = await startFaultyProxy(tenant.worker.url);
    const records = [changed(USER), loggedOut(USER, "s1"), changed(USER), changed("auth0|mary")];
    await tenant.publish(records[0]);
    const program = follow(t, proxy.url, tenant.slug, login);
    await program.waitForOutput(/^Listening to /m);
    await tenant.publish(records[1]);
    await writes(program, records.slice(0, 2));
    proxy.disconnect();
    await program.waitForOutput(/trying again in \d\.\d s/);
    await tenant.publish(records[2]);
    proxy.restore();
    await tenant.publish(records[3]);
    await writes(program, records);
  });

  test("takes anew what the worker no longer keeps as events, and writes what is new or moved, each once", async (t) => {
    const { tenant, login } = newTenant();
    const proxy = await startFaultyProxy(tenant.worker.url);
    // More than two pages before, more than the program waits with while it listens, and more
    // than a page and than the kept events while it cannot.
    const records = changes(2_300, "before");
    await publishAll(tenant, records);
    const program = follow(t, proxy.url, tenant.slug, login);
    await program.waitForOutput(/^Listening to /m);
    await writes(program, records);
    const live = [...changes(2_100, "live"), changed("auth0|before-3")];
    await publishAll(tenant, live);
    records.push(...live);
    await writes(program, records);
    for (const round of [1, 2]) {
      proxy.disconnect();
      await program.waitForOutput(new RegExp(`(trying again[^]*){${round}}`));
      const missed = [
        ...changes(1_050, `missed-${round}`),
        changed("auth0|before-7"),
        changed("auth0|live-7"),
        changed(`auth0|new-${round}`),
      ];
      await publishAll(tenant, missed);
      proxy.restore();
      records.push(...missed);
      await writes(program, records);
    }
    const end = changed("auth0|end");
    await tenant.publish(end);
    await writes(program, [...records, end]);
  });

  test("outlives a worker that is ended and started again, without loss or doubling", async (t) => {
    const workerd = await startBareWorkerdFor(issuing);
    const publish = (...records) => workerd.publish("acme@us", ...records);
    const proxy = await startFaultyProxy(workerd.url);
    const { login } = newTenant();
    const records = [changed(USER)];
    await publish(...records);
    const program = follow(t, proxy.url, "acme@us", login);
    await program.waitForOutput(/^Listening to /m);
    for (const missed of [1, 150]) {
      proxy.disconnect();
      await workerd.kill();
      await workerd.start();
      proxy.redirectTo(workerd.url);
      const meanwhile = changes(missed, `missed-${missed}`);
      await publish(...meanwhile);
      proxy.restore();
      records.push(...meanwhile);
      await writes(program, records);
      const live = changed(USER);
      await publish(live);
      records.push(live);
      await writes(program, records);
    }
  });

  test("tries again while the pages are not to be had, and tells what it cannot read", async (t) => {
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
    const revocation = (user_id) => ({ user_id, type: "logout", date: date() });
    const [first, second, third] = ["auth0|1", "auth0|2", "auth0|3"].map(revocation);
    const page = (...revocations) => ({ revocations, last_event_id: "1" });
    const error = { error: "storage_unavailable", error_description: "A sentence." };
    pages.push(page(first), error, page(first, second));
    const newer = { ...event("4"), type: "made_up_in_2031", revokes: "device" };
    sockets.on("connection", (socket) => {
      const send = (message) => socket.send(JSON.stringify(message));
      socket.on("message", (data) => {
        authentications.push(JSON.parse(data).last_event_id);
        send(authenticated({ recovered: false }));
        send({ ...event("2"), ...second, revokes: "user" });
        send(newer);
        send({ ...event("3"), ...third, revokes: "user" });
      });
    });
    const url = `http://127.0.0.1:${server.address().port}`;
    const program = follow(t, url, "acme", ["--token", "a.b.c"]);
    await program.waitForOutput(new RegExp(RegExp.escape(JSON.stringify(third))));
    assert.deepEqual(lines(program.stdout), [first, second, third]);
    assert.deepEqual(authentications, ["1", "1"], "nothing was passed over");
    // What comes over the other pipe may come later.
    await program.waitForOutput(/^503 storage_unavailable: A sentence\.; trying again in /m);
    await program.waitForOutput(/^The worker is newer than this program.*"made_up_in_2031"/m);
  });
});
