// Sets up what the build needs and is missing, and only that. Runs on any Node from version 20
// on, before node_modules exists. Everything that it installs, save the wasm32 target of rustup
// and Debian's packages, lives in the project: in node_modules and in .tools.
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";

import { demand, step } from "./step.mjs";
import { Fault, done, main, paint } from "./terminal.mjs";
import {
  CARGO_TOOLS,
  ROOT,
  TARGET,
  TOOLS,
  ask,
  installedVersion,
  lockedVersion,
  which,
} from "./toolchain.mjs";
import { setUpWasm } from "./wasm32.mjs";

const HELP = `Sets up what is missing for building and testing the worker.

  npm run setup [-- --wasm=rustup | --wasm=debian]

  --wasm=rustup   get the library of ${TARGET} by rustup only
  --wasm=debian   build it with Debian's compiler (packages rustc-web, rust-web-src)
                  Without --wasm: what is there already, else rustup, else Debian.`;

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
      throw new Error(`--wasm=${values.wasm} is unknown`);
    }
    return values;
  } catch (error) {
    throw new Fault(`${error.message}: --help tells the options.`);
  }
}

async function checkPrerequisites() {
  const node = JSON.parse(read("package.json")).engines.node.match(/\d+/)[0];
  if (Number.parseInt(process.versions.node) < node) {
    throw new Fault(
      `Node ${process.versions.node} is too old: install ${node} or newer from https://nodejs.org, then run this again.`,
    );
  }
  if (!which("npm")) {
    throw new Fault(
      "npm is missing: get it with Node from https://nodejs.org, then run this again.",
    );
  }
  if (!which("cargo") || !which("rustc")) {
    throw new Fault("Rust is missing: install it from https://rustup.rs, then run this again.");
  }
  const needed = read("Cargo.toml").match(/^rust-version = "(.+)"$/m)[1];
  const rust = (await ask("rustc", "--version"))?.match(/\d+\.\d+\.\d+/)[0];
  if (!rust) {
    throw new Fault(
      "rustc does not run: fix it with `rustup default stable`, then run this again.",
    );
  }
  if (rust.localeCompare(needed, "en", { numeric: true }) < 0) {
    throw new Fault(
      `Rust ${rust} is too old: get ${needed} or newer with \`rustup update stable\`, then run this again.`,
    );
  }
}

async function setUpNodePackages() {
  if (nodePackagesAreCurrent()) return false;
  // The Node that runs npm must not be the one that npm is about to replace.
  const path = process.env.PATH.split(delimiter).filter(
    (folder) => !folder.endsWith(join("node_modules", ".bin")),
  );
  const env = { ...process.env, PATH: path.join(delimiter) };
  const args = ["ci", "--loglevel=error", "--no-audit", "--no-fund"];
  demand(
    await step("npm", "Installing the Node packages (about half a minute)", "npm", args, { env }),
    "The Node packages could not be installed",
    "check the network",
  );
  return done("The Node packages are installed.");
}

// npm writes down what it installed when it is done, so an interrupted installation shows too.
function nodePackagesAreCurrent() {
  const record = join("node_modules", ".package-lock.json");
  if (!existsSync(join(ROOT, record))) return false;
  const installed = JSON.parse(read(record)).packages;
  return Object.entries(JSON.parse(read("package-lock.json")).packages).every(
    // Optional packages are mostly those of other systems; the root has no path.
    ([path, { version, optional }]) =>
      path === "" || (installed[path] ? installed[path].version === version : optional),
  );
}

async function setUpCargoTools() {
  const missing = [];
  for (const { crate, binary, library } of CARGO_TOOLS) {
    const version = lockedVersion(library);
    if ((await installedVersion(binary)) !== version) missing.push(`${crate}@${version}`);
  }
  if (missing.length === 0) return false;

  // As debug builds they take half the time, and build the worker as fast. What an interrupted
  // installation had compiled is kept in the target folder.
  const names = missing.join(" and ");
  const title = `Compiling ${names} (once, about 3 minutes on two cores)`;
  const folders = ["--root", TOOLS, "--target-dir", join(TOOLS, "target")];
  const args = ["install", ...missing, "--debug", "--force", ...folders];
  const env = { ...process.env, CARGO_PROFILE_DEV_DEBUG: "false" };
  demand(
    await step("cargo-install", title, "cargo", args, { env }),
    `${names} could not be installed`,
    "check the network",
  );
  return done(`${names} ${missing.length > 1 ? "are" : "is"} installed.`);
}

function read(path) {
  return readFileSync(join(ROOT, path), "utf8");
}
