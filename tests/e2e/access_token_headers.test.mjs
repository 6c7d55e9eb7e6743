// The header of access tokens. No parameter may contain a key, name a URL to fetch one from, or
// change how the token is interpreted.
import { describe } from "node:test";

import { jwk, otherKey, signingKey } from "../support/keys.mjs";
import { Tenant } from "../support/tenant.mjs";
import { signToken } from "../support/token.mjs";
import { reasons, tokenTestsFor } from "../support/token_tests.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const tenant = new Tenant(worker);
const { accepts, rejects } = tokenTestsFor(tenant);
const attackerKey = { key: otherKey().privateKey };

/** Returns a token with exactly this header and a valid signature. */
const tokenWithHeader = (header, claims = tenant.issuer.claims()) =>
  signToken({ header, claims, key: signingKey().privateKey, signedAs: "RS256" });

describe("the typ and cty parameters", { concurrency: 20 }, () => {
  for (const typ of [undefined, "JWT", "jwt", "at+jwt", "AT+JWT"]) {
    accepts(typ ? `typ ${JSON.stringify(typ)}` : "a missing typ", () => tenant.token({}, { typ }));
  }
  for (const typ of [
    ..."id+jwt logout+jwt dpop+jwt secevent+jwt rt+jwt client-authentication+jwt JWE JWS JOSE".split(
      " ",
    ),
    ...["", "JWT ", "at+jwt;x=y", "application/jwt", "text/html", "at jwt", "at+jwt\0", "аt+jwt"],
  ]) {
    rejects(`typ ${JSON.stringify(typ)}`, () => tenant.token({}, { typ }), reasons.type);
  }
  for (const typ of [7, ["JWT"], { JWT: true }, false]) {
    rejects(`typ ${JSON.stringify(typ)}`, () => tenant.token({}, { typ }), reasons.form);
  }
  for (const cty of ["JWT", "jwt", "at+jwt", "", "json+x", 7, ["JWT"]]) {
    rejects(`cty ${JSON.stringify(cty)}`, () => tenant.token({}, { cty }), reasons.form);
  }
});

describe("header parameters", { concurrency: 20 }, () => {
  const publicKey = jwk(otherKey(), "attacker");
  const privateKey = { ...otherKey().privateKey.export({ format: "jwk" }), kid: "attacker" };
  const symmetric = { kty: "oct", kid: "attacker", k: Buffer.from("secret").toString("base64url") };
  const attackerUrl = "https://evil.example/keys.json";
  const ownUrl = tenant.issuer.jwksUri;
  const digest = (bytes) => Buffer.alloc(bytes, 7).toString("base64url");

  const FORBIDDEN = {
    "a jwk with a public key": { jwk: publicKey },
    "a jwk with a private key": { jwk: privateKey },
    "a jwk with a symmetric key": { jwk: symmetric },
    "a jwk with the key of the issuer": { jwk: tenant.issuer.keys[0] },
    "a jwk that is a string": { jwk: JSON.stringify(publicKey) },
    "a jwk that is null": { jwk: null },
    "a jku": { jku: attackerUrl },
    "a jku with the key set of the issuer": { jku: ownUrl },
    "a jku that begins like that of the issuer": { jku: ownUrl.replace("/.", "@evil.example/.") },
    "a jku on the host of the issuer": { jku: `https://${tenant.domain}/other.json` },
    "a jku on the loopback interface": { jku: "http://127.0.0.1/keys.json" },
    "a jku with a file": { jku: "file:///etc/passwd" },
    "an empty jku": { jku: "" },
    "an x5u": { x5u: attackerUrl },
    "an x5c": { x5c: ["MIIB"] },
    "an empty x5c": { x5c: [] },
    "an x5c that is a string": { x5c: "MIIB" },
    "jwk, jku, x5u and x5c": {
      jwk: publicKey,
      jku: attackerUrl,
      x5u: attackerUrl,
      x5c: ["MIIB"],
    },
    "a crit": { crit: ["exp"] },
    "an empty crit": { crit: [] },
    "a crit that is null": { crit: null },
    "a crit that is a string": { crit: "exp" },
    "a crit with an unknown parameter": { crit: ["http://example.com/UNDEFINED"] },
    "a crit with __proto__": { crit: ["__proto__"] },
    "a b64": { b64: true },
    "a b64 that is false": { b64: false },
    "a b64 that is null": { b64: null },
    "crit and b64": { crit: ["b64"], b64: false },
  };
  for (const [name, fields] of Object.entries(FORBIDDEN)) {
    rejects(`${name}, with a valid signature`, () => tenant.token({}, fields), reasons.header);
    rejects(
      `${name}, with an attacker's signature`,
      () => tenant.token({ sub: "auth0|root" }, { ...fields, kid: "attacker" }, attackerKey),
      reasons.header,
    );
  }
  rejects(
    "a jwk with a symmetric key that signs the token",
    () => tenant.token({}, { alg: "HS256", jwk: symmetric }, { key: "secret" }),
    reasons.header,
  );
  for (const name of ["jku", "x5u", "jwk", "x5c", "crit", "b64"]) {
    const escaped = `\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}`;
    rejects(
      `${name} with an escaped character`,
      () => tokenWithHeader(`{"alg":"RS256","kid":"key-1","${escaped}":"x"}`),
      reasons.header,
    );
  }
  for (const [name, value] of [
    ["jku", 7],
    ["jku", [attackerUrl]],
    ["x5u", { url: attackerUrl }],
    ["x5t", 7],
    ["x5t", ""],
    ["x5t#S256", "AAAA"],
  ]) {
    rejects(
      `${name} with the value ${JSON.stringify(value)}`,
      () => tenant.token({}, { [name]: value }),
      reasons.form,
    );
  }

  // Unknown parameters are ignored and have no effect on the check of the signature.
  for (const [name, fields] of Object.entries({
    "certificate thumbprints": { x5t: digest(20), "x5t#S256": digest(32) },
    "names in capital letters": {
      JKU: attackerUrl,
      JWK: publicKey,
      CRIT: ["exp"],
      ALG: "none",
      KID: "attacker",
    },
    "claims in the header": { iss: "https://evil.example/", sub: "auth0|root", exp: 1 },
    "parameters of encryption": { enc: "A256GCM", zip: "DEF", epk: publicKey, p2c: 2 ** 31 },
    "members named like those of a JavaScript prototype": JSON.parse(
      '{"__proto__":{"alg":"none"},"constructor":{"kid":"attacker"}}',
    ),
    "other unknown parameters": { ver: "1.0", x: { y: [1] }, nonce: "n" },
  })) {
    accepts(name, () => tenant.token({}, fields));
    rejects(
      `${name}, with an attacker's signature`,
      () => tenant.token({}, fields, attackerKey),
      reasons.signature,
    );
  }
});

describe("the JSON text of the header", { concurrency: 20 }, () => {
  accepts("line breaks and spaces as in RFC 7515", () =>
    tokenWithHeader('{"typ":"JWT",\r\n "alg":"RS256",\r\n\t"kid" : "key-1"}\n'),
  );
  accepts("escaped characters", () =>
    tokenWithHeader('{"\\u0061lg":"RS25\\u0036","kid":"key\\u002d1"}'),
  );

  const MALFORMED = {
    "empty text": "",
    "an empty object": "{}",
    null: "null",
    "an array": '["RS256","key-1"]',
    "a string": '"RS256"',
    "a number": "256",
    "alg twice": '{"alg":"RS256","alg":"RS256","kid":"key-1"}',
    "alg twice, the second time none": '{"alg":"RS256","alg":"none","kid":"key-1"}',
    "alg twice, once with an escaped character": '{"alg":"none","a\\u006cg":"RS256","kid":"key-1"}',
    "kid twice": '{"alg":"RS256","kid":"x","kid":"key-1"}',
    "kid twice, once with an escaped character": '{"alg":"RS256","\\u006bid":"x","kid":"key-1"}',
    "typ twice": '{"alg":"RS256","kid":"key-1","typ":"JWT","typ":"at+jwt"}',
    "crit twice": '{"alg":"RS256","kid":"key-1","crit":[],"crit":[]}',
    "a trailing comma": '{"alg":"RS256","kid":"key-1",}',
    "a comment": '{"alg":"RS256",/**/"kid":"key-1"}',
    "single quotes": "{'alg':'RS256','kid':'key-1'}",
    "truncated JSON": '{"alg":"RS256","kid":"key-1"',
    "a second object after the header": '{"alg":"RS256","kid":"key-1"}{"alg":"none"}',
    "a zero byte after the header": '{"alg":"RS256","kid":"key-1"}\0',
    "a byte order mark": '\ufeff{"alg":"RS256","kid":"key-1"}',
    "UTF-16": Buffer.from('{"alg":"RS256","kid":"key-1"}', "utf16le"),
    "a line break in a string": '{"alg":"RS256","kid":"key-1","x":"a\nb"}',
    "a lone surrogate": '{"alg":"RS256","kid":"key-1","x":"\\ud800"}',
    "a number out of range": '{"alg":"RS256","kid":"key-1","x":1e400}',
    "2,000 unclosed arrays": `{"alg":"RS256","kid":"key-1","x":${"[".repeat(2_000)}`,
    "500 levels of nesting": `{"alg":"RS256","kid":"key-1","x":${"[".repeat(500)}${"]".repeat(500)}}`,
  };
  for (const [name, header] of Object.entries(MALFORMED)) {
    rejects(name, () => tokenWithHeader(header), reasons.form);
  }
  for (const [name, bytes] of Object.entries({
    "an invalid UTF-8 byte": [0xff],
    "an overlong UTF-8 sequence": [0xc0, 0xaf],
    "a UTF-8 encoded surrogate": [0xed, 0xa0, 0x80],
    "a truncated UTF-8 sequence": [0xe2, 0x82],
  })) {
    const [start, end] = ['{"alg":"RS256","kid":"key-1","x":"', '"}'].map((text) =>
      Buffer.from(text),
    );
    rejects(
      name,
      () => tokenWithHeader(Buffer.concat([start, Buffer.from(bytes), end])),
      reasons.form,
    );
  }
});
