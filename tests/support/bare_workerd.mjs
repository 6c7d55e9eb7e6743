// The bare runtime for a test file: what the file starts ends with it.
import { after } from "node:test";

import { PUBLISH_SECRET } from "./built_worker.mjs";
import { BareWorkerd, serveIssuer } from "./workerd.mjs";

export { BareWorkerd };

/** The worker, started, for a tenant `acme` whose tokens the issuer gives out. */
export async function startBareWorkerd() {
  const issuer = await startIssuer();
  const workerd = await startBareWorkerdWith({ acme: [{ issuer: issuer.issuer }] });
  return { issuer, workerd };
}

/** The worker, started, with these issuers of its tenants. */
export async function startBareWorkerdWith(issuers) {
  const workerd = new BareWorkerd({ PUBLISH_SECRET, ISSUERS: JSON.stringify(issuers) });
  await workerd.start();
  after(() => workerd.kill());
  return workerd;
}

/** An issuer that listens: here the worker reaches out for itself. */
export async function startIssuer() {
  const { issuer, close } = await serveIssuer();
  after(close);
  return issuer;
}
