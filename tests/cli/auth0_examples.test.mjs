// examples/auth0/ has the same settings for Terraform and for the Auth0 Deploy CLI as the command
// `setup-auth0` creates. npm's `auth0` sends them to the stand-in, which shows that the stand-in
// accepts the requests of Auth0's own client.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  SETTINGS,
  createWithAuth0Client,
  deployCliSettings,
  startTlsTenant,
  terraformSettings,
} from "../support/auth0_examples.mjs";
import { ManagementApi } from "../support/management_api.mjs";
import { runCli } from "./support/cli.mjs";

/** A snapshot with its members in alphabetical order. */
const sorted = (value) =>
  JSON.parse(
    JSON.stringify(value, (_, member) =>
      member && typeof member === "object" && !Array.isArray(member)
        ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
        : member,
    ),
  );

/** Returns the settings that the command creates in an empty tenant. */
async function createWithCommand(t) {
  const tenant = await ManagementApi.start({ domain: "acme.us.auth0.com" });
  t.after(() => tenant.close());
  const token = tenant.managementToken();
  const args = ["--yes", "--skip-doctor", "--domain", "acme.us.auth0.com"];
  const clients = [
    ...["--browser-client", SETTINGS.BROWSER_CLIENT_ID],
    ...["--backend-client", SETTINGS.BACKEND_CLIENT_ID],
  ];
  const address = ["--management-url", tenant.url];
  const { code, output } = await runCli(t, ["setup-auth0", ...args, ...clients, ...address], {
    env: { ...SETTINGS, AUTH0_MANAGEMENT_TOKEN: token },
  });
  assert.equal(code, 0, output);
  return tenant.snapshot();
}

describe("examples/auth0", { concurrency: true }, () => {
  for (const [name, settingsOf] of [
    ["terraform/main.tf", terraformSettings],
    ["deploy-cli/tenant.yaml", deployCliSettings],
  ])
    test(`${name} has the settings that setup-auth0 creates`, async (t) => {
      const tenant = await startTlsTenant(t);
      const listed = await createWithAuth0Client(t, tenant, settingsOf());
      assert.deepEqual(sorted(tenant.snapshot()), sorted(await createWithCommand(t)));
      assert.deepEqual(listed.clientGrants, tenant.clientGrants);
      assert.deepEqual(listed.resourceServers, tenant.resourceServers);
      assert.deepEqual(listed.logStreams, tenant.logStreams);
    });
});
