// What `session-events listen` does when its socket is closed: the codes are those of
// docs/protocol.md, and a scripted server says them.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { authenticated, event, startScriptedServer } from "../support/scripted_server.mjs";
import { SECRET, cli, lines, startIssuer } from "./support/cli.mjs";

describe("listen, when the worker closes its socket", { concurrency: true }, () => {
  const listen = async (t, code, args) => {
    const server = await startScriptedServer(({ socket, send, count }) => {
      send(authenticated());
      send(event("1"));
      send(event(`${count + 1}`));
      if (count === 1) socket.close(code, "the_reason");
    });
    const address = ["--url", server.url, "--tenant", "acme"];
    return { program: cli(t, ["listen", ...address, ...args]), server };
  };
  const given = ["--token", "a.b.c"];
  const renewable = ["--client-id", "id", "--client-secret"];

  for (const code of [1000, 1001, 1011, 1013, 4408, 4999]) {
    test(`with ${code}, comes back, and writes no event again`, async (t) => {
      const { program, server } = await listen(t, code, given);
      await program.waitForOutput(/"id":"3"/);
      assert.match(program.output, new RegExp(`closed with ${code} the_reason; trying again`));
      assert.deepEqual(
        lines(program.stdout).map(({ id }) => id),
        ["1", "2", "3"],
      );
      assert.deepEqual(
        server.authentications.map(({ lastEventId }) => lastEventId),
        [undefined, "2"],
      );
    });
  }

  for (const code of [1009, 4400, 4403]) {
    test(`with ${code}, stays away`, async (t) => {
      const { program } = await listen(t, code, given);
      assert.equal(await program.exit, 1);
      assert.match(program.output, new RegExp(`^error: .*${code} the_reason, so coming back`, "m"));
    });
  }

  for (const code of [4401, 4419]) {
    test(`with ${code}, comes back with a new token, if it can have one`, async (t) => {
      const { program } = await listen(t, code, given);
      assert.equal(await program.exit, 1);
      assert.match(program.output, /give a new token, or a client id and secret/);

      const issuer = await startIssuer();
      const login = [...renewable, SECRET, "--issuer", issuer.url];
      const { program: other, server } = await listen(t, code, login);
      await other.waitForOutput(/"id":"3"/);
      const [one, two] = server.authentications.map(({ token }) => token);
      assert.notEqual(one, two);
    });
  }
});
