// Which access tokens are good: their form, to the last bit. There is one way to write a token, so
// that nobody who reads it after us can read another one.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import { signingKey } from "../support/keys.mjs";
import { Tenant } from "../support/tenant.mjs";
import { mint, seal } from "../support/token.mjs";
import { reasons, verdictsFor } from "../support/token_tests.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const tenant = new Tenant(worker);
const { accepted, refused } = verdictsFor(tenant);
const { form, signature } = reasons;

const HEADER = '{"alg":"RS256","kid":"key-1"}';
const base64url = (bytes) => Buffer.from(bytes).toString("base64url");
const claims = () => JSON.stringify(tenant.issuer.claims());
/** A token of just these claims, as text or bytes, rightly signed. */
const claiming = (text) =>
  mint({ header: HEADER, claims: text, key: signingKey().privateKey, signedAs: "RS256" });
/** A token of parts that are encoded already, or look so, rightly signed as they stand. */
const sealed = (header, body) => seal(header, body, signingKey().privateKey);
const goodParts = () => tenant.token().split(".");

describe("a token in parts", { concurrency: 20 }, () => {
  const CHANGES = {
    "of one part": ([header]) => [header],
    "of two parts": ([header, body]) => [header, body],
    "of four parts": (parts) => [...parts, "x"],
    "of five parts, as if encrypted,": (parts) => [...parts, "x", "y"],
    "with a dot before it": (parts) => ["", ...parts],
    "with a dot after it": (parts) => [...parts, ""],
    "with two dots for one": ([header, ...rest]) => [header, "", ...rest],
    "without a header": ([, body, end]) => ["", body, end],
    "without claims, as if they came apart,": ([header, , end]) => [header, "", end],
    "of nothing but dots": () => ["", "", ""],
    "in the other order": (parts) => parts.toReversed(),
  };
  for (const [name, change] of Object.entries(CHANGES)) {
    refused(name, () => change(goodParts()).join("."), form);
  }
  const FORGERIES = {
    "without a signature": ([header, body]) => [header, body, ""],
    "with other claims": ([header, , end]) => [
      header,
      base64url(JSON.stringify(tenant.issuer.claims({ sub: "root" }))),
      end,
    ],
    "with another header": ([, body, end]) => [base64url(HEADER), body, end],
    "with another signature": ([header, body, end]) => [
      header,
      body,
      end.replace(/^.../, (start) => (start === "AAA" ? "BBB" : "AAA")),
    ],
    "with the signature of another token": ([header, body]) => [
      header,
      body,
      tenant.token({ sub: "auth0|other" }).split(".")[2],
    ],
    "with a signature cut short": ([header, body, end]) => [header, body, end.slice(0, -2)],
  };
  for (const [name, change] of Object.entries(FORGERIES)) {
    refused(name, () => change(goodParts()).join("."), signature);
  }
});

describe("a token of another serialization", { concurrency: 20 }, () => {
  const [header, payload, signature] = goodParts();
  for (const [name, json] of Object.entries({
    "flattened JSON": { protected: header, payload, signature },
    "general JSON": { payload, signatures: [{ protected: header, signature }] },
    "JSON with a header that is not protected": { header: { alg: "none" }, payload, signature },
  })) {
    refused(`in ${name}`, () => JSON.stringify(json), form);
  }
  const encrypted = { alg: "RSA-OAEP-256", enc: "A256GCM", kid: "key-1" };
  refused(
    "that is encrypted",
    () => `${base64url(JSON.stringify(encrypted))}.${"A".repeat(342)}.AAAA.${payload}.AAAA`,
    form,
  );
  refused("within a token", () => claiming(tenant.token()), form);
  refused("within a token, as JSON,", () => claiming(JSON.stringify(tenant.token())), form);
});

describe("a token with", { concurrency: 20 }, () => {
  const anywhere = (sign) => (token) => {
    const middle = token.indexOf(".") + 8;
    return `${token.slice(0, middle)}${sign}${token.slice(middle)}`;
  };
  const SIGNS = [
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
  for (const sign of SIGNS) {
    const name = JSON.stringify(sign);
    refused(`${name} in it`, () => anywhere(sign)(tenant.token()), form);
    refused(`${name} before it`, () => `${sign}${tenant.token()}`, form);
    refused(`${name} after it`, () => `${tenant.token()}${sign}`, form);
    refused(`${name} before its dots`, () => tenant.token().replaceAll(".", `${sign}.`), form);
    refused(`${name} in it, rightly signed,`, () => {
      const [header, body] = goodParts();
      return sealed(header, anywhere(sign)(`.${body}`).slice(1));
    });
  }
  refused("dots in percent encoding", () => tenant.token().replaceAll(".", "%2E"), form);
  refused("full-width dots", () => tenant.token().replaceAll(".", "．"), form);
  refused("quotation marks round it", () => `"${tenant.token()}"`, form);
  refused("its scheme before it", () => `Bearer ${tenant.token()}`, form);
  refused("another after a comma", () => `${tenant.token()},${tenant.token()}`, form);
  refused("another after a space", () => `${tenant.token()} ${tenant.token()}`, form);

  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  /** The same bytes in another spelling: a bit set that no byte takes. */
  const respelled = (part) => {
    const last = ALPHABET[ALPHABET.indexOf(part.at(-1)) + 1];
    const other = `${part.slice(0, -1)}${last}`;
    assert.equal(Buffer.from(other, "base64url").compare(Buffer.from(part, "base64url")), 0);
    return other;
  };
  /** JSON whose bytes leave bits over in base64url. */
  const uneven = (json) => base64url(json.padEnd(Math.ceil(json.length / 3) * 3 + 1, " "));
  accepted("bits left over", () => sealed(uneven(HEADER), uneven(claims())));
  refused(
    "bits set that are left over in its signature",
    () => {
      const [header, body, end] = goodParts();
      return [header, body, respelled(end)].join(".");
    },
    form,
  );
  refused(
    "bits set that are left over in its header",
    () => sealed(respelled(uneven(HEADER)), uneven(claims())),
    form,
  );
  refused(
    "bits set that are left over in its claims",
    () => sealed(uneven(HEADER), respelled(uneven(claims()))),
    form,
  );
});

describe("claims", { concurrency: 20 }, () => {
  const and = (members) => claims().replace(/}$/, `,${members}}`);
  accepted("with spaces and line breaks between them", () =>
    claiming(JSON.stringify(tenant.issuer.claims(), null, "\r\n\t")),
  );
  accepted("with their letters escaped", () =>
    claiming(claims().replace('"sub"', '"\\u0073\\u0075b"')),
  );
  accepted("with numbers of any size", () =>
    claiming(and(`"x":[1e300,-1e-300,${"9".repeat(80)},-0,0.1]`)),
  );
  accepted("with the names of prototypes", () =>
    claiming(and('"__proto__":{"scope":"x"},"constructor":1,"toString":null')),
  );
  accepted("that are nested 60 deep", () =>
    claiming(and(`"x":${"[".repeat(60)}${"]".repeat(60)}`)),
  );

  const MALFORMED = {
    "that are no JSON": () => "claims",
    "that are nothing": () => "",
    "that are null": () => "null",
    "that are a number": () => "1",
    "that are a text": () => JSON.stringify(claims()),
    "that are a list": () => `[${claims()}]`,
    "that go on": () => `${claims()}{}`,
    "that are cut short": () => claims().slice(0, -1),
    "with a comma at their end": () => claims().replace(/}$/, ",}"),
    "with a comment": () => and('"x":1/**/'),
    "with a number that is none": () => and('"x":NaN'),
    "with a number beyond all bounds": () => and('"x":1e400'),
    "with a zero byte after them": () => `${claims()}\0`,
    "with a zero byte in a text": () => and('"x":"\0"'),
    "with a byte order mark": () => `\ufeff${claims()}`,
    "with half a character": () => and('"x":"\\ud800"'),
    "in UTF-16": () => Buffer.from(claims(), "utf16le"),
    "with a byte of no text": () => Buffer.from(`${claims()}\xff`, "latin1"),
    "with a byte of no text in a value": () => Buffer.from(and('"x":"\xff"'), "latin1"),
    "with a byte of no text in a name": () => Buffer.from(and('"\xff":1'), "latin1"),
    "with an overlong spelling": () => Buffer.from(and('"x":"\xc0\xaf"'), "latin1"),
    "with a character of UTF-16": () => Buffer.from(and('"x":"\xed\xa0\x80"'), "latin1"),
    "that are nested without end": () => and(`"x":${"[".repeat(1_000)}`),
    "that are nested 500 deep": () => and(`"x":${"[".repeat(500)}${"]".repeat(500)}`),
    "that are nested deeper than can be handed on": () =>
      and(`"x":${"[".repeat(123)}${"]".repeat(123)}`),
  };
  for (const name of ["iss", "sub", "aud", "exp", "nbf", "iat", "scope", "permissions", "x"]) {
    const again = JSON.stringify(
      { nbf: 1, permissions: [], x: 1, ...tenant.issuer.claims() }[name],
    );
    const escaped = `\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}`;
    MALFORMED[`with ${name} twice`] = () =>
      JSON.stringify({ nbf: 1, permissions: [], x: 1, ...tenant.issuer.claims() }).replace(
        /}$/,
        `,"${name}":${again}}`,
      );
    MALFORMED[`with ${name} twice in two spellings`] = () =>
      JSON.stringify({ nbf: 1, permissions: [], x: 1, ...tenant.issuer.claims() }).replace(
        "{",
        `{"${escaped}":${again},`,
      );
  }
  for (const [name, text] of Object.entries(MALFORMED)) refused(name, () => claiming(text()), form);
});

describe("the size", { concurrency: 20 }, () => {
  /** A good token of exactly `bytes` bytes. */
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
    throw new Error(`no token of ${bytes} bytes`);
  }

  accepted("of 8 KiB", () => sized(8_192));
  refused("of one byte more", () => sized(8_193), /longer than 8 KiB/);

  test("over 8 KiB is not even read", async () => {
    const other = new Tenant(worker);
    const token = other.token({ pad: "p".repeat(9_000) });
    await assertError(await other.get("/api/events", token), 401, "invalid_token");
    assert.equal((await (await other.connect()).authenticate(token)).error, "invalid_token");
    assert.equal(other.issuer.fetches, 0, "its key was not asked for");
  });
});
