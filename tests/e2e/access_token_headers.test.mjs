// Which access tokens are good: the other parameters of their header. None brings a key along,
// names a place to fetch one from, or changes how the token is read.
import { describe } from "node:test";

import { jwk, otherKey, signingKey } from "../support/keys.mjs";
import { Tenant } from "../support/tenant.mjs";
import { mint } from "../support/token.mjs";
import { reasons, verdictsFor } from "../support/token_tests.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const tenant = new Tenant(worker);
const { accepted, refused } = verdictsFor(tenant);
const stranger = { key: otherKey().privateKey };

/** A token whose header is just this JSON, rightly signed. */
const headed = (header, claims = tenant.issuer.claims()) =>
  mint({ header, claims, key: signingKey().privateKey, signedAs: "RS256" });

describe("the type", { concurrency: 20 }, () => {
  for (const typ of [undefined, "JWT", "jwt", "at+jwt", "AT+JWT"]) {
    accepted(JSON.stringify(typ) ?? "that is not there", () => tenant.token({}, { typ }));
  }
  for (const typ of [
    ..."id+jwt logout+jwt dpop+jwt secevent+jwt rt+jwt client-authentication+jwt JWE JWS JOSE".split(
      " ",
    ),
    ...["", "JWT ", "at+jwt;x=y", "application/jwt", "text/html", "at jwt", "at+jwt\0", "аt+jwt"],
  ]) {
    refused(JSON.stringify(typ), () => tenant.token({}, { typ }), reasons.type);
  }
  for (const typ of [7, ["JWT"], { JWT: true }, false]) {
    refused(JSON.stringify(typ), () => tenant.token({}, { typ }), reasons.form);
  }
  for (const cty of ["JWT", "jwt", "at+jwt", "", "json+x", 7, ["JWT"]]) {
    refused(`of a content, ${JSON.stringify(cty)},`, () => tenant.token({}, { cty }), reasons.form);
  }
});

describe("a header", { concurrency: 20 }, () => {
  const mine = jwk(otherKey(), "mine");
  const withPrivateHalf = { ...otherKey().privateKey.export({ format: "jwk" }), kid: "mine" };
  const symmetric = { kty: "oct", kid: "mine", k: Buffer.from("secret").toString("base64url") };
  const elsewhere = "https://evil.example/keys.json";
  const own = tenant.issuer.jwksUri;
  const digest = (bytes) => Buffer.alloc(bytes, 7).toString("base64url");

  const BRINGING = {
    "a public key": { jwk: mine },
    "a private key": { jwk: withPrivateHalf },
    "a symmetric key": { jwk: symmetric },
    "the issuer's own key": { jwk: tenant.issuer.keys[0] },
    "a key for a text": { jwk: JSON.stringify(mine) },
    "no key where one would be": { jwk: null },
    "the place of a key set": { jku: elsewhere },
    "the place of the issuer's own key set": { jku: own },
    "a place that begins like the issuer's": { jku: own.replace("/.", "@evil.example/.") },
    "a place in the same host": { jku: `https://${tenant.domain}/other.json` },
    "a place in this host": { jku: "http://127.0.0.1/keys.json" },
    "a place in the file system": { jku: "file:///etc/passwd" },
    "an empty place": { jku: "" },
    "the place of a certificate": { x5u: elsewhere },
    "a certificate": { x5c: ["MIIB"] },
    "no certificates in a chain": { x5c: [] },
    "a certificate for a text": { x5c: "MIIB" },
    "a key, a place and a certificate": {
      jwk: mine,
      jku: elsewhere,
      x5u: elsewhere,
      x5c: ["MIIB"],
    },
    crit: { crit: ["exp"] },
    "an empty crit": { crit: [] },
    "a crit that is null": { crit: null },
    "a crit that is a text": { crit: "exp" },
    "a crit of what is not there": { crit: ["http://example.com/UNDEFINED"] },
    "a crit of __proto__": { crit: ["__proto__"] },
    b64: { b64: true },
    "b64 of false": { b64: false },
    "b64 of null": { b64: null },
    "crit and b64": { crit: ["b64"], b64: false },
  };
  for (const [name, fields] of Object.entries(BRINGING)) {
    refused(`with ${name}, over a good signature,`, () => tenant.token({}, fields), reasons.header);
    refused(
      `with ${name}, over a stranger's signature,`,
      () => tenant.token({ sub: "auth0|root" }, { ...fields, kid: "mine" }, stranger),
      reasons.header,
    );
  }
  refused(
    "with a symmetric key and signed by it",
    () => tenant.token({}, { alg: "HS256", jwk: symmetric }, { key: "secret" }),
    reasons.header,
  );
  for (const name of ["jku", "x5u", "jwk", "x5c", "crit", "b64"]) {
    const escaped = `\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}`;
    refused(
      `with ${name} in another spelling`,
      () => headed(`{"alg":"RS256","kid":"key-1","${escaped}":"x"}`),
      reasons.header,
    );
  }
  for (const [name, value] of [
    ["jku", 7],
    ["jku", [elsewhere]],
    ["x5u", { url: elsewhere }],
    ["x5t", 7],
    ["x5t", ""],
    ["x5t#S256", "AAAA"],
  ]) {
    refused(
      `with ${name} of ${JSON.stringify(value)}`,
      () => tenant.token({}, { [name]: value }),
      reasons.form,
    );
  }

  // What is not known is passed over, and makes nobody trusted.
  for (const [name, fields] of Object.entries({
    "a thumbprint": { x5t: digest(20), "x5t#S256": digest(32) },
    "names in capitals": { JKU: elsewhere, JWK: mine, CRIT: ["exp"], ALG: "none", KID: "mine" },
    "claims of its own": { iss: "https://evil.example/", sub: "auth0|root", exp: 1 },
    "what encryption takes": { enc: "A256GCM", zip: "DEF", epk: mine, p2c: 2 ** 31 },
    "names of prototypes": JSON.parse('{"__proto__":{"alg":"none"},"constructor":{"kid":"mine"}}'),
    "fields of no account": { ver: "1.0", x: { y: [1] }, nonce: "n" },
  })) {
    accepted(`with ${name}`, () => tenant.token({}, fields));
    refused(
      `with ${name}, over a stranger's signature,`,
      () => tenant.token({}, fields, stranger),
      reasons.signature,
    );
  }
});

describe("the text of the header", { concurrency: 20 }, () => {
  accepted("with line breaks and spaces as in RFC 7515", () =>
    headed('{"typ":"JWT",\r\n "alg":"RS256",\r\n\t"kid" : "key-1"}\n'),
  );
  accepted("with its letters escaped", () =>
    headed('{"\\u0061lg":"RS25\\u0036","kid":"key\\u002d1"}'),
  );

  const MALFORMED = {
    "that is empty": "",
    "of no members": "{}",
    "that is null": "null",
    "that is a list": '["RS256","key-1"]',
    "that is a text": '"RS256"',
    "that is a number": "256",
    "with alg twice": '{"alg":"RS256","alg":"RS256","kid":"key-1"}',
    "with alg as none after all": '{"alg":"RS256","alg":"none","kid":"key-1"}',
    "with alg twice in two spellings": '{"alg":"none","a\\u006cg":"RS256","kid":"key-1"}',
    "with kid twice": '{"alg":"RS256","kid":"x","kid":"key-1"}',
    "with kid twice in two spellings": '{"alg":"RS256","\\u006bid":"x","kid":"key-1"}',
    "with typ twice": '{"alg":"RS256","kid":"key-1","typ":"JWT","typ":"at+jwt"}',
    "with crit twice": '{"alg":"RS256","kid":"key-1","crit":[],"crit":[]}',
    "with a comma at its end": '{"alg":"RS256","kid":"key-1",}',
    "with a comment": '{"alg":"RS256",/**/"kid":"key-1"}',
    "in single quotes": "{'alg':'RS256','kid':'key-1'}",
    "that is cut short": '{"alg":"RS256","kid":"key-1"',
    "that goes on": '{"alg":"RS256","kid":"key-1"}{"alg":"none"}',
    "with a zero byte after it": '{"alg":"RS256","kid":"key-1"}\0',
    "with a byte order mark": '\ufeff{"alg":"RS256","kid":"key-1"}',
    "in UTF-16": Buffer.from('{"alg":"RS256","kid":"key-1"}', "utf16le"),
    "with a line break in a text": '{"alg":"RS256","kid":"key-1","x":"a\nb"}',
    "with half a character": '{"alg":"RS256","kid":"key-1","x":"\\ud800"}',
    "with a number beyond all bounds": '{"alg":"RS256","kid":"key-1","x":1e400}',
    "that is nested without end": `{"alg":"RS256","kid":"key-1","x":${"[".repeat(2_000)}`,
    "that is nested deep": `{"alg":"RS256","kid":"key-1","x":${"[".repeat(500)}${"]".repeat(500)}}`,
  };
  for (const [name, header] of Object.entries(MALFORMED)) {
    refused(name, () => headed(header), reasons.form);
  }
  for (const [name, bytes] of Object.entries({
    "a byte of no text": [0xff],
    "an overlong spelling": [0xc0, 0xaf],
    "a character of UTF-16": [0xed, 0xa0, 0x80],
    "a character that is cut off": [0xe2, 0x82],
  })) {
    const around = ['{"alg":"RS256","kid":"key-1","x":"', '"}'].map((text) => Buffer.from(text));
    refused(
      `with ${name}`,
      () => headed(Buffer.concat([around[0], Buffer.from(bytes), around[1]])),
      reasons.form,
    );
  }
});
