// Builds the worker into build/. wrangler runs this before it serves, bundles or deploys.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

import { Fault, main } from "./terminal.mjs";
import { CARGO_TOOLS, ROOT, buildEnvironment } from "./toolchain.mjs";

await main(async () => {
  const [{ binary: workerBuild }] = CARGO_TOOLS;
  if (!existsSync(workerBuild))
    throw new Fault("The build tools are missing: run npm run setup first.");
  const env = await buildEnvironment();
  const { status, error } = spawnSync(workerBuild, ["--release"], {
    cwd: ROOT,
    env,
    stdio: "inherit",
  });
  if (error) throw new Fault(`worker-build does not start (${error.message}): run npm run setup.`);
  // What went wrong has been said by the compiler.
  process.exitCode = status ?? 1;
});
