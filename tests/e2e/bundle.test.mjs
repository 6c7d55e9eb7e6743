// What is deployed, to the byte: it is small, holds no secret, and nothing of the machine that
// built it.
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

/** Compressed, as wrangler counts it: each start of the worker on another machine reads it all. */
const MAX_COMPRESSED_BYTES = 200 * 1024;

const text = (path) => readFileSync(path, "latin1");

/** The worker's modules: the script and what it imports; earlier builds lie beside them. */
function modules() {
  const script = join(PRODUCTION, "index.js");
  const imported = [...text(script).matchAll(/from ?"\.\/(.+?\.wasm)"/g)].map(([, name]) => name);
  assert.equal(imported.length, 1, "the WebAssembly");
  return [script, ...imported.map((name) => join(PRODUCTION, name))];
}

const assets = readdirSync(CONSOLE, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => join(parentPath, name));

const files = [...modules(), ...assets];

function assertNowhere(wanted, what) {
  const found = files.filter((file) => {
    const content = text(file);
    return wanted instanceof RegExp ? wanted.test(content) : content.includes(wanted);
  });
  assert.deepEqual(found, [], `${what} is in the bundle`);
}

/** The values that are set on this machine alone; what wrangler.toml sets is no secret. */
function localValues() {
  const settings = text(join(ROOT, "wrangler.toml"));
  const set = [".dev.vars", ".dev.vars.production"]
    .map((name) => join(ROOT, name))
    .filter(existsSync)
    .map((file) => parseEnv(readFileSync(file, "utf8")));
  const { PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS } = process.env;
  const variables = [...set, { PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS }].flatMap(Object.entries);
  return variables.filter(([name, value]) => value && !settings.includes(`\n${name} = `));
}

describe("what is deployed", () => {
  test("is the script, the WebAssembly and the live page's files", () => {
    assert.equal(modules().length, 2);
    assert.deepEqual(readdirSync(CONSOLE).sort(), ["app.css", "app.js", "icon.svg", "index.html"]);
  });

  test("is no larger than 200 KiB, compressed", () => {
    const { length } = gzipSync(Buffer.concat(modules().map((file) => readFileSync(file))));
    assert.ok(length <= MAX_COMPRESSED_BYTES, `${length} bytes`);
  });

  test("holds no secret of this machine or of the tests", () => {
    assertNowhere(PUBLISH_SECRET, "the tests' publish secret");
    for (const [name, value] of localValues()) assertNowhere(value, `the value of ${name}`);
  });

  test("holds no private key", () => {
    assertNowhere(/-----BEGIN [A-Z ]*PRIVATE KEY-----/, "a private key in PEM");
    assertNowhere(/"?\bd"?\s*:\s*"[\w-]{42,}"/, "a private key as JWK");
  });

  test("names no folder of the machine that built it", () => {
    const cargo = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
    for (const folder of [homedir(), resolve(ROOT), resolve(cargo)]) {
      assertNowhere(`${folder}/`, folder);
    }
    assertNowhere(/\/(home|Users|root)\/[\w.-]+\//, "somebody's home folder");
    assertNowhere(/[A-Z]:\\Users\\/, "somebody's home folder");
  });

  test("points to no source map that is deployed as well", () => {
    // wrangler ends each script with this line, and uploads the map only on demand.
    const [script] = files;
    assert.ok(text(script).endsWith(MAP));
    assert.doesNotMatch(text(join(ROOT, "wrangler.toml")), /upload_source_maps/);
    for (const file of files) {
      const content = file === script ? text(file).slice(0, -MAP.length) : text(file);
      assert.ok(!content.includes("sourceMappingURL"), file);
    }
  });
});
