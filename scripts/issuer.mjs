// Stands in for an Auth0 tenant on this machine: signs tokens, publishes its key set, at the
// paths and with the claims that Auth0 uses. Whoever asks gets a token.
import { OAuth2Server } from "oauth2-mock-server";

const DAY = 86_400;

/**
 * Starts the issuer at `port` or, when that is taken, at a free one. Its tokens are for
 * `audience`, with the rights that were asked for, or the right to all events.
 */
export async function startIssuer(port, audience) {
  const server = new OAuth2Server(undefined, undefined, {
    endpoints: { token: "/oauth/token", jwks: "/.well-known/jwks.json" },
  });
  const { issuer, service } = server;
  await issuer.keys.generate("RS256");

  const scope = ({ body }) => body.scope ?? "listen:events";
  service.on("beforeTokenSigning", ({ payload }, request) => {
    payload.aud = audience;
    payload.sub = `${request.body.client_id ?? "anybody"}@clients`;
    payload.scope = scope(request);
    payload.exp = payload.iat + DAY;
  });
  service.on("beforeResponse", ({ body }, request) => {
    body.expires_in = DAY;
    body.scope = scope(request);
  });
  await server.start(port, "127.0.0.1").catch((error) => {
    if (error.code !== "EADDRINUSE") throw error;
    return server.start(0, "127.0.0.1");
  });
  // The slash at the end is Auth0's; the worker compares the issuer to the letter.
  issuer.url = `http://localhost:${server.address().port}/`;

  return {
    url: issuer.url,
    stop: () => server.stop(),
    /** A token as a backend gets it, by the client-credentials grant. */
    async token(clientId) {
      const response = await fetch(`${issuer.url}oauth/token`, {
        method: "POST",
        body: new URLSearchParams({ grant_type: "client_credentials", client_id: clientId }),
      });
      return (await response.json()).access_token;
    },
  };
}
