// The snippets of the documentation: each compiles under `strict`, and those of backends run.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";

import { ROOT } from "../../../scripts/toolchain.mjs";
import { readSnippets } from "./snippets.mjs";

const FOLDER = import.meta.dirname;

test("every JavaScript snippet of the documentation compiles under strict", async () => {
  const folder = mkdtempSync(join(FOLDER, "snippets-"));
  after(() => rmSync(folder, { recursive: true }));
  const snippets = readSnippets();
  for (const file of ["README.md", "sdk/README.md", "docs/setup-auth0.md"])
    assert.ok(
      snippets.some((snippet) => snippet.file === file),
      `${file} has no snippet`,
    );
  const names = new Map();
  for (const { file, line, text } of snippets) {
    // The suffix permits JSX and types, and an export makes each file a module.
    const name = `${file.replaceAll(/\W/g, "_")}_${line}.tsx`;
    names.set(name, `${file}:${line}`);
    writeFileSync(join(folder, name), `${text}\nexport {};\n`);
  }
  cpSync(join(FOLDER, "snippets.d.ts"), join(folder, "snippets.d.ts"));
  const compilerOptions = {
    module: "esnext",
    moduleResolution: "bundler",
    moduleDetection: "force",
    target: "es2022",
    lib: ["es2024", "dom", "dom.iterable"],
    types: ["node"],
    jsx: "react-jsx",
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  const tsc = join(ROOT, "node_modules", ".bin", "tsc");
  const output = await new Promise((resolve) =>
    execFile(tsc, ["--project", folder], { cwd: folder, timeout: 120_000 }, (_error, stdout) =>
      resolve(stdout),
    ),
  );
  const errors = output.replaceAll(/^\S+?\.tsx/gm, (name) => names.get(name) ?? name);
  assert.equal(errors, "");
});
