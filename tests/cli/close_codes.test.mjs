// How `session-events listen` reacts to each close code of docs/protocol.md. A scripted server sends
// the codes.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { authenticated, event, startScriptedServer } from "../support/scripted_server.mjs";
import { CLIENT_SECRET, jsonLines, startCli, startIssuerServer } from "./support/cli.mjs";

describe("listen, after the server closes the socket", { concurrency: true }, () => {
  const listen = async (t, code, args) => {
    const server = await startScriptedServer(({ socket, send, count }) => {
      send(authenticated());
      send(event("1"));
      send(event(`${count + 1}`));
      if (count === 1) socket.close(code, "the_reason");
    });
    const workerArgs = ["--url", server.url, "--tenant", "acme"];
    return { program: startCli(t, ["listen", ...workerArgs, ...args]), server };
  };
  const fixedToken = ["--token", "a.b.c"];
  const client = ["--client-id", "id", "--client-secret"];

  for (const code of [1000, 1001, 1011, 1013, 4408, 4999]) {
    test(`reconnects after ${code} and prints no event twice`, async (t) => {
      const { program, server } = await listen(t, code, fixedToken);
      await program.waitForOutput(/"id":"3"/);
      assert.match(program.output, new RegExp(`closed with ${code} the_reason; retrying`));
      assert.deepEqual(
        jsonLines(program.stdout).map(({ id }) => id),
        ["1", "2", "3"],
      );
      assert.deepEqual(
        server.authentications.map(({ lastEventId }) => lastEventId),
        [undefined, "2"],
      );
    });
  }

  for (const code of [1009, 4400, 4403]) {
    test(`does not reconnect after ${code}`, async (t) => {
      const { program } = await listen(t, code, fixedToken);
      assert.equal(await program.exit, 1);
      assert.match(
        program.output,
        new RegExp(`^error: .*${code} the_reason; a reconnect would fail`, "m"),
      );
    });
  }

  for (const code of [4401, 4419]) {
    test(`reconnects after ${code} only if it can request a new token`, async (t) => {
      const { program } = await listen(t, code, fixedToken);
      assert.equal(await program.exit, 1);
      assert.match(program.output, /give a new token, or a client id and secret/);

      const issuerServer = await startIssuerServer();
      const loginArgs = [...client, CLIENT_SECRET, "--issuer", issuerServer.url];
      const { program: reconnecting, server } = await listen(t, code, loginArgs);
      await reconnecting.waitForOutput(/"id":"3"/);
      const [first, second] = server.authentications.map(({ token }) => token);
      assert.notEqual(first, second);
    });
  }
});
