// Runs `session-events revocations` and `status` against a Worker.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { gdUnenroll, srrt, USER } from "../support/records.mjs";
import { jsonLines, runCli } from "./support/cli.mjs";
import {
  nextDate,
  passwordChange,
  passwordChanges,
  publishAll,
  revocationOf,
  sessionLogout,
  startRevocationWorker,
} from "./support/revocations.mjs";
import { noTerminal, runOnTerminal, withoutStyles } from "./support/terminal.mjs";

const { newTenant } = await startRevocationWorker();

describe("revocations", { concurrency: true }, () => {
  test("are printed one per line, as the Worker sends them, least recently changed first", async (t) => {
    const { tenant, allArgs } = newTenant();
    const none = await runCli(t, ["revocations", ...allArgs]);
    assert.deepEqual([none.code, none.stdout, none.output], [0, "", ""]);
    const records = [
      passwordChange("auth0|jane"),
      sessionLogout("auth0|mary", "s1"),
      passwordChange("auth0|jane"),
    ];
    await tenant.publish(...records, gdUnenroll({ date: nextDate() }));
    const { code, stdout, output } = await runCli(t, ["revocations", ...allArgs]);
    assert.equal(code, 0, output);
    assert.deepEqual(jsonLines(stdout), records.slice(1).map(revocationOf));
    assert.equal(output, stdout, "nothing is written to standard error");
  });

  test("are printed from all pages", async (t) => {
    const { tenant, allArgs } = newTenant();
    const records = passwordChanges(2_000, "many");
    await publishAll(tenant, records);
    const { code, stdout } = await runCli(t, ["revocations", ...allArgs]);
    assert.equal(code, 0);
    assert.deepEqual(jsonLines(stdout), records.map(revocationOf), "the last page is empty");
    const added = passwordChange("auth0|added");
    await tenant.publish(added);
    const more = await runCli(t, ["revocations", ...allArgs, "--json"]);
    assert.deepEqual(jsonLines(more.stdout), [...records, added].map(revocationOf));
  });

  test("are printed as a table on a terminal", { skip: noTerminal }, async (t) => {
    const { tenant, allArgs } = newTenant();
    const none = await runOnTerminal(t, ["revocations", ...allArgs]);
    assert.deepEqual([none.code, withoutStyles(none.output)], [0, "No tokens are revoked.\n"]);
    const [jane, mary] = [passwordChange("auth0|jané"), sessionLogout("auth0|mary", "s1")];
    await tenant.publish(jane, mary);
    const { code, output } = await runOnTerminal(t, ["revocations", ...allArgs]);
    assert.equal(code, 0);
    assert.equal(
      withoutStyles(output),
      `DATE                      TYPE              USER        SESSION
${jane.data.date}  password_changed  auth0|jané  all
${mary.data.date}  logout            auth0|mary  s1
`,
    );
  });
});

describe("status", { concurrency: true }, () => {
  test("prints the revocations of one user, the one of all tokens first", async (t) => {
    const { tenant, allArgs } = newTenant();
    const user = "auth0|jané +&=#%2F'";
    const sessions = Array.from({ length: 1_000 }, (_, number) =>
      sessionLogout(user, `s${number}`),
    );
    const records = [passwordChange("auth0|mary"), ...sessions, passwordChange(user)];
    await publishAll(tenant, records);
    const { code, stdout, output } = await runCli(t, ["status", user, ...allArgs]);
    assert.equal(code, 0, output);
    assert.deepEqual(jsonLines(stdout), [records.at(-1), ...sessions].map(revocationOf));
    assert.equal(output, stdout, "nothing is written to standard error");
  });

  test("prints nothing if no tokens are revoked", async (t) => {
    const { tenant, allArgs } = newTenant();
    await tenant.publish(passwordChange("auth0|mary"), gdUnenroll({ date: nextDate() }));
    const { code, output } = await runCli(t, ["status", USER, ...allArgs]);
    assert.deepEqual([code, output], [0, ""]);
  });

  test("describes the revocations on a terminal", { skip: noTerminal }, async (t) => {
    const { tenant, allArgs } = newTenant();
    const none = await runOnTerminal(t, ["status", USER, ...allArgs]);
    assert.deepEqual([none.code, withoutStyles(none.output)], [0, "no tokens are revoked\n"]);
    const [session, user] = [sessionLogout(USER, "s1"), passwordChange(USER)];
    await tenant.publish(session, user);
    const { code, output } = await runOnTerminal(t, ["status", USER, ...allArgs]);
    assert.equal(code, 0);
    const text = `all tokens issued up to ${user.data.date} are revoked (password_changed)
all tokens of session s1 are revoked (logout at ${session.data.date})
`;
    assert.equal(withoutStyles(output), text);

    const details = { session_id: "s2" };
    const refreshToken = srrt({ user_id: USER, date: nextDate(), details });
    await tenant.publish(refreshToken);
    const { date } = refreshToken.data;
    const later = await runOnTerminal(t, ["status", USER, ...allArgs]);
    assert.equal(
      withoutStyles(later.output),
      `${text}tokens of session s2 issued up to ${date} are revoked (refresh_token_revoked)
tokens that name no session, issued up to ${date}, are revoked
`,
    );
  });

  test("with --exit-code, exits with 3 if any tokens are revoked, and with 1 on failure", async (t) => {
    const { tenant, workerArgs, allArgs } = newTenant();
    const status = (...args) => runCli(t, ["status", USER, "--exit-code", ...args]);
    assert.equal((await status(...allArgs)).code, 0);
    const record = sessionLogout(USER, "s1");
    await tenant.publish(record);
    const revoked = await status(...allArgs);
    assert.equal(revoked.code, 3);
    assert.deepEqual(jsonLines(revoked.stdout), [revocationOf(record)]);
    assert.equal(revoked.output, revoked.stdout, "nothing is written to standard error");
    assert.equal((await status(...workerArgs, "--token", "garbage")).code, 1);
    assert.equal((await runCli(t, ["status", USER, ...allArgs])).code, 0, "without the option");
  });

  test("requires a user id", async (t) => {
    const { allArgs } = newTenant();
    for (const noUser of [[], [""]])
      assert.equal((await runCli(t, ["status", ...noUser, ...allArgs])).code, 2);
  });
});

test("revocations and status require the permission listen:events, and print the Worker's error description", async (t) => {
  const { tenant, workerArgs } = newTenant();
  const token = tenant.token({ scope: "listen:events:self" });
  for (const command of [["revocations"], ["revocations", "--follow"], ["status", USER]]) {
    const args = [...command, ...workerArgs, "--token", token];
    const { code, stdout, output } = await runCli(t, args);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(output, /^error: 403 insufficient_scope: .*listen:events/);
    assert.ok(!output.includes(token));
  }
});
