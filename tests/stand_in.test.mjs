// The stand-in issuer of `npm start`.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { get } from "node:http";
import { after, describe, test } from "node:test";

import { startIssuer } from "../scripts/issuer.mjs";

const JANE = "auth0|6182002f34f4dd006b05b5c7";
const PAGE = "http://localhost:3000/";
const VERIFIER = "v".repeat(43);

const AUDIENCE = "https://api.example.com";
const issuer = await startIssuer(0, AUDIENCE);
after(() => issuer.stop());
const published = [];
issuer.logTo(async (records) => published.push(...records));

const claimsOf = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));

function authorize(parameters, cookie = "") {
  const url = new URL("authorize", issuer.url);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: "my-page",
    redirect_uri: PAGE,
    scope: "openid listen:events:self",
    state: "some-state",
    code_challenge_method: "S256",
    code_challenge: createHash("sha256").update(VERIFIER).digest("base64url"),
    ...parameters,
  });
  return fetch(url, { redirect: "manual", headers: { cookie } });
}

async function requestTokens(parameters) {
  const body = new URLSearchParams({ client_id: "my-page", ...parameters });
  const response = await fetch(`${issuer.url}oauth/token`, { method: "POST", body });
  return { status: response.status, ...(await response.json()) };
}

/** Signs Jane in. Returns her browser's cookie and the token response. */
async function signIn(parameters) {
  const response = await authorize({ login_hint: JANE, ...parameters });
  assert.equal(response.status, 302);
  const code = new URL(response.headers.get("location")).searchParams.get("code");
  return {
    cookie: response.headers.get("set-cookie").split(";")[0],
    ...(await requestTokens({ grant_type: "authorization_code", code, code_verifier: VERIFIER })),
  };
}

describe("the stand-in issuer", () => {
  test("issues tokens to applications only for the Worker's API", async () => {
    const login = { grant_type: "client_credentials", client_id: "a" };
    const { access_token } = await requestTokens({ ...login, audience: AUDIENCE });
    assert.equal(claimsOf(access_token).aud, AUDIENCE);
    assert.equal(claimsOf((await requestTokens(login)).access_token).aud, AUDIENCE);
    const { error, ...rest } = await requestTokens({
      ...login,
      audience: "https://other.example.com",
    });
    assert.equal(error, "access_denied");
    assert.equal(rest.access_token, undefined);
  });

  test("never grants listen:events to a user", async () => {
    for (const requested of ["listen:events", "listen:events openid listen:events"]) {
      const { access_token, scope } = await signIn({ scope: `${requested} listen:events:self` });
      const granted = claimsOf(access_token).scope.split(" ");
      assert.deepEqual(
        granted.filter((word) => word.startsWith("listen:")),
        ["listen:events:self"],
      );
      assert.equal(scope, claimsOf(access_token).scope);
    }
  });

  test("ends the session when the user signs out, and publishes its id", async () => {
    const { cookie, id_token, refresh_token } = await signIn();
    const { sid } = claimsOf(id_token);
    const renewed = await requestTokens({ grant_type: "refresh_token", refresh_token });
    assert.equal(claimsOf(renewed.access_token).sub, JANE);

    const logout = await fetch(`${issuer.url}v2/logout?returnTo=${PAGE}`, {
      redirect: "manual",
      headers: { cookie },
    });
    assert.equal(logout.headers.get("location"), PAGE);
    const { type, user_id, details } = published.at(-1).data;
    assert.deepEqual([type, user_id, details.session_id], ["slo", JANE, sid]);

    const refused = await requestTokens({
      grant_type: "refresh_token",
      refresh_token: renewed.refresh_token,
    });
    assert.deepEqual(
      [refused.status, refused.error, refused.access_token],
      [403, "invalid_grant", undefined],
    );
    const silent = await authorize({ prompt: "none" }, cookie);
    const redirect = new URL(silent.headers.get("location"));
    assert.equal(redirect.searchParams.get("error"), "login_required");
  });

  test("redirects only to loopback hosts", async () => {
    const external = "https://example.com/";
    for (const prompt of ["none", "login"]) {
      const response = await authorize({ redirect_uri: external, login_hint: JANE, prompt });
      assert.deepEqual([response.status, response.headers.get("location")], [400, null]);
    }
    const logout = await fetch(`${issuer.url}v2/logout?returnTo=${external}`, {
      redirect: "manual",
    });
    assert.deepEqual([logout.status, logout.headers.get("location")], [200, null]);
  });

  test("continues to serve after a malformed request", async () => {
    const status = await new Promise((resolve, reject) => {
      const { port } = new URL(issuer.url);
      get({ port, path: "//" }, (response) => resolve(response.resume().statusCode)).on(
        "error",
        reject,
      );
    });
    assert.equal(status, 400);
    assert.equal((await fetch(`${issuer.url}.well-known/jwks.json`)).status, 200);
  });
});
