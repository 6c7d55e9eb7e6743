// The bare runtime for a test file: what the file starts ends with it.
import { after } from "node:test";

import { serveIssuer } from "./workerd.mjs";

export { BareWorkerd } from "./workerd.mjs";

/** An issuer that listens: here the worker reaches out for itself. */
export async function startIssuer() {
  const { issuer, close } = await serveIssuer();
  after(close);
  return issuer;
}
