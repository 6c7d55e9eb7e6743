// Tests how the command line obtains an access token, and the precedence of its settings.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import { CLIENT_SECRET, runCli, startIssuerServer, startWorkerFor } from "./support/cli.mjs";

const issuerServer = await startIssuerServer();
const { newTenant } = await startWorkerFor(issuerServer);

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

  test("The error for an issuer that limits requests or fails does not blame the credentials", async (t) => {
    const { allArgs } = newTenant();
    for (const status of [408, 429, 503]) {
      const server = createServer((_, response) => {
        const error = { error: "too_many_requests", error_description: "Global limit." };
        response.writeHead(status).end(JSON.stringify(error));
      }).listen(0, "127.0.0.1");
      after(() => server.close());
      await once(server, "listening");
      const issuer = `http://127.0.0.1:${server.address().port}`;
      const { code, output } = await runCli(t, ["events", ...allArgs.with(-1, issuer)]);
      assert.equal(code, 1);
      const expected = `^error: ${issuer}/oauth/token returned ${status} too_many_requests: Global limit\\.$`;
      assert.match(output, new RegExp(expected, "m"));
    }
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

  test("An access token with a control character is not sent", async (t) => {
    const { workerArgs } = newTenant();
    for (const command of ["events", "listen"]) {
      const args = [command, ...workerArgs, "--token", "two\nlines"];
      const { code, output } = await runCli(t, args);
      assert.equal(code, 1);
      assert.match(output, /^error: the access token contains a line break or another control /);
    }
  });

  test("An access token can be read from standard input", async (t) => {
    const { tenant, workerArgs } = newTenant();
    const args = ["events", ...workerArgs, "--token", "-"];
    const given = await runCli(t, args, { input: `${tenant.token()}\nthe rest is not read` });
    assert.equal(given.code, 0, given.output);

    for (const input of ["", " \n"]) {
      const { code, output } = await runCli(t, args, { input });
      assert.equal(code, 1);
      assert.match(output, /^error: there is no access token on standard input: pipe it/);
    }
    const tooLong = await runCli(t, args, { input: "x".repeat(1_000_000) });
    assert.equal(tooLong.code, 1);
  });

  test("Standard input is read only if the command line says so", async (t) => {
    const { tenant, workerArgs } = newTenant();
    const env = { SESSION_EVENTS_TOKEN: "-" };
    const { code, output } = await runCli(t, ["events", ...workerArgs], {
      env,
      input: tenant.token(),
    });
    assert.equal(code, 1);
    assert.match(output, /invalid_token/);
  });

  test("The error for missing credentials lists the options to set", async (t) => {
    const { workerArgs } = newTenant();
    for (const [args, message] of [
      [[], /^error: there is no access token: give --token, or --client-id/],
      [["--token", ""], /^error: there is no access token/],
      [
        ["--client-id", "backend", "--client-secret", CLIENT_SECRET, "--audience", ""],
        /^error: there is no audience: give --audience/,
      ],
      [["--client-id", "backend"], /^error: the client id has no secret: give --client-secret/],
      [["--client-secret", CLIENT_SECRET], /^error: the client secret has no id: give --client-id/],
    ]) {
      const { code, output } = await runCli(t, ["events", ...workerArgs, ...args]);
      assert.equal(code, 2, "the command line is invalid");
      assert.match(output, message);
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
