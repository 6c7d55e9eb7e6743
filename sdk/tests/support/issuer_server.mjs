// An issuer on this machine with the endpoints of Auth0: discovery, key set and token endpoint.
import { once } from "node:events";
import { createServer } from "node:http";
import { after } from "node:test";

import { Issuer } from "../../../tests/support/issuer.mjs";

/** Starts an HTTP server on a free port. Returns its URL, which ends with a slash. */
export async function serve(respond) {
  const server = createServer(respond).listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close() && server.closeAllConnections());
  return `http://127.0.0.1:${server.address().port}/`;
}

/** Starts an issuer. Its token endpoint issues tokens of a backend for any client secret. */
export async function startIssuerServer() {
  const responses = {
    "/.well-known/openid-configuration": () => ({
      issuer: url,
      jwks_uri: issuer.jwksUri,
      id_token_signing_alg_values_supported: ["RS256"],
    }),
    "/.well-known/jwks.json": () => ({ keys: issuer.keys }),
    "/oauth/token": () => ({
      access_token: issuer.token({ sub: "backend@clients" }),
      expires_in: 3600,
    }),
  };
  const url = await serve((request, response) => {
    const body = responses[request.url]?.();
    response.writeHead(body ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(body ?? {}));
  });
  const issuer = new Issuer(url);
  return issuer;
}
