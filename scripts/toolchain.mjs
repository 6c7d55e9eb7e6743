// Locations and required versions of the build tools. No version is written here: each tool must
// have the version that Cargo.lock has for the matching library, and is built with the dependencies
// of its own lock file.
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const TOOLS = join(ROOT, ".tools");
export const TARGET = "wasm32-unknown-unknown";

/**
 * The folder of the tools that `cargo install --locked` has built. Earlier versions of set-up built
 * them without `--locked` in another folder, so tools with unknown dependencies are not used.
 */
export const LOCKED_TOOLS = join(TOOLS, "locked");

export const WORKER_BUILD = join(LOCKED_TOOLS, "bin", "worker-build");
const WASM_BINDGEN = join(LOCKED_TOOLS, "bin", "wasm-bindgen");

/** The tools in `LOCKED_TOOLS`, each with the library it must match. */
export const CARGO_TOOLS = [
  { crate: "worker-build", binary: WORKER_BUILD, library: "worker" },
  { crate: "wasm-bindgen-cli", binary: WASM_BINDGEN, library: "wasm-bindgen" },
];

/**
 * Debian's compiler, combined with a wasm32 standard library that set-up builds into `folder`. It
 * is used on machines where rustup cannot download that library. It lives in the project, so it
 * needs no write access to system folders.
 */
export const DEBIAN_TOOLCHAIN = {
  rustc: "/usr/bin/rustc",
  folder: join(TOOLS, "debian-wasm32"),
};

/**
 * Returns compiler flags that replace the paths of this machine's folders. Panic messages contain
 * source paths, so without these flags the WebAssembly would contain the names of local folders.
 */
export function pathRemapFlags() {
  const home = homedir();
  // If several prefixes match, the compiler uses the last one.
  const prefixes = [
    [home, "~"],
    [process.env.CARGO_HOME ?? join(home, ".cargo"), "cargo"],
    [resolve(ROOT), "session-events"],
  ];
  return prefixes.map(([folder, name]) => `--remap-path-prefix=${folder}=${name}`);
}

/** Returns the trimmed output of a command, or undefined if it is missing or fails. */
export async function commandOutput(command, ...args) {
  try {
    return (await execute(command, args)).stdout.trim();
  } catch {
    return undefined;
  }
}

/** Returns the path of a program on the PATH, or undefined. */
export function which(program) {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Try the next folder.
    }
  }
  return undefined;
}

/** Returns the version of a library in Cargo.lock. */
export function lockedVersion(library) {
  const lock = readFileSync(join(ROOT, "Cargo.lock"), "utf8");
  return lock.match(new RegExp(`^name = "${library}"\nversion = "(.+)"$`, "m"))[1];
}

/**
 * Returns the folder with the source of one of `CARGO_TOOLS`, which contains its lock file. cargo
 * keeps the source after an installation; otherwise this downloads it.
 */
export async function toolSource({ crate, library }) {
  const version = lockedVersion(library);
  const installed = findCrateSource(`${crate}-${version}`);
  if (installed) return installed;
  await commandOutput("cargo", "info", `${crate}@${version}`);
  return findCrateSource(`${crate}-${version}`);
}

function findCrateSource(name) {
  const sources = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "registry", "src");
  if (!existsSync(sources)) return undefined;
  // One folder per registry or mirror.
  const folders = readdirSync(sources).map((registry) => join(sources, registry, name));
  return folders.find((folder) => existsSync(join(folder, "Cargo.lock")));
}

/** Returns the version that a tool prints for `--version`. */
export async function installedVersion(binary) {
  return (await commandOutput(binary, "--version"))?.match(/\d+\.\d+\.\d+\S*/)?.[0];
}

/**
 * Returns the compiler that can build for wasm32: "debian", "rustup" (the one on the PATH), or
 * undefined if there is none yet.
 */
export async function wasmCompiler() {
  if (await isDebianToolchainCurrent()) return "debian";
  const library = await commandOutput("rustc", "--print", "target-libdir", "--target", TARGET);
  const isStd = (file) => /^libstd-.*\.rlib$/.test(file);
  return library && existsSync(library) && readdirSync(library).some(isStd) ? "rustup" : undefined;
}

// A standard library works only with the compiler version that built it, and an upgrade of the
// Debian package replaces the compiler.
async function isDebianToolchainCurrent() {
  const versionFile = join(DEBIAN_TOOLCHAIN.folder, "version");
  if (!existsSync(versionFile)) return false;
  const version = await commandOutput(DEBIAN_TOOLCHAIN.rustc, "-vV");
  return readFileSync(versionFile, "utf8") === version;
}

/** Returns the environment in which worker-build finds every tool without downloading it. */
export async function buildEnvironment() {
  const environment = {
    ...process.env,
    // A compile error should not be followed by a backtrace of worker-build itself.
    RUST_BACKTRACE: "0",
    WASM_BINDGEN_BIN: WASM_BINDGEN,
    ESBUILD_BIN: join(ROOT, "node_modules", ".bin", "esbuild"),
    WASM_OPT_BIN: join(ROOT, "node_modules", ".bin", "wasm-opt"),
  };
  if ((await wasmCompiler()) === "debian") {
    const bin = join(DEBIAN_TOOLCHAIN.folder, "bin");
    // cargo uses RUSTC; worker-build runs the rustc on the PATH.
    environment.RUSTC = join(bin, "rustc");
    environment.PATH = [bin, process.env.PATH].join(delimiter);
  }
  return environment;
}
