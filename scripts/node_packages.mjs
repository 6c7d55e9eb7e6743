// Installs Node packages from a lock file. Works without node_modules.
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

import { requireSuccess, runStep } from "./step.mjs";
import { printSuccess } from "./terminal.mjs";

/**
 * Installs the packages in a folder's lock file, unless they are installed already. Returns whether
 * it installed them. Throws a `ScriptError` on failure.
 */
export async function installNodePackages(folder, title) {
  if (arePackagesCurrent(folder)) return false;
  // npm replaces the Node in node_modules, so it must run on another one.
  const path = process.env.PATH.split(delimiter).filter(
    (directory) => !directory.endsWith(join("node_modules", ".bin")),
  );
  const env = { ...process.env, PATH: path.join(delimiter) };
  const args = ["ci", "--loglevel=error", "--no-audit", "--no-fund"];
  requireSuccess(
    await runStep("npm", title, "npm", args, { env, cwd: folder }),
    "The Node packages could not be installed",
    "check the network",
  );
  printSuccess("The Node packages are installed.");
  return true;
}

// npm writes this file at the end of an installation, so it is missing after an interrupted one.
function arePackagesCurrent(folder) {
  const record = join(folder, "node_modules", ".package-lock.json");
  if (!existsSync(record)) return false;
  const installed = readPackages(record);
  return Object.entries(readPackages(join(folder, "package-lock.json"))).every(
    // Optional packages are mostly for other systems. The path of the root is empty.
    ([path, { version, optional }]) =>
      path === "" || (installed[path] ? installed[path].version === version : optional),
  );
}

const readPackages = (lockFile) => JSON.parse(readFileSync(lockFile, "utf8")).packages;
