// The packed package: what other versions of Node and TypeScript and other tools make of it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";

const FOLDER = import.meta.dirname;
const SDK = join(FOLDER, "..", "..");
const BIN = join(FOLDER, "node_modules", ".bin");

const run = (program, args, options) =>
  promisify(execFile)(program, args, { timeout: 120_000, ...options }).catch((error) =>
    assert.fail(`${error.message}\n${error.stdout}\n${error.stderr}`),
  );

// The project has the packed package installed. It is in this folder, so that the packages of the
// tests and of the repository can be imported, too.
const project = mkdtempSync(join(FOLDER, "project-"));
after(() => rmSync(project, { recursive: true }));
const { stdout } = await run(
  "npm",
  ["pack", "--ignore-scripts", "--json", "--pack-destination", project],
  { cwd: SDK },
);
const tarball = join(project, JSON.parse(stdout)[0].filename);
const installed = join(project, "node_modules", "session-events");
mkdirSync(installed, { recursive: true });
await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
const ENTRIES = Object.keys(manifest.exports)
  .filter((path) => !path.endsWith(".json"))
  .map((path) => path.replace(/^\./, "session-events"));

const write = (path, text) => {
  writeFileSync(join(project, path), text);
  return join(project, path);
};

const NODES = {
  20: join(FOLDER, "node_modules", "node-20", "bin", "node"),
  22: join(FOLDER, "node_modules", "node-22", "bin", "node"),
  24: process.execPath,
};

describe("the package", { concurrency: true }, () => {
  test("has no problem that publint knows", async () => {
    const { stdout } = await run(process.execPath, [
      join(FOLDER, "node_modules", "publint", "src", "cli.js"),
      installed,
      "--strict",
      "--pack=false",
    ]);
    assert.match(stdout, /All good!/);
  });

  test("has types that match its code in every kind of module resolution", async () => {
    const { stdout } = await run(join(BIN, "attw"), [tarball, "--format", "json"]);
    const { analysis, problems = {} } = JSON.parse(stdout);
    assert.deepEqual(problems, {});
    assert.deepEqual(
      Object.keys(analysis.entrypoints).sort(),
      Object.keys(manifest.exports).sort(),
    );
  });

  for (const [version, node] of Object.entries(NODES)) {
    test(`can be imported and required in Node ${version}`, async () => {
      const { stdout: nodeVersion } = await run(node, ["--version"]);
      assert.match(nodeVersion, new RegExp(`^v${version}\\.`));
      const names = `(modules) => console.log(JSON.stringify(modules.map((module) => Object.keys(module).filter((name) => !["default", "module.exports", "__esModule"].includes(name)).sort())))`;
      const required = write(
        `required-${version}.cjs`,
        `(${names})([${ENTRIES.map((entry) => `require("${entry}")`)}]);`,
      );
      const imported = write(
        `imported-${version}.mjs`,
        `(${names})(await Promise.all([${ENTRIES.map((entry) => `import("${entry}")`)}]));`,
      );
      const [one, other] = await Promise.all([run(node, [required]), run(node, [imported])]);
      assert.equal(one.stderr, "");
      const exported = JSON.parse(one.stdout);
      assert.ok(exported.every((names) => names.length > 0));
      assert.deepEqual(exported, JSON.parse(other.stdout));
    });
  }

  test("has the same behaviour when it is required", async () => {
    const file = write(
      "behaviour.cjs",
      `const assert = require("node:assert/strict");
       const { revocation, TokenRevokedError } = require("session-events/express");
       const { FakeRevocations } = require("session-events/testing");
       const revocations = new FakeRevocations();
       const errors = [];
       const check = revocation({ revocations });
       const request = { auth: { sub: "auth0|jane", iat: 1 } };
       check(request, {}, (error) => errors.push(error));
       revocations.revoke({ user_id: "auth0|jane" });
       check(request, {}, (error) => errors.push(error));
       assert.equal(errors[0], undefined);
       assert.ok(errors[1] instanceof TokenRevokedError);`,
    );
    for (const node of Object.values(NODES)) await run(node, [file]);
  });

  test("does not follow redirects in any version of Node", async () => {
    const server = createServer((_request, response) =>
      response.writeHead(302, { location: "https://elsewhere.example.com" }).end(),
    ).listen(0, "127.0.0.1");
    await once(server, "listening");
    after(() => server.close());
    const options = { issuer: `http://127.0.0.1:${server.address().port}/`, clientId: "a" };
    const file = write(
      "redirect.cjs",
      `const { clientCredentials } = require("session-events/revocation");
       const options = { ...${JSON.stringify(options)}, clientSecret: "b", audience: "c" };
       clientCredentials(options)().catch(({ message }) => console.log(message));`,
    );
    for (const node of Object.values(NODES)) {
      const { stdout } = await run(node, [file]);
      assert.match(stdout, /responded with a redirect, which is not followed/);
    }
  });

  test("can be used in Jest without configuration", async () => {
    const folder = join(project, "jest");
    mkdirSync(folder);
    writeFileSync(join(folder, "package.json"), "{}");
    writeFileSync(
      join(folder, "fake.test.js"),
      `${ENTRIES.map((entry) => `require("${entry}");`).join("\n")}
       const { FakeSessionEvents } = require("session-events/testing");
       test("a fake delivers an event", () => {
         const listener = jest.fn();
         const events = new FakeSessionEvents();
         events.on("event", listener);
         const event = events.deliver({ user_id: "auth0|jane" });
         expect(listener).toHaveBeenCalledWith(event);
       });`,
    );
    const { stderr } = await run(join(BIN, "jest"), ["--rootDir", folder], { cwd: folder });
    assert.match(stderr, /Tests: +1 passed, 1 total/);
  });
});

const TYPESCRIPTS = {
  "TypeScript 5": join(FOLDER, "node_modules", "typescript-5", "bin", "tsc"),
  "TypeScript 7": join(SDK, "..", "node_modules", "typescript", "bin", "tsc"),
};

describe("the types", { concurrency: 2 }, () => {
  for (const [compiler, file, module, moduleResolution] of [
    ["TypeScript 5", "consumer.cts", "node16", "node16"],
    ["TypeScript 5", "consumer.mts", "node16", "node16"],
    ["TypeScript 5", "consumer.ts", "commonjs", "node10"],
    ["TypeScript 7", "consumer.ts", "esnext", "bundler"],
  ])
    test(`compile in a ${file.split(".").at(-1)} file with ${compiler} and the resolution ${moduleResolution}`, async () => {
      const folder = mkdtempSync(join(project, "types-"));
      cpSync(join(FOLDER, "consumer.ts"), join(folder, file));
      const compilerOptions = {
        module,
        moduleResolution,
        target: "es2022",
        lib: ["es2024", "dom", "dom.iterable"],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        types: [],
        // Checks the declarations of the package as well, which takes longer.
        skipLibCheck: moduleResolution !== "node10",
        skipDefaultLibCheck: true,
      };
      writeFileSync(
        join(folder, "tsconfig.json"),
        JSON.stringify({ compilerOptions, files: [file] }),
      );
      await run(process.execPath, [TYPESCRIPTS[compiler], "--project", folder]);
    });
});
