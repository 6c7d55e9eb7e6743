// Builds the worker and its live page into build/. wrangler runs this before it serves, bundles
// or deploys. With --names the WebAssembly keeps its functions' names, for who profiles it.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { buildSync } from "esbuild";

import { Fault, main } from "./terminal.mjs";
import { CARGO_TOOLS, ROOT, buildEnvironment, remappedPaths } from "./toolchain.mjs";

const BUILD = join(ROOT, "build");
const WASM = join(BUILD, "index_bg.wasm");

await main(async () => {
  const [{ binary: workerBuild }] = CARGO_TOOLS;
  if (!existsSync(workerBuild))
    throw new Fault("The build tools are missing: run npm run setup first.");
  const env = { ...(await buildEnvironment()), CARGO_ENCODED_RUSTFLAGS: rustFlags().join("\x1f") };
  const done = run(workerBuild, ["--release", "--no-opt"], env) && optimise(env);
  // What went wrong has been said by the compiler.
  if (!done) return (process.exitCode = 1);
  numberImports();
  buildConsole();
});

function run(program, args, env) {
  const { status, error } = spawnSync(program, args, { cwd: ROOT, env, stdio: "inherit" });
  if (error) throw new Fault(`${program} does not start (${error.message}): run npm run setup.`);
  return status === 0;
}

/** What worker-build would have done, but for the names, which are a third of what is deployed. */
function optimise(env) {
  const names = process.argv.includes("--names") ? "--debuginfo" : "--strip-debug";
  // A function that is inlined into its only caller no longer resembles its likes, and compresses
  // worse; so does one that is far from them, and memory whose zeros are cut out.
  const likeness = [
    "--one-caller-inline-max-function-size",
    "0",
    "--skip-pass=memory-packing",
    "--reorder-functions-by-name",
  ];
  // What the compiler and wasm-bindgen make use of. Named one by one, so that nothing is written in
  // a way that the runtime does not know yet.
  const features = [
    "mutable-globals",
    "sign-ext",
    "nontrapping-float-to-int",
    "bulk-memory",
    "multivalue",
    "reference-types",
    "exception-handling",
  ].map((name) => `--enable-${name}`);
  const options = [
    "-Oz",
    "--converge",
    "--skip-pass=local-cse",
    ...likeness,
    names,
    ...features,
    "--strip-producers",
    // How well an address is aligned is a hint that no engine here heeds.
    "--dealign",
  ];
  return run(env.WASM_OPT_BIN, [WASM, "-o", WASM, ...options], env);
}

/**
 * Tells the imports apart by numbers. wasm-bindgen tells them apart by hashes, a hundred and fifty
 * of them in either file, which hardly compress. A number is as long as a hash was, so nothing
 * moves.
 */
function numberImports() {
  const numbers = new Map();
  const number = (hash) => {
    if (!numbers.has(hash)) numbers.set(hash, String(numbers.size).padStart(hash.length, "0"));
    return numbers.get(hash);
  };
  for (const file of [WASM, join(BUILD, "index.js")]) {
    // Bytes, not characters: every one of them is one of these.
    const text = readFileSync(file, "latin1");
    writeFileSync(file, text.replaceAll(/(?<=__wbg_\w+_)[0-9a-f]{16}\b/g, number), "latin1");
  }
}

/** The compiler's flags: those that were given, and names for the folders of this machine. */
function rustFlags() {
  const { CARGO_ENCODED_RUSTFLAGS, RUSTFLAGS } = process.env;
  const given = CARGO_ENCODED_RUSTFLAGS?.split("\x1f") ?? RUSTFLAGS?.split(" ") ?? [];
  return [...given.filter(Boolean), ...remappedPaths()];
}

/** The page's files, as the worker names them (core/src/console.rs). */
function buildConsole() {
  const assets = join(BUILD, "console");
  cpSync(join(ROOT, "console", "public"), assets, { recursive: true });
  try {
    buildSync({
      entryPoints: ["src/app.ts", "styles/app.css"].map((path) => join(ROOT, "console", path)),
      entryNames: "[name]",
      outdir: assets,
      // The client's sources, so that it need not be built first.
      alias: { "session-events": join(ROOT, "sdk", "src", "index.ts") },
      bundle: true,
      minify: true,
      format: "esm",
      target: "es2022",
    });
  } catch {
    // esbuild has said what is wrong, and where.
    process.exitCode = 1;
  }
}
