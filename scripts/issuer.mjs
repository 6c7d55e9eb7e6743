// A local stand-in for an Auth0 tenant, with Auth0's paths and claims. It issues tokens, serves its
// key set, and lets two users sign in and out. It accepts any client secret.
import { createServer } from "node:http";

import { OAuth2Server } from "oauth2-mock-server";

import { Sessions } from "./sessions.mjs";

const DAY_SECONDS = 86_400;
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
const USER_PATH = "/api/v2/users/";

/**
 * Starts the issuer on `port` or, if that is in use, on a free port. Access tokens have `audience`
 * as their audience. An application gets the scope that it requests, `listen:events` by default. A
 * user never gets `listen:events`, only `listen:events:self`.
 */
export async function startIssuer(port, audience) {
  const { issuer, service } = new OAuth2Server(undefined, undefined, {
    endpoints: { token: "/oauth/token", jwks: "/.well-known/jwks.json" },
  });
  await issuer.keys.generate("RS256");
  const sessions = new Sessions(async () => {});
  const signIns = new WeakMap();

  service.on("beforeAuthorizeRedirect", ({ url }, request) => {
    const { session, scope } = signIns.get(request);
    sessions.addGrant(url.searchParams.get("code"), session, scope);
  });
  service.on("beforeTokenSigning", ({ payload }, { body }) => {
    payload.exp = payload.iat + DAY_SECONDS;
    const isIdToken = payload.aud !== undefined;
    const grant = findGrant(body);
    if (grant) {
      const { user_id, name, email } = grant.session.user;
      payload.sub = user_id;
      if (isIdToken) Object.assign(payload, { sid: grant.session.id, name, email });
      else Object.assign(payload, { aud: audience, scope: grant.scope });
    } else {
      payload.aud = audience;
      payload.sub = `${body.client_id ?? "anybody"}@clients`;
      payload.scope = body.scope ?? "listen:events";
    }
  });
  service.on("beforeResponse", (response, { body }) => {
    response.body.expires_in = DAY_SECONDS;
    const reject = (error, error_description) =>
      Object.assign(response, { statusCode: 403, body: { error, error_description } });
    if (body.grant_type === "client_credentials") {
      // Auth0 rejects unknown audiences as well.
      if ((body.audience ?? audience) !== audience) {
        reject("access_denied", `There is no API ${body.audience}: request ${audience}.`);
      } else {
        response.body.scope = body.scope ?? "listen:events";
      }
      return;
    }
    const grant = findGrant(body);
    if (grant) {
      response.body.scope = grant.scope;
      sessions.addGrant(response.body.refresh_token, grant.session, grant.scope);
    } else {
      reject("invalid_grant", "The session has ended: sign in again.");
    }
  });
  const findGrant = ({ code, refresh_token }) => sessions.findGrant(code ?? refresh_token);

  /** Redirects a signed-in user back to the application, and shows the sign-in page to others. */
  function authorize(request, response, url) {
    const { prompt, login_hint, scope = "" } = Object.fromEntries(url.searchParams);
    const redirect = new URL(url.searchParams.get("redirect_uri"));
    if (!isLoopback(redirect)) throw new Error("The redirect_uri must have a loopback host.");
    const session = sessions.find(request) ?? sessions.start(login_hint, response);
    if (session) {
      const granted = scope.split(" ").filter((word) => word !== "listen:events");
      signIns.set(request, { session, scope: granted.join(" ") });
      return service.requestHandler(request, response);
    }
    if (prompt !== "none") {
      return response.writeHead(200, { "content-type": "text/html" }).end(sessions.signInPage(url));
    }
    redirect.searchParams.set("error", "login_required");
    redirect.searchParams.set("state", url.searchParams.get("state"));
    return response.writeHead(302, { location: redirect.href }).end();
  }

  async function signOut(request, response, url) {
    const session = sessions.find(request);
    if (session) await sessions.end(session);
    const returnTo = url.searchParams.get("returnTo") ?? "";
    if (URL.canParse(returnTo) && isLoopback(new URL(returnTo))) {
      response.writeHead(302, { location: returnTo }).end();
    } else {
      response.writeHead(200, { "content-type": "text/plain" }).end("You are signed out.\n");
    }
  }

  async function updateUser(request, response, url) {
    const { blocked } = JSON.parse((await request.toArray()).join(""));
    const userId = decodeURIComponent(url.pathname.slice(USER_PATH.length));
    const found = await sessions.setBlocked(userId, blocked === true);
    const body = found ? { user_id: userId, blocked } : { error: "There is no such user." };
    response.writeHead(found ? 200 : 404, { "content-type": "application/json" });
    response.end(`${JSON.stringify(body)}\n`);
  }

  const server = createServer(async (request, response) => {
    try {
      const url = new URL(request.url, issuer.url);
      const route = `${request.method} ${url.pathname}`;
      if (request.method === "OPTIONS") preflight(request, response);
      else if (route === "GET /authorize") authorize(request, response, url);
      else if (route === "GET /v2/logout") await signOut(request, response, url);
      else if (route.startsWith(`PATCH ${USER_PATH}`)) await updateUser(request, response, url);
      else service.requestHandler(request, response);
    } catch (error) {
      response.writeHead(400, { "content-type": "text/plain" }).end(`${error.message}\n`);
    }
  });
  await listen(server, port);
  // Auth0's issuers end in a slash, and the Worker compares the issuer exactly.
  issuer.url = `http://localhost:${server.address().port}/`;

  return {
    url: issuer.url,
    /** Sends the log records of logouts and blocked users to `publish`. */
    logTo(publish) {
      sessions.publish = publish;
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
    /** Returns an access token of an application (client-credentials grant). */
    async token(clientId) {
      const response = await fetch(`${issuer.url}oauth/token`, {
        method: "POST",
        body: new URLSearchParams({ grant_type: "client_credentials", client_id: clientId }),
      });
      return (await response.json()).access_token;
    },
  };
}

const isLoopback = ({ hostname }) => LOOPBACK.includes(hostname);

/** Allows cross-origin requests from any page. The issuer guards nothing, so this is safe. */
function preflight(request, response) {
  const headers = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, PATCH",
    "access-control-allow-headers": request.headers["access-control-request-headers"] ?? "",
  };
  response.writeHead(204, headers).end();
}

function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      server.once("error", reject).listen(0, "127.0.0.1");
    });
    server.once("listening", resolve).listen(port, "127.0.0.1");
  });
}
