// `npm run audit`: checks all dependencies for known vulnerabilities, and the Rust dependencies for
// the licences and sources that deny.toml allows. Needs network access.
import { spawnSync } from "node:child_process";

import { ScriptError, main } from "./terminal.mjs";
import { ROOT, commandOutput } from "./toolchain.mjs";

const CHECKS = [
  ["cargo", "deny", "--workspace", "check"],
  ["npm", "audit"],
];

await main(async () => {
  if (!(await commandOutput("cargo", "deny", "--version"))) {
    throw new ScriptError(
      "cargo-deny is missing: install it with `cargo install --locked cargo-deny`, then run this again.",
    );
  }
  const failed = CHECKS.filter(([program, ...args]) => {
    const { status } = spawnSync(program, args, { cwd: ROOT, stdio: "inherit" });
    return status !== 0;
  });
  if (failed.length > 0) {
    const names = failed.map((check) => `\`${check.join(" ")}\``).join(" and ");
    throw new ScriptError(`${names} failed: fix the problems listed above, then run this again.`);
  }
});
