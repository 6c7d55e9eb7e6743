// An API that rejects a token as soon as the user's session ends, not only when the token expires.
import { env } from "node:process";

import express from "express";
import { auth } from "express-oauth2-jwt-bearer";
import { clientCredentials, revocation } from "session-events/express";

// The defaults match `npm start`. The README lists the values for a real tenant.
const url = env.SESSION_EVENTS_URL ?? "http://localhost:8787";
const issuer = env.AUTH0_ISSUER ?? "http://localhost:8788/";
const audience = env.SESSION_EVENTS_AUDIENCE ?? "https://events.auth0a.com/api";
const port = Number(env.PORT ?? 8790);

for (const address of [url, issuer]) {
  await fetch(address).catch(() => fail(`${address} does not respond: run npm start first.`));
}

const notRevoked = revocation({
  url,
  tenant: env.SESSION_EVENTS_TENANT ?? "acme@us",
  getToken: clientCredentials({
    issuer,
    clientId: env.AUTH0_CLIENT_ID ?? "my-api",
    clientSecret: env.AUTH0_CLIENT_SECRET ?? "any",
    audience,
  }),
  whileDisconnected: "refuse",
});

const app = express();

// The page of the browser example has another origin.
app.use((request, response, next) => {
  response.set("access-control-allow-origin", "*");
  response.set("access-control-allow-headers", "authorization");
  if (request.method === "OPTIONS") response.sendStatus(204);
  else next();
});

// First verify the token, then check that its session has not ended.
app.use(auth({ issuerBaseURL: issuer, audience, tokenSigningAlg: "RS256" }), notRevoked);

app.get("/api/me", ({ auth: { payload } }, response) => {
  response.json({ sub: payload.sub, issued: new Date(payload.iat * 1000), scope: payload.scope });
});

// The errors of both middlewares have a status, headers and a code.
app.use((error, _request, response, _next) => {
  // The error for a request without a token has no code.
  const { status = 500, headers = {}, code = "invalid_token", message } = error;
  if (status === 500) console.error(error);
  const body =
    status === 500
      ? {
          error: "internal_error",
          error_description: "The request failed: see the log of the API.",
        }
      : { error: code, error_description: message };
  response.status(status).set(headers).json(body);
});

const server = app.listen(port, "localhost", (error) => {
  if (error) fail(`${error.message}: set PORT to another port, and API_URL of the page to match.`);
  console.log(`The API listens at http://localhost:${server.address().port}/api/me`);
});
notRevoked.ready.then(
  () => console.log("The list of revocations is up to date."),
  // The error was already passed to onError.
  () => {},
);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    notRevoked.close();
    server.close();
    server.closeAllConnections();
  });
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
