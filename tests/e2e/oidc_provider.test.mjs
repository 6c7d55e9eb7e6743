// A tenant that is not on Auth0, end to end: its issuer is an OpenID provider of another vendor, which
// signs the access tokens of subscribers and posts the logout tokens.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { PUBLISH_SECRET } from "../support/built_worker.mjs";
import { AUDIENCE, nodeFetch } from "../support/issuer.mjs";
import { OpenIdProvider, ProviderSession } from "../support/openid_provider.mjs";
import { USER } from "../support/records.mjs";
import { Subscriber } from "../support/subscriber.mjs";
import { BareWorkerd } from "../support/workerd.mjs";

const provider = new OpenIdProvider();
await provider.listen();
const worker = new BareWorkerd({
  PUBLISH_SECRET,
  AUDIENCE,
  TENANTS: JSON.stringify({
    corp: {
      domain: "sso.corp.example",
      issuers: [{ issuer: provider.issuer, jwks_uri: provider.jwksUri }],
      logout_token_audiences: ["shop", "forum"],
    },
  }),
});
await worker.start();
after(() => worker.kill());

const backchannel_logout_uri = new URL("/corp/api/backchannel-logout", worker.url).href;
provider.serve([
  { client_id: "shop", backchannel_logout_uri, backchannel_logout_session_required: true },
  { client_id: "forum", backchannel_logout_uri },
  { client_id: "stranger", backchannel_logout_uri, backchannel_logout_session_required: true },
]);

/** Opens a socket with an access token of the provider. */
async function subscribe(accessToken) {
  const url = new URL("/corp/api/subscribe", worker.url.href.replace("http", "ws"));
  const protocols = ["session-events", `bearer.${accessToken}`];
  const subscriber = await Subscriber.connect(url, { protocols });
  const types = (await subscriber.take(2)).map(({ type }) => type);
  assert.deepEqual(types, ["connected", "authenticated"]);
  return subscriber;
}

/** Returns whether a token is active, which the API says that has `accessToken`. */
async function isActive(token, accessToken) {
  const response = await nodeFetch(new URL("/corp/api/introspect", worker.url), {
    method: "POST",
    headers: { authorization: `Bearer ${accessToken}` },
    body: new URLSearchParams({ token }),
  });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()).active;
}

const claimsOf = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));

test("a subscriber with a token of the provider learns that the provider ended a session", async () => {
  const session = new ProviderSession(provider, USER);
  const { access_token, id_token } = await session.signIn("shop");
  const subscriber = await subscribe(access_token);
  assert.equal(await isActive(access_token, access_token), true);

  await session.signOut();

  assert.deepEqual(provider.logoutTokens.splice(0), ["success"]);
  const { id, date, ...event } = await subscriber.next();
  assert.match(id, /^[\w-]{43}$/);
  assert.ok(Math.abs(Date.now() - Date.parse(date)) < 60_000, date);
  assert.deepEqual(event, {
    type: "logout",
    user_id: USER,
    session_id: claimsOf(id_token).sid,
    revokes: "session",
  });
  assert.equal(await isActive(access_token, access_token), false);
});

test("a client whose logout tokens have no session makes an event of the user", async () => {
  const session = new ProviderSession(provider, "staff|jane");
  const { access_token } = await session.signIn("forum");
  const subscriber = await subscribe(access_token);
  await subscriber.drain();
  await session.signOut();
  assert.deepEqual(provider.logoutTokens.splice(0), ["success"]);
  const { type, user_id, session_id, revokes } = await subscriber.next();
  assert.deepEqual(
    [type, user_id, session_id, revokes],
    ["logout", "staff|jane", undefined, "user"],
  );
});

test("each client of the session makes an event, because the provider gives each another session id", async () => {
  const session = new ProviderSession(provider, "staff|john");
  const { access_token, ...shop } = await session.signIn("shop");
  await session.signIn("forum");
  const subscriber = await subscribe(access_token);
  await subscriber.drain();
  await session.signOut();
  assert.deepEqual(provider.logoutTokens.splice(0), ["success", "success"]);
  const sessions = (await subscriber.take(2)).map(({ session_id }) => session_id);
  assert.deepEqual(sessions.toSorted(), [claimsOf(shop.id_token).sid, undefined].toSorted());
});

test("the provider learns that the logout token of a client that is not listed is rejected", async () => {
  const session = new ProviderSession(provider, "staff|joan");
  const { access_token } = await session.signIn("stranger");
  const subscriber = await subscribe(access_token);
  await subscriber.drain();
  await session.signOut();
  const [error] = provider.logoutTokens.splice(0);
  assert.match(error.message, /got: 400/);
  const { error_description } = await error.response.json();
  assert.match(error_description, /logout_token_audiences/);
  assert.deepEqual(await subscriber.drain(), []);
});
