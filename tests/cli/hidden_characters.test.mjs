// How the command line prints text from the network that contains control characters, bidirectional
// controls and invisible characters.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import { slo } from "../support/records.mjs";
import { authenticated, event, startScriptedServer } from "../support/scripted_server.mjs";
import { jsonLines, runCli, startCli, startIssuerServer, startWorkerFor } from "./support/cli.mjs";
import { nextDate } from "./support/revocations.mjs";
import { noTerminal, runOnTerminal, withoutStyles } from "./support/terminal.mjs";

const issuerServer = await startIssuerServer();
const { newTenant } = await startWorkerFor(issuerServer);

/** A control character of each kind, bidirectional controls, and characters without a visible form. */
const HIDDEN =
  "\u007f\u009b2J\u202e\u2066\u200b\u200d\ufeff\u00ad\u2028\u2029\u3164\ufe0f\u{e0041}";
const ESCAPED =
  "\\u{7f}\\u{9b}2J\\u{202e}\\u{2066}\\u{200b}\\u{200d}\\u{feff}\\u{ad}\\u{2028}\\u{2029}\\u{3164}\\u{fe0f}\\u{e0041}";

function assertNothingHidden(output) {
  const text = output.replaceAll("\n", "");
  const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
  assert.doesNotMatch(text, hidden, JSON.stringify(text));
}

/** Responds to every request with this status and JSON. Returns the URL. */
async function startJsonServer(status, body) {
  const server = createServer((_, response) =>
    response.writeHead(status).end(JSON.stringify(body)),
  ).listen(0, "127.0.0.1");
  after(() => server.close());
  await once(server, "listening");
  return `http://127.0.0.1:${server.address().port}`;
}

describe("hidden characters in text from the network", { concurrency: true }, () => {
  const user = `auth0|${HIDDEN}jane`;
  const details = { session_id: `s${HIDDEN}` };

  test("are JSON escapes in JSON output, which keeps its meaning", async (t) => {
    const { tenant, allArgs } = newTenant();
    await tenant.publish(slo({ user_id: user, details, date: nextDate() }));
    await tenant.subscribe({ sub: user, scope: "listen:events:self" });
    for (const command of [["events"], ["revocations"], ["status", user], ["listeners"]]) {
      const { code, stdout, output } = await runCli(t, [...command, ...allArgs, "--json"]);
      assert.equal(code, 0, output);
      assertNothingHidden(output);
      const [{ user_id, sub, session_id }] = jsonLines(stdout);
      assert.equal(user_id ?? sub, user, command[0]);
      if (session_id) assert.equal(session_id, details.session_id);
    }
    for (const command of [["listen"], ["revocations", "--follow"]]) {
      const program = startCli(t, [...command, ...allArgs]);
      await program.waitForOutput(/"user_id".*\n/);
      assertNothingHidden(program.stdout);
      assert.equal(jsonLines(program.stdout)[0].user_id, user);
    }
  });

  test("are visible escapes on a terminal", { skip: noTerminal }, async (t) => {
    const { tenant, allArgs } = newTenant();
    await tenant.publish(slo({ user_id: user, details, date: nextDate() }));
    await tenant.subscribe({ sub: user, scope: "listen:events:self" });
    for (const [command, text] of [
      [["events"], `auth0|${ESCAPED}jane  s${ESCAPED}`],
      [["revocations"], `auth0|${ESCAPED}jane  s${ESCAPED}`],
      [["status", user], `session s${ESCAPED}`],
      [["listeners"], `auth0|${ESCAPED}jane`],
    ]) {
      const { code, output } = await runOnTerminal(t, [...command, ...allArgs]);
      assert.equal(code, 0, output);
      assertNothingHidden(withoutStyles(output));
      assert.ok(output.includes(text), output);
    }
    const { output } = await runOnTerminal(t, ["events", ...allArgs, "--json"]);
    assertNothingHidden(output);
    assert.equal(JSON.parse(output).user_id, user);
  });

  test("are visible escapes in the errors of the Worker and of the issuer, and forge no line", async (t) => {
    const text = `${HIDDEN}\u001b[2J\nSubscribed to acme`;
    const escaped = `${ESCAPED}\\u{1b}[2J\\u{a}Subscribed to acme`;
    const error = { error: `code${text}`, error_description: text };
    const url = await startJsonServer(418, error);
    const args = ["--url", url, "--tenant", "acme"];
    const loginArgs = ["--client-id", "a", "--client-secret", "b", "--issuer", url];
    for (const command of [
      ["events", ...args, "--token", "a.b.c"],
      ["events", ...args, ...loginArgs],
      ["listen", ...args, ...loginArgs],
      ["revocations", "--follow", ...args, "--token", "a.b.c"],
      ["doctor", ...args, "--token", "a.b.c"],
    ]) {
      const { code, output } = await runCli(t, command);
      assert.equal(code, 1);
      assertNothingHidden(output);
      assert.doesNotMatch(output, /^Subscribed/m);
      if (command[0] !== "doctor") assert.ok(output.includes(escaped), output);
    }
  });

  test("are visible escapes in an unexpected response", async (t) => {
    const page = { revocations: [{ user_id: "a", type: `x${HIDDEN}`, date: "" }], count: 1 };
    const url = await startJsonServer(200, { ...page, events: 1, connections: `${HIDDEN}\n` });
    const args = ["--url", url, "--tenant", "acme", "--token", "a.b.c"];
    for (const command of ["events", "revocations", "listeners"]) {
      const { code, output } = await runCli(t, [command, ...args]);
      assert.equal(code, 1);
      assert.match(output, /returned an unexpected body/);
      assertNothingHidden(output);
    }
  });

  test("are visible escapes in the messages and close reasons of a socket", async (t) => {
    const text = `x\u202e\u001b[2J\nSubscribed to acme`;
    const escaped = "x\\u{202e}\\u{1b}[2J\\u{a}Subscribed to acme";
    const server = await startScriptedServer(({ socket, send }) => {
      send(authenticated({ sub: text }));
      send({ ...event("1"), type: text });
      send({ type: "error", error: "code", error_description: text });
      socket.close(4400, text);
    });
    const args = ["--url", server.url, "--tenant", "acme", "--token", "a.b.c"];
    const { code, stdout, output } = await runCli(t, ["listen", ...args]);
    assert.equal(code, 1);
    assertNothingHidden(output);
    assert.equal(jsonLines(stdout)[0].type, text);
    for (const line of [
      ` as ${escaped}, to events of`,
      `code: ${escaped}`,
      `with 4400 ${escaped};`,
    ])
      assert.ok(output.includes(line), output);
  });
});
