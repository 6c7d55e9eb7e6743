// How `session-events listen` authenticates with the upgrade request, how it reacts to a rejected
// one, and how it renews its token on the open socket.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { authenticated, event, startScriptedServer } from "../support/scripted_server.mjs";
import { now } from "../support/token.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { CLIENT_SECRET, runCli, startCli, startIssuerServer } from "./support/cli.mjs";
import { startRejectingServer } from "./support/rejecting_server.mjs";

const fixedToken = ["--token", "a.b.c"];
const argsFor = ({ url }) => ["listen", "--url", url, "--tenant", "acme"];
const loginArgs = (issuerServer) => [
  ...["--client-id", "id", "--client-secret", CLIENT_SECRET],
  ...["--issuer", issuerServer.url],
];

const body = JSON.stringify({ error: "the_code", error_description: "A sentence." });
const challenge = {
  "www-authenticate":
    'Bearer realm="session-events", error="invalid_token", error_description="A sentence."',
};

describe("listen", { concurrency: true }, () => {
  test("sends the token and the last event id with the upgrade request, and no message", async (t) => {
    const id = "a&b=%2F é+#?";
    const server = await startScriptedServer(({ send }) => {
      send(authenticated());
      send(event("1"));
    });
    const program = startCli(t, [...argsFor(server), ...fixedToken, "--last-event-id", id]);
    await program.waitForOutput(/"id":"1"/);
    assert.deepEqual(server.authentications, [
      { transport: "upgrade", token: "a.b.c", lastEventId: id },
    ]);
    assert.deepEqual(server.received, []);
  });

  test("rejects a token that cannot be a header, without printing it", async (t) => {
    const server = await startRejectingServer();
    const { code, output } = await runCli(t, [...argsFor(server), "--token", "s3cret\nx: y"]);
    assert.equal(code, 1);
    assert.match(output, /^error: the access token contains a line break/);
    assert.doesNotMatch(output, /s3cret/);
    assert.deepEqual(server.tokens, []);
  });

  for (const [status, response, message] of [
    [401, { headers: challenge }, "401 invalid_token: A sentence."],
    [400, { body }, "400 the_code: A sentence.; a reconnect would fail again"],
    [403, { body }, "403 the_code: A sentence.; a reconnect would fail again"],
    [403, { body, chunked: true }, "403 the_code: A sentence.; a reconnect would fail again"],
  ]) {
    test(`ends if the upgrade is rejected with ${status} and ${JSON.stringify(response)}`, async (t) => {
      const server = await startRejectingServer({ status, ...response });
      const { code, stdout, output } = await runCli(t, [...argsFor(server), ...fixedToken]);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.equal(output, `error: the Worker rejected the connection with ${message}\n`);
      assert.equal(server.tokens.length, 1);
    });
  }

  test("requests one more token after 401, and ends if that is rejected as well", async (t) => {
    const issuerServer = await startIssuerServer();
    const rejection = { status: 401, headers: challenge };
    const server = await startRejectingServer(rejection);
    const program = startCli(t, [...argsFor(server), ...loginArgs(issuerServer)]);
    await program.waitForOutput(/"id":"1"/);
    assert.match(program.output, /^the Worker rejected .* 401 invalid_token: A sentence\.; retry/);
    const [first, second] = server.tokens;
    assert.notEqual(first, second);

    const strict = await startRejectingServer(rejection, rejection);
    const { code, output } = await runCli(t, [...argsFor(strict), ...loginArgs(issuerServer)]);
    assert.equal(code, 1);
    assert.match(output, /^error: the Worker rejected the connection with 401 invalid_token/m);
    assert.equal(strict.tokens.length, 2);
  });

  for (const [status, headers, delay] of [
    [503, { "retry-after": "2" }, /retrying in 2\.[5-9] s|retrying in 3\.0 s/],
    [429, { "retry-after": "1" }, /retrying in 1\.[5-9] s|retrying in 2\.0 s/],
    [503, {}, /retrying in (0\.[5-9]|1\.0) s/],
    [500, {}, /retrying in (0\.[5-9]|1\.0) s/],
  ]) {
    test(`reconnects after ${status} with ${JSON.stringify(headers)} on the upgrade`, async (t) => {
      const server = await startRejectingServer({ status, headers, body });
      const program = startCli(t, [...argsFor(server), ...fixedToken]);
      await program.waitForOutput(/"id":"1"/);
      assert.match(
        program.output,
        new RegExp(`rejected .* ${status} the_code: A sentence\\.; retry`),
      );
      assert.match(program.output, delay);
      assert.equal(server.tokens.length, 2);
    });
  }

  test("waits no longer than a minute for a server that wants a longer delay", async (t) => {
    const server = await startRejectingServer({ status: 503, headers: { "retry-after": "86400" } });
    const program = startCli(t, [...argsFor(server), ...fixedToken]);
    await program.waitForOutput(/rejected the WebSocket with 503.*retrying in 6[01]\.\d s/);
  });

  test("keeps the socket if the Worker postpones a renewal, and sends the same token again", async (t) => {
    const issuerServer = await startIssuerServer();
    const error = { error: "too_many_requests", error_description: "Too many renewals." };
    const sentAt = [];
    const server = await startScriptedServer(({ send, count }) => {
      sentAt.push(Date.now());
      const claims = { iat: now(), exp: now() + 20 };
      if (count === 2) send({ type: "error", ...error });
      else send(authenticated({ claims }));
      if (count === 3) send(event("1"));
    });
    const program = startCli(t, [...argsFor(server), ...loginArgs(issuerServer)]);
    await program.waitForOutput(/"id":"1"/);
    assert.match(program.output, /^too_many_requests: Too many renewals\.$/m);
    assert.doesNotMatch(program.output, /closed|retrying/);
    const [, refused, repeated] = server.authentications;
    assert.deepEqual(refused, repeated);
    assert.equal(refused.transport, "message");
    assert.equal(issuerServer.logins, 2, "the new token is not requested again");
    for (const [index, time] of sentAt.entries())
      if (index > 0) assert.ok(time - sentAt[index - 1] >= 9_900, `${sentAt}`);
  });

  test("does not renew a token more often than every ten seconds, however short its life is", async (t) => {
    const issuerServer = await startIssuerServer();
    const startedAt = Date.now();
    const server = await startScriptedServer(({ send }) =>
      send(authenticated({ claims: { iat: now(), exp: now() + 1 } })),
    );
    startCli(t, [...argsFor(server), ...loginArgs(issuerServer)]);
    await waitFor(() => server.authentications.length === 2);
    assert.ok(Date.now() - startedAt >= 9_900);
  });

  for (const reason of ["too_many_messages", "too_many_requests"]) {
    test(`reconnects after 1013 ${reason}, ten seconds later at the earliest`, async (t) => {
      const server = await startScriptedServer(({ socket, send }) => {
        send(authenticated());
        send(event("1"));
        socket.close(1013, reason);
      });
      const program = startCli(t, [...argsFor(server), ...fixedToken]);
      await program.waitForOutput(
        new RegExp(`closed with 1013 ${reason}; retrying in 1[01]\\.\\d s`),
      );
      await program.waitForOutput(/"id":"1"/);
    });
  }
});
