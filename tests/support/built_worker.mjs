// The location of the built Worker and the secrets that tests run it with.
import { createHmac } from "node:crypto";
import { fileURLToPath } from "node:url";

import { trackCredential } from "./token.mjs";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The output folder of `npm run deploy:dry-run`. */
export const BUILT_WORKER = "build/production";
/** The master secret from which the Worker derives each tenant's publish token. */
export const PUBLISH_SECRET = "correct horse battery staple";

/** The publish token of the tenant with this domain. */
export const publishToken = (domain, secret = PUBLISH_SECRET) =>
  trackCredential(createHmac("sha256", secret).update(domain).digest("base64url"));
