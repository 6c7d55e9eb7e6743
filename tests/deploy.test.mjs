// `npm run deploy` checks the variables of the chosen environment before it builds or deploys. These
// tests run it with --dry-run, so that nothing is deployed.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { ROOT } from "../scripts/toolchain.mjs";

const SHIPPED = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "session-events-deploy-"));
after(() => rmSync(folder, { recursive: true }));

/** Runs the script of `npm run deploy`. Resolves to its exit code and output. */
function deploy(...args) {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(ROOT, "scripts", "deploy.mjs"), "--dry-run", "--outdir", join(folder, "out"), ...args],
      { cwd: ROOT, env: { ...process.env, WRANGLER_SEND_METRICS: "false" } },
      (error, stdout, stderr) => resolve({ code: error ? error.code : 0, output: stdout + stderr }),
    );
  });
}

let number = 0;

/** Writes a configuration with the built Worker in place of the build, and returns its options. */
function configuration(text) {
  const path = join(folder, `${(number += 1)}.toml`);
  const prebuilt = text
    .replace(/^\[build\]\n(.+\n)*/m, "")
    .replace('"build/index.js"', JSON.stringify(join(ROOT, "build/production/index.js")))
    .replace('"build/console"', JSON.stringify(join(ROOT, "build/console")));
  writeFileSync(path, prebuilt);
  return ["--config", path];
}

/** Returns the shipped configuration with these lines as the variables of production. */
const withVariables = (lines) =>
  SHIPPED.replace("[env.production.vars]\n", `[env.production.vars]\n${lines}\n`);

/** Removes the comment sign before the example of a variable. */
const uncommented = (text, name) => text.replace(`\n# ${name} = `, `\n${name} = `);

test("the shipped configuration is not deployed, and the message names a missing variable", async () => {
  const { code, output } = await deploy();
  assert.equal(code, 1);
  assert.match(
    output,
    /^wrangler\.toml: \[env\.production\.vars\]: The variable TENANTS is missing\. .*TENANTS = "acme@us"/,
  );
  assert.doesNotMatch(output, /custom build/);
});

test("the examples in the shipped configuration are complete and valid", async () => {
  const withTenants = uncommented(SHIPPED, "TENANTS");
  const incomplete = await deploy(...configuration(withTenants));
  assert.equal(incomplete.code, 1);
  assert.match(
    incomplete.output,
    /The variable AUDIENCE is missing.* for example AUDIENCE = "https:/,
  );

  const names = ["AUDIENCE", "EVENTS", "REVOCATION_DAYS", "SHARDS"];
  const complete = names.reduce(uncommented, withTenants);
  const { code, output } = await deploy(...configuration(complete));
  assert.equal(code, 0, output);
  assert.match(output, /--dry-run: exiting now/);
});

test("another environment can be chosen, and is checked instead of production", async () => {
  const staging = '\n[env.staging.vars]\nAUDIENCE = "a"\n';
  for (const option of [["--env", "staging"], ["--env=staging"], ["-e", "staging"]]) {
    const { code, output } = await deploy(...configuration(SHIPPED + staging), ...option);
    assert.equal(code, 1);
    assert.match(output, /\[env\.staging\.vars\]: The variable TENANTS is missing/);
  }
  const { code, output } = await deploy(...configuration(SHIPPED), "--env", "staging");
  assert.equal(code, 1);
  assert.match(output, /There is no environment staging/);
});

test("an invalid variable is not deployed", async () => {
  for (const [lines, problem] of [
    ['TENANTS = "Acme"', /\[env\.production\.vars\]: The variable TENANTS contains "Acme"/],
    ["ISSUERS = '{}'", /The variable ISSUERS is no longer used/],
    ["SHARDS = 0", /The variable SHARDS is "0"/],
  ]) {
    const { code, output } = await deploy(...configuration(withVariables(lines)));
    assert.equal(code, 1);
    assert.match(output, problem);
  }
});

test("a variable of more than 5 KB is not deployed, and the message names one to continue with", async () => {
  const tenant = (_, index) =>
    `[env.production.vars.TENANTS.tenant-${index}]\nissuers = ["https://login.example.com/"]\n`;
  const tables = Array.from({ length: 200 }, tenant).join("");
  const { code, output } = await deploy(
    ...configuration(withVariables(`AUDIENCE = "a"\n${tables}`)),
  );
  assert.equal(code, 1);
  assert.match(output, /The variable TENANTS has \d{5} bytes.*TENANTS_2/);
});
