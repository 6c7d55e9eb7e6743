// The bare runtime for a test file: what the file starts ends with it.
import { after } from "node:test";

import { PUBLISH_SECRET } from "./built_worker.mjs";
import { BareWorkerd, serveIssuer } from "./workerd.mjs";

export { BareWorkerd };

/** The worker, started, for a tenant `acme` whose tokens the issuer gives out. */
export async function startBareWorkerd() {
  const issuer = await startIssuer();
  const ISSUERS = JSON.stringify({ acme: [{ issuer: issuer.issuer }] });
  const workerd = new BareWorkerd({ PUBLISH_SECRET, ISSUERS });
  await workerd.start();
  after(() => workerd.kill());
  return { issuer, workerd };
}

/** An issuer that listens: here the worker reaches out for itself. */
export async function startIssuer() {
  const { issuer, close } = await serveIssuer();
  after(close);
  return issuer;
}
