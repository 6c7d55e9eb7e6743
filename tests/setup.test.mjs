// `npm run setup`, on this machine and on simulated ones. A simulated machine has a PATH with only one
// folder, whose programs are shell scripts.
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
import { basename, join } from "node:path";
import { test } from "node:test";

import { CARGO_TOOLS, ROOT, installedVersion } from "../scripts/toolchain.mjs";

const APT_COMMAND =
  "sudo apt-get update && sudo apt-get install --yes --no-install-recommends rustc-web rust-web-src";

/** Runs a script of `root`/scripts. Resolves to its exit code and output. */
function runScript(root, args = [], env = process.env, script = "setup.mjs") {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(root, "scripts", script), ...args],
      { env },
      (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }),
    );
  });
}

/** Creates a checkout with its Node packages, on a machine that has only these programs. */
function simulateMachine(t, programs) {
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
    setUp: (...args) => runScript(root, args, path),
    runChecks: (env, ...args) => runScript(root, args, { ...path, ...env }, "test.mjs"),
  };
}

// Rust without the wasm32 standard library, and a rustup that cannot download it.
const RUST_WITHOUT_WASM32 = {
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

// Set-up may install a Node that is newer than the machine's. A shell caches the paths of programs it
// has run, so only npm, which starts a new shell, finds the new Node reliably.
test("after set-up, package scripts run only npm commands in the same shell", () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const setupScripts = Object.values(scripts).filter((script) => script.includes("setup.mjs"));
  assert.notEqual(setupScripts.length, 0);
  for (const script of setupScripts) {
    const [, ...following] = script.split(" && ");
    for (const command of following) assert.match(command, /^npm /, script);
  }
});

test("worker-build and wasm-bindgen have the versions of their libraries in Cargo.lock", async () => {
  for (const { crate, binary, library } of CARGO_TOOLS) {
    assert.equal(await installedVersion(binary), lockedCrate(library), crate);
  }
});

test("the tools from npm have the versions in package-lock.json", async () => {
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

test("package-lock.json has an entry for every dependency on every system", () => {
  // `npm ci` fails if a single entry is missing.
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  const missing = Object.entries(packages).flatMap(
    ([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies }).filter(
        (name) => !packages[`${path}/node_modules/${name}`] && !packages[`node_modules/${name}`],
      ),
  );
  assert.deepEqual(missing, []);
});

test("set-up does nothing if everything is installed", async () => {
  assert.deepEqual(await runScript(ROOT), {
    code: 0,
    stdout: "Everything is set up.\n",
    stderr: "",
  });
});

test("without Rust, set-up names the site to install it from", async (t) => {
  const { setUp } = simulateMachine(t, { npm: "exit 1" });
  assert.deepEqual(await setUp(), {
    code: 1,
    stdout: "",
    stderr: "Rust is missing: install it from https://rustup.rs, then run this again.\n",
  });
});

test("with a Rust that is too old, set-up names the command to update it", async (t) => {
  const { setUp } = simulateMachine(t, {
    ...RUST_WITHOUT_WASM32,
    rustc: 'echo "rustc 1.90.0 (1159e78c4 2025-09-14)"',
  });
  const { code, stderr } = await setUp();
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^Rust 1\.90\.0 is too old: get 1\.91 or newer with `rustup update stable`, then run this again\.\n$/,
  );
});

test("a failed step prints one sentence that names its log", async (t) => {
  const { root, setUp } = simulateMachine(t, RUST_WITHOUT_WASM32);
  const { code, stderr } = await setUp("--wasm=rustup");
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

/** A machine where only the build tools are missing. Its cargo writes its arguments to cargo.log. */
const MACHINE_WITHOUT_TOOLS = {
  npm: "exit 1",
  cargo: 'echo "$@" >> "${0%/bin/cargo}/cargo.log"',
  rustc: `case "$1" in
  --version) echo "rustc 1.95.0 (59807616e 2026-04-14)" ;;
  --print) echo "\${0%/bin/rustc}/wasm32" ;;
esac`,
};

/** Simulates a machine without the build tools. `setUp` resolves to the arguments of each cargo. */
function simulateMachineWithoutTools(t) {
  const machine = simulateMachine(t, MACHINE_WITHOUT_TOOLS);
  mkdirSync(join(machine.root, "wasm32"));
  writeFileSync(join(machine.root, "wasm32", "libstd-0.rlib"), "");
  const setUp = async () => {
    const { code, stderr } = await machine.setUp();
    assert.equal(code, 0, stderr);
    return readFileSync(join(machine.root, "cargo.log"), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
  };
  return { root: machine.root, setUp };
}

test("cargo builds the tools from the dependencies in their own lock files", async (t) => {
  const { setUp } = simulateMachineWithoutTools(t);
  const [args, ...more] = await setUp();
  assert.deepEqual(more, []);
  assert.equal(args[0], "install");
  assert.ok(args.includes("--locked"), args.join(" "));
  const tools = args.filter((arg) => arg.includes("@"));
  assert.deepEqual(tools, [
    `worker-build@${lockedCrate("worker")}`,
    `wasm-bindgen-cli@${lockedCrate("wasm-bindgen")}`,
  ]);
});

test("tools that an earlier version of set-up built without their lock files are replaced", async (t) => {
  const { root, setUp } = simulateMachineWithoutTools(t);
  mkdirSync(join(root, ".tools", "bin"), { recursive: true });
  for (const { binary, library } of CARGO_TOOLS) {
    const path = join(root, ".tools", "bin", basename(binary));
    writeFileSync(path, `#!/bin/sh\necho ${lockedCrate(library)}\n`);
    chmodSync(path, 0o755);
  }
  const [[command]] = await setUp();
  assert.equal(command, "install");
});

test("if rustup cannot download, a user without root access gets the command to run, and nothing is installed", async (t) => {
  const { root, setUp } = simulateMachine(t, {
    ...RUST_WITHOUT_WASM32,
    id: "echo 1000",
    "dpkg-query": "exit 1",
    "apt-get": ': > "${0%/bin/apt-get}/touched"',
    sudo: ': > "${0%/bin/sudo}/touched"',
  });
  const { code, stderr } = await setUp();
  assert.equal(code, 1);
  assert.equal(
    stderr,
    `Debian's compiler for wasm32-unknown-unknown is missing: install it with \`${APT_COMMAND}\`, then run this again.\n`,
  );
  assert.equal(existsSync(join(root, "touched")), false);
});

test("if rustup cannot download, root installs Debian's packages", async (t) => {
  const { root, setUp } = simulateMachine(t, {
    ...RUST_WITHOUT_WASM32,
    id: "echo 0",
    "dpkg-query": "exit 1",
    sh: 'exec /bin/sh "$@"',
    "apt-get": 'echo "$@" >> "${0%/bin/apt-get}/apt.log"',
  });
  const { code, stdout, stderr } = await setUp();
  // The next step fails, because the machine cannot build the library.
  assert.equal(code, 1);
  assert.match(stdout, /using Debian's compiler instead/);
  assert.match(
    stderr,
    /^The standard library of wasm32-unknown-unknown could not be built: .* read \.tools\/logs\/wasm32-library\.log/,
  );
  assert.equal(
    readFileSync(join(root, "apt.log"), "utf8"),
    "update\ninstall --yes --no-install-recommends rustc-web rust-web-src\n",
  );
});

test("without Chromium the browser tests are skipped with the command to install it, and fail in CI", async (t) => {
  const { runChecks } = simulateMachine(t, { id: "echo 1000", "apt-get": "exit 1" });
  const message =
    /browser not run\. Chromium is missing, .*: install it, on Debian with `sudo apt-get update && sudo apt-get install --yes --no-install-recommends chromium/;
  const local = await runChecks({}, "browser");
  assert.match(local.stdout, message);
  assert.match(local.stdout, /^0 passed, 0 failed$/m);
  assert.equal(local.code, 0);
  const ci = await runChecks({ CI: "true" }, "browser");
  assert.match(ci.stdout, message);
  assert.match(ci.stdout, /^0 passed, 1 failed$/m);
  assert.equal(ci.code, 1);
});

test("root installs Debian's Chromium before the browser tests", async (t) => {
  const { root, runChecks } = simulateMachine(t, {
    id: "echo 0",
    sh: 'exec /bin/sh "$@"',
    "apt-get": 'echo "$@" >> "${0%/bin/apt-get}/apt.log"; test "$1" = update',
  });
  const { code, stdout } = await runChecks({ CI: "true" }, "browser");
  assert.match(stdout, /Debian's package chromium could not be installed: .* read \.tools\/logs/);
  assert.equal(code, 1);
  assert.equal(
    readFileSync(join(root, "apt.log"), "utf8"),
    "update\ninstall --yes --no-install-recommends chromium fonts-dejavu-core\n",
  );
});

test("an unknown option value is rejected", async () => {
  const { code, stderr } = await runScript(ROOT, ["--wasm=magic"]);
  assert.equal(code, 1);
  assert.equal(stderr, "--wasm=magic is not supported: see --help for the options.\n");
});
