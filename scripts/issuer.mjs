// Stands in for an Auth0 tenant on this machine: signs tokens, publishes its key set, lets two
// users sign in and out, at the paths and with the claims that Auth0 uses. Applications get a
// token for whatever secret they show.
import { createServer } from "node:http";

import { OAuth2Server } from "oauth2-mock-server";

import { Sessions } from "./sessions.mjs";

const DAY = 86_400;
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
const USER_PATH = "/api/v2/users/";

/**
 * Starts the issuer at `port` or, when that is taken, at a free one. Its tokens are for
 * `audience`: an application's with the rights that were asked for, or the right to all events; a
 * user's with the right to the user's own events.
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
    sessions.grant(url.searchParams.get("code"), session, scope);
  });
  service.on("beforeTokenSigning", ({ payload }, { body }) => {
    payload.exp = payload.iat + DAY;
    const isIdToken = payload.aud !== undefined;
    const granted = grantOf(body);
    if (granted) {
      const { user_id, name, email } = granted.session.user;
      payload.sub = user_id;
      if (isIdToken) Object.assign(payload, { sid: granted.session.id, name, email });
      else Object.assign(payload, { aud: audience, scope: granted.scope });
    } else {
      payload.aud = audience;
      payload.sub = `${body.client_id ?? "anybody"}@clients`;
      payload.scope = body.scope ?? "listen:events";
    }
  });
  service.on("beforeResponse", (response, { body }) => {
    response.body.expires_in = DAY;
    const refuse = (error, error_description) =>
      Object.assign(response, { statusCode: 403, body: { error, error_description } });
    if (body.grant_type === "client_credentials") {
      // As Auth0 does, so that what works here works there.
      if ((body.audience ?? audience) !== audience)
        refuse("access_denied", `There is no API ${body.audience}.`);
      else response.body.scope = body.scope ?? "listen:events";
      return;
    }
    const granted = grantOf(body);
    if (granted) {
      response.body.scope = granted.scope;
      sessions.grant(response.body.refresh_token, granted.session, granted.scope);
    } else refuse("invalid_grant", "The session is over.");
  });
  const grantOf = ({ code, refresh_token }) => sessions.granted(code ?? refresh_token);

  /** Lets a user sign in, unless this browser's user is. */
  function authorize(request, response, url) {
    const { prompt, login_hint, scope = "" } = Object.fromEntries(url.searchParams);
    const back = new URL(url.searchParams.get("redirect_uri"));
    if (!isLocal(back)) throw new Error("The redirect_uri must be on this machine.");
    const session = sessions.of(request) ?? sessions.begin(login_hint, response);
    if (session) {
      const granted = scope.split(" ").filter((word) => word !== "listen:events");
      signIns.set(request, { session, scope: granted.join(" ") });
      return service.requestHandler(request, response);
    }
    if (prompt !== "none") {
      return response.writeHead(200, { "content-type": "text/html" }).end(sessions.page(url));
    }
    back.searchParams.set("error", "login_required");
    back.searchParams.set("state", url.searchParams.get("state"));
    return response.writeHead(302, { location: back.href }).end();
  }

  async function signOut(request, response, url) {
    const session = sessions.of(request);
    if (session) await sessions.end(session);
    const returnTo = url.searchParams.get("returnTo") ?? "";
    if (URL.canParse(returnTo) && isLocal(new URL(returnTo)))
      response.writeHead(302, { location: returnTo }).end();
    else response.writeHead(200, { "content-type": "text/plain" }).end("You are signed out.\n");
  }

  async function updateUser(request, response, url) {
    const { blocked } = JSON.parse((await request.toArray()).join(""));
    const userId = decodeURIComponent(url.pathname.slice(USER_PATH.length));
    const known = await sessions.block(userId, blocked === true);
    const answer = known ? { user_id: userId, blocked } : { error: "There is no such user." };
    response.writeHead(known ? 200 : 404, { "content-type": "application/json" });
    response.end(`${JSON.stringify(answer)}\n`);
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
  // The slash at the end is Auth0's; the worker compares the issuer to the letter.
  issuer.url = `http://localhost:${server.address().port}/`;

  return {
    url: issuer.url,
    /** Has the log records of what happens here handed to `publish`. */
    logTo(publish) {
      sessions.publish = publish;
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
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

const isLocal = ({ hostname }) => LOOPBACK.includes(hostname);

/** Any page may ask for anything: who is asked stands for nobody but itself. */
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
