// Which access tokens are good: whom they are from, for and about, and when they count.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { onSocket, overHttp } from "../support/doors.mjs";
import { AUDIENCE } from "../support/issuer.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { verdictsFor } from "../support/verdicts.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const tenant = new Tenant(worker);
const { accepted, refused } = verdictsFor(tenant);

describe("the issuer", { concurrency: true }, () => {
  const { issuer } = tenant.issuer;
  for (const iss of [
    undefined,
    null,
    "",
    issuer.slice(0, -1),
    `${issuer}/`,
    issuer.replace("https", "http"),
    issuer.toUpperCase(),
    ` ${issuer}`,
    issuer.replace(".us.", ".eu."),
    `https://${tenant.name}.auth0.com/`,
    `${issuer}x`,
    "https://evil.example/",
    `https://${tenant.domain}:443/`,
    `https://${tenant.domain}@evil.example/`,
    [issuer],
  ]) {
    refused(`${JSON.stringify(iss)}`, () => tenant.token({ iss }));
  }
});

describe("the audience", { concurrency: true }, () => {
  accepted("as a text", () => tenant.token({ aud: AUDIENCE }));
  accepted("as one of several", () =>
    tenant.token({ aud: ["https://x.example/userinfo", AUDIENCE] }),
  );
  accepted("alone in an array", () => tenant.token({ aud: [AUDIENCE] }));
  for (const aud of [
    undefined,
    null,
    "",
    [],
    {},
    7,
    `${AUDIENCE}/`,
    AUDIENCE.slice(0, -1),
    AUDIENCE.toUpperCase(),
    `x ${AUDIENCE}`,
    ["a", "b"],
    [[AUDIENCE]],
    { [AUDIENCE]: true },
  ]) {
    refused(`${JSON.stringify(aud)}`, () => tenant.token({ aud }));
  }
});

describe("the subject", { concurrency: true }, () => {
  accepted("of a machine", () => tenant.token({ sub: "1TAdZxKQk1kZ9hJ0@clients" }));
  for (const sub of [undefined, null, "", 7, ["auth0|1"], {}]) {
    refused(`${JSON.stringify(sub)}`, () => tenant.token({ sub }));
  }
});

describe("the times", { concurrency: true }, () => {
  accepted("with exp a few seconds ahead", () => tenant.token({ exp: now() + 5 }));
  accepted("with exp between two seconds", () => tenant.token({ exp: now() + 60.5 }));
  for (const [name, exp] of [
    ["missing", () => undefined],
    ["null", () => null],
    ["text", () => String(now() + 600)],
    ["now", () => now()],
    ["a second ago", () => now() - 1],
    ["long ago", () => 0],
    ["negative", () => -1],
    ["an array", () => [now() + 600]],
  ]) {
    refused(`with exp ${name}`, () => tenant.token({ exp: exp() }));
  }
  for (const claim of ["nbf", "iat"]) {
    accepted(`without ${claim}`, () => tenant.token({ [claim]: undefined }));
    accepted(`with ${claim} long ago`, () => tenant.token({ [claim]: now() - 100_000 }));
    accepted(`with ${claim} 55 s ahead`, () => tenant.token({ [claim]: now() + 55 }));
    refused(`with ${claim} 65 s ahead`, () => tenant.token({ [claim]: now() + 65 }));
    refused(`with ${claim} that is no number`, () => tenant.token({ [claim]: String(now()) }));
  }

  test("with an exp beyond any calendar do no harm", async () => {
    for (const exp of [1e15, 9007199254740991, 1e300]) {
      const outcome = await overHttp(tenant, tenant.token({ exp }));
      assert.ok(["accepted", "invalid_token"].includes(outcome), `${exp}: ${outcome}`);
      assert.equal(await onSocket(tenant, tenant.token({ exp })), outcome);
    }
  });
});
