// `npm run audit`: what is known against any dependency, and whether its licence and its source
// are such as deny.toml allows. Takes a network.
import { spawnSync } from "node:child_process";

import { Fault, main } from "./terminal.mjs";
import { ROOT, ask } from "./toolchain.mjs";

const CHECKS = [
  ["cargo", "deny", "--workspace", "check"],
  ["npm", "audit"],
];

await main(async () => {
  if (!(await ask("cargo", "deny", "--version"))) {
    throw new Fault(
      "cargo-deny is missing: install it with `cargo install --locked cargo-deny`, then run this again.",
    );
  }
  const failed = CHECKS.filter(([program, ...args]) => {
    const { status } = spawnSync(program, args, { cwd: ROOT, stdio: "inherit" });
    return status !== 0;
  });
  if (failed.length > 0) {
    const names = failed.map((check) => `\`${check.join(" ")}\``).join(" and ");
    throw new Fault(`${names} failed: fix what is said above, then run this again.`);
  }
});
