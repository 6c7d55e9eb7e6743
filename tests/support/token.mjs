// Signs JSON Web Tokens with node:crypto alone, so that a test can write any header, any claims
// and any signature, sound or not.
import { constants, createHmac, sign } from "node:crypto";

const encode = (value) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

const pkcs1 = (hash) => (input, key) => sign(hash, input, key);
const pss = (hash) => (input, key) =>
  sign(hash, input, {
    key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  });
const hmac = (hash) => (input, secret) => createHmac(hash, secret).update(input).digest();

const signers = {
  RS256: pkcs1("sha256"),
  RS384: pkcs1("sha384"),
  RS512: pkcs1("sha512"),
  PS256: pss("sha256"),
  PS384: pss("sha384"),
  PS512: pss("sha512"),
  ES256: (input, key) => sign("sha256", input, { key, dsaEncoding: "ieee-p1363" }),
  HS256: hmac("sha256"),
  none: () => Buffer.alloc(0),
};

/**
 * A token of `header` and `claims` (objects, or JSON text), signed with `key` (a private key, or
 * the secret of an HMAC) by `signedAs`, which may differ from what the header says.
 */
export function mint({ header, claims, key, signedAs = header.alg }) {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${signers[signedAs](Buffer.from(input), key).toString("base64url")}`;
}

/** Now, in the seconds that the claims of a token count in. */
export const now = () => Math.floor(Date.now() / 1000);
