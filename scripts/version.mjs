// Checks that a tag is the version of everything that a release contains.
//
//   node scripts/version.mjs v1.2.3           checks the version
//   node scripts/version.mjs v1.2.3 --notes   prints its section of CHANGELOG.md
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { main, printSuccess, ScriptError } from "./terminal.mjs";
import { ROOT } from "./toolchain.mjs";

const read = (file) => readFileSync(join(ROOT, file), "utf8");

/** The version in each file that has one. */
const versions = () => ({
  "package.json": JSON.parse(read("package.json")).version,
  "sdk/package.json": JSON.parse(read("sdk/package.json")).version,
  "Cargo.toml": read("Cargo.toml").match(/^version = "(.+)"$/m)?.[1],
  // The release builds with --locked, which fails if the lock file has another version.
  "Cargo.lock": read("Cargo.lock").match(/^name = "session-events"\nversion = "(.+)"$/m)?.[1],
});

/** Returns the section of CHANGELOG.md about a version, without its heading. */
function notes(version) {
  const sections = read("CHANGELOG.md").split(/^## /m).slice(1);
  const section = sections.find((text) => text.split(/\s/, 1)[0] === version);
  const body = section?.slice(section.indexOf("\n")).trim();
  if (!body) {
    throw new ScriptError(
      `CHANGELOG.md has no notes on ${version}. Add a section "## ${version}".`,
    );
  }
  return body;
}

await main(() => {
  const { values, positionals } = parseArgs({
    options: { notes: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const [tag = ""] = positionals;
  const version = tag.match(/^v(\d+\.\d+\.\d+)$/)?.[1];
  if (!version)
    throw new ScriptError(`"${tag}" is not a tag of a version. Use a tag such as v1.2.3.`);
  for (const [file, found] of Object.entries(versions())) {
    if (found !== version) {
      throw new ScriptError(
        `${file} has the version ${found}. Change it to ${version} (for Cargo.lock: run cargo update --workspace), or use v${found}.`,
      );
    }
  }
  const text = notes(version);
  if (values.notes) console.log(text);
  else printSuccess(`${tag} is the version of every package, and CHANGELOG.md has its notes.`);
});
