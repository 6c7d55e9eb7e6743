// Key pairs as an Auth0 tenant has them, and some that it must never be trusted with.
// Made once for each process: an RSA pair takes a tenth of a second.
import { generateKeyPairSync } from "node:crypto";

function keyPair(type, options) {
  let pair;
  return () => (pair ??= generateKeyPairSync(type, options));
}

/** The key that tokens are signed with unless a test says otherwise. */
export const signingKey = keyPair("rsa", { modulusLength: 2048 });
/** A second key: the next one of a rotation, or a stranger's. */
export const otherKey = keyPair("rsa", { modulusLength: 2048 });
/** An RSA key of half the size that is asked for. */
export const undersizedKey = keyPair("rsa", { modulusLength: 1024 });
/** A key that is not RSA at all. */
export const ellipticKey = keyPair("ec", { namedCurve: "P-256" });

/** The public half as an entry of a key set, in the shape that Auth0 publishes. */
export function jwk({ publicKey }, kid, fields = {}) {
  return { ...publicKey.export({ format: "jwk" }), kid, use: "sig", ...fields };
}
