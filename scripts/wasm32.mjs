// The Rust library of wasm32, without which the worker cannot be built. rustup has it ready to
// download. Where rustup has no network, Debian's compiler can build it from Debian's sources.
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

import { demand, step } from "./step.mjs";
import { Fault, done } from "./terminal.mjs";
import { DEBIAN, TARGET, TOOLS, ask, remappedPaths, wasmCompiler, which } from "./toolchain.mjs";

const RUSTUP_PATIENCE = 5 * 60_000;

/** Sees to it that a compiler can build for wasm32; `wanted` allows but one of the two ways. */
export async function setUpWasm(wanted) {
  const present = await wasmCompiler();
  if (present && (wanted ?? present) === present) return false;

  if (wanted !== "debian") {
    const title = `Adding the Rust target ${TARGET} (a download of 30 MB)`;
    const added = await step("rustup", title, "rustup", ["target", "add", TARGET], {
      timeout: RUSTUP_PATIENCE,
    });
    if (added.ok) {
      rmSync(DEBIAN.folder, { recursive: true, force: true });
      return done(`The Rust target ${TARGET} is installed.`);
    }
    if (wanted === "rustup" || !which("apt-get")) {
      demand(added, `rustup could not add the Rust target ${TARGET}`, "check the network");
    }
    console.log(`rustup could not add the Rust target ${TARGET}: going on with Debian's compiler.`);
  }
  await installDebianPackages();
  await layOutToolchain(await buildLibrary());
  return done(`The Rust target ${TARGET} is built.`);
}

async function installDebianPackages() {
  const packages = ["rustc-web", "rust-web-src"];
  const states = await ask("dpkg-query", "--show", "--showformat=${Status}\n", ...packages);
  if (states === packages.map(() => "install ok installed").join("\n")) return;

  const commands = [
    "apt-get update",
    `apt-get install --yes --no-install-recommends ${packages.join(" ")}`,
  ];
  if ((await ask("id", "-u")) !== "0") {
    const line = commands.map((command) => `sudo ${command}`).join(" && ");
    throw new Fault(
      `Debian's compiler for ${TARGET} is missing: install it with \`${line}\`, then run this again.`,
    );
  }
  const title = `Installing Debian's packages ${packages.join(" and ")} (about a minute)`;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  demand(
    await step("apt", title, "sh", ["-c", commands.join(" && ")], { env }),
    `Debian's packages ${packages.join(" and ")} could not be installed`,
    "check the network and the package sources",
  );
}

/**
 * Debian ships the library of wasm32 as source only. An empty crate makes cargo compile it; gives
 * the folder in which the parts of the library are then.
 */
async function buildLibrary() {
  const release = (await ask(DEBIAN.rustc, "-vV"))?.match(/^release: (.+)$/m)[1];
  const crate = join(TOOLS, "target", `${TARGET}-${release}`);
  // Of parts that were built before in another way, some would lie beside the new ones.
  rmSync(crate, { recursive: true, force: true });
  mkdirSync(crate, { recursive: true });
  const manifest = '[package]\nname = "empty"\n[lib]\npath = "lib.rs"\n[workspace]\n';
  writeFileSync(join(crate, "Cargo.toml"), manifest);
  writeFileSync(join(crate, "lib.rs"), "");
  const title = `Building the library of ${TARGET} with Debian's compiler (about a minute)`;
  const args = ["build", "--release", "-Zbuild-std=std,panic_abort", "--target", TARGET];
  const flags = [
    // Without the bitcode, the worker's link-time optimisation would have nothing to go on.
    "-Cembed-bitcode=yes",
    ...remappedPaths(),
  ];
  const env = {
    ...process.env,
    RUSTC: DEBIAN.rustc,
    RUSTC_BOOTSTRAP: "1",
    CARGO_ENCODED_RUSTFLAGS: flags.join("\x1f"),
  };
  demand(
    await step("wasm32-library", title, "cargo", [...args, "--target-dir", "target"], {
      cwd: crate,
      env,
    }),
    `The library of ${TARGET} could not be built`,
    "check the network",
  );
  return join(crate, "target", TARGET, "release", "deps");
}

/**
 * Makes the toolchain that DEBIAN describes: the library as it was built, links to the rest. The
 * folder appears in one piece, so nobody ever sees half of it.
 */
async function layOutToolchain(library) {
  const toolchain = `${DEBIAN.folder}.${process.pid}`;
  const part = (...path) => join(toolchain, "lib", "rustlib", ...path);
  mkdirSync(part(TARGET, "lib"), { recursive: true });
  for (const file of readdirSync(library)) {
    if (!file.endsWith(".rlib") || file.startsWith("libempty-")) continue;
    copyFileSync(join(library, file), part(TARGET, "lib", file));
  }
  // Build scripts and procedural macros run on this machine and take Debian's own library;
  // the linker rust-lld, which Debian keeps elsewhere, is that of the Rust on the PATH.
  const compiler = await ask(DEBIAN.rustc, "-vV");
  const host = compiler.match(/^host: (.+)$/m)[1];
  const sysroot = async (rustc) =>
    join(await ask(rustc, "--print", "sysroot"), "lib", "rustlib", host);
  mkdirSync(part(host));
  symlinkSync(join(await sysroot(DEBIAN.rustc), "lib"), part(host, "lib"));
  symlinkSync(join(await sysroot("rustc"), "bin"), part(host, "bin"));

  const rustc = join(toolchain, "bin", "rustc");
  mkdirSync(join(toolchain, "bin"));
  writeFileSync(rustc, `#!/bin/sh\nexec ${DEBIAN.rustc} --sysroot "\${0%/bin/rustc}" "$@"\n`);
  chmodSync(rustc, 0o755);
  writeFileSync(join(toolchain, "version"), compiler);

  const probe = join(toolchain, "probe.rs");
  writeFileSync(probe, "");
  const args = ["--target", TARGET, "--crate-type", "cdylib", "--out-dir", toolchain, probe];
  demand(
    await step("wasm32-link", "Trying the library", rustc, args),
    `Debian's compiler cannot link for ${TARGET}`,
    "install Rust from https://rustup.rs, for its linker rust-lld,",
  );
  rmSync(DEBIAN.folder, { recursive: true, force: true });
  renameSync(toolchain, DEBIAN.folder);
}
