// Installs the Rust standard library for wasm32, which the Worker's build needs. rustup downloads it;
// if rustup cannot, Debian's compiler builds it from Debian's source package.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { requireSuccess, runStep } from "./step.mjs";
import { ScriptError, printSuccess } from "./terminal.mjs";
import {
  DEBIAN_TOOLCHAIN,
  TARGET,
  TOOLS,
  commandOutput,
  pathRemapFlags,
  wasmCompiler,
  which,
} from "./toolchain.mjs";

const RUSTUP_TIMEOUT_MS = 5 * 60_000;

/**
 * Installs the wasm32 standard library if it is missing. `method` is "rustup", "debian", or undefined
 * to try both. Returns whether anything was installed.
 */
export async function setUpWasm(method) {
  const present = await wasmCompiler();
  if (present && (method ?? present) === present) return false;

  if (method !== "debian") {
    const title = `Adding the Rust target ${TARGET} (a download of 30 MB)`;
    const added = await runStep("rustup", title, "rustup", ["target", "add", TARGET], {
      timeout: RUSTUP_TIMEOUT_MS,
    });
    if (added.ok) {
      rmSync(DEBIAN_TOOLCHAIN.folder, { recursive: true, force: true });
      printSuccess(`The Rust target ${TARGET} is installed.`);
      return true;
    }
    if (method === "rustup" || !which("apt-get")) {
      requireSuccess(added, `rustup could not add the Rust target ${TARGET}`, "check the network");
    }
    console.log(`rustup could not add the Rust target ${TARGET}: using Debian's compiler instead.`);
  }
  await installDebianPackages();
  await assembleToolchain(await buildLibrary());
  printSuccess(`The Rust target ${TARGET} is built.`);
  return true;
}

async function installDebianPackages() {
  const packages = ["rustc-web", "rust-web-src"];
  const states = await commandOutput(
    "dpkg-query",
    "--show",
    "--showformat=${Status}\n",
    ...packages,
  );
  if (states === packages.map(() => "install ok installed").join("\n")) return;

  const commands = [
    "apt-get update",
    `apt-get install --yes --no-install-recommends ${packages.join(" ")}`,
  ];
  if ((await commandOutput("id", "-u")) !== "0") {
    const line = commands.map((command) => `sudo ${command}`).join(" && ");
    throw new ScriptError(
      `Debian's compiler for ${TARGET} is missing: install it with \`${line}\`, then run this again.`,
    );
  }
  const title = `Installing Debian's packages ${packages.join(" and ")} (about a minute)`;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  requireSuccess(
    await runStep("apt", title, "sh", ["-c", commands.join(" && ")], { env }),
    `Debian's packages ${packages.join(" and ")} could not be installed`,
    "check the network and the package sources",
  );
}

/**
 * Builds the wasm32 standard library, which Debian ships as source only, as a dependency of an empty
 * crate. Returns the folder that contains the compiled library files.
 */
async function buildLibrary() {
  const release = (await commandOutput(DEBIAN_TOOLCHAIN.rustc, "-vV"))?.match(
    /^release: (.+)$/m,
  )[1];
  const crate = join(TOOLS, "target", `${TARGET}-${release}`);
  // Remove the files of earlier builds, because the whole folder is copied later.
  rmSync(crate, { recursive: true, force: true });
  mkdirSync(crate, { recursive: true });
  const manifest = '[package]\nname = "empty"\n[lib]\npath = "lib.rs"\n[workspace]\n';
  writeFileSync(join(crate, "Cargo.toml"), manifest);
  writeFileSync(join(crate, "lib.rs"), "");
  const title = `Building the standard library of ${TARGET} with Debian's compiler (about a minute)`;
  const args = ["build", "--release", "-Zbuild-std=std,panic_abort", "--target", TARGET];
  const flags = [
    // The Worker is linked with LTO, which needs the bitcode.
    "-Cembed-bitcode=yes",
    ...pathRemapFlags(),
  ];
  const env = {
    ...process.env,
    RUSTC: DEBIAN_TOOLCHAIN.rustc,
    RUSTC_BOOTSTRAP: "1",
    CARGO_ENCODED_RUSTFLAGS: flags.join("\x1f"),
  };
  requireSuccess(
    await runStep("wasm32-library", title, "cargo", [...args, "--target-dir", "target"], {
      cwd: crate,
      env,
    }),
    `The standard library of ${TARGET} could not be built`,
    "check the network",
  );
  return join(crate, "target", TARGET, "release", "deps");
}

/**
 * Creates the folder of DEBIAN_TOOLCHAIN: the built library, and links to the installed compiler. It
 * is assembled under a temporary name and then renamed, so that an interrupted set-up leaves no
 * incomplete toolchain.
 */
async function assembleToolchain(library) {
  const toolchain = `${DEBIAN_TOOLCHAIN.folder}.${process.pid}`;
  const rustlib = (...path) => join(toolchain, "lib", "rustlib", ...path);
  mkdirSync(rustlib(TARGET, "lib"), { recursive: true });
  for (const file of readdirSync(library)) {
    if (!file.endsWith(".rlib") || file.startsWith("libempty-")) continue;
    copyFileSync(join(library, file), rustlib(TARGET, "lib", file));
  }
  // Build scripts and procedural macros run on the host and use Debian's host library. The linker
  // rust-lld comes from the Rust installation on the PATH, because Debian's is in another folder.
  const compiler = await commandOutput(DEBIAN_TOOLCHAIN.rustc, "-vV");
  const host = compiler.match(/^host: (.+)$/m)[1];
  const sysroot = async (rustc) =>
    join(await commandOutput(rustc, "--print", "sysroot"), "lib", "rustlib", host);
  mkdirSync(rustlib(host));
  symlinkSync(join(await sysroot(DEBIAN_TOOLCHAIN.rustc), "lib"), rustlib(host, "lib"));
  symlinkSync(join(await sysroot("rustc"), "bin"), rustlib(host, "bin"));

  const rustc = join(toolchain, "bin", "rustc");
  mkdirSync(join(toolchain, "bin"));
  writeFileSync(
    rustc,
    `#!/bin/sh\nexec ${DEBIAN_TOOLCHAIN.rustc} --sysroot "\${0%/bin/rustc}" "$@"\n`,
  );
  chmodSync(rustc, 0o755);
  writeFileSync(join(toolchain, "version"), compiler);

  const probe = join(toolchain, "probe.rs");
  writeFileSync(probe, "");
  const args = ["--target", TARGET, "--crate-type", "cdylib", "--out-dir", toolchain, probe];
  requireSuccess(
    await runStep("wasm32-link", "Testing the library", rustc, args),
    `Debian's compiler cannot link for ${TARGET}`,
    "install Rust from https://rustup.rs, for its linker rust-lld,",
  );
  rmSync(DEBIAN_TOOLCHAIN.folder, { recursive: true, force: true });
  renameSync(toolchain, DEBIAN_TOOLCHAIN.folder);
}
