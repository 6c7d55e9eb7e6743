// The client runs in the process whose `fetch` stands for the worker's outside (see issuer.mjs). So
// that its own requests get out, those for pages of revocations take Node's own way.
import { nodeFetch } from "../../../tests/support/issuer.mjs";

const { fetch: outside } = globalThis;
globalThis.fetch = (input, init) => {
  const { pathname } = new URL(input?.url ?? input);
  return (pathname.endsWith("/api/revocations") ? nodeFetch : outside)(input, init);
};
