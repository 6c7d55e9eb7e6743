// `session-events publish`, as a process against the running worker.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import { eventOf, login, scp, slo } from "../support/records.mjs";
import { publishToken } from "../support/tenant.mjs";
import { PUBLISH_SECRET, startWorker } from "../support/worker.mjs";
import { lines, run, startIssuer, startWorkerFor } from "./support/cli.mjs";
import { file } from "./support/file.mjs";

const issuing = await startIssuer();
const { tenant: newTenant } = await startWorkerFor(issuing);

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
    for (const [args, complaint, exit = 1] of [
      [[path, ...address, ...secret], /^error: 401 invalid_token: .*not this tenant's/],
      [[path, ...address], /^error: there is no publish token: give --publish-token/, 2],
      [["/no/such/file", ...address, ...secret], /^error: \/no\/such\/file cannot be read/],
      [[file("a", "not a log").path, ...address, ...secret], /holds no log records: it must be/],
    ]) {
      const { code, stdout, output } = await run(t, ["publish", ...args]);
      assert.equal(code, exit);
      assert.equal(stdout, "");
      assert.match(output, complaint);
    }
    for (const input of ["", " \n"]) {
      const { code, output } = await run(t, ["publish", "-", ...address, ...secret], { input });
      assert.equal(code, 1);
      assert.match(output, /^error: - is empty: check what was to write the log$/m);
    }
    const { code } = await run(t, ["publish", file("b", "[]").path, ...elsewhere, ...secret]);
    assert.equal(code, 0, "there is nothing to publish");
  });

  test("heeds the secret on the command line more than a token in the environment", async (t) => {
    const { tenant, address } = newTenant();
    const { path } = file("log.json", JSON.stringify(slo()));
    const env = { PUBLISH_TOKEN: publishToken(tenant.domain) };
    const args = ["publish", path, ...address];
    const wrong = await run(t, [...args, "--publish-secret", "another secret"], { env });
    assert.equal(wrong.code, 1);
    assert.match(wrong.output, /^error: 401 invalid_token/);
    const good = await run(t, [...args, "--publish-secret", PUBLISH_SECRET], {
      env: { PUBLISH_TOKEN: "wrong" },
    });
    assert.equal(good.code, 0, good.output);
    const both = [...args, "--publish-token", env.PUBLISH_TOKEN, "--publish-secret", "another"];
    assert.equal((await run(t, both)).code, 0, "the token counts where both are there");
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
    const { path } = file("log.json", JSON.stringify([...records, "no record"]));
    const url = `http://127.0.0.1:${server.address().port}`;
    const args = ["--url", url, "--tenant", "acme", "--publish-token", "t0ken"];
    const { code, output } = await run(t, ["publish", path, ...args]);
    assert.equal(asked, 5);
    assert.equal(code, 1);
    assert.match(output, /^error: 401 code: A sentence\.\n500 of 701 records were taken; publish/m);
    assert.match(output, /^503 code: A sentence\.; trying again in 0\.0 s$/m);
    assert.ok(!output.includes("t0ken"));
  });

  test("does not wait for what the operator has to set", async (t) => {
    const other = await startWorker({ secrets: {} });
    const { path } = file("log.json", JSON.stringify(slo()));
    const args = ["--url", String(other.url), "--tenant", "acme", "--publish-token", "t0ken"];
    const { code, output } = await run(t, ["publish", path, ...args]);
    assert.equal(code, 1);
    assert.match(output, /^error: 503 not_configured: /);
  });
});
