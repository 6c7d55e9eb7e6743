// Signs JSON Web Tokens with node:crypto alone, so that a test can write any header, any claims
// and any signature, sound or not.
import { constants, createHmac, sign } from "node:crypto";

const encode = (value) =>
  Buffer.from(
    typeof value === "string" || Buffer.isBuffer(value) ? value : JSON.stringify(value),
  ).toString("base64url");

const pkcs1 = (hash) => (input, key) => sign(hash, input, key);
const pss = (hash) => (input, key) =>
  sign(hash, input, {
    key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  });
const hmac = (hash) => (input, secret) => createHmac(hash, secret).update(input).digest();

const signers = {
  RS1: pkcs1("sha1"),
  RS256: pkcs1("sha256"),
  RS384: pkcs1("sha384"),
  RS512: pkcs1("sha512"),
  PS256: pss("sha256"),
  PS384: pss("sha384"),
  PS512: pss("sha512"),
  ES256: (input, key) => sign("sha256", input, { key, dsaEncoding: "ieee-p1363" }),
  HS256: hmac("sha256"),
  HS384: hmac("sha384"),
  HS512: hmac("sha512"),
  none: () => Buffer.alloc(0),
};

/** Every credential that was made or shown in this process. */
const credentials = new Set();

/** Remembers a credential, so that it is noticed in a log. */
export function shown(credential) {
  credentials.add(credential);
  return credential;
}

/** The credentials of which a text holds a part that is long enough to be worth something. */
export const credentialsIn = (text) =>
  [...credentials].filter((credential) =>
    credential.split(".").some((part) => part.length >= 20 && text.includes(part)),
  );

/**
 * A token of `header` and `claims` (objects, or JSON as text or bytes), signed with `key` (a
 * private key, or the secret of an HMAC) by `signedAs`: an algorithm, which may differ from what
 * the header says, or a function that makes the signature.
 */
export const mint = ({ header, claims, key, signedAs = header.alg }) =>
  seal(encode(header), encode(claims), key, signedAs);

/** A token of two parts that are encoded already, or look so, with a signature over just these. */
export function seal(header, claims, key, signedAs = "RS256") {
  const input = `${header}.${claims}`;
  const signer = signers[signedAs] ?? signedAs;
  return shown(`${input}.${signer(Buffer.from(input), key).toString("base64url")}`);
}

/** Now, in the seconds that the claims of a token count in. */
export const now = () => Math.floor(Date.now() / 1000);
