// How the command line gets and shows a token, as a process against the running worker.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import { SECRET, run, startIssuer, startWorkerFor } from "./support/cli.mjs";
import { file } from "./support/file.mjs";

const issuing = await startIssuer();
const { tenant: newTenant, worker } = await startWorkerFor(issuing);

describe("the login", { concurrency: true }, () => {
  test("that fails says what to check, and not the secret", async (t) => {
    const { at } = newTenant();
    const args = at.map((word) => (word === SECRET ? "wr0ng-secret" : word));
    const { code, output } = await run(t, ["events", ...args]);
    assert.equal(code, 1);
    assert.match(output, /oauth\/token answers 401 access_denied: .*check client id and secret/);
    assert.ok(!output.includes("wr0ng-secret"));
  });

  test("on the command line counts for more than a token in the environment", async (t) => {
    const { at, address } = newTenant();
    const env = { SESSION_EVENTS_TOKEN: "garbage" };
    const loggedIn = await run(t, ["events", ...at], { env });
    assert.equal(loggedIn.code, 0, loggedIn.output);
    assert.equal((await run(t, ["events", ...address], { env })).code, 1);
  });

  test("and what follows it take no proxy of the environment", async (t) => {
    const { at } = newTenant();
    const nobody = "http://127.0.0.1:1";
    const env = { http_proxy: nobody, https_proxy: nobody, all_proxy: nobody };
    const { code, output } = await run(t, ["events", ...at], { env });
    assert.equal(code, 0, output);
  });

  test("takes a token as a file has it, with a line break at its end", async (t) => {
    const { tenant, address } = newTenant();
    const { code, output } = await run(t, ["events", ...address, "--token", `${tenant.token()}\n`]);
    assert.equal(code, 0, output);
  });

  test("that is missing says how to give it", async (t) => {
    const { address } = newTenant();
    for (const [args, complaint] of [
      [[], /^error: there is no access token: give --token, or --client-id/],
      [["--token", ""], /^error: there is no access token/],
      [["--client-id", "backend"], /^error: the client id has no secret: give --client-secret/],
      [["--client-secret", SECRET], /^error: the client secret has no id: give --client-id/],
    ]) {
      const { code, output } = await run(t, ["events", ...address, ...args]);
      assert.equal(code, 2, "the command line is wrong");
      assert.match(output, complaint);
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
  });

  test("names the line of a .env that cannot be read, and not what it holds", async (t) => {
    const { address } = newTenant();
    const good = "# NAME=s3cret word\nA=1\nB='two\nlines'\n";
    for (const bad of ["NAME=s3cret word\nC=1", "NAME='s3cret\nC=1", "s3cret"]) {
      const { path, cwd } = file(".env", good + bad);
      const { code, output } = await run(t, ["listeners", ...address], { cwd });
      assert.equal(code, 1);
      assert.ok(output.includes(`error: ${path} cannot be read at line 5: write NAME=`), output);
      assert.doesNotMatch(output, /s3cret/);
      for (const args of [["--version"], ["listen", "--help"], ["completions", "bash"]]) {
        const { code, output } = await run(t, args, { cwd });
        assert.equal(code, 0, output);
      }
    }
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
