// Tests how the command line obtains an access token, and the precedence of its settings.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import { CLIENT_SECRET, runCli, startIssuerServer, startWorkerFor } from "./support/cli.mjs";
import { temporaryFile } from "./support/temporary_file.mjs";

const issuerServer = await startIssuerServer();
const { newTenant, worker } = await startWorkerFor(issuerServer);

describe("access tokens and settings", { concurrency: true }, () => {
  test("The error for a rejected login contains advice but not the secret", async (t) => {
    const { allArgs } = newTenant();
    const args = allArgs.map((word) => (word === CLIENT_SECRET ? "wr0ng-secret" : word));
    const { code, output } = await runCli(t, ["events", ...args]);
    assert.equal(code, 1);
    assert.match(
      output,
      /oauth\/token returned 401 access_denied: .*check the client id and secret/,
    );
    assert.ok(!output.includes("wr0ng-secret"));
  });

  test("A client secret on the command line takes precedence over a token in the environment", async (t) => {
    const { allArgs, workerArgs } = newTenant();
    const env = { SESSION_EVENTS_TOKEN: "garbage" };
    const loggedIn = await runCli(t, ["events", ...allArgs], { env });
    assert.equal(loggedIn.code, 0, loggedIn.output);
    assert.equal((await runCli(t, ["events", ...workerArgs], { env })).code, 1);
  });

  test("Proxies from the environment are ignored", async (t) => {
    const { allArgs } = newTenant();
    const unreachable = "http://127.0.0.1:1";
    const env = { http_proxy: unreachable, https_proxy: unreachable, all_proxy: unreachable };
    const { code, output } = await runCli(t, ["events", ...allArgs], { env });
    assert.equal(code, 0, output);
  });

  test("An access token may end with a line break", async (t) => {
    const { tenant, workerArgs } = newTenant();
    const { code, output } = await runCli(t, [
      "events",
      ...workerArgs,
      "--token",
      `${tenant.token()}\n`,
    ]);
    assert.equal(code, 0, output);
  });

  test("The error for missing credentials lists the options to set", async (t) => {
    const { workerArgs } = newTenant();
    for (const [args, message] of [
      [[], /^error: there is no access token: give --token, or --client-id/],
      [["--token", ""], /^error: there is no access token/],
      [["--client-id", "backend"], /^error: the client id has no secret: give --client-secret/],
      [["--client-secret", CLIENT_SECRET], /^error: the client secret has no id: give --client-id/],
    ]) {
      const { code, output } = await runCli(t, ["events", ...workerArgs, ...args]);
      assert.equal(code, 2, "the command line is invalid");
      assert.match(output, message);
    }
  });

  test("The environment and the command line take precedence over .env", async (t) => {
    const { tenant, workerArgs } = newTenant();
    const { cwd } = temporaryFile(
      ".env",
      `SESSION_EVENTS_URL=${worker.url}\nSESSION_EVENTS_TENANT=${tenant.slug}
AUTH0_ISSUER=${issuerServer.url}\nAUTH0_CLIENT_ID=from-file\nAUTH0_CLIENT_SECRET=${CLIENT_SECRET}\n`,
    );
    const fromFile = await runCli(t, ["listeners"], { cwd });
    assert.equal(fromFile.code, 0, fromFile.output);
    const wrong = "wrong@us";
    const env = { SESSION_EVENTS_TENANT: wrong };
    assert.match((await runCli(t, ["listeners"], { cwd, env })).output, /^error: 401 /);
    assert.equal((await runCli(t, ["listeners", ...workerArgs], { cwd, env })).code, 0);
  });

  test("The error for an invalid .env contains the line number but not the line", async (t) => {
    const { workerArgs } = newTenant();
    const good = "# NAME=s3cret word\nA=1\nB='two\nlines'\n";
    for (const bad of ["NAME=s3cret word\nC=1", "NAME='s3cret\nC=1", "s3cret"]) {
      const { path, cwd } = temporaryFile(".env", good + bad);
      const { code, output } = await runCli(t, ["listeners", ...workerArgs], { cwd });
      assert.equal(code, 1);
      assert.ok(output.includes(`error: ${path} cannot be read at line 5: write NAME=`), output);
      assert.doesNotMatch(output, /s3cret/);
      for (const args of [["--version"], ["listen", "--help"], ["completions", "bash"]]) {
        const { code, output } = await runCli(t, args, { cwd });
        assert.equal(code, 0, output);
      }
    }
  });

  test("Credentials are sent over TLS or to loopback hosts only, and redirects are not followed", async (t) => {
    const { allArgs } = newTenant();
    for (const [option, url] of [
      ["--url", "http://events.example.com"],
      ["--issuer", "http://login.example.com/"],
      ["--url", "events.example.com"],
    ]) {
      const args = allArgs.map((word, index) => (allArgs[index - 1] === option ? url : word));
      const { code, output } = await runCli(t, ["events", ...args]);
      assert.equal(code, 2);
      assert.match(output, /write it with https:\/\//);
    }
    const target = await startIssuerServer();
    const server = createServer((_, response) =>
      response.writeHead(307, { location: `${target.url}oauth/token` }).end(),
    ).listen(0, "127.0.0.1");
    after(() => server.close());
    await once(server, "listening");
    const redirecting = `http://127.0.0.1:${server.address().port}`;
    const { code } = await runCli(t, ["events", ...allArgs.slice(0, -1), redirecting]);
    assert.equal(code, 1);
    assert.equal(target.logins, 0);
  });
});
