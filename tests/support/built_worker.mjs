// The location of the built Worker and the secrets that tests run it with.
import { createHmac } from "node:crypto";
import { fileURLToPath } from "node:url";

import { trackCredential } from "./token.mjs";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The output folder of `npm run bundle`. */
export const BUILT_WORKER = "build/production";
/** The master secret from which the Worker derives each tenant's publish token. */
export const PUBLISH_SECRET = "correct horse battery staple of the tests";

/** The number of tenants that `new Tenant(worker)` names in a test file with its own TENANTS. */
const MAX_GENERATED_TENANTS = 40;

/**
 * Returns the value of TENANTS for tenants with additional issuers, and for the tenants that tests
 * generate. `issuers` maps the slug of a tenant to its issuers.
 */
export function tenantsWith(issuers) {
  const table = {};
  for (let number = 1; number <= MAX_GENERATED_TENANTS; number += 1) {
    table[`tenant-${number}@us`] = {};
  }
  for (const [slug, list] of Object.entries(issuers)) {
    table[slug] = list.length > 0 ? { issuers: list } : {};
  }
  return JSON.stringify(table);
}

/** The publish token of the tenant with this domain. */
export const publishToken = (domain, secret = PUBLISH_SECRET) =>
  trackCredential(createHmac("sha256", secret).update(domain).digest("base64url"));
