// The tests replace the global `fetch` for the Worker's outgoing requests (see issuer.mjs). The
// client runs in the same process, so its requests for revocations use Node's original `fetch`.
import { nodeFetch } from "../../../tests/support/issuer.mjs";

const { fetch: mockedFetch } = globalThis;
globalThis.fetch = (input, init) => {
  const { pathname } = new URL(input?.url ?? input);
  return (pathname.endsWith("/api/revocations") ? nodeFetch : mockedFetch)(input, init);
};
