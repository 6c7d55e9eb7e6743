// The form of access tokens. A token has exactly one valid encoding, so that no other reader can
// interpret it differently.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import { signingKey } from "../support/keys.mjs";
import { Tenant } from "../support/tenant.mjs";
import { signEncodedToken, signToken } from "../support/token.mjs";
import { reasons, tokenTestsFor } from "../support/token_tests.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const tenant = new Tenant(worker);
const { accepts, rejects } = tokenTestsFor(tenant);
const { form, signature } = reasons;

const HEADER = '{"alg":"RS256","kid":"key-1"}';
const base64url = (bytes) => Buffer.from(bytes).toString("base64url");
const claims = () => JSON.stringify(tenant.issuer.claims());
/** Returns a token with exactly these claims, as text or bytes, and a valid signature. */
const tokenWithClaims = (text) =>
  signToken({ header: HEADER, claims: text, key: signingKey().privateKey, signedAs: "RS256" });
/** Returns a token with these encoded parts and a valid signature. */
const tokenOfParts = (header, body) => signEncodedToken(header, body, signingKey().privateKey);
const validParts = () => tenant.token().split(".");

describe("the parts of a token", { concurrency: 20 }, () => {
  const CHANGES = {
    "one part": ([header]) => [header],
    "two parts": ([header, body]) => [header, body],
    "four parts": (parts) => [...parts, "x"],
    "five parts, like an encrypted token": (parts) => [...parts, "x", "y"],
    "a leading dot": (parts) => ["", ...parts],
    "a trailing dot": (parts) => [...parts, ""],
    "an empty part between header and claims": ([header, ...rest]) => [header, "", ...rest],
    "an empty header": ([, body, end]) => ["", body, end],
    "empty claims, as for a detached payload": ([header, , end]) => [header, "", end],
    "empty parts only": () => ["", "", ""],
    "the parts in reverse order": (parts) => parts.toReversed(),
  };
  for (const [name, change] of Object.entries(CHANGES)) {
    rejects(name, () => change(validParts()).join("."), form);
  }
  const FORGERIES = {
    "an empty signature": ([header, body]) => [header, body, ""],
    "replaced claims": ([header, , end]) => [
      header,
      base64url(JSON.stringify(tenant.issuer.claims({ sub: "root" }))),
      end,
    ],
    "a replaced header": ([, body, end]) => [base64url(HEADER), body, end],
    "a changed signature": ([header, body, end]) => [
      header,
      body,
      end.replace(/^.../, (start) => (start === "AAA" ? "BBB" : "AAA")),
    ],
    "the signature of another token": ([header, body]) => [
      header,
      body,
      tenant.token({ sub: "auth0|other" }).split(".")[2],
    ],
    "a truncated signature": ([header, body, end]) => [header, body, end.slice(0, -2)],
  };
  for (const [name, change] of Object.entries(FORGERIES)) {
    rejects(name, () => change(validParts()).join("."), signature);
  }
});

describe("other serializations", { concurrency: 20 }, () => {
  const [header, payload, signature] = validParts();
  for (const [name, json] of Object.entries({
    "flattened JSON": { protected: header, payload, signature },
    "general JSON": { payload, signatures: [{ protected: header, signature }] },
    "JSON with an unprotected header": { header: { alg: "none" }, payload, signature },
  })) {
    rejects(name, () => JSON.stringify(json), form);
  }
  const encrypted = { alg: "RSA-OAEP-256", enc: "A256GCM", kid: "key-1" };
  rejects(
    "an encrypted token",
    () => `${base64url(JSON.stringify(encrypted))}.${"A".repeat(342)}.AAAA.${payload}.AAAA`,
    form,
  );
  rejects("a nested token", () => tokenWithClaims(tenant.token()), form);
  rejects(
    "a nested token as a JSON string",
    () => tokenWithClaims(JSON.stringify(tenant.token())),
    form,
  );
});

describe("characters outside of the encoding", { concurrency: 20 }, () => {
  const insert = (character) => (token) => {
    const middle = token.indexOf(".") + 8;
    return `${token.slice(0, middle)}${character}${token.slice(middle)}`;
  };
  const CHARACTERS = [
    " ",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "=",
    "+",
    "/",
    "%2E",
    "~",
    "é",
    "。",
    "\u200b",
    "\\",
  ];
  for (const character of CHARACTERS) {
    const name = JSON.stringify(character);
    rejects(`${name} in the header`, () => insert(character)(tenant.token()), form);
    rejects(`${name} before the token`, () => `${character}${tenant.token()}`, form);
    rejects(`${name} after the token`, () => `${tenant.token()}${character}`, form);
    rejects(`${name} before the dots`, () => tenant.token().replaceAll(".", `${character}.`), form);
    rejects(`${name} in the claims, with a valid signature`, () => {
      const [header, body] = validParts();
      return tokenOfParts(header, insert(character)(`.${body}`).slice(1));
    });
  }
  rejects("percent-encoded dots", () => tenant.token().replaceAll(".", "%2E"), form);
  rejects("full-width dots", () => tenant.token().replaceAll(".", "．"), form);
  rejects("quotation marks around the token", () => `"${tenant.token()}"`, form);
  rejects("the Bearer scheme before the token", () => `Bearer ${tenant.token()}`, form);
  rejects("two tokens separated by a comma", () => `${tenant.token()},${tenant.token()}`, form);
  rejects("two tokens separated by a space", () => `${tenant.token()} ${tenant.token()}`, form);

  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  /** Returns another encoding of the same bytes, with an unused trailing bit set. */
  const withTrailingBit = (part) => {
    const last = ALPHABET[ALPHABET.indexOf(part.at(-1)) + 1];
    const other = `${part.slice(0, -1)}${last}`;
    assert.equal(Buffer.from(other, "base64url").compare(Buffer.from(part, "base64url")), 0);
    return other;
  };
  /** Pads JSON so that its base64url encoding has unused trailing bits. */
  const withUnusedBits = (json) => base64url(json.padEnd(Math.ceil(json.length / 3) * 3 + 1, " "));
  accepts("unused trailing bits that are zero", () =>
    tokenOfParts(withUnusedBits(HEADER), withUnusedBits(claims())),
  );
  rejects(
    "a set trailing bit in the signature",
    () => {
      const [header, body, end] = validParts();
      return [header, body, withTrailingBit(end)].join(".");
    },
    form,
  );
  rejects(
    "a set trailing bit in the header",
    () => tokenOfParts(withTrailingBit(withUnusedBits(HEADER)), withUnusedBits(claims())),
    form,
  );
  rejects(
    "a set trailing bit in the claims",
    () => tokenOfParts(withUnusedBits(HEADER), withTrailingBit(withUnusedBits(claims()))),
    form,
  );
});

describe("the JSON text of the claims", { concurrency: 20 }, () => {
  const withMembers = (members) => claims().replace(/}$/, `,${members}}`);
  accepts("spaces and line breaks", () =>
    tokenWithClaims(JSON.stringify(tenant.issuer.claims(), null, "\r\n\t")),
  );
  accepts("escaped characters", () =>
    tokenWithClaims(claims().replace('"sub"', '"\\u0073\\u0075b"')),
  );
  accepts("numbers of any size", () =>
    tokenWithClaims(withMembers(`"x":[1e300,-1e-300,${"9".repeat(80)},-0,0.1]`)),
  );
  accepts("members named like those of a JavaScript prototype", () =>
    tokenWithClaims(withMembers('"__proto__":{"scope":"x"},"constructor":1,"toString":null')),
  );
  accepts("60 levels of nesting", () =>
    tokenWithClaims(withMembers(`"x":${"[".repeat(60)}${"]".repeat(60)}`)),
  );

  const MALFORMED = {
    "text that is not JSON": () => "claims",
    "empty text": () => "",
    null: () => "null",
    "a number": () => "1",
    "a string": () => JSON.stringify(claims()),
    "an array": () => `[${claims()}]`,
    "a second object after the claims": () => `${claims()}{}`,
    "truncated JSON": () => claims().slice(0, -1),
    "a trailing comma": () => claims().replace(/}$/, ",}"),
    "a comment": () => withMembers('"x":1/**/'),
    NaN: () => withMembers('"x":NaN'),
    "a number out of range": () => withMembers('"x":1e400'),
    "a zero byte after the claims": () => `${claims()}\0`,
    "a zero byte in a string": () => withMembers('"x":"\0"'),
    "a byte order mark": () => `\ufeff${claims()}`,
    "a lone surrogate": () => withMembers('"x":"\\ud800"'),
    "UTF-16": () => Buffer.from(claims(), "utf16le"),
    "an invalid UTF-8 byte after the claims": () => Buffer.from(`${claims()}\xff`, "latin1"),
    "an invalid UTF-8 byte in a value": () => Buffer.from(withMembers('"x":"\xff"'), "latin1"),
    "an invalid UTF-8 byte in a name": () => Buffer.from(withMembers('"\xff":1'), "latin1"),
    "an overlong UTF-8 sequence": () => Buffer.from(withMembers('"x":"\xc0\xaf"'), "latin1"),
    "a UTF-8 encoded surrogate": () => Buffer.from(withMembers('"x":"\xed\xa0\x80"'), "latin1"),
    "1,000 unclosed arrays": () => withMembers(`"x":${"[".repeat(1_000)}`),
    "500 levels of nesting": () => withMembers(`"x":${"[".repeat(500)}${"]".repeat(500)}`),
    "more levels of nesting than an internal request can carry": () =>
      withMembers(`"x":${"[".repeat(123)}${"]".repeat(123)}`),
  };
  for (const name of ["iss", "sub", "aud", "exp", "nbf", "iat", "scope", "permissions", "x"]) {
    const value = JSON.stringify(
      { nbf: 1, permissions: [], x: 1, ...tenant.issuer.claims() }[name],
    );
    const escaped = `\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}`;
    MALFORMED[`${name} twice`] = () =>
      JSON.stringify({ nbf: 1, permissions: [], x: 1, ...tenant.issuer.claims() }).replace(
        /}$/,
        `,"${name}":${value}}`,
      );
    MALFORMED[`${name} twice, once with an escaped character`] = () =>
      JSON.stringify({ nbf: 1, permissions: [], x: 1, ...tenant.issuer.claims() }).replace(
        "{",
        `{"${escaped}":${value},`,
      );
  }
  for (const [name, text] of Object.entries(MALFORMED))
    rejects(name, () => tokenWithClaims(text()), form);
});

describe("the size of a token", { concurrency: 20 }, () => {
  /** Returns a valid token of exactly `bytes` bytes. */
  function sized(bytes) {
    for (let filler = 0; filler < 4; filler += 1) {
      const fields = { x: "x".repeat(filler) };
      const base = tenant.token({ pad: "" }, fields).length;
      for (let pad = Math.floor(((bytes - base) * 3) / 4) - 3; pad < bytes; pad += 1) {
        const token = tenant.token({ pad: "p".repeat(pad) }, fields);
        if (token.length === bytes) return token;
        if (token.length > bytes) break;
      }
    }
    throw new Error(`cannot create a token of ${bytes} bytes`);
  }

  accepts("8 KiB", () => sized(8_192));
  rejects("8 KiB and one byte", () => sized(8_193), /longer than 8 KiB/);

  test("a token over 8 KiB is rejected without a request for the key set", async () => {
    const other = new Tenant(worker);
    const token = other.token({ pad: "p".repeat(9_000) });
    await assertError(await other.get("/api/events", token), 401, "invalid_token");
    assert.equal((await (await other.connect()).authenticate(token)).error, "invalid_token");
    assert.equal(other.issuer.fetches, 0, "the key set was not requested");
  });
});
