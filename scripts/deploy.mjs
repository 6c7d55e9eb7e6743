// `npm run deploy`: checks that the chosen environment is complete, then runs `wrangler deploy` with
// the given arguments. The environment is production unless --env names another one.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { ScriptError, main } from "./terminal.mjs";
import { ROOT } from "./toolchain.mjs";

const CHECK = ["run", "--quiet", "--package", "session-events-config-check", "--"];

await main(async () => {
  const args = process.argv.slice(2);
  const { env, config = "wrangler.toml" } = parseOptions(args);
  const chosen = env ?? "production";
  // wrangler calls the top level of the configuration the environment "".
  const isComplete = run("cargo", [...CHECK, config, ...(chosen ? [chosen] : [])]);
  const withEnv = env === undefined ? [...args, "--env", chosen] : args;
  const wrangler = join(ROOT, "node_modules", ".bin", "wrangler");
  if (!isComplete || !run(wrangler, ["deploy", ...withEnv])) process.exitCode = 1;
});

/** Returns the environment and the configuration file among wrangler's arguments. */
function parseOptions(args) {
  const option = (short) => ({ type: "string", short });
  // wrangler reports the options that it does not know.
  const { values } = parseArgs({
    args,
    options: { env: option("e"), config: option("c") },
    strict: false,
  });
  return values;
}

/** Runs a program that prints its own errors, and returns whether it succeeded. */
function run(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: ROOT, stdio: "inherit" });
  if (error) {
    throw new ScriptError(`${program} does not start (${error.message}): run npm run setup.`);
  }
  return status === 0;
}
