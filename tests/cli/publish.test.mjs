// Runs `session-events publish` against a Worker.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import { eventOf, login, scp, slo } from "../support/records.mjs";
import { publishToken } from "../support/tenant.mjs";
import { PUBLISH_SECRET, startWorker } from "../support/worker.mjs";
import { jsonLines, runCli, startIssuerServer, startWorkerFor } from "./support/cli.mjs";
import { temporaryFile } from "./support/temporary_file.mjs";

const issuerServer = await startIssuerServer();
const { newTenant } = await startWorkerFor(issuerServer);

describe("publish", { concurrency: true }, () => {
  const counts = (changes) => ({
    received: 3,
    events: 2,
    duplicates: 0,
    ignored: 1,
    malformed: 0,
    ...changes,
  });

  test("accepts each file format, and recognizes duplicates when a file is published again", async (t) => {
    const { tenant, workerArgs } = newTenant();
    const token = ["--publish-token", publishToken(tenant.domain)];
    const newRecords = () => [slo(), login(), scp()];
    for (const format of [
      (records) => JSON.stringify(records),
      (records) => JSON.stringify(records, null, 2),
      (records) => records.map((record) => `${JSON.stringify(record)}\r\n`).join(""),
      (records) => JSON.stringify({ logs: records }),
      (records) => JSON.stringify({ logs: records, total: records.length }, null, 2),
    ]) {
      const { path } = temporaryFile("log.json", format(newRecords()));
      const first = await runCli(t, ["publish", path, ...workerArgs, ...token]);
      assert.equal(first.code, 0, first.output);
      assert.deepEqual(jsonLines(first.stdout), [counts()]);
      const second = await runCli(t, ["publish", path, ...workerArgs, ...token]);
      assert.deepEqual(jsonLines(second.stdout), [counts({ events: 0, duplicates: 2 })]);
    }
    const single = slo();
    const input = JSON.stringify(single, null, 2);
    const { stdout } = await runCli(t, ["publish", "-", ...workerArgs, ...token], { input });
    assert.deepEqual(jsonLines(stdout), [counts({ received: 1, events: 1, ignored: 0 })]);
    assert.deepEqual((await tenant.events())[0], eventOf(single));
  });

  test("publishes the records of an object with logs, and prints the numbers of unreadable ones", async (t) => {
    const { tenant, workerArgs } = newTenant();
    const record = slo();
    const logs = `{"logs":[${JSON.stringify(record)},{"log_id":7},${JSON.stringify(login())}]}`;
    const { path } = temporaryFile("log.json", logs);
    const env = { PUBLISH_SECRET };
    const { code, stdout, output } = await runCli(t, ["publish", path, ...workerArgs], { env });
    assert.equal(code, 1);
    assert.deepEqual(jsonLines(stdout), [counts({ events: 1, malformed: 1 })]);
    assert.match(output, /^Unreadable records: 2$/m);
    assert.deepEqual(await tenant.events(), [eventOf(record)]);
  });

  test("splits a large file into several requests and preserves the order", async (t) => {
    const { tenant, workerArgs } = newTenant();
    const padding = "x".repeat(20_000);
    const records = Array.from({ length: 400 }, (_, number) =>
      slo({ user_id: `auth0|${number}`, description: padding }),
    );
    const { path } = temporaryFile(
      "log.jsonl",
      records.map((record) => JSON.stringify(record)).join("\n"),
    );
    const env = { PUBLISH_SECRET };
    const { code, stdout, output } = await runCli(t, ["publish", path, ...workerArgs], { env });
    assert.equal(code, 0, output);
    assert.deepEqual(jsonLines(stdout), [counts({ received: 400, events: 400, ignored: 0 })]);
    const expected = records.slice(-100).map(eventOf).reverse();
    assert.deepEqual(await tenant.events(), expected);
  });

  test("prints the numbers of unreadable records and publishes the others", async (t) => {
    const { tenant, workerArgs } = newTenant();
    const good = JSON.stringify(slo());
    const { path } = temporaryFile("log.jsonl", `${good}\n{"log_id":\n{"data":{}}\n`);
    const env = { PUBLISH_TOKEN: publishToken(tenant.domain) };
    const { code, stdout, output } = await runCli(t, ["publish", path, ...workerArgs], { env });
    assert.equal(code, 1);
    assert.deepEqual(jsonLines(stdout), [counts({ events: 1, ignored: 0, malformed: 2 })]);
    assert.match(output, /^Unreadable records: 2, 3$/m);
    assert.equal((await tenant.events()).length, 1);
  });

  test("prints the number of records that the Worker rejects as malformed", async (t) => {
    const { workerArgs } = newTenant();
    const { path } = temporaryFile("log.json", JSON.stringify(slo({ user_id: "x".repeat(2_000) })));
    const env = { PUBLISH_SECRET };
    const { code, stdout, output } = await runCli(t, ["publish", path, ...workerArgs], { env });
    assert.equal(code, 1);
    assert.equal(jsonLines(stdout)[0].malformed, 1);
    assert.match(output, /^Records that the Worker rejected as malformed: 1; see its log$/m);
  });

  test("prints an error for an invalid file or publish token", async (t) => {
    const { workerArgs } = newTenant();
    const { path } = temporaryFile("log.json", JSON.stringify([slo()]));
    const secret = ["--publish-secret", "another secret of more than 32 bytes"];
    const unreachable = ["--url", "http://127.0.0.1:1", "--tenant", "acme"];
    for (const [args, message, exitCode = 1] of [
      [[path, ...workerArgs, ...secret], /^error: 401 invalid_token: .*not valid for this tenant/],
      [[path, ...workerArgs], /^error: there is no publish token: give --publish-token/, 2],
      [["/no/such/file", ...workerArgs, ...secret], /^error: \/no\/such\/file cannot be read/],
      [
        [temporaryFile("a", "not a log").path, ...workerArgs, ...secret],
        /contains no log records: it must be/,
      ],
    ]) {
      const { code, stdout, output } = await runCli(t, ["publish", ...args]);
      assert.equal(code, exitCode);
      assert.equal(stdout, "");
      assert.match(output, message);
    }
    for (const input of ["", " \n"]) {
      const { code, output } = await runCli(t, ["publish", "-", ...workerArgs, ...secret], {
        input,
      });
      assert.equal(code, 1);
      assert.match(
        output,
        /^error: - is empty: check the command that should have written the log$/m,
      );
    }
    const { code } = await runCli(t, [
      "publish",
      temporaryFile("b", "[]").path,
      ...unreachable,
      ...secret,
    ]);
    assert.equal(code, 0, "no request is sent for an empty log");
  });

  test("accepts a publish token with surrounding white space, such as the last line break of a file", async (t) => {
    const { tenant, workerArgs } = newTenant();
    const { path } = temporaryFile("log.json", JSON.stringify(slo()));
    const env = { PUBLISH_TOKEN: ` ${publishToken(tenant.domain)}\n` };
    const { code, output } = await runCli(t, ["publish", path, ...workerArgs], { env });
    assert.equal(code, 0, output);
  });

  test("sends nothing for a token or a secret that cannot be the Worker's", async (t) => {
    const { path } = temporaryFile("log.json", JSON.stringify(slo()));
    const unreachable = ["--url", "http://127.0.0.1:1", "--tenant", "acme"];
    for (const [env, message] of [
      [
        { PUBLISH_TOKEN: "two\nlines" },
        /^error: the publish token contains a line break or another control character: give it/,
      ],
      [
        { PUBLISH_SECRET: `${PUBLISH_SECRET}\n` },
        /^error: the publish secret starts or ends with white space: give it without/,
      ],
    ]) {
      const { code, output } = await runCli(t, ["publish", path, ...unreachable], { env });
      assert.equal(code, 1);
      assert.match(output, message);
    }
  });

  test("prefers a secret on the command line to a token in the environment", async (t) => {
    const { tenant, workerArgs } = newTenant();
    const { path } = temporaryFile("log.json", JSON.stringify(slo()));
    const env = { PUBLISH_TOKEN: publishToken(tenant.domain) };
    const args = ["publish", path, ...workerArgs];
    const wrong = await runCli(
      t,
      [...args, "--publish-secret", "another secret of more than 32 bytes"],
      { env },
    );
    assert.equal(wrong.code, 1);
    assert.match(wrong.output, /^error: 401 invalid_token/);
    const good = await runCli(t, [...args, "--publish-secret", PUBLISH_SECRET], {
      env: { PUBLISH_TOKEN: "wrong" },
    });
    assert.equal(good.code, 0, good.output);
    const both = [...args, "--publish-token", env.PUBLISH_TOKEN, "--publish-secret", "another"];
    assert.equal(
      (await runCli(t, both)).code,
      0,
      "the token takes precedence if both are on the command line",
    );
  });

  test("retries a batch after temporary errors, and prints how many records were accepted", async (t) => {
    let requests = 0;
    const temporaryErrors = [503, 429, 500];
    const server = createServer(async (request, response) => {
      const received = JSON.parse((await request.toArray()).join("")).length;
      requests += 1;
      const status = temporaryErrors.shift() ?? (requests > 4 ? 401 : 200);
      const receipt = { received, events: received, duplicates: 0, ignored: 0, malformed: 0 };
      const error = { error: "code", error_description: "A sentence." };
      response.writeHead(status, { "retry-after": "0" });
      response.end(JSON.stringify(status === 200 ? receipt : error));
    }).listen(0, "127.0.0.1");
    after(() => server.close());
    await once(server, "listening");
    const records = Array.from({ length: 700 }, () => slo());
    const { path } = temporaryFile("log.json", JSON.stringify([...records, "no record"]));
    const url = `http://127.0.0.1:${server.address().port}`;
    const args = ["--url", url, "--tenant", "acme", "--publish-token", "t0ken"];
    const { code, output } = await runCli(t, ["publish", path, ...args]);
    assert.equal(requests, 5);
    assert.equal(code, 1);
    assert.match(output, /^error: 401 code: A sentence\.\n500 of 701 records were accepted; fix/m);
    assert.match(output, /^503 code: A sentence\.; retrying in (0\.[5-9]|1\.0) s$/m);
    assert.ok(!output.includes("t0ken"));
  });

  test("does not retry after a configuration error", async (t) => {
    const unconfigured = await startWorker({ secrets: {} });
    const { path } = temporaryFile("log.json", JSON.stringify(slo()));
    const args = [
      "--url",
      String(unconfigured.url),
      "--tenant",
      "acme",
      "--publish-token",
      "t0ken",
    ];
    const { code, output } = await runCli(t, ["publish", path, ...args]);
    assert.equal(code, 1);
    assert.match(output, /^error: 503 not_configured: /);
  });
});
