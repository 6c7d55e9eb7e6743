// The algorithm and the signature of access tokens. An attacker controls the header, so a token must
// be signed with RSA and SHA-256 whatever algorithm the header names.
import { constants, createHash, generateKeyPairSync, sign } from "node:crypto";
import { describe } from "node:test";

import { ellipticKey, jwk, otherKey, signingKey } from "../support/keys.mjs";
import { Tenant } from "../support/tenant.mjs";
import { reasons, tokenTestsFor } from "../support/token_tests.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const tenant = new Tenant(worker);
const { publicKey } = signingKey();
const validKey = jwk(signingKey(), "key-1");
const modulus = Buffer.from(validKey.n, "base64url");
const cubicKey = generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 });

tenant.issuer.keys = [
  validKey,
  jwk(cubicKey, "cubic"),
  jwk(ellipticKey(), "elliptic", { alg: "ES256" }),
  { kty: "oct", kid: "symmetric", k: Buffer.from("secret".repeat(8)).toString("base64url") },
];

const { accepts, rejects } = tokenTestsFor(tenant);
const { algorithm, form, key, signature } = reasons;

/** Returns a function that signs with any padding options. */
const signedWith = (options) => (input, key) => sign("sha256", input, { key, ...options });
const pss = (saltLength) => signedWith({ padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });

describe("allowed algorithms", { concurrency: 20 }, () => {
  accepts("RS256", () => tenant.token());
  accepts("PS256", () => tenant.token({}, { alg: "PS256" }));
  accepts("RS256 with a key with exponent 3", () =>
    tenant.token({}, { kid: "cubic" }, { key: cubicKey.privateKey }),
  );
});

describe("other algorithms", { concurrency: 20 }, () => {
  for (const alg of ["RS384", "RS512", "PS384", "PS512", "RS1"]) {
    rejects(`${alg} with a matching signature`, () => tenant.token({}, { alg }), algorithm);
  }
  for (const kid of ["key-1", "elliptic"]) {
    rejects(
      `ES256 with the kid ${kid}`,
      () => tenant.token({}, { alg: "ES256", kid }, { key: ellipticKey().privateKey }),
      algorithm,
    );
  }

  const NAMES = [
    ..."none None NONE nOnE nonE none,RS256 RS256,none rs256 Rs256 RS-256 RSA256 RS2560 RS256K".split(
      " ",
    ),
    ..."PS256;RS256 HS256 ES256K EdDSA Ed25519 dir RSA-OAEP A256GCM RSASSA-PKCS1-v1_5".split(" "),
    ...["", " ", "RS256 ", " RS256", "RS256\n", "RS256\0", "\0RS256", "\ufeffRS256", "\tnone"],
    ...["RЅ256", "ＲＳ256", "RS２56", "RS256\u200b", "nоne", "PBES2-HS256+A128KW"],
    ...["http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "__proto__", "toString"],
  ];
  for (const alg of NAMES) {
    rejects(
      `${JSON.stringify(alg)} with an RS256 signature`,
      () => tenant.token({}, { alg }, { signedAs: "RS256" }),
      algorithm,
    );
  }
  for (const alg of [undefined, null, ["RS256"], { RS256: true }, { toString: "RS256" }, 7, true]) {
    rejects(
      `${JSON.stringify(alg)} with an RS256 signature`,
      () => tenant.token({}, { alg }, { signedAs: "RS256" }),
      form,
    );
  }
  for (const alg of ["none", "None", "NONE", "nOnE", ""]) {
    rejects(
      `${JSON.stringify(alg)} without a signature`,
      () => tenant.token({ sub: "auth0|root" }, { alg }, { signedAs: "none" }),
      algorithm,
    );
  }
});

describe("HMAC with public data as the secret", { concurrency: 20 }, () => {
  const pem = (type) => publicKey.export({ type, format: "pem" });
  const der = (type) => publicKey.export({ type, format: "der" });
  const SECRETS = {
    "the public key in PEM": pem("spki"),
    "the public key in PEM without the last line break": pem("spki").trimEnd(),
    "the public key in PEM with CRLF": pem("spki").replaceAll("\n", "\r\n"),
    "the public key in PKCS#1 PEM": pem("pkcs1"),
    "the public key in PEM with certificate labels": pem("spki").replaceAll(
      "PUBLIC KEY",
      "CERTIFICATE",
    ),
    "the public key in DER": der("spki"),
    "the public key in PKCS#1 DER": der("pkcs1"),
    "the public key in base64-encoded DER": der("spki").toString("base64"),
    "the JSON text of the key": JSON.stringify(validKey),
    "the JSON text of the key set": JSON.stringify({ keys: tenant.issuer.keys }),
    "the modulus": modulus,
    "the encoded modulus": validKey.n,
    "the exponent": Buffer.from(validKey.e, "base64url"),
    "the kid": "key-1",
    "the issuer": tenant.issuer.issuer,
    "the empty string": "",
  };
  for (const [name, secret] of Object.entries(SECRETS)) {
    rejects(
      `HS256 with ${name} as the secret`,
      () => tenant.token({}, { alg: "HS256" }, { key: secret }),
      algorithm,
    );
    for (const alg of ["RS256", "PS256"]) {
      rejects(
        `an HS256 signature labelled ${alg} with ${name} as the secret`,
        () => tenant.token({}, { alg }, { key: secret, signedAs: "HS256" }),
        signature,
      );
    }
  }
  for (const alg of ["HS384", "HS512"]) {
    rejects(
      `${alg} with the public key in PEM as the secret`,
      () => tenant.token({}, { alg }, { key: pem("spki") }),
      algorithm,
    );
  }
  for (const [alg, reason] of [
    ["HS256", algorithm],
    ["RS256", key],
  ]) {
    rejects(
      `${alg} with a symmetric key of the key set`,
      () =>
        tenant.token({}, { alg, kid: "symmetric" }, { key: "secret".repeat(8), signedAs: "HS256" }),
      reason,
    );
  }
});

/** EMSA-PKCS1-v1_5 (RFC 8017, section 9.2) with `padding` bytes of padding, followed by zeros. */
function encodedMessage(input, padding, length = 256) {
  const digestInfo = Buffer.from("3031300d060960864801650304020105000420", "hex");
  const hash = createHash("sha256").update(input).digest();
  const start = [Buffer.from([0, 1]), Buffer.alloc(padding, 0xff), Buffer.from([0])];
  const encoded = Buffer.concat([...start, digestInfo, hash]);
  return Buffer.concat([encoded, Buffer.alloc(length - encoded.length)]);
}

const toNumber = (bytes) => BigInt(`0x${bytes.toString("hex")}`);
const toBytes = (number, length = 256) =>
  Buffer.from(number.toString(16).padStart(length * 2, "0"), "hex");

/** Returns the least integer whose cube is at least `number`. */
function cubeRoot(number) {
  let [low, high] = [0n, 1n << 700n];
  while (low < high) {
    const middle = (low + high) / 2n;
    if (middle ** 3n < number) low = middle + 1n;
    else high = middle;
  }
  return low;
}

describe("forged signatures", { concurrency: 20 }, () => {
  const rs256 = signedWith({});
  const FORGERIES = {
    "an empty signature": () => Buffer.alloc(0),
    zero: () => Buffer.alloc(256),
    one: () => toBytes(1n),
    "the modulus": () => modulus,
    "the modulus minus one": () => toBytes(toNumber(modulus) - 1n),
    "the encoded hash itself": (input) => encodedMessage(input, 202),
    "a valid signature twice": (input, key) =>
      Buffer.concat([rs256(input, key), rs256(input, key)]),
    "a valid signature after a zero byte": (input, key) =>
      Buffer.concat([Buffer.alloc(1), rs256(input, key)]),
    "a valid signature before a zero byte": (input, key) =>
      Buffer.concat([rs256(input, key), Buffer.alloc(1)]),
    "a valid signature without its last byte": (input, key) => rs256(input, key).subarray(0, 255),
    "a valid signature plus the modulus": (input, key) =>
      toBytes(toNumber(rs256(input, key)) + toNumber(modulus), 257),
    "a valid signature in reverse byte order": (input, key) => rs256(input, key).reverse(),
    "a signature of the claims alone": (input, key) =>
      rs256(input.subarray(input.indexOf(".") + 1), key),
    "a signature of another text": (_, key) => rs256(Buffer.from("another"), key),
    "a signature of another key": (input) => rs256(input, otherKey().privateKey),
  };
  for (const [name, signedAs] of Object.entries(FORGERIES)) {
    rejects(name, () => tenant.token({}, {}, { signedAs }), signature);
  }

  for (const [alg, signedAs] of [
    ["RS256", "PS256"],
    ["PS256", "RS256"],
    ["RS256", "RS1"],
    ["RS256", "RS512"],
    ["PS256", "PS512"],
  ]) {
    rejects(
      `an ${signedAs} signature labelled ${alg}`,
      () => tenant.token({}, { alg }, { signedAs }),
      signature,
    );
  }
  for (const [name, saltLength] of [
    ["no salt", 0],
    ["a salt of 20 bytes", 20],
    ["a salt of maximum length", constants.RSA_PSS_SALTLEN_MAX_SIGN],
  ]) {
    rejects(
      `a PS256 signature with ${name}`,
      () => tenant.token({}, { alg: "PS256" }, { signedAs: pss(saltLength) }),
      signature,
    );
  }
  rejects(
    "a cube root for a key with exponent 3",
    () => {
      const forge = (input) => toBytes(cubeRoot(toNumber(encodedMessage(input, 8))));
      return tenant.token({}, { kid: "cubic" }, { signedAs: forge });
    },
    signature,
  );
});
