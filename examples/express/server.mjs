// An API that refuses a token as soon as the user's session is over, not only when it expires.
import { env } from "node:process";

import express from "express";
import { auth } from "express-oauth2-jwt-bearer";
import { clientCredentials, revocation } from "session-events/express";

// The defaults are what `npm start` runs; the README says what a real tenant needs.
const url = env.SESSION_EVENTS_URL ?? "http://localhost:8787";
const issuer = env.AUTH0_ISSUER ?? "http://localhost:8788/";
const audience = env.SESSION_EVENTS_AUDIENCE ?? "https://events.auth0a.com/api";
const port = Number(env.PORT ?? 8790);

for (const address of [url, issuer]) {
  await fetch(address).catch(() => fail(`Nobody answers at ${address}: run npm start first.`));
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
  onError: ({ message, cause }) => console.warn(message, cause?.message ?? ""),
});

const app = express();

// The page of the browser example asks from another origin.
app.use((request, response, next) => {
  response.set("access-control-allow-origin", "*");
  response.set("access-control-allow-headers", "authorization");
  if (request.method === "OPTIONS") response.sendStatus(204);
  else next();
});

// First the token itself, then whether its session goes on.
app.use(auth({ issuerBaseURL: issuer, audience, tokenSigningAlg: "RS256" }), notRevoked);

app.get("/api/me", ({ auth: { payload } }, response) => {
  response.json({ sub: payload.sub, issued: new Date(payload.iat * 1000), scope: payload.scope });
});

// What the two middlewares refuse has a status, headers and a code.
app.use((error, _request, response, _next) => {
  // A request without a token is refused without a code.
  const { status = 500, headers = {}, code = "invalid_token", message } = error;
  if (status === 500) console.error(error);
  const told =
    status === 500
      ? { error: "internal_error", error_description: "Something went wrong here." }
      : { error: code, error_description: message };
  response.status(status).set(headers).json(told);
});

const server = app.listen(port, "localhost", (error) => {
  if (error) fail(`${error.message}: choose another by PORT, which is API_URL to the page.`);
  console.log(`The API answers at http://localhost:${server.address().port}/api/me`);
});
notRevoked.ready.then(
  () => console.log("It knows which sessions are over."),
  // Whatever the reason, onError has told it.
  () => {},
);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    notRevoked.close();
    server.close();
    server.closeAllConnections();
  });
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
