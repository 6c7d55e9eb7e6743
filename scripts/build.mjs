// Builds the Worker and its console into build/. wrangler runs this script before it serves, bundles
// or deploys. worker-build compiles the Worker and runs wasm-bindgen, wasm-opt and esbuild.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";

import { buildSync } from "esbuild";

import { ScriptError, main } from "./terminal.mjs";
import { ROOT, WORKER_BUILD, buildEnvironment, pathRemapFlags } from "./toolchain.mjs";

const BUILD = join(ROOT, "build");

await main(async () => {
  if (!existsSync(WORKER_BUILD)) {
    throw new ScriptError("The build tools are missing: run npm run setup first.");
  }
  const env = { ...(await buildEnvironment()), CARGO_ENCODED_RUSTFLAGS: rustFlags().join("\x1f") };
  if (!run(WORKER_BUILD, ["--release"], env) || !buildConsole()) {
    // The failed tool has already printed its errors.
    process.exitCode = 1;
  }
});

function run(program, args, env) {
  const { status, error } = spawnSync(program, args, { cwd: ROOT, env, stdio: "inherit" });
  if (error) {
    throw new ScriptError(`${program} does not start (${error.message}): run npm run setup.`);
  }
  return status === 0;
}

/** Returns the flags from the environment and those that replace local paths. */
function rustFlags() {
  const { CARGO_ENCODED_RUSTFLAGS, RUSTFLAGS } = process.env;
  const flags = CARGO_ENCODED_RUSTFLAGS?.split("\x1f") ?? RUSTFLAGS?.split(" ") ?? [];
  return [...flags.filter(Boolean), ...pathRemapFlags()];
}

/** Builds the console. core/src/protocol/console.rs has the names of the files. */
function buildConsole() {
  const assets = join(BUILD, "console");
  cpSync(join(ROOT, "console", "public"), assets, { recursive: true });
  try {
    buildSync({
      entryPoints: ["src/app.ts", "styles/app.css"].map((path) => join(ROOT, "console", path)),
      entryNames: "[name]",
      outdir: assets,
      // Bundles the SDK from its sources, so that it need not be built first.
      alias: { "session-events": join(ROOT, "sdk", "src", "index.ts") },
      bundle: true,
      minify: true,
      format: "esm",
      target: "es2022",
    });
    return true;
  } catch {
    return false;
  }
}
