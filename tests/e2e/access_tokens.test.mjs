// Which access tokens are good: their signature, their key, their header and their form.
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import { ellipticKey, jwk, otherKey, signingKey, undersizedKey } from "../support/keys.mjs";
import { Tenant } from "../support/tenant.mjs";
import { mint } from "../support/token.mjs";
import { verdictsFor } from "../support/verdicts.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const tenant = new Tenant(worker);
const good = jwk(signingKey(), "key-1");
const forged = { key: otherKey().privateKey };

tenant.issuer.keys = [
  good,
  { ...good, kid: "bare", use: undefined, alg: undefined },
  { ...good, kid: "rs256", alg: "RS256" },
  { ...good, kid: "ps256", alg: "PS256" },
  { ...good, kid: "verify", key_ops: ["verify"] },
  { ...good, kid: "sign-and-verify", key_ops: ["sign", "verify"] },
  { ...good, kid: "encrypts", use: "enc" },
  { ...good, kid: "signs", key_ops: ["sign"] },
  { ...good, kid: "idle", key_ops: [] },
  { ...good, kid: "rs512", alg: "RS512" },
  { ...good, kid: "hs256", alg: "HS256" },
  { ...good, kid: "not-rsa", kty: "EC" },
  { ...good, kid: "no-modulus", n: undefined },
  { ...good, kid: "odd-modulus", n: "!!!" },
  { ...good, kid: "number-for-modulus", n: 7 },
  { ...good, kid: "twice" },
  jwk(otherKey(), "twice"),
  jwk(undersizedKey(), "short"),
  jwk(ellipticKey(), "elliptic", { alg: "ES256" }),
  { kty: "oct", kid: "symmetric", k: Buffer.from("secret".repeat(8)).toString("base64url") },
  { kty: "OKP", kid: "from-the-future", crv: "X448" },
];

const { accepted, refused } = verdictsFor(tenant);

describe("the algorithm", { concurrency: true }, () => {
  accepted("RS256", () => tenant.token());
  accepted("PS256", () => tenant.token({}, { alg: "PS256" }));
  for (const alg of ["RS384", "RS512", "PS384", "PS512"]) {
    refused(`${alg}, rightly signed`, () => tenant.token({}, { alg }));
  }
  refused("ES256 by a key of the set", () =>
    tenant.token({}, { alg: "ES256", kid: "elliptic" }, { key: ellipticKey().privateKey }),
  );
  refused("none", () => tenant.token({}, { alg: "none" }));
  for (const alg of [
    "none",
    "None",
    "NONE",
    "nOnE",
    "",
    "rs256",
    "RS256 ",
    null,
    undefined,
    ["RS256"],
    7,
  ]) {
    refused(`${JSON.stringify(alg)} over an RS256 signature`, () =>
      tenant.token({}, { alg }, { signedAs: "RS256" }),
    );
  }
  refused("HS256 with the public key in PEM as the secret", () => {
    const pem = createPublicKey(signingKey().privateKey).export({ type: "spki", format: "pem" });
    return tenant.token({}, { alg: "HS256" }, { key: pem });
  });
  refused("HS256 with the modulus as the secret", () =>
    tenant.token({}, { alg: "HS256" }, { key: Buffer.from(good.n, "base64url") }),
  );
  refused("HS256 with a symmetric key of the set", () =>
    tenant.token({}, { alg: "HS256", kid: "symmetric" }, { key: "secret".repeat(8) }),
  );
  refused("RS256 in the header over a PS256 signature", () =>
    tenant.token({}, { alg: "RS256" }, { signedAs: "PS256" }),
  );
  refused("PS256 in the header over an RS256 signature", () =>
    tenant.token({}, { alg: "PS256" }, { signedAs: "RS256" }),
  );
  refused("RS256 over a signature with SHA-512", () =>
    tenant.token({}, { alg: "RS256" }, { signedAs: "RS512" }),
  );
});

const UNFIT =
  "encrypts signs idle rs512 hs256 ps256 not-rsa no-modulus odd-modulus number-for-modulus from-the-future elliptic symmetric";

describe("the key", { concurrency: true }, () => {
  for (const kid of ["bare", "rs256", "verify", "sign-and-verify"]) {
    accepted(`for RS256, "${kid}"`, () => tenant.token({}, { kid }));
  }
  accepted("for PS256", () => tenant.token({}, { kid: "ps256", alg: "PS256" }));
  for (const kid of UNFIT.split(" ")) {
    refused(`that is not for RS256, "${kid}"`, () => tenant.token({}, { kid }));
  }
  refused("that is for RS256 when the token has PS256", () =>
    tenant.token({}, { kid: "rs256", alg: "PS256" }),
  );
  refused("of 1024 bits", () =>
    tenant.token({}, { kid: "short" }, { key: undersizedKey().privateKey }),
  );
  refused("whose kid two keys share", () => tenant.token({}, { kid: "twice" }));
  refused("that the set does not have", () => tenant.token({}, { kid: "unknown" }));
  refused("of a stranger under a known kid", () => tenant.token({}, {}, forged));
  for (const kid of [undefined, null, "", 1, ["key-1"], "KEY-1", "key-1 "]) {
    refused(`named ${JSON.stringify(kid)}`, () => tenant.token({}, { kid }));
  }
});

describe("the header", { concurrency: true }, () => {
  for (const typ of [undefined, "JWT", "at+jwt"]) {
    accepted(`with typ ${JSON.stringify(typ)}`, () => tenant.token({}, { typ }));
  }
  for (const typ of ["id+jwt", "logout+jwt", "dpop+jwt", "JWS", "", 7, ["JWT"]]) {
    refused(`with typ ${JSON.stringify(typ)}`, () => tenant.token({}, { typ }));
  }
  accepted("with fields of no account", () =>
    tenant.token({}, { ver: "1.0", x5t: Buffer.alloc(20).toString("base64url"), x: { y: 1 } }),
  );

  const mine = jwk(otherKey(), "mine");
  const elsewhere = "https://evil.example/keys.json";
  for (const [name, fields] of Object.entries({
    crit: { crit: ["exp"] },
    "an empty crit": { crit: [] },
    b64: { b64: true },
    "crit and b64": { crit: ["b64"], b64: false },
    jku: { jku: elsewhere },
    x5u: { x5u: elsewhere },
    x5c: { x5c: ["MIIB"] },
    jwk: { jwk: mine },
  })) {
    refused(`with ${name} over a good signature`, () => tenant.token({}, fields));
    refused(`with ${name} over a stranger's signature`, () =>
      tenant.token({}, { ...fields, kid: "mine" }, forged),
    );
  }
});

describe("the form", { concurrency: true }, () => {
  const altered = (change) => () => change(tenant.token().split(".")).join(".");
  const json = (value) => Buffer.from(value).toString("base64url");
  const signed = (header, claims) =>
    mint({ header, claims, key: signingKey().privateKey, signedAs: "RS256" });
  const HEADER = '{"alg":"RS256","kid":"key-1"}';

  refused("of no token", () => "token");
  refused(
    "of two parts",
    altered(([header, claims]) => [header, claims]),
  );
  refused(
    "of four parts",
    altered((parts) => [...parts, "x"]),
  );
  refused(
    "of five parts, as if encrypted",
    altered((parts) => [...parts, "x", "y"]),
  );
  refused(
    "without a signature",
    altered(([header, claims]) => [header, claims, ""]),
  );
  refused(
    "with altered claims",
    altered(([header, , signature]) => [
      header,
      json(JSON.stringify(tenant.issuer.claims({ sub: "root" }))),
      signature,
    ]),
  );
  refused(
    "with an altered header",
    altered(([, claims, signature]) => [
      json('{"alg":"RS256","kid":"key-1","x":1}'),
      claims,
      signature,
    ]),
  );
  refused(
    "with an altered signature",
    altered(([header, claims, signature]) => [
      header,
      claims,
      signature.replace(/^.../, (start) => (start === "AAA" ? "BBB" : "AAA")),
    ]),
  );
  refused(
    "with a signature cut short",
    altered(([header, claims, signature]) => [header, claims, signature.slice(0, -4)]),
  );
  refused(
    "with padding",
    altered((parts) => [...parts.slice(0, 2), `${parts[2]}==`]),
  );
  refused(
    "with signs from outside the alphabet",
    altered(([header, claims, signature]) => [header, claims, `${signature}+/`]),
  );
  refused("with claims that are no JSON", () => signed(HEADER, "claims"));
  refused("with claims that are no object", () =>
    signed(HEADER, JSON.stringify([tenant.issuer.claims()])),
  );
  refused("with a header that is no object", () => signed('["RS256"]', tenant.issuer.claims()));
  refused("with a claim twice", () =>
    signed(HEADER, JSON.stringify(tenant.issuer.claims()).replace("{", '{"sub":"auth0|root",')),
  );
});

describe("the size", { concurrency: true }, () => {
  /** A good token of exactly `bytes` bytes. */
  function sized(bytes, header = {}) {
    for (let filler = 0; filler < 4; filler += 1) {
      const fields = { x: "x".repeat(filler), ...header };
      const base = tenant.token({ pad: "" }, fields).length;
      for (let pad = Math.floor(((bytes - base) * 3) / 4) - 3; pad < bytes; pad += 1) {
        const token = tenant.token({ pad: "p".repeat(pad) }, fields);
        if (token.length === bytes) return token;
        if (token.length > bytes) break;
      }
    }
    throw new Error(`no token of ${bytes} bytes`);
  }

  accepted("of 8 KiB", () => sized(8_192));
  refused("of one byte more", () => sized(8_193));

  test("over 8 KiB is not even read", async () => {
    const other = new Tenant(worker);
    const token = other.token({ pad: "p".repeat(9_000) });
    await assertError(await other.get("/api/events", token), 401, "invalid_token");
    assert.equal((await (await other.connect()).authenticate(token)).error, "invalid_token");
    assert.equal(other.issuer.fetches, 0, "its key was not asked for");
  });
});
