// How long a refusal takes must not tell how much of a guessed publish token was right. No clock
// measures that reliably across runtimes, so this reads the source: the guess meets the secret in
// the comparison that HMAC brings along for it, and nowhere else.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** A source without its comments and its tests. */
const code = (path) =>
  readFileSync(join(ROOT, path), "utf8")
    .split("#[cfg(test)]")[0]
    .replaceAll(/\/\/.*$/gm, "");

const FILE = "core/src/publish_token.rs";
/** What stops at the first byte that differs, or at the first secret that fits. */
const EARLY =
  /[=!]=|&&| \|\| |\.(eq|ne|cmp|partial_cmp|contains|starts_with|ends_with|strip_\w+|verify_truncated_\w+|or_else|any|all|find|position)\(|\bif let\b|\bmatch\b|\bzip\(/;

test("a publish token is compared in constant time, with both secrets", () => {
  const lines = code(FILE)
    .split("\n")
    .map((line) => line.trim());
  assert.deepEqual(
    lines.filter((line) => EARLY.test(line)),
    [],
  );
  const compared = lines.filter((line) => line.includes(".verify_slice("));
  assert.deepEqual(compared, [
    "mac(secret, tenant).is_some_and(|mac| mac.verify_slice(&presented).is_ok())",
  ]);
});

test("the worker never has the right publish token in its hands, to compare a guess with", () => {
  const worker = globSync(["src/**/*.rs", "core/src/**/*.rs"], { cwd: ROOT }).sort();
  assert.ok(worker.includes("src/edge.rs") && worker.includes(FILE));
  const derives = (path) => /(?<!#\[)(?<!\bfn )\bderive\b/.test(code(path));
  assert.deepEqual(worker.filter(derives), []);
  assert.ok(derives("cli/src/commands/publish_token.rs"), "who prints one derives it");
});
