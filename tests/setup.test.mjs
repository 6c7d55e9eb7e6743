// Set-up, against this machine as it is and against poorer ones, whose programs are played by
// scripts on a PATH that holds nothing else.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { CARGO_TOOLS, ROOT, installedVersion } from "../scripts/toolchain.mjs";

const APT_COMMAND =
  "sudo apt-get update && sudo apt-get install --yes --no-install-recommends rustc-web rust-web-src";

/** Runs set-up, or another script, to its end, whatever that is. */
function setUp(root, args = [], env = process.env, script = "setup.mjs") {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(root, "scripts", script), ...args],
      { env },
      (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }),
    );
  });
}

/** A fresh checkout with its Node packages, on a machine that has only these programs. */
function machine(t, programs) {
  const root = mkdtempSync(join(tmpdir(), "session-events-"));
  t.after(() => rmSync(root, { recursive: true }));
  for (const path of ["scripts", "Cargo.toml", "Cargo.lock", "package.json", "package-lock.json"]) {
    cpSync(join(ROOT, path), join(root, path), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  const bin = join(root, "bin");
  mkdirSync(bin);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const path = { PATH: bin };
  return {
    root,
    run: (...args) => setUp(root, args, path),
    check: (env, ...args) => setUp(root, args, { ...path, ...env }, "test.mjs"),
  };
}

// Rust without the wasm32 library, and a rustup that finds no network.
const RUST = {
  npm: "exit 1",
  cargo: "exit 1",
  rustc: 'test "$1" = --version && echo "rustc 1.95.0 (59807616e 2026-04-14)"',
  rustup: "echo 'error: could not download the component' >&2; exit 1",
};

const lockedPackage = (name) =>
  JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")).packages[`node_modules/${name}`]
    .version;
const lockedCrate = (name) =>
  readFileSync(join(ROOT, "Cargo.lock"), "utf8")
    .split("[[package]]\n")
    .find((entry) => entry.startsWith(`name = "${name}"\n`))
    .match(/version = "(.+)"/)[1];

// A shell remembers where it found a program, and set-up installs a newer Node than the machine's.
test("nothing but npm's commands goes on in a shell that has set up", () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const settingUp = Object.values(scripts).filter((script) => script.includes("setup.mjs"));
  assert.notEqual(settingUp.length, 0);
  for (const script of settingUp) {
    const [, ...then] = script.split(" && ");
    for (const command of then) assert.match(command, /^npm /, script);
  }
});

test("the tools that package the worker are of their libraries' versions in Cargo.lock", async () => {
  for (const { crate, binary, library } of CARGO_TOOLS) {
    assert.equal(await installedVersion(binary), lockedCrate(library), crate);
  }
});

test("the tools that come from npm are of the versions in package-lock.json", async () => {
  assert.equal(process.versions.node, lockedPackage("node"));
  for (const [program, name] of [
    ["wrangler", "wrangler"],
    ["esbuild", "esbuild"],
  ]) {
    assert.equal(
      await installedVersion(join(ROOT, "node_modules", ".bin", program)),
      lockedPackage(name),
    );
  }
  const { version } = JSON.parse(
    readFileSync(join(ROOT, "node_modules", "binaryen", "package.json"), "utf8"),
  );
  assert.equal(version, lockedPackage("binaryen"));
});

test("package-lock.json has an entry for all that a package may need, on any system", () => {
  // `npm ci` refuses a lock file in which but one is missing.
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  const missing = Object.entries(packages).flatMap(
    ([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies }).filter(
        (name) => !packages[`${path}/node_modules/${name}`] && !packages[`node_modules/${name}`],
      ),
  );
  assert.deepEqual(missing, []);
});

test("where everything is set up, set-up does nothing", async () => {
  assert.deepEqual(await setUp(ROOT), { code: 0, stdout: "Everything is set up.\n", stderr: "" });
});

test("a machine without Rust is told where to get it", async (t) => {
  const { run } = machine(t, { npm: "exit 1" });
  assert.deepEqual(await run(), {
    code: 1,
    stdout: "",
    stderr: "Rust is missing: install it from https://rustup.rs, then run this again.\n",
  });
});

test("a Rust that is too old is told how to be renewed", async (t) => {
  const { run } = machine(t, { ...RUST, rustc: 'echo "rustc 1.90.0 (1159e78c4 2025-09-14)"' });
  const { code, stderr } = await run();
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^Rust 1\.90\.0 is too old: get 1\.91 or newer with `rustup update stable`, then run this again\.\n$/,
  );
});

test("a failing step is one sentence that names its log", async (t) => {
  const { root, run } = machine(t, RUST);
  const { code, stderr } = await run("--wasm=rustup");
  assert.equal(code, 1);
  assert.equal(
    stderr,
    "rustup could not add the Rust target wasm32-unknown-unknown: check the network and read .tools/logs/rustup.log, then run this again.\n",
  );
  assert.equal(
    readFileSync(join(root, ".tools", "logs", "rustup.log"), "utf8"),
    "error: could not download the component\n",
  );
});

test("a plain user whose rustup cannot download is told what to install, and nothing is installed", async (t) => {
  const { root, run } = machine(t, {
    ...RUST,
    id: "echo 1000",
    "dpkg-query": "exit 1",
    "apt-get": ': > "${0%/bin/apt-get}/touched"',
    sudo: ': > "${0%/bin/sudo}/touched"',
  });
  const { code, stderr } = await run();
  assert.equal(code, 1);
  assert.equal(
    stderr,
    `Debian's compiler for wasm32-unknown-unknown is missing: install it with \`${APT_COMMAND}\`, then run this again.\n`,
  );
  assert.equal(existsSync(join(root, "touched")), false);
});

test("root installs Debian's packages where rustup cannot download", async (t) => {
  const { root, run } = machine(t, {
    ...RUST,
    id: "echo 0",
    "dpkg-query": "exit 1",
    sh: 'exec /bin/sh "$@"',
    "apt-get": 'echo "$@" >> "${0%/bin/apt-get}/apt.log"',
  });
  const { code, stdout, stderr } = await run();
  // That far; there is nothing on this machine to build the library with.
  assert.equal(code, 1);
  assert.match(stdout, /going on with Debian's compiler/);
  assert.match(
    stderr,
    /^The library of wasm32-unknown-unknown could not be built: .* read \.tools\/logs\/wasm32-library\.log/,
  );
  assert.equal(
    readFileSync(join(root, "apt.log"), "utf8"),
    "update\ninstall --yes --no-install-recommends rustc-web rust-web-src\n",
  );
});

test("without Chromium the pages are not tested, with a word on how to get it; CI fails", async (t) => {
  const { check } = machine(t, { id: "echo 1000", "apt-get": "exit 1" });
  const complaint =
    /browser not run\. Chromium is missing, .*: install it, on Debian with `sudo apt-get update && sudo apt-get install --yes --no-install-recommends chromium/;
  const atHome = await check({}, "browser");
  assert.match(atHome.stdout, complaint);
  assert.match(atHome.stdout, /^0 passed, 0 failed$/m);
  assert.equal(atHome.code, 0);
  const inCi = await check({ CI: "true" }, "browser");
  assert.match(inCi.stdout, complaint);
  assert.match(inCi.stdout, /^0 passed, 1 failed$/m);
  assert.equal(inCi.code, 1);
});

test("root installs Debian's Chromium before the pages are tested", async (t) => {
  const { root, check } = machine(t, {
    id: "echo 0",
    sh: 'exec /bin/sh "$@"',
    "apt-get": 'echo "$@" >> "${0%/bin/apt-get}/apt.log"; test "$1" = update',
  });
  const { code, stdout } = await check({ CI: "true" }, "browser");
  assert.match(stdout, /Debian's package chromium could not be installed: .* read \.tools\/logs/);
  assert.equal(code, 1);
  assert.equal(
    readFileSync(join(root, "apt.log"), "utf8"),
    "update\ninstall --yes --no-install-recommends chromium fonts-dejavu-core\n",
  );
});

test("an unknown option is refused", async () => {
  const { code, stderr } = await setUp(ROOT, ["--wasm=magic"]);
  assert.equal(code, 1);
  assert.equal(stderr, "--wasm=magic is unknown: --help tells the options.\n");
});
