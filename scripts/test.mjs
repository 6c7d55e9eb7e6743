// `npm test`: every check, in order. One that fails does not keep the others from running.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { setUpBrowser } from "./browser.mjs";
import { step } from "./step.mjs";
import { Fault, main, paint } from "./terminal.mjs";
import { ROOT } from "./toolchain.mjs";

// Most files start a runtime of their own; more than two at once only get in each other's way.
const NODE_TEST =
  "node --test --test-force-exit --test-timeout=300000 --test-reporter=spec --test-concurrency=2";

const STEPS = [
  { name: "fmt", title: "Formatting", command: "npm run --silent format:check" },
  {
    name: "clippy",
    title: "Lints",
    command: "cargo clippy --workspace --all-targets -- -D warnings",
  },
  {
    name: "core",
    title: "Native tests",
    command: "cargo test --workspace --no-fail-fast",
    count: countNative,
  },
  {
    name: "types",
    title: "Compiling the JavaScript client, and checking all types",
    command: "npm run --silent build:js",
  },
  {
    name: "bundle",
    title: "Bundling the worker for production",
    command: "npm run --silent deploy:dry-run",
  },
  {
    name: "e2e",
    title: "End-to-end tests in the real runtime",
    command: `${NODE_TEST} tests/*.test.mjs tests/e2e/**/*.test.mjs`,
    count: countNode,
    needs: ["bundle"],
  },
  {
    name: "cli",
    title: "The command line against the running worker",
    command: `${NODE_TEST} tests/cli/**/*.test.mjs`,
    count: countNode,
    needs: ["core", "bundle"],
  },
  {
    name: "sdk",
    title: "The JavaScript client against the running worker",
    command: `${NODE_TEST} sdk/tests/*.test.mjs`,
    count: countNode,
    needs: ["types", "bundle"],
  },
  {
    name: "browser",
    title: "Pages, tabs and examples in Chromium",
    command: `${NODE_TEST} tests/browser/**/*.test.mjs sdk/tests/browser/**/*.test.mjs`,
    prepare: setUpBrowser,
    count: countNode,
    needs: ["types", "bundle"],
  },
];

const HELP = `Runs all checks, or only those that are named.

  npm test [-- CHECK…]

${STEPS.map(({ name, title, command }) => `  ${name.padEnd(8)}${title}: ${command}`).join("\n")}

The last line is "N passed, N failed", which counts the tests, and each failed check that is none.`;

await main(async () => {
  const { values, positionals } = options();
  if (values.help) return console.log(HELP);
  const chosen = STEPS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));

  const total = { passed: 0, failed: 0 };
  const failed = [];
  for (const check of chosen) {
    const obstacle = failed.find((name) => check.needs?.includes(name));
    if (obstacle) {
      failed.push(check.name);
      notRun(check, `It needs ${obstacle}.`);
      continue;
    }
    const missing = await prepare(check);
    if (missing) {
      notRun(check, missing);
      if (process.env.CI) {
        failed.push(check.name);
        total.failed += 1;
      }
      continue;
    }
    const { ok, passed, failures } = await run(check);
    total.passed += passed;
    total.failed += failures;
    if (!ok) failed.push(check.name);
  }
  console.log(
    failed.length
      ? paint("red", `\nFailed: ${failed.join(", ")}`)
      : paint("green", "\nAll is well."),
  );
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = failed.length ? 1 : 0;
});

function options() {
  try {
    const given = parseArgs({ options: { help: { type: "boolean" } }, allowPositionals: true });
    const unknown = given.positionals.find((wanted) => !STEPS.some(({ name }) => name === wanted));
    if (unknown) throw new Error(`There is no check called ${unknown}`);
    return given;
  } catch (error) {
    throw new Fault(`${error.message}: --help tells the checks.`);
  }
}

function notRun({ name }, reason) {
  console.log(`${paint("yellow", "–")} ${name.padEnd(7)} not run. ${reason}`);
}

/**
 * Gets what a check takes beyond set-up, and says what is missing. Whoever does not have it may
 * do without that check; CI may not.
 */
async function prepare(check) {
  try {
    await check.prepare?.();
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

async function run({ name, title, command, count }) {
  const [program, ...args] = command.split(" ");
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false" };
  const { ok: succeeded, seconds, log } = await step(name, title, program, args, { env });
  const output = readFileSync(join(ROOT, log), "utf8");
  const { passed, failed } = count?.(output) ?? { passed: 0, failed: 0 };
  // Tests that were not found have not passed.
  const ok = succeeded && (!count || passed > 0);

  const sign = ok ? paint("green", "✓") : paint("red", "✗");
  const tests = count ? `  ${passed + failed} tests${failed ? `, ${failed} failed` : ""}` : "";
  console.log(`${sign} ${name.padEnd(7)} ${seconds.toFixed(1).padStart(6)} s${tests}`);
  if (!ok) console.log(`${complaint(output)}\n${paint("dim", `All of it: ${log}`)}`);
  // A check that fails without naming a test, as a build does, is one failure.
  return { ok, passed, failures: ok ? failed : Math.max(failed, 1) };
}

/** What a log says about failures: the list at its end where there is one, else the end itself. */
function complaint(output) {
  const list = Math.max(output.lastIndexOf("✖ failing tests:"), output.indexOf("\nfailures:\n"));
  return list >= 0 ? output.slice(list).trim() : output.trim().split("\n").slice(-60).join("\n");
}

function countNative(output) {
  const results = [...output.matchAll(/^test result: .*? (\d+) passed; (\d+) failed;/gm)];
  const sum = (group) => results.reduce((total, result) => total + Number(result[group]), 0);
  return { passed: sum(1), failed: sum(2) };
}

function countNode(output) {
  const number = (word) => Number(output.match(new RegExp(`^ℹ ${word} (\\d+)$`, "m"))?.[1] ?? 0);
  return { passed: number("pass"), failed: number("fail") + number("cancelled") };
}
