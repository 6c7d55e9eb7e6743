// Connections to a peer that falls silent: the client must not leave them open, and they must not
// keep the process alive. Node's WebSocket alone waits for the peer's close frame for ever.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";

import { authenticated } from "../../tests/support/scripted_server.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { NODES } from "./support/node_versions.mjs";
import { runModuleWith } from "./support/run_module.mjs";
import { startSilentServer } from "./support/silent_server.mjs";

const ATTEMPTS = 12;

/** `fetch` loads undici, so that its dispatcher exists although the class is another one. */
const GLOBAL_WS = `
  import WebSocket from "ws";
  await fetch("data:,");
  globalThis.WebSocket = WebSocket;`;

/** Returns a module that reconnects until `ATTEMPTS`, closes the client, and should then end. */
const reconnecting = (url, importWebSocket, connectTimeout) => `
  import { SessionEvents } from "session-events";
  ${importWebSocket}
  const client = new SessionEvents({
    url: "${url}",
    tenant: "acme",
    getToken: () => "a.b.c",
    WebSocket,
    minReconnectDelay: 1,
    maxReconnectDelay: 2,
    pingInterval: 10,
    pongTimeout: 20,
    connectTimeout: ${connectTimeout},
  });
  let attempts = 0;
  client.on("connecting", () => (attempts += 1) > ${ATTEMPTS} && client.close());
  client.connect();`;

/** Returns a module that closes the client as soon as it is connected, and should then end. */
const closing = (url, importWebSocket) => `
  import { SessionEvents } from "session-events";
  ${importWebSocket}
  const client = new SessionEvents({ url: "${url}", tenant: "acme", getToken: () => "a.b.c", WebSocket });
  client.on("connected", () => client.close());
  client.connect();`;

for (const node of NODES) {
  const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
  const hasWebSocket = !/^v20\./.test(version);
  const classes = [
    ...(hasWebSocket ? [["the platform's WebSocket", "const { WebSocket } = globalThis;"]] : []),
    ["the package ws", 'import WebSocket from "ws";'],
    ["the package ws as the global class", GLOBAL_WS],
  ];
  for (const [name, importWebSocket] of classes) {
    describe(`with ${name} in Node ${version}`, { concurrency: true }, () => {
      for (const [phase, messages, connectTimeout] of [
        ["before the upgrade", undefined, 100],
        ["after the token was accepted", [{ type: "connected" }, authenticated()], 10_000],
      ]) {
        test(`a peer that falls silent ${phase} leaves at most four connections open, and none after close()`, async () => {
          const server = await startSilentServer(messages);
          await runModuleWith(node, reconnecting(server.url, importWebSocket, connectTimeout));
          assert.ok(server.count >= ATTEMPTS, `there were ${server.count} connections`);
          assert.ok(server.maxOpen <= 4, `${server.maxOpen} connections were open at once`);
          await waitFor(() => server.open() === 0);
        });
      }

      test("the process ends after close() although the peer does not answer the close frame", async () => {
        const server = await startSilentServer([{ type: "connected" }, authenticated()]);
        await runModuleWith(node, closing(server.url, importWebSocket));
        assert.equal(server.count, 1);
      });
    });
  }
}
