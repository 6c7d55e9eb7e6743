// `npm run audit`: checks all dependencies for known vulnerabilities, and the Rust dependencies for
// the licences and sources that deny.toml allows. It covers the Worker and its command line, the
// fuzzer, the native benchmark, and the build tools. Needs network access.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { ScriptError, main } from "./terminal.mjs";
import { CARGO_TOOLS, ROOT, commandOutput, toolSource } from "./toolchain.mjs";

/** The folders in this repository with a Cargo.lock. */
const CARGO_FOLDERS = [ROOT, join(ROOT, "fuzz"), join(ROOT, "bench", "native")];

/** The folders in this repository with a package-lock.json. */
const NPM_FOLDERS = [join(ROOT, "sdk", "tests", "package"), ROOT];

await main(async () => {
  if (!(await commandOutput("cargo", "deny", "--version"))) {
    throw new ScriptError(
      "cargo-deny is missing: install it with `cargo install --locked cargo-deny`, then run this again.",
    );
  }
  const folders = [...CARGO_FOLDERS, ...(await toolSources())];
  const checks = [...folders.map(cargoDeny), ...NPM_FOLDERS.map(npmAudit)];
  const failed = checks.filter(([program, ...args]) => {
    const { status } = spawnSync(program, args, { cwd: ROOT, stdio: "inherit" });
    return status !== 0;
  });
  if (failed.length > 0) {
    const names = failed.map((check) => `\`${check.join(" ")}\``).join(" and ");
    throw new ScriptError(`${names} failed: fix the problems listed above, then run this again.`);
  }
});

/** Returns the command that checks the dependencies in the lock file of a folder. */
function cargoDeny(folder) {
  const manifest = ["--manifest-path", join(folder, "Cargo.toml"), "--workspace"];
  const rules = ["--config", join(ROOT, "deny.toml")];
  return ["cargo", "deny", ...manifest, ...rules, "--locked", "check"];
}

/** Returns the command that checks the dependencies in the package-lock.json of a folder. */
function npmAudit(folder) {
  const prefix = folder === ROOT ? [] : ["--prefix", folder];
  return ["npm", ...prefix, "audit"];
}

/** Returns the folder of each build tool's source. */
async function toolSources() {
  const folders = [];
  for (const tool of CARGO_TOOLS) {
    const folder = await toolSource(tool);
    if (!folder) {
      throw new ScriptError(
        `cargo could not download the source of ${tool.crate}: check the network, then run this again.`,
      );
    }
    folders.push(folder);
  }
  return folders;
}
