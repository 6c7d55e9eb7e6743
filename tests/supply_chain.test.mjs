// What the project is made of by others: from where, under which licences, and what of it may run
// at installation. Everything is looked up in what is on this machine already; whether anything
// is known against a dependency takes a network, and `npm run audit`.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { ROOT, TARGET } from "../scripts/toolchain.mjs";

const CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index";

const read = (...path) => readFileSync(join(ROOT, ...path), "utf8");
const manifest = JSON.parse(read("package.json"));
const { packages } = JSON.parse(read("package-lock.json"));

/** What cargo says, without a network and without a change to Cargo.lock. */
function cargo(command, ...args) {
  const options = { cwd: ROOT, encoding: "utf8", maxBuffer: 2 ** 26 };
  return execFileSync("cargo", [command, "--offline", "--locked", ...args], options);
}

const host = execFileSync("rustc", ["-vV"], { encoding: "utf8" }).match(/^host: (.+)$/m)[1];

/** All crates that are compiled here for tests and tools, or for the worker. */
const crates = [host, TARGET].flatMap(
  (platform) =>
    JSON.parse(cargo("metadata", "--format-version=1", `--filter-platform=${platform}`)).packages,
);

/** The crates that the worker consists of, and their licences. */
function cratesOfTheWorker() {
  const tree = ["--package=session-events", "--edges=normal", `--target=${TARGET}`];
  const lines = cargo("tree", ...tree, "--prefix=none", "--format={p}\t{l}")
    .trim()
    .split("\n");
  const found = lines.map((line) => line.replace(" (*)", "").split("\t"));
  const entries = found.map(([crate, licence]) => [crate.split(" ")[0], licence]);
  return Object.fromEntries(entries.filter(([name]) => !name.startsWith("session-events")).sort());
}

const allowedLicences = read("deny.toml")
  .match(/^allow = \[$([^\]]+)^\]$/m)[1]
  .match(/(?<=^ *")[^"]+/gm);

/** Whether an SPDX expression can be met from the licences that are taken. */
function isSatisfiable(expression, licences) {
  // An older way to write OR.
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

test("a licence is met where each part of it that is needed is on the list", () => {
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

test("every crate may be used under a licence that deny.toml allows", () => {
  assert.ok(crates.length > 100);
  const others = crates.filter(({ license }) => !isSatisfiable(license ?? "", allowedLicences));
  assert.deepEqual(
    others.map(({ name, license }) => `${name}: ${license}`),
    [],
  );
});

test("every crate comes from crates.io, or is a member of the workspace", () => {
  for (const { name, source, manifest_path: path } of crates) {
    assert.ok(source === CRATES_IO || (source === null && path.startsWith(ROOT)), name);
  }
  // Those of other systems as well, those of the fuzzer, and those of the measurements.
  for (const folder of ["", "fuzz", "bench/native"]) {
    const lock = read(folder, "Cargo.lock");
    const entries = lock.split("[[package]]\n").slice(1);
    const sources = entries.map((entry) => entry.match(/^source = "(.+)"$/m)?.[1]);
    assert.deepEqual([...new Set(sources.filter(Boolean))], [CRATES_IO]);
    const unchecked = entries.filter((entry, at) => sources[at] && !/^checksum = /m.test(entry));
    assert.deepEqual(unchecked, []);
  }
});

test("docs/licenses.md lists just the crates that the worker consists of", () => {
  const rows = read("docs", "licenses.md").matchAll(/^\| `(.+?)` \| (.+?) \|/gm);
  const listed = Object.fromEntries(Array.from(rows, ([, name, licence]) => [name, licence]));
  assert.deepEqual(listed, cratesOfTheWorker());
});

test("docs/licenses.md says what those crates are for that the worker names itself", () => {
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

test("package-lock.json is in step with the package.json of each workspace", () => {
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

// Each of these leaves its users as free as those that deny.toml allows.
const allowedOfNpm = [...allowedLicences, "0BSD", "CC0-1.0"];
// The image library that wrangler's local runtime may load: a separate file, of which nothing is
// passed on.
const IMAGES = /^node_modules\/@img\/sharp-/;

test("every npm package may be used under a licence that is allowed", () => {
  for (const [path, { license, link, dev }] of Object.entries(packages)) {
    if (link) continue;
    const further = dev && IMAGES.test(path) ? ["LGPL-3.0-or-later"] : [];
    const met = isSatisfiable(license ?? "", [...allowedOfNpm, ...further]);
    assert.ok(met, `${path}: ${license}`);
  }
});

test("every npm package is bound to its content", () => {
  const others = Object.entries(packages).filter(([path, { link }]) => {
    const ours = path === "" || manifest.workspaces.includes(path) || link;
    return !ours && !packages[path].integrity;
  });
  assert.deepEqual(others, []);
});

test("whether an npm package may run something when it is installed has been decided for each", () => {
  const wanting = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript);
  assert.deepEqual(
    wanting.map(([path]) => path.split("node_modules/").at(-1)).sort(),
    Object.keys(manifest.allowScripts).sort(),
  );
});
