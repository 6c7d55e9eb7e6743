// The deployed files: their size, and that they contain no secrets and no paths of the build machine.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { parseEnv } from "node:util";
import { gzipSync } from "node:zlib";

import { ROOT } from "../../scripts/toolchain.mjs";
import { PUBLISH_SECRET } from "../support/worker.mjs";

const PRODUCTION = join(ROOT, "build", "production");
const CONSOLE = join(ROOT, "build", "console");
const MAP = "\n//# sourceMappingURL=index.js.map\n";

/** The project's limit for the compressed script and WebAssembly. Cloudflare's is 3 MiB. */
const MAX_COMPRESSED_BYTES = 600 * 1024;

const text = (path) => readFileSync(path, "latin1");

/** Returns the script and the WebAssembly that it imports. The folder may contain older builds. */
function findModules() {
  const script = join(PRODUCTION, "index.js");
  const imported = [...text(script).matchAll(/from ?"\.\/(.+?\.wasm)"/g)].map(([, name]) => name);
  assert.equal(imported.length, 1, "the script imports one WebAssembly module");
  return [script, ...imported.map((name) => join(PRODUCTION, name))];
}

const modules = findModules();

const assets = readdirSync(CONSOLE, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => join(parentPath, name));

const files = [...modules, ...assets];

/** Fails if any deployed file contains or matches `pattern`. */
function assertAbsent(pattern, description) {
  const found = files.filter((file) => {
    const content = text(file);
    return pattern instanceof RegExp ? pattern.test(content) : content.includes(pattern);
  });
  assert.deepEqual(found, [], `${description} is in the bundle`);
}

/** Returns the variables set on this machine, without those in wrangler.toml, which are not secret. */
function localVariables() {
  const settings = text(join(ROOT, "wrangler.toml"));
  const localFiles = [".dev.vars", ".dev.vars.production"]
    .map((name) => join(ROOT, name))
    .filter(existsSync)
    .map((file) => parseEnv(readFileSync(file, "utf8")));
  const { PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS } = process.env;
  const variables = [...localFiles, { PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS }].flatMap(
    Object.entries,
  );
  return variables.filter(([name, value]) => value && !settings.includes(`\n${name} = `));
}

describe("the deployed bundle", () => {
  test("consists of the script, the WebAssembly and the console's files", () => {
    assert.equal(modules.length, 2);
    assert.deepEqual(readdirSync(CONSOLE).sort(), ["app.css", "app.js", "icon.svg", "index.html"]);
  });

  test("has at most 600 KiB of compressed code", () => {
    const { length } = gzipSync(Buffer.concat(modules.map((file) => readFileSync(file))));
    assert.ok(length <= MAX_COMPRESSED_BYTES, `${length} bytes`);
  });

  test("contains no secret of this machine or of the tests", () => {
    assertAbsent(PUBLISH_SECRET, "the tests' publish secret");
    for (const [name, value] of localVariables()) assertAbsent(value, `the value of ${name}`);
  });

  test("contains no private key", () => {
    assertAbsent(/-----BEGIN [A-Z ]*PRIVATE KEY-----/, "a private key in PEM");
    assertAbsent(/"?\bd"?\s*:\s*"[\w-]{42,}"/, "a private key as JWK");
  });

  test("contains no path of the build machine", () => {
    const cargo = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
    for (const folder of [homedir(), resolve(ROOT), resolve(cargo)]) {
      assertAbsent(`${folder}/`, folder);
    }
    assertAbsent(/\/(home|Users|root)\/[\w.-]+\//, "a home folder");
    assertAbsent(/[A-Z]:\\Users\\/, "a home folder");
  });

  test("references no deployed source map", () => {
    // wrangler adds this line to every script, but uploads the map only if it is configured to.
    const [script] = files;
    assert.ok(text(script).endsWith(MAP));
    assert.doesNotMatch(text(join(ROOT, "wrangler.toml")), /upload_source_maps/);
    for (const file of files) {
      const content = file === script ? text(file).slice(0, -MAP.length) : text(file);
      assert.ok(!content.includes("sourceMappingURL"), file);
    }
  });
});
