// The settings in examples/auth0/, as bodies of the Management API, and npm's `auth0` to send them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { load } from "js-yaml";

import { ROOT } from "../../scripts/toolchain.mjs";
import { readResources } from "./hcl.mjs";
import { ManagementApi } from "./management_api.mjs";
import { Program } from "./program.mjs";

const FIXTURES = join(ROOT, "tests/fixtures");
/** The certificate of the stand-in. Clients trust it with NODE_EXTRA_CA_CERTS. */
export const CERTIFICATE = join(FIXTURES, "localhost_certificate.pem");
export const TENANT_YAML = join(ROOT, "examples/auth0/deploy-cli/tenant.yaml");
const MAIN_TF = join(ROOT, "examples/auth0/terraform/main.tf");

/** The settings of the examples. */
export const SETTINGS = {
  SESSION_EVENTS_URL: "https://events.example.com",
  SESSION_EVENTS_TENANT: "acme@us",
  SESSION_EVENTS_AUDIENCE: "https://events.example.com/api",
  PUBLISH_TOKEN: "the-publish-token-of-the-tenant",
  BROWSER_CLIENT_ID: "browser-app",
  BACKEND_CLIENT_ID: "backend-app",
};

/** Starts a stand-in with HTTPS, which Auth0's npm clients require. */
export async function startTlsTenant(t) {
  const tls = {
    cert: readFileSync(CERTIFICATE),
    key: readFileSync(join(FIXTURES, "localhost_key.pem")),
  };
  const tenant = await ManagementApi.start({ tls });
  t.after(() => tenant.close());
  return tenant;
}

/** The settings in tenant.yaml of the Deploy CLI. */
export function deployCliSettings() {
  const text = readFileSync(TENANT_YAML, "utf8");
  return load(text.replace(/##(\w+)##/g, (_, name) => SETTINGS[name]));
}

/** The settings in main.tf of Terraform. */
export function terraformSettings() {
  const resources = readResources(readFileSync(MAIN_TF, "utf8"), {
    url: SETTINGS.SESSION_EVENTS_URL,
    tenant: SETTINGS.SESSION_EVENTS_TENANT,
    audience: SETTINGS.SESSION_EVENTS_AUDIENCE,
    publish_token: SETTINGS.PUBLISH_TOKEN,
    browser_client_id: SETTINGS.BROWSER_CLIENT_ID,
    backend_client_id: SETTINGS.BACKEND_CLIENT_ID,
  });
  const {
    auth0_resource_server: apis,
    auth0_resource_server_scopes: scopesOf,
    auth0_client_grant: grants,
    auth0_log_stream: streams,
    ...others
  } = resources;
  assert.deepEqual(others, {});
  return {
    resourceServers: Object.entries(apis).map(([name, api]) => {
      const { resource_server_identifier, scopes } = scopesOf[name];
      assert.equal(resource_server_identifier, api.identifier);
      const [{ user, client }] = api.subject_type_authorization;
      return {
        ...api,
        subject_type_authorization: { user: user[0], client: client[0] },
        scopes: scopes.map(({ name: value, ...rest }) => ({ value, ...rest })),
      };
    }),
    clientGrants: Object.values(grants).map(({ scopes: scope, ...rest }) => ({ ...rest, scope })),
    logStreams: Object.values(streams).map(({ sink: [sink], ...rest }) => ({
      ...rest,
      sink: Object.fromEntries(
        Object.entries(sink).map(([name, value]) => [camelCase(name), value]),
      ),
    })),
  };
}

const camelCase = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());

/** Creates the settings in a tenant with npm's `auth0`, and returns what it then lists. */
export async function createWithAuth0Client(t, tenant, settings) {
  const script = join(ROOT, "tests/support/auth0_client.mjs");
  const client = new Program(t, process.execPath, [script, tenant.host, tenant.managementToken()], {
    env: { NODE_EXTRA_CA_CERTS: CERTIFICATE },
    input: JSON.stringify(settings),
  });
  assert.equal(await client.exit, 0, client.output);
  return JSON.parse(client.stdout);
}
