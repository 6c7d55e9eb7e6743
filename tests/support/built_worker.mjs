// Where the built worker is, and the secrets that it is given.
import { createHmac } from "node:crypto";
import { fileURLToPath } from "node:url";

import { shown } from "./token.mjs";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Where `npm run deploy:dry-run` puts the worker. */
export const BUILT_WORKER = "build/production";
/** The production worker's master secret in the tests. */
export const PUBLISH_SECRET = "correct horse battery staple";

/** The token that a tenant's log stream presents. */
export const publishToken = (domain, secret = PUBLISH_SECRET) =>
  shown(createHmac("sha256", secret).update(domain).digest("base64url"));
