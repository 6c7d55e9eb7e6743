// Installs the parts of the build environment that are missing. Runs on Node 20 and later, without
// node_modules. Everything is installed into the project (node_modules and .tools), except rustup's
// wasm32 target and Debian's packages.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { installNodePackages } from "./node_packages.mjs";
import { requireSuccess, runStep } from "./step.mjs";
import { ScriptError, main, paint, printSuccess } from "./terminal.mjs";
import {
  CARGO_TOOLS,
  LOCKED_TOOLS,
  ROOT,
  TARGET,
  TOOLS,
  commandOutput,
  installedVersion,
  lockedVersion,
  which,
} from "./toolchain.mjs";
import { setUpWasm } from "./wasm32.mjs";

const HELP = `Installs what is missing to build and test the Worker.

  npm run setup [-- --wasm=rustup | --wasm=debian]

  --wasm=rustup   install the standard library of ${TARGET} with rustup
  --wasm=debian   build it with Debian's compiler (packages rustc-web, rust-web-src)
                  Default: keep the installed one; else try rustup, then Debian.`;

await main(async () => {
  const { wasm, help } = options();
  if (help) return console.log(HELP);
  await checkPrerequisites();
  const changes = [await setUpNodePackages(), await setUpWasm(wasm), await setUpCargoTools()];
  if (!changes.includes(true)) console.log(paint("dim", "Everything is set up."));
});

function options() {
  try {
    const { values } = parseArgs({
      options: { wasm: { type: "string" }, help: { type: "boolean" } },
    });
    if (![undefined, "rustup", "debian"].includes(values.wasm)) {
      throw new Error(`--wasm=${values.wasm} is not supported`);
    }
    return values;
  } catch (error) {
    throw new ScriptError(`${error.message}: see --help for the options.`);
  }
}

async function checkPrerequisites() {
  const node = JSON.parse(read("package.json")).engines.node.match(/\d+/)[0];
  if (Number.parseInt(process.versions.node) < node) {
    throw new ScriptError(
      `Node ${process.versions.node} is too old: install ${node} or newer from https://nodejs.org, then run this again.`,
    );
  }
  if (!which("npm")) {
    throw new ScriptError(
      "npm is missing: install it with Node from https://nodejs.org, then run this again.",
    );
  }
  if (!which("cargo") || !which("rustc")) {
    throw new ScriptError(
      "Rust is missing: install it from https://rustup.rs, then run this again.",
    );
  }
  const required = read("Cargo.toml").match(/^rust-version = "(.+)"$/m)[1];
  const rust = (await commandOutput("rustc", "--version"))?.match(/\d+\.\d+\.\d+/)[0];
  if (!rust) {
    throw new ScriptError(
      "rustc does not run: fix it with `rustup default stable`, then run this again.",
    );
  }
  if (rust.localeCompare(required, "en", { numeric: true }) < 0) {
    throw new ScriptError(
      `Rust ${rust} is too old: get ${required} or newer with \`rustup update stable\`, then run this again.`,
    );
  }
}

async function setUpNodePackages() {
  return installNodePackages(ROOT, "Installing the Node packages (about half a minute)");
}

async function setUpCargoTools() {
  const missing = [];
  for (const { crate, binary, library } of CARGO_TOOLS) {
    const version = lockedVersion(library);
    if ((await installedVersion(binary)) !== version) missing.push(`${crate}@${version}`);
  }
  if (missing.length === 0) return false;

  // These tools write the production bundle, so they are built with the dependencies of their own
  // lock files, not with the newest compatible ones. Debug builds compile in half the time and build
  // the Worker as fast. The target folder lets an interrupted installation continue.
  const names = missing.join(" and ");
  const title = `Compiling ${names} (once, about 3 minutes on two cores)`;
  const folders = ["--root", LOCKED_TOOLS, "--target-dir", join(TOOLS, "target")];
  const args = ["install", "--locked", ...missing, "--debug", "--force", ...folders];
  const env = { ...process.env, CARGO_PROFILE_DEV_DEBUG: "false" };
  requireSuccess(
    await runStep("cargo-install", title, "cargo", args, { env }),
    `${names} could not be installed`,
    "check the network",
  );
  printSuccess(`${names} ${missing.length > 1 ? "are" : "is"} installed.`);
  return true;
}

function read(path) {
  return readFileSync(join(ROOT, path), "utf8");
}
