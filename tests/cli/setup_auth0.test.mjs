// Runs `session-events setup-auth0` against a stand-in for Auth0's Management API.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import { PUBLISH_SECRET, publishToken } from "../support/built_worker.mjs";
import { MANAGEMENT_SCOPES, ManagementApi } from "../support/management_api.mjs";
import { now } from "../support/token.mjs";
import { BINARY, jsonLines, runCli } from "./support/cli.mjs";
import { temporaryFile } from "./support/temporary_file.mjs";
import { noTerminal, runOnTerminal, withoutStyles } from "./support/terminal.mjs";

const DOMAIN = "acme.us.auth0.com";
const URL_OF_WORKER = "https://events.example.com";
const PAYLOAD_URL = `${URL_OF_WORKER}/acme@us/api/publish`;
const AUDIENCE = `${URL_OF_WORKER}/api`;
const PUBLISH_TOKEN = publishToken(DOMAIN);
const CLIENTS = ["--browser-client", "browser-app", "--backend-client", "backend-app"];

/** What the command creates in an empty tenant. */
const COMPLETE = {
  resourceServers: [
    {
      name: "Session events",
      identifier: AUDIENCE,
      is_system: false,
      allow_offline_access: false,
      skip_consent_for_verifiable_first_party_clients: false,
      token_lifetime: 86_400,
      token_lifetime_for_web: 7_200,
      signing_alg: "RS256",
      scopes: [
        { value: "listen:events:self", description: "Listen to my own session events" },
        { value: "listen:events", description: "Listen to all session events" },
      ],
      subject_type_authorization: {
        user: { policy: "require_client_grant" },
        client: { policy: "require_client_grant" },
      },
    },
  ],
  clientGrants: [
    {
      client_id: "browser-app",
      audience: AUDIENCE,
      scope: ["listen:events:self"],
      subject_type: "user",
    },
    {
      client_id: "backend-app",
      audience: AUDIENCE,
      scope: ["listen:events"],
      subject_type: "client",
    },
  ],
  logStreams: [
    {
      name: "session-events",
      type: "http",
      status: "active",
      filters: [],
      sink: {
        httpEndpoint: PAYLOAD_URL,
        httpAuthorization: PUBLISH_TOKEN,
        httpContentFormat: "JSONLINES",
        httpContentType: "application/json",
      },
    },
  ],
};
const EMPTY = { resourceServers: [], clientGrants: [], logStreams: [] };

async function startTenant() {
  const tenant = await ManagementApi.start({ domain: DOMAIN });
  after(() => tenant.close());
  return tenant;
}

const optionsFor = (tenant) => [
  ...["--url", URL_OF_WORKER, "--tenant", "acme@us", "--domain", DOMAIN],
  ...["--management-url", tenant.url, "--audience", AUDIENCE, "--skip-doctor"],
];

/** Runs the command with a management token, and asserts that no output has a secret. */
async function setUp(t, tenant, args, { token = tenant.managementToken(), env = {} } = {}) {
  const result = await runCli(t, ["setup-auth0", ...optionsFor(tenant), ...args], {
    env: { AUTH0_MANAGEMENT_TOKEN: token, PUBLISH_SECRET, ...env },
  });
  for (const secret of [token, PUBLISH_TOKEN, PUBLISH_SECRET])
    if (secret) assert.ok(!result.output.includes(secret), `a secret is printed: ${result.output}`);
  return result;
}

/** Sets the tenant up, and forgets the requests. */
async function setUpComplete(t, tenant) {
  const { code, output } = await setUp(t, tenant, ["--yes", ...CLIENTS]);
  assert.equal(code, 0, output);
  tenant.requests = [];
}

const writes = (tenant) => tenant.requests.filter((request) => !request.startsWith("GET "));

/** The lines of the plan as `action resource name`. */
const planOf = ({ stdout }) =>
  jsonLines(stdout)
    .filter(({ phase }) => phase === "plan")
    .map(({ action, resource, name }) => `${action} ${resource} ${name}`);

describe("setup-auth0", { concurrency: true }, () => {
  test("creates the API, the grants and the log stream, and a second run changes nothing", async (t) => {
    const tenant = await startTenant();
    const first = await setUp(t, tenant, ["--yes", ...CLIENTS]);
    assert.equal(first.code, 0, first.output);
    assert.deepEqual(tenant.snapshot(), COMPLETE);
    assert.deepEqual(planOf(first), [
      `create api ${AUDIENCE}`,
      "create client_grant browser-app (user)",
      "create client_grant backend-app (client)",
      "create log_stream session-events",
    ]);
    assert.deepEqual(
      jsonLines(first.stdout).filter(({ phase }) => phase === "applied"),
      [
        { phase: "applied", action: "create", resource: "api", name: AUDIENCE },
        {
          phase: "applied",
          action: "create",
          resource: "client_grant",
          name: "browser-app (user)",
        },
        {
          phase: "applied",
          action: "create",
          resource: "client_grant",
          name: "backend-app (client)",
        },
        { phase: "applied", action: "create", resource: "log_stream", name: "session-events" },
      ],
    );
    assert.match(first.output, /creating the log stream session-events …/);

    tenant.requests = [];
    const second = await setUp(t, tenant, ["--yes", ...CLIENTS]);
    assert.equal(second.code, 0, second.output);
    assert.deepEqual(tenant.snapshot(), COMPLETE);
    assert.deepEqual(writes(tenant), []);
    assert.ok(planOf(second).every((line) => line.startsWith("unchanged ")));
  });

  test("with --dry-run only prints the plan, the same each time", async (t) => {
    const tenant = await startTenant();
    const runs = [];
    for (let run = 0; run < 2; run += 1)
      runs.push(await setUp(t, tenant, ["--dry-run", "--yes", ...CLIENTS]));
    assert.deepEqual([runs[0].code, runs[1].code], [0, 0], runs[0].output);
    assert.equal(runs[0].stdout, runs[1].stdout);
    assert.equal(planOf(runs[0]).length, 4);
    assert.deepEqual(tenant.snapshot(), EMPTY);
    assert.deepEqual(writes(tenant), []);
  });

  test("without a terminal and without --yes changes nothing and says so", async (t) => {
    const tenant = await startTenant();
    const { code, output, stdout } = await setUp(t, tenant, CLIENTS);
    assert.equal(code, 1);
    assert.equal(planOf({ stdout }).length, 4);
    assert.match(output, /^error: nothing was changed, because there is no terminal .*give --yes/m);
    assert.deepEqual(writes(tenant), []);

    await setUpComplete(t, tenant);
    assert.equal((await setUp(t, tenant, CLIENTS)).code, 0, "there is nothing to confirm");
  });

  test("asks on a terminal, and shows the plan for reading", { skip: noTerminal }, async (t) => {
    const tenant = await startTenant();
    await tenant.logStreams.push({
      id: "lst_1",
      name: "by \u202e hand",
      type: "http",
      status: "active",
      filters: [],
      sink: { ...COMPLETE.logStreams[0].sink, httpContentFormat: "JSONARRAY" },
    });
    const secrets = ["--management-token", tenant.managementToken()];
    const args = ["setup-auth0", ...optionsFor(tenant), ...secrets, ...CLIENTS];
    const withSecret = [...args, "--publish-token", PUBLISH_TOKEN];
    for (const [answer, changed] of [
      ["", false],
      ["n\n", false],
      ["yes\n", true],
    ]) {
      const { code, output } = await runOnTerminal(t, withSecret, { input: answer });
      const text = withoutStyles(output);
      assert.match(text, /^\+ create {5}API {11}https:\/\/events\.example\.com\/api$/m);
      assert.match(text, /^ {4}token_lifetime +86400$/m);
      assert.match(text, /^~ change {5}log stream {4}by \\u\{202e\} hand$/m);
      assert.match(text, /^ {4}sink\.httpContentFormat +JSONARRAY → JSONLINES$/m);
      assert.match(text, /^3 to create, 1 to change$/m);
      assert.match(text, /Apply this plan to acme\.us\.auth0\.com\? \[y\/N\]/);
      assert.equal(code, changed ? 0 : 1, text);
      if (changed) assert.match(text, /✓ changed the log stream by \\u\{202e\} hand/);
      else assert.match(text, /error: nothing was changed/);
      assert.equal(writes(tenant).length > 0, changed);
      assert.ok(!text.includes(PUBLISH_TOKEN));
    }
  });

  test("takes over a log stream with another name that posts to the Worker", async (t) => {
    const tenant = await startTenant();
    const theirs = { name: "other", type: "http", status: "active", filters: [], sink: {} };
    const headers = [{ header: "x-a", value: "b" }];
    tenant.logStreams.push(
      { ...theirs, id: "lst_a", sink: { httpEndpoint: "https://siem.example.com/" } },
      {
        ...theirs,
        id: "lst_b",
        name: "by hand",
        status: "paused",
        filters: [{ type: "category", name: "auth.login.fail" }],
        pii_config: { log_fields: ["email"] },
        sink: {
          httpEndpoint: `${URL_OF_WORKER}/acme%40us/api/publish`,
          httpAuthorization: "old-s3cret-value",
          httpContentFormat: "JSONARRAY",
          httpCustomHeaders: headers,
        },
      },
    );
    const result = await setUp(t, tenant, ["--yes"]);
    assert.equal(result.code, 0, result.output);
    assert.deepEqual(planOf(result).at(-1), "change log_stream by hand");
    const { changes } = jsonLines(result.stdout).find(({ resource }) => resource === "log_stream");
    assert.deepEqual(changes, [
      {
        field: "sink.httpEndpoint",
        from: `${URL_OF_WORKER}/acme%40us/api/publish`,
        to: PAYLOAD_URL,
      },
      { field: "sink.httpContentFormat", from: "JSONARRAY", to: "JSONLINES" },
      { field: "sink.httpContentType", from: null, to: "application/json" },
      { field: "sink.httpAuthorization" },
      { field: "filters", from: [{ type: "category", name: "auth.login.fail" }], to: [] },
      { field: "status", from: "paused", to: "active" },
    ]);
    assert.ok(!result.output.includes("old-s3cret-value"));
    const { logStreams } = tenant.snapshot();
    assert.deepEqual(logStreams[0].sink, { httpEndpoint: "https://siem.example.com/" });
    assert.deepEqual(logStreams[1], {
      ...COMPLETE.logStreams[0],
      name: "by hand",
      pii_config: { log_fields: ["email"] },
      sink: { ...COMPLETE.logStreams[0].sink, httpCustomHeaders: headers },
    });
  });

  test("corrects the API and keeps its other permissions and grants", async (t) => {
    const tenant = await startTenant();
    await setUpComplete(t, tenant);
    const api = tenant.resourceServers.at(-1);
    const other = { value: "read:x", description: "X" };
    Object.assign(api, { scopes: [other, api.scopes[0]], token_lifetime: 600 });
    api.subject_type_authorization.user.policy = "allow_all";
    tenant.clientGrants[0].scope = ["read:x"];
    const theirs = { id: "cgr_x", client_id: "x", audience: AUDIENCE, scope: ["read:x"] };
    tenant.clientGrants.push({ ...theirs, subject_type: "user" });
    const lifetime = ["--token-lifetime", "600"];
    const result = await setUp(t, tenant, ["--yes", ...lifetime, ...CLIENTS]);
    assert.equal(result.code, 0, result.output);
    const { resourceServers, clientGrants } = tenant.snapshot();
    const [expected] = COMPLETE.resourceServers;
    const scopes = [other, ...expected.scopes];
    assert.deepEqual(resourceServers, [{ ...expected, scopes, token_lifetime: 600 }]);
    assert.deepEqual(
      clientGrants.map(({ scope }) => scope),
      [["read:x", "listen:events:self"], ["listen:events"], ["read:x"]],
    );
    const [{ notes }] = jsonLines(result.stdout);
    assert.match(notes[0], /applications without a client grant for user access can no longer/);
  });

  test("finds a grant on a later page", async (t) => {
    const tenant = await startTenant();
    await setUpComplete(t, tenant);
    const ours = tenant.clientGrants;
    const theirs = Array.from({ length: 230 }, (_, index) => ({
      id: `cgr_other_${index}`,
      client_id: `client-${index}`,
      audience: AUDIENCE,
      scope: ["listen:events:self"],
      subject_type: "user",
    }));
    tenant.clientGrants = [...theirs, ...ours];
    const result = await setUp(t, tenant, ["--dry-run", ...CLIENTS]);
    assert.ok(
      planOf(result).every((line) => line.startsWith("unchanged ")),
      result.output,
    );
    const pages = tenant.requests.filter((request) => request.includes("/client-grants"));
    assert.equal(pages.length, 3);
  });

  test("--remove deletes what the command created, and nothing else", async (t) => {
    const tenant = await startTenant();
    const siem = { id: "lst_siem", name: "siem", type: "datadog", status: "active", sink: {} };
    tenant.logStreams.push(siem);
    await setUpComplete(t, tenant);
    const result = await setUp(t, tenant, ["--remove", "--yes", ...CLIENTS], {
      env: { PUBLISH_SECRET: "" },
    });
    assert.equal(result.code, 0, result.output);
    assert.deepEqual(planOf(result), [
      "delete log_stream session-events",
      "delete client_grant browser-app (user)",
      "delete client_grant backend-app (client)",
      `delete api ${AUDIENCE}`,
    ]);
    assert.deepEqual(tenant.logStreams, [siem]);
    assert.deepEqual(tenant.snapshot(), { ...EMPTY, logStreams: tenant.snapshot().logStreams });

    tenant.requests = [];
    const again = await setUp(t, tenant, ["--remove", "--yes", ...CLIENTS]);
    assert.deepEqual([again.code, writes(tenant)], [0, []]);
  });

  test("--remove keeps an API with permissions or grants of others", async (t) => {
    const tenant = await startTenant();
    await setUpComplete(t, tenant);
    const result = await setUp(t, tenant, ["--remove", "--yes", "--browser-client", "browser-app"]);
    assert.equal(result.code, 0, result.output);
    assert.deepEqual(planOf(result).at(-1), `unchanged api ${AUDIENCE}`);
    const { notes } = jsonLines(result.stdout).find(({ resource }) => resource === "api");
    assert.match(
      notes.join(),
      /backend-app has a grant; give --backend-client backend-app to delete that grant/,
    );
    assert.deepEqual(tenant.snapshot(), {
      ...COMPLETE,
      clientGrants: [COMPLETE.clientGrants[1]],
      logStreams: [],
    });

    tenant.resourceServers.at(-1).scopes.push({ value: "read:x" });
    const rest = await setUp(t, tenant, ["--remove", "--yes", ...CLIENTS]);
    assert.equal(rest.code, 0, rest.output);
    const { resourceServers, clientGrants } = tenant.snapshot();
    assert.deepEqual(resourceServers[0].scopes, [{ value: "read:x" }]);
    assert.deepEqual(clientGrants, []);
  });

  describe("permissions of the management token", { concurrency: true }, () => {
    test("are read from the token: all missing ones are named before any change", async (t) => {
      const tenant = await startTenant();
      const reading = ["read:log_streams", "read:resource_servers", "read:client_grants"];
      for (const [scopes, missing] of [
        [["read:log_streams"], "permissions read:resource_servers, read:client_grants"],
        [
          [...reading, "create:log_streams"],
          "permissions create:resource_servers, create:client_g",
        ],
        [
          MANAGEMENT_SCOPES.filter((scope) => scope !== "create:log_streams"),
          "permission create:l",
        ],
      ]) {
        const token = tenant.managementToken(scopes);
        const { code, output } = await setUp(t, tenant, ["--yes", ...CLIENTS], { token });
        assert.equal(code, 1);
        const expected = new RegExp(`error: the management token lacks the ${missing}`);
        assert.match(output, expected);
        assert.match(output, /Auth0 Management API/);
        assert.deepEqual(tenant.snapshot(), EMPTY);
      }
    });

    test("are named from the response if the token cannot be read", async (t) => {
      const tenant = await startTenant();
      const reading = ["read:log_streams", "read:resource_servers", "read:client_grants"];
      const token = "an-opaque-management-token";
      for (const [scopes, missing, created] of [
        [["read:resource_servers"], "read:log_streams", 0],
        [[...reading, "create:resource_servers"], "create:client_grants", 1],
      ]) {
        tenant.opaqueTokens.set(token, scopes);
        const { code, output } = await setUp(t, tenant, ["--yes", ...CLIENTS], { token });
        assert.equal(code, 1);
        assert.match(output, new RegExp(`lacks the permission ${missing}: authorize`));
        assert.equal(tenant.snapshot().resourceServers.length, created);
      }
    });

    test("come from a machine-to-machine application, too", async (t) => {
      const tenant = await startTenant();
      const env = {
        AUTH0_MANAGEMENT_CLIENT_ID: "management",
        AUTH0_MANAGEMENT_CLIENT_SECRET: "s3cret-of-the-application",
      };
      const result = await setUp(t, tenant, ["--yes", ...CLIENTS], { token: "", env });
      assert.equal(result.code, 0, result.output);
      assert.deepEqual(tenant.snapshot(), COMPLETE);
      assert.ok(!result.output.includes(env.AUTH0_MANAGEMENT_CLIENT_SECRET));

      const wrong = { ...env, AUTH0_MANAGEMENT_CLIENT_SECRET: "wr0ng" };
      const refused = await setUp(t, tenant, ["--yes"], { token: "", env: wrong });
      assert.equal(refused.code, 1);
      assert.match(refused.output, /oauth\/token returned 401 access_denied: Unauthorized/);
      assert.ok(!refused.output.includes("wr0ng"));
    });

    test("are requested again after the rate limit of the token endpoint", async (t) => {
      const tenant = await startTenant();
      const env = {
        AUTH0_MANAGEMENT_CLIENT_ID: "management",
        AUTH0_MANAGEMENT_CLIENT_SECRET: "s3cret-of-the-application",
      };
      let refusals = 2;
      tenant.intercept = ({ url }) => {
        if (url.pathname !== "/oauth/token" || refusals === 0) return undefined;
        refusals -= 1;
        const reset = Math.floor(Date.now() / 1000);
        return {
          status: 429,
          headers: { "x-ratelimit-reset": String(reset) },
          body: { error: "too_many_requests", error_description: "Global limit has been reached" },
        };
      };
      const { code, output } = await setUp(t, tenant, ["--yes", ...CLIENTS], { token: "", env });
      assert.equal(code, 0, output);
      assert.equal(output.match(/429 too_many_requests: .*; retrying in/g).length, 2);
      assert.deepEqual(tenant.snapshot(), COMPLETE);
    });

    test("are requested six times from a token endpoint that fails", async (t) => {
      const tenant = await startTenant();
      const env = { AUTH0_MANAGEMENT_CLIENT_ID: "management", AUTH0_MANAGEMENT_CLIENT_SECRET: "s" };
      let requests = 0;
      tenant.intercept = ({ url }) => {
        if (url.pathname !== "/oauth/token") return undefined;
        requests += 1;
        return { status: 503, headers: { "retry-after": "0" }, body: {} };
      };
      const { code, output } = await setUp(t, tenant, ["--yes"], { token: "", env });
      assert.equal(code, 1);
      assert.equal(requests, 6);
      assert.match(output, /^error: \S+oauth\/token returned 503: check --domain$/m);
    });
  });

  test("names the option for a missing credential, secret or audience", async (t) => {
    const tenant = await startTenant();
    for (const [env, message] of [
      [
        { AUTH0_MANAGEMENT_TOKEN: "" },
        /there is no token for the Auth0 Management API: set AUTH0_M/,
      ],
      [
        { AUTH0_MANAGEMENT_TOKEN: "", AUTH0_MANAGEMENT_CLIENT_ID: "x" },
        /set AUTH0_MANAGEMENT_CLIENT_S/,
      ],
      [{ PUBLISH_SECRET: "" }, /there is no publish token: give/],
    ]) {
      const { code, output } = await setUp(t, tenant, ["--yes"], { env });
      assert.equal(code, 2, output);
      assert.match(output, message);
    }
    assert.deepEqual(tenant.requests, []);
  });

  test("refuses a token of another tenant before it is sent", async (t) => {
    const tenant = await startTenant();
    const aud = "https://other.us.auth0.com/api/v2/";
    const token = tenant.managementToken(undefined, { aud });
    const { code, output } = await setUp(t, tenant, ["--yes"], { token });
    assert.equal(code, 1);
    assert.match(output, /token is not for https:\/\/acme\.us\.auth0\.com\/api\/v2\/: get a token/);
    assert.deepEqual(tenant.requests, []);
  });

  describe("the domain of the tenant", { concurrency: true }, () => {
    /** Starts a Worker that has this domain for each tenant. */
    async function startWorkerWithDomain(domain, status = 200) {
      const server = createServer((request, response) => {
        const body = status === 200 ? { tenant_domain: domain } : { error: "unknown_tenant" };
        response.writeHead(status).end(JSON.stringify(body));
      }).listen(0, "127.0.0.1");
      after(() => server.close());
      await once(server, "listening");
      return `http://127.0.0.1:${server.address().port}`;
    }
    const setUpAt = (t, url, args, env) =>
      runCli(t, ["setup-auth0", "--url", url, "--tenant", "corp", "--dry-run", ...args], {
        env: { PUBLISH_SECRET, SESSION_EVENTS_AUDIENCE: AUDIENCE, ...env },
      });

    test("is that of the Worker, and determines the publish token", async (t) => {
      const domain = "corp.auth0app.com";
      const tenant = await ManagementApi.start({ domain });
      t.after(() => tenant.close());
      const url = await startWorkerWithDomain(domain);
      const stream = structuredClone(COMPLETE.logStreams[0]);
      stream.sink.httpEndpoint = `${url}/corp/api/publish`;
      stream.sink.httpAuthorization = publishToken(domain);
      tenant.logStreams.push({ ...stream, id: "lst_1" });
      const env = { AUTH0_MANAGEMENT_TOKEN: tenant.managementToken() };
      const result = await setUpAt(t, url, ["--management-url", tenant.url], env);
      assert.equal(result.code, 0, result.output);
      assert.equal(planOf(result).at(-1), "unchanged log_stream session-events");

      const args = ["publish-token", "corp", "--url", url];
      const { stdout } = await runCli(t, args, { env: { PUBLISH_SECRET } });
      assert.match(stdout, new RegExp(`^publish_token\t${publishToken(domain)}$`, "m"));
    });

    test("of the Worker receives no client secret unless it is confirmed", async (t) => {
      const url = await startWorkerWithDomain("evil.example.invalid");
      const { code, output } = await setUpAt(t, url, [], {
        AUTH0_MANAGEMENT_CLIENT_ID: "management",
        AUTH0_MANAGEMENT_CLIENT_SECRET: "s3cret-of-the-application",
      });
      assert.equal(code, 1);
      assert.match(output, /give --domain evil\.example\.invalid to confirm/);
      assert.doesNotMatch(output, /requesting a management token/);
    });

    test("is not guessed if the Worker does not serve the tenant", async (t) => {
      const url = await startWorkerWithDomain("", 404);
      const { code, output } = await setUpAt(t, url, [], { AUTH0_MANAGEMENT_TOKEN: "x" });
      assert.equal(code, 1);
      assert.match(output, /does not serve the tenant corp: add it to TENANTS .* or give --domain/);
    });
  });

  test("A .env that sets the tenant or the URL is not combined with a management token from elsewhere", async (t) => {
    const tenant = await startTenant();
    const secrets = {
      AUTH0_MANAGEMENT_TOKEN: tenant.managementToken(),
      AUTH0_MANAGEMENT_CLIENT_SECRET: "s3cret-of-the-application",
      PUBLISH_TOKEN,
    };
    const options = {
      "--url": ["SESSION_EVENTS_URL", URL_OF_WORKER],
      "--tenant": ["SESSION_EVENTS_TENANT", "acme@us"],
      "--domain": ["SESSION_EVENTS_DOMAIN", DOMAIN],
    };
    for (const [name, secret] of Object.entries(secrets))
      for (const [option, [variable, value]] of Object.entries(options)) {
        const { cwd } = temporaryFile(".env", `${variable}=${value}\n`);
        const others = Object.entries(options).filter(([other]) => other !== option);
        const args = others.flatMap(([other, [, value]]) => [other, value]);
        const { code, output } = await runCli(
          t,
          ["setup-auth0", "--yes", "--management-url", tenant.url, ...args],
          { cwd, env: { AUTH0_MANAGEMENT_CLIENT_ID: "management", [name]: secret } },
        );
        assert.equal(code, 2, output);
        assert.match(output, new RegExp(`^error: the file \\.env sets ${option}, but --`));
      }
    assert.deepEqual(tenant.requests, []);
  });

  test("A .env does not choose the API that is changed with a management token from elsewhere", async (t) => {
    const tenant = await startTenant();
    const { cwd } = temporaryFile(".env", "SESSION_EVENTS_AUDIENCE=https://other.example.com/\n");
    const args = optionsFor(tenant).filter((arg) => arg !== "--audience" && arg !== AUDIENCE);
    const AUTH0_MANAGEMENT_TOKEN = tenant.managementToken();
    const { code, output } = await runCli(t, ["setup-auth0", "--remove", "--yes", ...args], {
      cwd,
      env: { AUTH0_MANAGEMENT_TOKEN, SESSION_EVENTS_AUDIENCE: undefined },
    });
    assert.equal(code, 2, output);
    assert.match(output, /^error: the file \.env sets --audience, but --management-token does not/);
    assert.deepEqual(tenant.requests, []);
  });

  test("explains an expired token", async (t) => {
    const tenant = await startTenant();
    const token = tenant.managementToken(undefined, { exp: now() - 10 });
    const { code, output } = await setUp(t, tenant, ["--yes"], { token });
    assert.equal(code, 1);
    assert.match(output, /does not accept the management token \(401 Unauthorized: Expired/);
  });

  test("waits until the rate limit is reset", async (t) => {
    const tenant = await startTenant();
    let writesBefore = 0;
    tenant.intercept = ({ method }) => {
      if (method === "POST" && (writesBefore += 1) === 2) tenant.rateLimited = 1;
    };
    tenant.rateLimited = 1;
    const { code, output } = await setUp(t, tenant, ["--yes", ...CLIENTS]);
    assert.equal(code, 0, output);
    assert.equal(output.match(/Auth0 limits the rate of requests; retrying in/g).length, 2);
    assert.deepEqual(tenant.snapshot(), COMPLETE);
  });

  test("says what exists after a partial failure, and continues in the next run", async (t) => {
    const tenant = await startTenant();
    tenant.intercept = ({ method, url, text }) =>
      method === "POST" && url.pathname === "/api/v2/log-streams"
        ? { status: 500, body: { statusCode: 500, error: "Internal Server Error", message: text } }
        : undefined;
    const failed = await setUp(t, tenant, ["--yes", ...CLIENTS]);
    assert.equal(failed.code, 1);
    assert.match(failed.output, /error: creating the log stream session-events failed: .*500/);
    assert.match(
      failed.output,
      /already applied: created the API \S+, created the client grant browser-app \(user\), created the client grant backend-app \(client\); it is safe to run the command again/,
    );
    assert.match(failed.output, /\[hidden\]/, "a response that quotes the publish token");
    tenant.intercept = () => undefined;
    const result = await setUp(t, tenant, ["--yes", ...CLIENTS]);
    assert.equal(result.code, 0, result.output);
    assert.deepEqual(tenant.snapshot(), COMPLETE);
  });

  test("accepts an object that somebody else creates at the same time, if it is as planned", async (t) => {
    for (const [lifetime, code] of [
      [86_400, 0],
      [60, 1],
    ]) {
      const tenant = await startTenant();
      let created = false;
      tenant.intercept = ({ method, url }) => {
        if (created || method !== "POST" || !url.pathname.endsWith("/resource-servers")) return;
        created = true;
        const api = { ...COMPLETE.resourceServers[0], token_lifetime: lifetime };
        tenant.resourceServers.push({ ...api, id: "rs_theirs" });
      };
      const result = await setUp(t, tenant, ["--yes", ...CLIENTS]);
      assert.equal(result.code, code, result.output);
      if (code === 0) assert.deepEqual(tenant.snapshot(), COMPLETE);
      else
        assert.match(result.output, /already exists: it was created at the same time, with other/);
    }
  });

  test("accepts that somebody else deletes an object at the same time, and reports a lost update", async (t) => {
    const tenant = await startTenant();
    await setUpComplete(t, tenant);
    tenant.intercept = ({ method }) => {
      if (method === "DELETE") tenant.logStreams = [];
    };
    const removed = await setUp(t, tenant, ["--remove", "--yes", ...CLIENTS]);
    assert.equal(removed.code, 0, removed.output);
    assert.deepEqual(tenant.snapshot(), EMPTY);

    tenant.intercept = () => undefined;
    await setUpComplete(t, tenant);
    tenant.logStreams[0].status = "paused";
    tenant.intercept = ({ method }) => {
      if (method === "PATCH") tenant.logStreams = [];
    };
    const lost = await setUp(t, tenant, ["--yes", ...CLIENTS]);
    assert.equal(lost.code, 1);
    assert.match(
      lost.output,
      /changing the log stream session-events failed: 404 Not Found: .*\n.*run the command again/,
    );
  });

  test("changes no API of Auth0, and none that only has the audience as its id", async (t) => {
    const tenant = await startTenant();
    const other = { id: "rs_other", identifier: "https://other.example.com/", scopes: [] };
    tenant.resourceServers.push(other);
    for (const [audience, message] of [
      [
        "rs_other",
        /rs_other is the id of the API https:\/\/other\.example\.com\/: give the identif/,
      ],
      [
        tenant.managementAudience,
        /acme\.us\.auth0\.com\/api\/v2\/ belongs to Auth0 and must not be/,
      ],
    ]) {
      const options = optionsFor(tenant).map((value) => (value === AUDIENCE ? audience : value));
      for (const mode of ["--remove", "--skip-doctor"]) {
        const args = ["setup-auth0", ...new Set([...options, mode]), "--yes"];
        const { code, output } = await runCli(t, args, {
          env: { AUTH0_MANAGEMENT_TOKEN: tenant.managementToken(), PUBLISH_SECRET },
        });
        assert.equal(code, 1, output);
        assert.match(output, message);
      }
    }
    assert.deepEqual(writes(tenant), []);
  });

  test("changes a prioritized log stream, which lacks the records that end sessions", async (t) => {
    const tenant = await startTenant();
    await setUpComplete(t, tenant);
    tenant.logStreams[0].isPriority = true;
    const result = await setUp(t, tenant, ["--yes", ...CLIENTS]);
    assert.equal(result.code, 0, result.output);
    const { changes } = jsonLines(result.stdout).find(({ resource }) => resource === "log_stream");
    assert.deepEqual(changes, [{ field: "isPriority", from: true, to: false }]);
    assert.equal(tenant.logStreams[0].isPriority, false);
  });

  test("reads null like an absent field", async (t) => {
    const tenant = await startTenant();
    await setUpComplete(t, tenant);
    tenant.logStreams.push({ id: "lst_x", name: null, type: "splunk", sink: null, filters: null });
    const all = { allow_all_scopes: true, scope: null };
    tenant.clientGrants.push({ id: "cgr_x", client_id: "x", audience: AUDIENCE, ...all });
    const result = await setUp(t, tenant, ["--yes", ...CLIENTS]);
    assert.equal(result.code, 0, result.output);
    assert.deepEqual(writes(tenant), []);
  });

  test("touches no grant for another API, and does not follow a page that repeats itself", async (t) => {
    const tenant = await startTenant();
    await setUpComplete(t, tenant);
    const grant = { client_id: "browser-app", subject_type: "user", scope: ["listen:events:self"] };
    const theirs = { ...grant, id: "cgr_theirs", audience: "https://other.example.com/" };
    tenant.clientGrants.unshift(theirs);
    tenant.intercept = ({ method, url }) =>
      method === "GET" && url.pathname.endsWith("/client-grants")
        ? { status: 200, body: { client_grants: tenant.clientGrants } }
        : undefined;
    const removed = await setUp(t, tenant, ["--remove", "--yes", ...CLIENTS]);
    assert.equal(removed.code, 0, removed.output);
    assert.ok(!writes(tenant).some((request) => request.includes("cgr_theirs")));

    await setUpComplete(t, tenant);
    tenant.intercept = ({ url }) =>
      url.pathname.endsWith("/client-grants")
        ? { status: 200, body: { client_grants: [], next: "same" } }
        : undefined;
    const { code, output } = await setUp(t, tenant, ["--yes", ...CLIENTS]);
    assert.equal(code, 1);
    assert.match(output, /names itself as the next page: run the command again/);
    assert.equal(tenant.requests.filter((request) => request.includes("grants")).length, 2);
  });

  test("applies the whole plan if its output is closed halfway, and nothing if it is closed before", async (t) => {
    const tenant = await startTenant();
    const start = () =>
      spawn(BINARY, ["setup-auth0", ...optionsFor(tenant), "--yes", ...CLIENTS], {
        env: { AUTH0_MANAGEMENT_TOKEN: tenant.managementToken(), PUBLISH_SECRET },
        timeout: 60_000,
      });
    const before = start();
    before.stdout.destroy();
    let message = "";
    before.stderr.on("data", (chunk) => (message += chunk));
    const [refused] = await once(before, "close");
    assert.equal(refused, 1);
    assert.match(message, /error: nothing was changed, because standard output was closed before/);
    assert.deepEqual(writes(tenant), []);

    const halfway = start();
    halfway.stderr.resume();
    tenant.intercept = async ({ method }) => {
      if (method !== "POST" || halfway.stdout.destroyed) return;
      halfway.stdout.destroy();
      await once(halfway.stdout, "close");
    };
    const [code] = await once(halfway, "close");
    assert.equal(code, 0);
    assert.deepEqual(tenant.snapshot(), COMPLETE);
  });

  test("a line break in Auth0's message or in a name cannot forge a line of output", async (t) => {
    const tenant = await startTenant();
    await setUpComplete(t, tenant);
    Object.assign(tenant.logStreams[0], { status: "paused", name: "a\nerror: forged" });
    const body = { statusCode: 400, error: "Bad Request", message: "no\nerror: forged" };
    tenant.intercept = ({ method }) => (method === "PATCH" ? { status: 400, body } : undefined);
    const { code, output } = await setUp(t, tenant, ["--yes", ...CLIENTS]);
    assert.equal(code, 1);
    assert.match(output, /^error: changing the log stream a\\u\{a\}error: forged failed/m);
    assert.match(output, /400 Bad Request: no\\u\{a\}error: forged$/m);
  });

  test("names --domain if the Worker cannot be reached, for example when it is deleted", async (t) => {
    const args = ["setup-auth0", "--remove", "--url", "http://127.0.0.1:1", "--tenant", "acme@us"];
    const env = { AUTH0_MANAGEMENT_TOKEN: "t" };
    const { code, output } = await runCli(t, args, { env });
    assert.equal(code, 1);
    assert.match(output, /cannot be reached: .*; or give --domain$/m);
  });

  test("sends the token nowhere else, and reads a bounded response", async (t) => {
    const tenant = await startTenant();
    const other = await startTenant();
    const location = `${other.url}/api/v2/log-streams`;
    const responses = {
      "a redirect": [{ status: 302, headers: { location } }, /302/],
      "a long response": [{ status: 200, body: "x".repeat(5_000_000) }, /cannot be reached/],
      "another body": [{ status: 200, body: { "\u202e": 1 } }, /unexpected body/],
      "another server": [
        { status: 404, body: {} },
        /404 without an error message from Auth0; check/,
      ],
    };
    for (const [name, [response, message]] of Object.entries(responses)) {
      tenant.intercept = () => response;
      const { code, output } = await setUp(t, tenant, ["--yes"]);
      assert.equal(code, 1, name);
      assert.match(output, message, name);
    }
    assert.deepEqual(other.requests, []);
    const plain = ["--management-url", "http://acme.us.auth0.com"];
    const { code } = await runCli(t, ["setup-auth0", ...plain, "--url", URL_OF_WORKER]);
    assert.equal(code, 2);
  });
});
