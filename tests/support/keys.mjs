// Key pairs of an Auth0 tenant, and key pairs that the Worker must reject. Each is generated once
// per process, because generating an RSA key takes a tenth of a second.
import { generateKeyPairSync } from "node:crypto";

function keyPair(type, options) {
  let pair;
  return () => (pair ??= generateKeyPairSync(type, options));
}

/** The default signing key. */
export const signingKey = keyPair("rsa", { modulusLength: 2048 });
/** A second key: the next key of a rotation, or the key of an attacker. */
export const otherKey = keyPair("rsa", { modulusLength: 2048 });
/** An RSA key of half the required size. */
export const undersizedKey = keyPair("rsa", { modulusLength: 1024 });
/** A key that is not an RSA key. */
export const ellipticKey = keyPair("ec", { namedCurve: "P-256" });

/** The public key as an entry of a key set, in the form that Auth0 publishes. */
export function jwk({ publicKey }, kid, fields = {}) {
  return { ...publicKey.export({ format: "jwk" }), kid, use: "sig", ...fields };
}
