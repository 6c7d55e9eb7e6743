// `npm test`: runs all checks in order. After a failed check, the checks that do not need it still run.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { setUpBrowser } from "./browser.mjs";
import { installNodePackages } from "./node_packages.mjs";
import { runStep } from "./step.mjs";
import { ScriptError, main, paint } from "./terminal.mjs";
import { ROOT } from "./toolchain.mjs";

const NODE_TEST_ALONE = "node --test --test-force-exit --test-timeout=300000 --test-reporter=spec";
// Most test files start their own runtime. More than two at once do not make the tests faster.
const NODE_TEST = `${NODE_TEST_ALONE} --test-concurrency=2`;

const CHECKS = [
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
    title: "Compiling the SDK and checking all types",
    command: "npm run --silent build:js",
  },
  {
    name: "bundle",
    title: "Building the Worker for production",
    command: "npm run --silent bundle",
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
    title: "The command line against a running Worker",
    command: `${NODE_TEST} tests/cli/**/*.test.mjs`,
    count: countNode,
    needs: ["core", "bundle"],
  },
  {
    name: "package",
    title: "The npm package and its documentation, with other versions and tools",
    command: `${NODE_TEST} sdk/tests/package/*.test.mjs`,
    prepare: setUpPackageTests,
    count: countNode,
    needs: ["types", "bundle"],
  },
  {
    // After "package", which installs other versions of Node.
    name: "sdk",
    title: "The SDK against a running Worker",
    command: `${NODE_TEST} sdk/tests/*.test.mjs`,
    count: countNode,
    needs: ["types", "bundle"],
  },
  {
    name: "browser",
    title: "The console, the SDK and the examples in Chromium",
    command: `${NODE_TEST} tests/browser/**/*.test.mjs sdk/tests/browser/**/*.test.mjs`,
    prepare: setUpBrowser,
    count: countNode,
    needs: ["types", "bundle"],
  },
  {
    name: "faults",
    title: "Kills, random runs and the largest numbers",
    // One file at a time: each of them can use the whole machine.
    command: `${NODE_TEST_ALONE} --test-concurrency=1 tests/faults/**/*.test.mjs`,
    count: countNode,
    needs: ["bundle"],
    isOnRequest: true,
  },
];

const HELP = `Runs all checks but "faults", or only the named ones. \`npm run test:faults\` runs the rest.

  npm test [-- CHECK…]

${CHECKS.map(({ name, title, command }) => `  ${name.padEnd(8)}${title}: ${command}`).join("\n")}

The last line is "N passed, N failed". It counts the tests. A check without tests, such as a build,
counts as one failure if it fails.`;

await main(async () => {
  const { values, positionals } = options();
  if (values.help) return console.log(HELP);
  const chosen = CHECKS.filter(
    ({ name, isOnRequest }) =>
      positionals.includes(name) || (positionals.length === 0 && !isOnRequest),
  );

  const total = { passed: 0, failed: 0 };
  const failed = [];
  for (const check of chosen) {
    const failedDependency = failed.find((name) => check.needs?.includes(name));
    if (failedDependency) {
      failed.push(check.name);
      printNotRun(check, `It needs ${failedDependency}.`);
      continue;
    }
    const missing = await prepare(check);
    if (missing) {
      printNotRun(check, missing);
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
      : paint("green", "\nAll checks passed."),
  );
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = failed.length ? 1 : 0;
});

function options() {
  try {
    const parsed = parseArgs({ options: { help: { type: "boolean" } }, allowPositionals: true });
    const unknown = parsed.positionals.find((given) => !CHECKS.some(({ name }) => name === given));
    if (unknown) throw new Error(`There is no check named ${unknown}`);
    return parsed;
  } catch (error) {
    throw new ScriptError(`${error.message}: see --help for the checks.`);
  }
}

function printNotRun({ name }, reason) {
  console.log(`${paint("yellow", "–")} ${name.padEnd(7)} not run. ${reason}`);
}

/**
 * Installs what a check needs in addition to `npm run setup`. Returns a message if that fails. The
 * check is then skipped; in CI it counts as failed.
 */
async function prepare(check) {
  try {
    await check.prepare?.();
    return undefined;
  } catch (error) {
    if (error instanceof ScriptError) return error.message;
    throw error;
  }
}

function setUpPackageTests() {
  const folder = join(ROOT, "sdk", "tests", "package");
  return installNodePackages(
    folder,
    "Installing the tools of the package tests (about two minutes)",
  );
}

async function run({ name, title, command, count }) {
  const [program, ...args] = command.split(" ");
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false" };
  const { ok: succeeded, seconds, log } = await runStep(name, title, program, args, { env });
  const output = readFileSync(join(ROOT, log), "utf8");
  const { passed, failed } = count?.(output) ?? { passed: 0, failed: 0 };
  // Finding no tests at all is a failure.
  const ok = succeeded && (!count || passed > 0);

  const mark = ok ? paint("green", "✓") : paint("red", "✗");
  const tests = count ? `  ${passed + failed} tests${failed ? `, ${failed} failed` : ""}` : "";
  console.log(`${mark} ${name.padEnd(7)} ${seconds.toFixed(1).padStart(6)} s${tests}`);
  if (!ok) console.log(`${failureExcerpt(output)}\n${paint("dim", `Full log: ${log}`)}`);
  // A failed check without a failed test, such as a build, counts as one failure.
  return { ok, passed, failures: ok ? failed : Math.max(failed, 1) };
}

/** Returns the list of failed tests at the end of a log, or the last 60 lines if there is no list. */
function failureExcerpt(output) {
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
