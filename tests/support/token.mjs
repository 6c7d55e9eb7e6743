// Signs JSON Web Tokens with node:crypto alone, so that a test can create tokens with invalid
// headers, claims and signatures.
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

/** Every credential that was created or presented in this process. */
const credentials = new Set();

/** Records a credential, so that `credentialsIn` finds it in a log. */
export function trackCredential(credential) {
  credentials.add(credential);
  return credential;
}

/** Returns the recorded credentials of which `text` contains a part of at least 20 characters. */
export const credentialsIn = (text) =>
  [...credentials].filter((credential) =>
    credential.split(".").some((part) => part.length >= 20 && text.includes(part)),
  );

/**
 * Signs a token. `header` and `claims` are objects, or JSON as text or bytes. `key` is a private
 * key, or the secret of an HMAC. `signedAs` is the algorithm, which may differ from the header's
 * `alg`, or a function that returns the signature.
 */
export const signToken = ({ header, claims, key, signedAs = header.alg }) =>
  signEncodedToken(encode(header), encode(claims), key, signedAs);

/** Signs a token whose header and claims are already encoded, or are arbitrary text. */
export function signEncodedToken(header, claims, key, signedAs = "RS256") {
  const input = `${header}.${claims}`;
  const signer = signers[signedAs] ?? signedAs;
  return trackCredential(`${input}.${signer(Buffer.from(input), key).toString("base64url")}`);
}

/** The current time in seconds, the unit of JWT claims. */
export const now = () => Math.floor(Date.now() / 1000);
