// Starts the bare workerd binary for a test file and stops it after the file's tests.
import { after } from "node:test";

import { PUBLISH_SECRET, tenantsWith } from "./built_worker.mjs";
import { AUDIENCE } from "./issuer.mjs";
import { BareWorkerd, serveIssuer } from "./workerd.mjs";

export { BareWorkerd };

/** Starts the Worker with a tenant `acme` that trusts the returned issuer. */
export async function startBareWorkerd() {
  const issuer = await startIssuer();
  const workerd = await startBareWorkerdWith({ acme: [issuer.issuer] });
  return { issuer, workerd };
}

/** Starts the Worker with tenants that have these additional issuers (see `tenantsWith`). */
export async function startBareWorkerdWith(issuers) {
  const workerd = new BareWorkerd({ PUBLISH_SECRET, AUDIENCE, TENANTS: tenantsWith(issuers) });
  await workerd.start();
  after(() => workerd.kill());
  return workerd;
}

/** Starts an issuer that serves its key set over HTTP. Bare workerd uses the real network. */
export async function startIssuer() {
  const { issuer, close } = await serveIssuer();
  after(close);
  return issuer;
}
