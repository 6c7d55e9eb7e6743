// Where the tools of the build are and which versions they must have. Nothing is pinned here:
// Cargo.lock names the libraries, and each tool has to be of its library's version.
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

/** A tool that `cargo install` puts into the project, and the library that it must match. */
export const CARGO_TOOLS = [
  { crate: "worker-build", binary: join(TOOLS, "bin", "worker-build"), library: "worker" },
  {
    crate: "wasm-bindgen-cli",
    binary: join(TOOLS, "bin", "wasm-bindgen"),
    library: "wasm-bindgen",
  },
];

/**
 * Debian's compiler with a wasm32 library that set-up built for it. It has the shape of any Rust
 * toolchain, so it lives in the project and needs no rights on the system's folders. It is there
 * only where rustup's way is not open, and then it is the one that builds the worker.
 */
export const DEBIAN = {
  rustc: "/usr/bin/rustc",
  folder: join(TOOLS, "debian-wasm32"),
};

/**
 * The compiler's flags that give the folders of this machine names that are the same everywhere:
 * what can panic carries the path of its source into the WebAssembly.
 */
export function remappedPaths() {
  const home = homedir();
  // Where several fit, the compiler goes by the last.
  const names = [
    [home, "~"],
    [process.env.CARGO_HOME ?? join(home, ".cargo"), "cargo"],
    [resolve(ROOT), "session-events"],
  ];
  return names.map(([folder, name]) => `--remap-path-prefix=${folder}=${name}`);
}

/** What `command` prints, or nothing when it is missing or fails. */
export async function ask(command, ...args) {
  try {
    return (await execute(command, args)).stdout.trim();
  } catch {
    return undefined;
  }
}

/** The program that the PATH leads to. */
export function which(program) {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next folder may have it.
    }
  }
  return undefined;
}

/** The version that a library has in Cargo.lock. */
export function lockedVersion(library) {
  const lock = readFileSync(join(ROOT, "Cargo.lock"), "utf8");
  return lock.match(new RegExp(`^name = "${library}"\nversion = "(.+)"$`, "m"))[1];
}

/** The version that an installed tool says it has. */
export async function installedVersion(binary) {
  return (await ask(binary, "--version"))?.match(/\d+\.\d+\.\d+\S*/)?.[0];
}

/** Which compiler builds for wasm32 here: "debian", "rustup" (the one on the PATH), or none yet. */
export async function wasmCompiler() {
  if (await debianIsCurrent()) return "debian";
  const library = await ask("rustc", "--print", "target-libdir", "--target", TARGET);
  const isStd = (file) => /^libstd-.*\.rlib$/.test(file);
  return library && existsSync(library) && readdirSync(library).some(isStd) ? "rustup" : undefined;
}

// The library fits only the compiler that it was built by, and that may have been upgraded since.
async function debianIsCurrent() {
  const stamp = join(DEBIAN.folder, "version");
  return existsSync(stamp) && readFileSync(stamp, "utf8") === (await ask(DEBIAN.rustc, "-vV"));
}

/** The environment in which worker-build finds every tool without a download. */
export async function buildEnvironment() {
  const environment = {
    ...process.env,
    // Where in its own code worker-build noticed the compiler's error helps nobody.
    RUST_BACKTRACE: "0",
    WASM_BINDGEN_BIN: join(TOOLS, "bin", "wasm-bindgen"),
    ESBUILD_BIN: join(ROOT, "node_modules", ".bin", "esbuild"),
    WASM_OPT_BIN: join(ROOT, "node_modules", ".bin", "wasm-opt"),
  };
  if ((await wasmCompiler()) === "debian") {
    const bin = join(DEBIAN.folder, "bin");
    // cargo goes by RUSTC; worker-build asks the rustc on the PATH.
    environment.RUSTC = join(bin, "rustc");
    environment.PATH = [bin, process.env.PATH].join(delimiter);
  }
  return environment;
}
