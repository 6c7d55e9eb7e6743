// A stand-in for the issuer at which the console signs in: discovery, authorization endpoint and
// token endpoint of a public client with PKCE. It responds as strictly as RFC 6749 and RFC 7636
// require, and redirects at once, like an issuer at which the user is logged in.
import { createHash, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { after } from "node:test";

import { AUDIENCE, Issuer } from "./issuer.mjs";

export const CLIENT_ID = "8fJ0dyWpm3vC0bLxPq2SconsoleA";

/**
 * Starts a stand-in. It records the authorization requests and the token requests. These functions
 * may be replaced: `discovery` changes the discovery document, `respond` returns the parameters of
 * an authorization response, `claims` returns the claims of the token, and `allowedOrigin` returns
 * the origin whose pages may read the response at a path.
 */
export async function startAuthorizationServer() {
  const codes = new Map();
  const standIn = {
    authorizations: [],
    tokenRequests: [],
    discovery: (document) => document,
    respond: (response) => response,
    claims: () => ({ sub: "auth0|operator" }),
    allowedOrigin: (origin) => origin,
    tokenError: undefined,
  };

  function authorize(parameters, response) {
    standIn.authorizations.push(Object.fromEntries(parameters));
    const code = randomUUID();
    codes.set(code, parameters);
    const state = parameters.get("state");
    const location = new URL(parameters.get("redirect_uri"));
    location.search = new URLSearchParams(standIn.respond({ code, state }));
    response.writeHead(302, { location: location.href }).end();
  }

  function issueToken(request, form, response) {
    standIn.tokenRequests.push(Object.fromEntries(form));
    const authorized = codes.get(form.get("code"));
    codes.delete(form.get("code"));
    const challenge = createHash("sha256").update(form.get("code_verifier")).digest("base64url");
    const isValid =
      form.get("grant_type") === "authorization_code" &&
      form.get("client_id") === CLIENT_ID &&
      form.get("redirect_uri") === authorized?.get("redirect_uri") &&
      challenge === authorized?.get("code_challenge") &&
      !form.has("client_secret") &&
      !request.headers.authorization;
    const error = standIn.tokenError ?? (isValid ? undefined : { error: "invalid_grant" });
    if (error) return response.writeHead(403).end(JSON.stringify(error));
    const access_token = issuer.token(standIn.claims());
    response.end(JSON.stringify({ access_token, token_type: "Bearer", expires_in: 3_600 }));
  }

  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, issuer.issuer);
    const origin =
      request.headers.origin && standIn.allowedOrigin(request.headers.origin, pathname);
    if (origin) response.setHeader("access-control-allow-origin", origin);
    const route = `${request.method} ${pathname}`;
    if (route === "GET /authorize") return authorize(searchParams, response);
    if (route === "GET /.well-known/openid-configuration")
      return response.end(JSON.stringify(standIn.discovery(document)));
    if (route === "POST /oauth/token")
      return issueToken(request, new URLSearchParams(await text(request)), response);
    response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => server.close());
  const host = `localhost:${server.address().port}`;
  const issuer = new Issuer(`http://${host}/`);
  const document = {
    issuer: issuer.issuer,
    authorization_endpoint: `${issuer.issuer}authorize`,
    token_endpoint: `${issuer.issuer}oauth/token`,
  };
  /** The entry of a tenant in TENANTS that signs in here. */
  const tenantEntry = (domain) => ({
    domain,
    issuers: [issuer.issuer],
    audience: AUDIENCE,
    console_client_id: CLIENT_ID,
  });
  return Object.assign(standIn, { host, issuer, tenantEntry });
}
