// The claims of access tokens: issuer, audience, subject and times.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { authenticateOnSocket, authenticateOverHttp } from "../support/token_checks.mjs";
import { AUDIENCE } from "../support/issuer.mjs";
import { signingKey } from "../support/keys.mjs";
import { Tenant } from "../support/tenant.mjs";
import { signToken, now } from "../support/token.mjs";
import { reasons, tokenTestsFor } from "../support/token_tests.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const tenant = new Tenant(worker);
const { accepts, rejects } = tokenTestsFor(tenant);

/** Returns a valid token, except that the claim `name` has exactly this JSON text as its value. */
function withClaimText(name, json) {
  const claims = JSON.stringify(tenant.issuer.claims({ [name]: "placeholder" }));
  return signToken({
    header: { alg: "RS256", kid: "key-1" },
    claims: claims.replace(`"${name}":"placeholder"`, `"${name}":${json}`),
    key: signingKey().privateKey,
  });
}

const NOT_STRINGS = [undefined, null, 7, true, [], {}];

describe("the iss claim", { concurrency: 20 }, () => {
  const { issuer } = tenant.issuer;
  const { domain, name } = tenant;
  accepts("the issuer of the tenant", () => tenant.token({ iss: issuer }));
  for (const iss of [
    ...NOT_STRINGS,
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
    // Characters that look similar, or that host names treat as equal.
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
    rejects(JSON.stringify(iss) ?? "a missing claim", () => tenant.token({ iss }), reasons.issuer);
  }
});

describe("the aud claim", { concurrency: 20 }, () => {
  accepts("a string", () => tenant.token({ aud: AUDIENCE }));
  accepts("one of several audiences", () =>
    tenant.token({ aud: ["https://x.example/userinfo", AUDIENCE] }),
  );
  accepts("an array of one audience", () => tenant.token({ aud: [AUDIENCE] }));
  accepts("an array that also contains values that are no strings", () =>
    tenant.token({ aud: [null, 7, [], AUDIENCE] }),
  );
  for (const aud of [
    ...NOT_STRINGS,
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
    const name = JSON.stringify(aud) ?? "a missing claim";
    rejects(name, () => tenant.token({ aud }), reasons.audience);
  }
});

describe("the sub claim", { concurrency: 20 }, () => {
  accepts("a machine", () => tenant.token({ sub: "1TAdZxKQk1kZ9hJ0@clients" }));
  accepts("any characters", () => tenant.token({ sub: 'samlp|Łódź|\u{1F36A}|%7C|"\\\n' }));
  accepts("1,024 bytes", () => tenant.token({ sub: "ł".repeat(512) }));
  rejects("1,025 bytes", () => tenant.token({ sub: `x${"ł".repeat(512)}` }), reasons.subject);
  rejects("5,000 characters", () => tenant.token({ sub: "x".repeat(5_000) }), reasons.subject);
  for (const sub of [...NOT_STRINGS, "", ["auth0|1"], { sub: "auth0|1" }]) {
    const name = JSON.stringify(sub) ?? "a missing claim";
    rejects(name, () => tenant.token({ sub }), reasons.subject);
  }
});

// A token is created when its test starts, and the Worker may be slow. Valid tokens therefore stay
// valid for a minute, and invalid ones never become valid. Native tests of the core check the exact
// seconds.
describe("the exp, nbf and iat claims", { concurrency: 20 }, () => {
  accepts("an exp one minute ahead", () => tenant.token({ exp: now() + 60 }));
  accepts("an exp with a fraction of a second", () => tenant.token({ exp: now() + 60.5 }));
  accepts("an exp in a hundred years", () => tenant.token({ exp: now() + 3_155_760_000 }));
  for (const [name, exp] of [
    ["missing", () => undefined],
    ["now", () => now()],
    ["half a second ago", () => now() + 0.5 - 1],
    ["a second ago", () => now() - 1],
    ["0", () => 0],
    ["negative", () => -1],
    ["very negative", () => -1e11],
  ]) {
    rejects(`an exp that is ${name}`, () => tenant.token({ exp: exp() }), reasons.expired);
  }
  for (const exp of ["-0", "0.0", "1e0", "-1.5e3"]) {
    rejects(`an exp with the JSON text ${exp}`, () => withClaimText("exp", exp), reasons.expired);
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
      rejects(
        `${claim} with the JSON text ${json}`,
        () => withClaimText(claim, json),
        reasons.form,
      );
    }
  }
  for (const claim of ["nbf", "iat"]) {
    accepts(`a missing ${claim}`, () => tenant.token({ [claim]: undefined }));
    accepts(`${claim} a day ago`, () => tenant.token({ [claim]: now() - 100_000 }));
    accepts(`${claim} in the year 1`, () => tenant.token({ [claim]: -62_135_596_800 }));
    accepts(`${claim} 55 s ahead`, () => tenant.token({ [claim]: now() + 55 }));
    for (const seconds of [120, 3_600, 1e10]) {
      const ahead = () => tenant.token({ [claim]: now() + seconds });
      rejects(`${claim} ${seconds} s ahead`, ahead, reasons.notYet);
    }
  }
  accepts("other time claims of any type", () =>
    tenant.token({ auth_time: "soon", updated_at: -1 }),
  );

  test("an exp beyond the supported dates has the same outcome over HTTP and on a socket", async () => {
    for (const exp of [1e12, 1e15, 9007199254740991, 1e300]) {
      const outcome = await authenticateOverHttp(tenant, tenant.token({ exp }));
      assert.ok(["accepted", "invalid_token"].includes(outcome), `${exp}: ${outcome}`);
      assert.equal(await authenticateOnSocket(tenant, tenant.token({ exp })), outcome);
    }
  });
});
