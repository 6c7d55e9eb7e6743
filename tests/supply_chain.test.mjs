// Dependencies: their sources, their licences, and the packages that may run install scripts. These
// tests work offline. `npm run audit` checks for known vulnerabilities, which needs network access.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { CARGO_TOOLS, ROOT, TARGET, toolSource } from "../scripts/toolchain.mjs";

const CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index";

const read = (...path) => readFileSync(join(ROOT, ...path), "utf8");
const manifest = JSON.parse(read("package.json"));
const { packages } = JSON.parse(read("package-lock.json"));

/** The npm projects of this repository: the workspaces, and the tools of the package tests. */
const NPM_PROJECTS = ["", join("sdk", "tests", "package")].map((folder) => ({
  folder,
  manifest: JSON.parse(read(folder, "package.json")),
  packages: JSON.parse(read(folder, "package-lock.json")).packages,
}));

/** Runs cargo offline and without changing Cargo.lock. Returns its output. */
function cargo(command, ...args) {
  const options = { cwd: ROOT, encoding: "utf8", maxBuffer: 2 ** 26 };
  return execFileSync("cargo", [command, "--offline", "--locked", ...args], options);
}

const host = execFileSync("rustc", ["-vV"], { encoding: "utf8" }).match(/^host: (.+)$/m)[1];

/** All crates that are compiled for this machine (tests and tools) or for the Worker. */
const crates = [host, TARGET].flatMap(
  (platform) =>
    JSON.parse(cargo("metadata", "--format-version=1", `--filter-platform=${platform}`)).packages,
);

/** Returns the crates that are compiled into the Worker, with their licences. */
function workerCrates() {
  const tree = ["--package=session-events", "--edges=normal", `--target=${TARGET}`];
  const lines = cargo("tree", ...tree, "--prefix=none", "--format={p}\t{l}")
    .trim()
    .split("\n");
  const fields = lines.map((line) => line.replace(" (*)", "").split("\t"));
  const entries = fields.map(([crate, licence]) => [crate.split(" ")[0], licence]);
  return Object.fromEntries(entries.filter(([name]) => !name.startsWith("session-events")).sort());
}

const allowedLicences = read("deny.toml")
  .match(/^allow = \[$([^\]]+)^\]$/m)[1]
  .match(/(?<=^ *")[^"]+/gm);

/** Returns whether the licences satisfy an SPDX expression. */
function isSatisfiable(expression, licences) {
  // A slash is an older notation for OR.
  const words = expression.replaceAll("/", " OR ").match(/[()]|[^\s()]+/g) ?? [];
  const either = () => {
    let met = both();
    while (words[0] === "OR") met = (words.shift(), both()) || met;
    return met;
  };
  const both = () => {
    let met = one();
    while (words[0] === "AND") met = (words.shift(), one()) && met;
    return met;
  };
  const one = () => {
    const word = words.shift();
    if (word === "(") {
      const met = either();
      assert.equal(words.shift(), ")", expression);
      return met;
    }
    const exception = words[0] === "WITH" ? ` ${words.splice(0, 2).join(" ")}` : "";
    return licences.includes(`${word}${exception}`);
  };
  const met = either();
  assert.deepEqual(words, [], expression);
  return met;
}

test("a licence expression is evaluated with AND, OR, parentheses and exceptions", () => {
  for (const [expression, met] of [
    ["MIT", true],
    ["GPL-3.0", false],
    ["GPL-3.0 OR MIT", true],
    ["GPL-3.0/MIT", true],
    ["MIT AND GPL-3.0", false],
    ["(GPL-3.0 OR MIT) AND Apache-2.0", true],
    ["MIT OR GPL-3.0 AND Apache-2.0", true],
    ["(MIT OR GPL-3.0) AND BSD-2-Clause", false],
    ["Apache-2.0 WITH LLVM-exception", false],
    ["Apache-2.0 WITH LLVM-exception OR MIT", true],
  ]) {
    assert.equal(isSatisfiable(expression, ["MIT", "Apache-2.0"]), met, expression);
  }
});

test("every crate has a licence that deny.toml allows", () => {
  assert.ok(crates.length > 100);
  const disallowed = crates.filter(({ license }) => !isSatisfiable(license ?? "", allowedLicences));
  assert.deepEqual(
    disallowed.map(({ name, license }) => `${name}: ${license}`),
    [],
  );
});

test("every crate comes from crates.io or is a workspace member", () => {
  for (const { name, source, manifest_path: path } of crates) {
    assert.ok(source === CRATES_IO || (source === null && path.startsWith(ROOT)), name);
  }
  // The lock files also contain the crates for other systems, the fuzzer and the benchmark.
  for (const folder of ["", "fuzz", "bench/native"]) assertLocked(read(folder, "Cargo.lock"));
});

test("every crate in the tools that build the Worker comes from crates.io, with a checksum", async () => {
  for (const tool of CARGO_TOOLS) {
    const source = await toolSource(tool);
    assert.ok(source, `cargo has no source of ${tool.crate}, and could not download it`);
    assertLocked(readFileSync(join(source, "Cargo.lock"), "utf8"));
  }
});

/** Asserts that a lock file has only crates from crates.io, with checksums, and local packages. */
function assertLocked(lock) {
  const entries = lock.split("[[package]]\n").slice(1);
  const sources = entries.map((entry) => entry.match(/^source = "(.+)"$/m)?.[1]);
  assert.deepEqual([...new Set(sources.filter(Boolean))], [CRATES_IO]);
  const unchecked = entries.filter(
    (entry, index) => sources[index] && !/^checksum = /m.test(entry),
  );
  assert.deepEqual(unchecked, []);
}

test("`npm run audit` checks every lock file: the repository's and those of the build tools", async (t) => {
  const bin = mkdtempSync(join(tmpdir(), "session-events-"));
  t.after(() => rmSync(bin, { recursive: true }));
  for (const program of ["cargo", "npm"]) {
    const script = `#!/bin/sh\necho "${program} $*" >> "${bin}/log"\necho 1.0.0\n`;
    writeFileSync(join(bin, program), script, { mode: 0o755 });
  }
  const sources = await Promise.all(CARGO_TOOLS.map(toolSource));
  execFileSync(process.execPath, [join(ROOT, "scripts", "audit.mjs")], {
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
  });
  const commands = readFileSync(join(bin, "log"), "utf8").trim().split("\n");
  const audited = commands.map((command) => command.match(/--manifest-path (\S+) .* check$/)?.[1]);
  const tracked = execFileSync("git", ["ls-files", "Cargo.lock", "**/Cargo.lock"], { cwd: ROOT });
  const folders = tracked
    .toString()
    .trim()
    .split("\n")
    .map((path) => dirname(join(ROOT, path)));
  assert.deepEqual(
    audited.filter(Boolean).sort(),
    [...folders, ...sources].map((folder) => join(folder, "Cargo.toml")).sort(),
  );
  assert.deepEqual(
    commands.filter((command) => command.startsWith("npm ")),
    [`npm --prefix ${join(ROOT, "sdk", "tests", "package")} audit`, "npm audit"],
  );
});

test("docs/licenses.md lists exactly the crates in the Worker", () => {
  const rows = read("docs", "licenses.md").matchAll(/^\| `(.+?)` \| (.+?) \|/gm);
  const listed = Object.fromEntries(Array.from(rows, ([, name, licence]) => [name, licence]));
  assert.deepEqual(listed, workerCrates());
});

test("docs/licenses.md states the purpose of every direct dependency of the Worker", () => {
  const direct = ["session-events", "session-events-core"].flatMap((member) =>
    crates
      .find(({ name }) => name === member)
      .dependencies.filter(({ kind, source }) => kind === null && source)
      .map(({ name }) => name),
  );
  const explained = read("docs", "licenses.md").matchAll(/^\| `(.+?)` \| .+? \| \w.+ \|$/gm);
  assert.deepEqual(
    Array.from(explained, ([, name]) => name),
    [...new Set(direct)].sort(),
  );
});

test("package-lock.json matches the package.json of each workspace", () => {
  for (const folder of ["", ...manifest.workspaces]) {
    const { dependencies, devDependencies, peerDependencies } = JSON.parse(
      read(folder, "package.json"),
    );
    const locked = packages[folder];
    assert.deepEqual(locked.dependencies, dependencies, folder);
    assert.deepEqual(locked.devDependencies, devDependencies, folder);
    assert.deepEqual(locked.peerDependencies, peerDependencies, folder);
  }
});

// The additional licences are as permissive as those that deny.toml allows.
const allowedNpmLicences = [...allowedLicences, "0BSD", "CC0-1.0"];
// The licences of packages that the Auth0 Deploy CLI uses. Only a test runs it.
const ADDITIONAL_TEST_LICENCES = ["BSD-2-Clause", "BlueOak-1.0.0", "Python-2.0", "WTFPL"];
// The image library that wrangler's local runtime can load. It is not distributed with the project.
const IMAGE_LIBRARY = /^node_modules\/@img\/sharp-/;
/** The accessibility rules of the browser tests. They are not distributed with the project. */
const ACCESSIBILITY_RULES = "node_modules/axe-core";

/** Returns the licences that are allowed for one development dependency in addition. */
function additionalLicences(path) {
  if (IMAGE_LIBRARY.test(path)) return ["LGPL-3.0-or-later"];
  return path === ACCESSIBILITY_RULES ? ["MPL-2.0"] : [];
}

// Those of the package tests' tools, which are not distributed either: as permissive, and the licence
// of the data of caniuse-lite.
const TOOL_LICENCES = ["BSD-2-Clause", "BlueOak-1.0.0", "CC-BY-4.0"];

test("every npm package has an allowed licence", () => {
  const disallowed = NPM_PROJECTS.flatMap(({ folder, packages }) =>
    Object.entries(packages)
      .filter(([path, { license, link, dev }]) => {
        const additional = [
          ...(dev ? ADDITIONAL_TEST_LICENCES : []),
          ...(dev && folder ? TOOL_LICENCES : []),
          ...(dev ? additionalLicences(path) : []),
        ];
        return !link && !isSatisfiable(license ?? "", [...allowedNpmLicences, ...additional]);
      })
      .map(([path, { license }]) => `${folder} ${path}: ${license}`),
  );
  assert.deepEqual(disallowed, []);
});

test("every npm package has an integrity hash", () => {
  for (const { manifest, packages } of NPM_PROJECTS) {
    const unhashed = Object.entries(packages).filter(([path, { link }]) => {
      const isLocal = path === "" || manifest.workspaces?.includes(path) || link;
      return !isLocal && !packages[path].integrity;
    });
    assert.deepEqual(unhashed, []);
  }
});

test("package.json allows or denies every npm package with an install script", () => {
  for (const { manifest, packages } of NPM_PROJECTS) {
    const withScripts = Object.entries(packages).filter(
      ([, { hasInstallScript }]) => hasInstallScript,
    );
    // A package with an alias has its own name as a member.
    const names = withScripts.map(([path, { name }]) => name ?? path.split("node_modules/").at(-1));
    assert.deepEqual([...new Set(names)].sort(), Object.keys(manifest.allowScripts).sort());
  }
});
