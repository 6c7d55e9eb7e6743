// `session-events revocations` and `status`, as processes against the running worker.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";

import { Program } from "../support/program.mjs";
import { sce, USER } from "../support/records.mjs";
import { cli, lines, run } from "./support/cli.mjs";
import {
  changed,
  changes,
  date,
  loggedOut,
  publishAll,
  revocationOf,
  startRevocations,
} from "./support/revocations.mjs";

const { newTenant } = await startRevocations();

/** Whether there is a program that runs another on a terminal, by the options used here. */
const noTerminal =
  !/util-linux/.test(spawnSync("script", ["--version"], { encoding: "utf8" }).stdout) &&
  "there is no script of util-linux";

/** What the command line writes on a terminal, and how it ends. */
async function onTerminal(t, args) {
  const { spawnfile } = cli(t, ["--version"]).process;
  const quoted = [spawnfile, ...args].map((word) => `'${word}'`).join(" ");
  const options = { env: { TERM: "xterm", NO_COLOR: "" }, input: "" };
  const program = new Program(t, "script", ["-qec", quoted, "/dev/null"], options);
  const code = await program.exit;
  return { code, written: program.stdout.replaceAll("\r", "") };
}

const plain = (text) => text.replaceAll(/\u001b\[[\d;]*m/g, "");

describe("revocations", { concurrency: true }, () => {
  test("are written one a line, as the worker has them, oldest change first", async (t) => {
    const { tenant, at } = newTenant();
    const none = await run(t, ["revocations", ...at]);
    assert.deepEqual([none.code, none.stdout, none.output], [0, "", ""]);
    const records = [changed("auth0|jane"), loggedOut("auth0|mary", "s1"), changed("auth0|jane")];
    await tenant.publish(...records, sce({ date: date() }));
    const { code, stdout, output } = await run(t, ["revocations", ...at]);
    assert.equal(code, 0, output);
    assert.deepEqual(lines(stdout), records.slice(1).map(revocationOf));
    assert.equal(output, stdout, "there is nothing else to say");
  });

  test("are written to the last, however many pages there are", async (t) => {
    const { tenant, at } = newTenant();
    const records = changes(2_000, "many");
    await publishAll(tenant, records);
    const { code, stdout } = await run(t, ["revocations", ...at]);
    assert.equal(code, 0);
    assert.deepEqual(lines(stdout), records.map(revocationOf), "the last page is empty");
    const one = changed("auth0|one");
    await tenant.publish(one);
    const more = await run(t, ["revocations", ...at, "--json"]);
    assert.deepEqual(lines(more.stdout), [...records, one].map(revocationOf));
  });

  test("stand in a table on a terminal", { skip: noTerminal }, async (t) => {
    const { tenant, at } = newTenant();
    const none = await onTerminal(t, ["revocations", ...at]);
    assert.deepEqual([none.code, plain(none.written)], [0, "Nothing is revoked.\n"]);
    const [jane, mary] = [changed("auth0|jane\u009b"), loggedOut("auth0|mary", "s1")];
    await tenant.publish(jane, mary);
    const { code, written } = await onTerminal(t, ["revocations", ...at]);
    assert.equal(code, 0);
    assert.equal(
      plain(written),
      `DATE                      TYPE              USER         SESSION
${jane.data.date}  password_changed  auth0|jane\ufffd  all
${mary.data.date}  logout            auth0|mary   s1
`,
    );
  });
});

describe("status", { concurrency: true }, () => {
  test("writes what is revoked of one user, that of all sessions first", async (t) => {
    const { tenant, at } = newTenant();
    const user = "auth0|jané +&=#%2F'";
    const sessions = Array.from({ length: 1_100 }, (_, number) => loggedOut(user, `s${number}`));
    const records = [changed("auth0|mary"), ...sessions, changed(user)];
    await publishAll(tenant, records);
    const { code, stdout, output } = await run(t, ["status", user, ...at]);
    assert.equal(code, 0, output);
    assert.deepEqual(lines(stdout), [records.at(-1), ...sessions].map(revocationOf));
    assert.equal(output, stdout, "there is nothing else to say");
  });

  test("writes nothing where nothing is revoked", async (t) => {
    const { tenant, at } = newTenant();
    await tenant.publish(changed("auth0|mary"), sce({ date: date() }));
    const { code, output } = await run(t, ["status", USER, ...at]);
    assert.deepEqual([code, output], [0, ""]);
  });

  test("says on a terminal up to when tokens are revoked", { skip: noTerminal }, async (t) => {
    const { tenant, at } = newTenant();
    const none = await onTerminal(t, ["status", USER, ...at]);
    assert.deepEqual([none.code, plain(none.written)], [0, "nothing is revoked\n"]);
    const [session, user] = [loggedOut(USER, "s1"), changed(USER)];
    await tenant.publish(session, user);
    const { code, written } = await onTerminal(t, ["status", USER, ...at]);
    assert.equal(code, 0);
    assert.equal(
      plain(written),
      `all tokens issued up to ${user.data.date} are revoked (password_changed)
tokens of session s1 issued up to ${session.data.date} are revoked (logout)
`,
    );
  });

  test("is of somebody", async (t) => {
    const { at } = newTenant();
    for (const nobody of [[], [""]])
      assert.equal((await run(t, ["status", ...nobody, ...at])).code, 2);
  });
});

test("what is revoked is not written for who may not see it, in the worker's words", async (t) => {
  const { tenant, address } = newTenant();
  const token = tenant.token({ scope: "listen:events:self" });
  for (const command of [["revocations"], ["revocations", "--follow"], ["status", USER]]) {
    const args = [...command, ...address, "--token", token];
    const { code, stdout, output } = await run(t, args);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(output, /^error: 403 insufficient_scope: .*listen:events/);
    assert.ok(!output.includes(token));
  }
});
