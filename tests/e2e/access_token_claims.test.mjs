// Which access tokens are good: whom they are from, for and about, and when they count.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { authenticateOnSocket, authenticateOverHttp } from "../support/token_checks.mjs";
import { AUDIENCE } from "../support/issuer.mjs";
import { signingKey } from "../support/keys.mjs";
import { Tenant } from "../support/tenant.mjs";
import { mint, now } from "../support/token.mjs";
import { reasons, verdictsFor } from "../support/token_tests.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const tenant = new Tenant(worker);
const { accepted, refused } = verdictsFor(tenant);

/** A good token in whose claims one is just this JSON. */
function written(name, json) {
  const claims = JSON.stringify(tenant.issuer.claims({ [name]: "here" }));
  return mint({
    header: { alg: "RS256", kid: "key-1" },
    claims: claims.replace(`"${name}":"here"`, `"${name}":${json}`),
    key: signingKey().privateKey,
  });
}

const NOT_TEXTS = [undefined, null, 7, true, [], {}];

describe("the issuer", { concurrency: 20 }, () => {
  const { issuer } = tenant.issuer;
  const { domain, name } = tenant;
  accepted("as it is", () => tenant.token({ iss: issuer }));
  for (const iss of [
    ...NOT_TEXTS,
    [issuer],
    { issuer },
    "",
    domain,
    issuer.slice(0, -1),
    ...["/", "x", "#", "?", " ", "\n", "\0", "\u200b", ".well-known/jwks.json"].map(
      (end) => `${issuer}${end}`,
    ),
    ...[" ", "\ufeff", "\t"].map((start) => `${start}${issuer}`),
    issuer.replace("https", "http"),
    issuer.replace("https", "HTTPS"),
    issuer.replace("://", ":"),
    issuer.replace("://", ":///"),
    issuer.toUpperCase(),
    issuer.replace(".com", ".COM"),
    `https://${domain}./`,
    `https://${domain}:443/`,
    `https://${domain}@evil.example/`,
    `https://user@${domain}/`,
    `https://${domain}%2f@evil.example/`,
    `https://${domain}\\@evil.example/`,
    `https://${domain}.evil.example/`,
    `https://evil.example/${domain}/`,
    `https://evil.example/?${issuer}`,
    "https://evil.example/",
    `https://*.us.auth0.com/`,
    `https://${name}.auth0.com/`,
    issuer.replace(".us.", ".eu."),
    issuer.replace(".us.", ".US."),
    // Characters that look like these, or are taken for them in host names.
    issuer.replace("a", "а"),
    issuer.replace("auth0", "authО"),
    issuer.replace("auth0", "auth０"),
    issuer.replaceAll(".", "．"),
    issuer.replaceAll(".", "。"),
    issuer.replaceAll("/", "∕"),
    `https://xn--${name}.us.auth0.com/`,
    issuer.replace("-", "‐"),
    issuer.replace("t", "t\u00ad"),
    issuer.replace("e", "e\u0301"),
    issuer.replace("-", "%2d"),
  ]) {
    refused(
      JSON.stringify(iss) ?? "that is not there",
      () => tenant.token({ iss }),
      reasons.issuer,
    );
  }
});

describe("the audience", { concurrency: 20 }, () => {
  accepted("as a text", () => tenant.token({ aud: AUDIENCE }));
  accepted("as one of several", () =>
    tenant.token({ aud: ["https://x.example/userinfo", AUDIENCE] }),
  );
  accepted("alone in an array", () => tenant.token({ aud: [AUDIENCE] }));
  accepted("beside what is no text", () => tenant.token({ aud: [null, 7, [], AUDIENCE] }));
  for (const aud of [
    ...NOT_TEXTS,
    "",
    [""],
    ["a", "b"],
    [[AUDIENCE]],
    [{ aud: AUDIENCE }],
    { [AUDIENCE]: true },
    { 0: AUDIENCE, length: 1 },
    AUDIENCE.slice(0, -1),
    AUDIENCE.toUpperCase(),
    ...["/", " ", "\n", "\0", "?", "#", "/x"].map((end) => `${AUDIENCE}${end}`),
    ` ${AUDIENCE}`,
    `x ${AUDIENCE}`,
    `${AUDIENCE},x`,
    JSON.stringify([AUDIENCE]),
    AUDIENCE.replace("https", "http"),
    AUDIENCE.replace(".com", ".com."),
    AUDIENCE.replace(".com", ".com:443"),
    AUDIENCE.replace("//", "//user@"),
    AUDIENCE.replace("/api", "//api"),
    AUDIENCE.replace("/api", "/x/../api"),
    AUDIENCE.replace("/api", "/%61pi"),
    AUDIENCE.replace("a", "а"),
    AUDIENCE.replaceAll(".", "．"),
    AUDIENCE.replace("events", "*"),
  ]) {
    const name = JSON.stringify(aud) ?? "that is not there";
    refused(name, () => tenant.token({ aud }), reasons.audience);
  }
});

describe("the subject", { concurrency: 20 }, () => {
  accepted("of a machine", () => tenant.token({ sub: "1TAdZxKQk1kZ9hJ0@clients" }));
  accepted("of any letters", () => tenant.token({ sub: 'samlp|Łódź|\u{1F36A}|%7C|"\\\n' }));
  accepted("of 1,024 bytes", () => tenant.token({ sub: "ł".repeat(512) }));
  refused("of 1,025 bytes", () => tenant.token({ sub: `x${"ł".repeat(512)}` }), reasons.subject);
  refused("of 5,000 letters", () => tenant.token({ sub: "x".repeat(5_000) }), reasons.subject);
  for (const sub of [...NOT_TEXTS, "", ["auth0|1"], { sub: "auth0|1" }]) {
    const name = JSON.stringify(sub) ?? "that is not there";
    refused(name, () => tenant.token({ sub }), reasons.subject);
  }
});

// A token is made when its test begins, and the worker may be slow: what is to be judged good stays
// so for a minute, and what is to be judged bad never becomes good. The core's own tests tell the
// very seconds apart.
describe("the times", { concurrency: 20 }, () => {
  accepted("with exp a minute ahead", () => tenant.token({ exp: now() + 60 }));
  accepted("with exp between two seconds", () => tenant.token({ exp: now() + 60.5 }));
  accepted("with exp in a hundred years", () => tenant.token({ exp: now() + 3_155_760_000 }));
  for (const [name, exp] of [
    ["missing", () => undefined],
    ["now", () => now()],
    ["now and a little", () => now() + 0.5 - 1],
    ["a second ago", () => now() - 1],
    ["long ago", () => 0],
    ["negative", () => -1],
    ["very negative", () => -1e11],
  ]) {
    refused(`with exp ${name}`, () => tenant.token({ exp: exp() }), reasons.expired);
  }
  for (const exp of ["-0", "0.0", "1e0", "-1.5e3"]) {
    refused(`with exp written as ${exp}`, () => written("exp", exp), reasons.expired);
  }
  for (const claim of ["exp", "nbf", "iat"]) {
    const late = String(now() + 600);
    for (const json of [
      ...[
        "null",
        "true",
        '"soon"',
        '""',
        "[]",
        "{}",
        `"${late}"`,
        `[${late}]`,
        `{"$date":${late}}`,
      ],
      ...["1e400", "-1e400", "1e18", "1e300", "9223372036854775807", "18446744073709551616"],
      ...["NaN", "Infinity", "0x7fffffff", `0${late}`, `+${late}`, `${late}.`, "1_800_000_000"],
    ]) {
      refused(`with ${claim} written as ${json}`, () => written(claim, json), reasons.form);
    }
  }
  for (const claim of ["nbf", "iat"]) {
    accepted(`without ${claim}`, () => tenant.token({ [claim]: undefined }));
    accepted(`with ${claim} long ago`, () => tenant.token({ [claim]: now() - 100_000 }));
    accepted(`with ${claim} in the year 1`, () => tenant.token({ [claim]: -62_135_596_800 }));
    accepted(`with ${claim} 55 s ahead`, () => tenant.token({ [claim]: now() + 55 }));
    for (const seconds of [120, 3_600, 1e10]) {
      const ahead = () => tenant.token({ [claim]: now() + seconds });
      refused(`with ${claim} ${seconds} s ahead`, ahead, reasons.notYet);
    }
  }
  accepted("with other times of any kind", () =>
    tenant.token({ auth_time: "soon", updated_at: -1 }),
  );

  test("with an exp beyond any calendar do no harm", async () => {
    for (const exp of [1e12, 1e15, 9007199254740991, 1e300]) {
      const outcome = await authenticateOverHttp(tenant, tenant.token({ exp }));
      assert.ok(["accepted", "invalid_token"].includes(outcome), `${exp}: ${outcome}`);
      assert.equal(await authenticateOnSocket(tenant, tenant.token({ exp })), outcome);
    }
  });
});
