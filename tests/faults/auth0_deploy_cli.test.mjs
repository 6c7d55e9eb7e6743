// Imports examples/auth0/ with the Auth0 Deploy CLI itself. Compiling its schemas takes half a minute,
// so the daily tests only read its file (tests/cli/auth0_examples.test.mjs).
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { ROOT } from "../../scripts/toolchain.mjs";
import {
  CERTIFICATE,
  SETTINGS,
  TENANT_YAML,
  createWithAuth0Client,
  deployCliSettings,
  startTlsTenant,
} from "../support/auth0_examples.mjs";
import { Program } from "../support/program.mjs";

test("the Auth0 Deploy CLI creates the settings of examples/auth0, and keeps all others", async (t) => {
  const [tenant, expected] = [await startTlsTenant(t), await startTlsTenant(t)];
  const siem = { id: "lst_siem", name: "siem", type: "datadog", status: "active", sink: {} };
  tenant.logStreams.push(siem);
  const cwd = mkdtempSync(join(tmpdir(), "session-events-test-"));
  t.after(() => rmSync(cwd, { recursive: true }));
  const a0deploy = join(ROOT, "node_modules/.bin/a0deploy");
  const program = new Program(t, a0deploy, ["import", "--input_file", TENANT_YAML], {
    cwd,
    env: {
      ...SETTINGS,
      NODE_EXTRA_CA_CERTS: CERTIFICATE,
      AUTH0_DOMAIN: tenant.host,
      AUTH0_CLIENT_ID: "management",
      AUTH0_CLIENT_SECRET: "s3cret-of-the-application",
    },
  });
  assert.equal(await program.exit, 0, program.output);
  assert.ok(!program.output.includes(SETTINGS.PUBLISH_TOKEN));
  await createWithAuth0Client(t, expected, deployCliSettings());
  const { logStreams, ...rest } = expected.snapshot();
  const { id, ...kept } = siem;
  assert.deepEqual(tenant.snapshot(), { ...rest, logStreams: [kept, ...logStreams] });
});
