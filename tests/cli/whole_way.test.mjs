// From an empty tenant to the first event: the set-up, a login, a logout and its delivery, as an
// operator would do it, on one machine and without a manual step.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startBareWorkerdWith } from "../support/bare_workerd.mjs";
import { PUBLISH_SECRET } from "../support/built_worker.mjs";
import { AUDIENCE } from "../support/issuer.mjs";
import { ManagementApi } from "../support/management_api.mjs";
import { slo } from "../support/records.mjs";
import { Subscriber } from "../support/subscriber.mjs";
import { jsonLines, runCli } from "./support/cli.mjs";

const CLIENT_SECRET = "s3cret-of-the-application";

test("one command leads from an empty tenant to the event of a logout", async (t) => {
  const tenant = await ManagementApi.start({ domain: "acme.us.auth0.com" });
  after(() => tenant.close());
  // Without --domain, the command learns the domain from the Worker.
  const workerd = await startBareWorkerdWith({ "acme@us": [tenant.issuer] });
  const start = performance.now();

  const { code, stdout, output } = await runCli(
    t,
    [
      "setup-auth0",
      ...["--url", workerd.url.href, "--tenant", "acme@us", "--yes"],
      ...["--management-url", tenant.url, "--issuer", tenant.url],
      ...["--browser-client", "browser-app", "--backend-client", "backend-app"],
    ],
    {
      env: {
        PUBLISH_SECRET,
        AUTH0_MANAGEMENT_CLIENT_ID: "management",
        AUTH0_MANAGEMENT_CLIENT_SECRET: CLIENT_SECRET,
        AUTH0_CLIENT_ID: "backend-app",
        AUTH0_CLIENT_SECRET: CLIENT_SECRET,
      },
    },
  );
  assert.equal(code, 0, output);
  const checks = jsonLines(stdout).filter(({ check }) => check);
  assert.ok(checks.length >= 9, output);
  assert.deepEqual(
    checks.filter(({ status }) => status !== "passed"),
    [],
  );

  // A user cannot obtain the permission for the events of all users.
  const user = "auth0|jane";
  const scope = "openid listen:events:self listen:events";
  const token = tenant.login("browser-app", AUDIENCE, user, "session-1", scope);
  const { scope: granted } = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  assert.equal(granted, "listen:events:self");
  assert.throws(() => tenant.login("backend-app", AUDIENCE, user, "session-1"), /not authorized/);

  const url = new URL("/acme@us/api/subscribe", workerd.url);
  url.protocol = "ws:";
  const protocols = ["session-events", `bearer.${token}`];
  const subscriber = await Subscriber.connect(url, { protocols });
  const messages = [await subscriber.next(), await subscriber.next()];
  assert.deepEqual(
    messages.map(({ type }) => type),
    ["connected", "authenticated"],
  );

  const logout = slo({ user_id: user, details: { session_id: "session-1" } });
  assert.deepEqual(await tenant.writeLog(logout), [200]);
  const { type, user_id, session_id, revokes } = await subscriber.next();
  assert.deepEqual(
    { type, user_id, session_id, revokes },
    { type: "logout", user_id: user, session_id: "session-1", revokes: "session" },
  );
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  t.diagnostic(`from the empty tenant to the event: ${seconds} s`);
});
