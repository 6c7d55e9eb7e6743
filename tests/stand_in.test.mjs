// The issuer that stands in for Auth0 under `npm start`, asked by hand.
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

async function tokens(parameters) {
  const body = new URLSearchParams({ client_id: "my-page", ...parameters });
  const response = await fetch(`${issuer.url}oauth/token`, { method: "POST", body });
  return { status: response.status, ...(await response.json()) };
}

/** Signs Jane in, and gives her browser's cookie and what the page gets. */
async function signIn(parameters) {
  const answer = await authorize({ login_hint: JANE, ...parameters });
  assert.equal(answer.status, 302);
  const code = new URL(answer.headers.get("location")).searchParams.get("code");
  return {
    cookie: answer.headers.get("set-cookie").split(";")[0],
    ...(await tokens({ grant_type: "authorization_code", code, code_verifier: VERIFIER })),
  };
}

describe("the issuer of npm start", () => {
  test("gives an application a token for the worker's API, and for no other", async () => {
    const login = { grant_type: "client_credentials", client_id: "a" };
    const { access_token } = await tokens({ ...login, audience: AUDIENCE });
    assert.equal(claimsOf(access_token).aud, AUDIENCE);
    assert.equal(claimsOf((await tokens(login)).access_token).aud, AUDIENCE);
    const { error, ...rest } = await tokens({ ...login, audience: "https://other.example.com" });
    assert.equal(error, "access_denied");
    assert.equal(rest.access_token, undefined);
  });

  test("gives a user no right to everybody's events, however it is asked for", async () => {
    for (const wanted of ["listen:events", "listen:events openid listen:events"]) {
      const { access_token, scope } = await signIn({ scope: `${wanted} listen:events:self` });
      const granted = claimsOf(access_token).scope.split(" ");
      assert.deepEqual(
        granted.filter((word) => word.startsWith("listen:")),
        ["listen:events:self"],
      );
      assert.equal(scope, claimsOf(access_token).scope);
    }
  });

  test("ends a session for good when the user signs out, and logs which it was", async () => {
    const { cookie, id_token, refresh_token } = await signIn();
    const { sid } = claimsOf(id_token);
    const renewed = await tokens({ grant_type: "refresh_token", refresh_token });
    assert.equal(claimsOf(renewed.access_token).sub, JANE);

    const out = await fetch(`${issuer.url}v2/logout?returnTo=${PAGE}`, {
      redirect: "manual",
      headers: { cookie },
    });
    assert.equal(out.headers.get("location"), PAGE);
    const { type, user_id, details } = published.at(-1).data;
    assert.deepEqual([type, user_id, details.session_id], ["slo", JANE, sid]);

    const late = await tokens({
      grant_type: "refresh_token",
      refresh_token: renewed.refresh_token,
    });
    assert.deepEqual(
      [late.status, late.error, late.access_token],
      [403, "invalid_grant", undefined],
    );
    const silent = await authorize({ prompt: "none" }, cookie);
    const back = new URL(silent.headers.get("location"));
    assert.equal(back.searchParams.get("error"), "login_required");
  });

  test("sends nobody to other machines", async () => {
    const elsewhere = "https://example.com/";
    for (const prompt of ["none", "login"]) {
      const answer = await authorize({ redirect_uri: elsewhere, login_hint: JANE, prompt });
      assert.deepEqual([answer.status, answer.headers.get("location")], [400, null]);
    }
    const out = await fetch(`${issuer.url}v2/logout?returnTo=${elsewhere}`, { redirect: "manual" });
    assert.deepEqual([out.status, out.headers.get("location")], [200, null]);
  });

  test("lives on after a request that makes no sense", async () => {
    const status = await new Promise((resolve, reject) => {
      const { port } = new URL(issuer.url);
      get({ port, path: "//" }, (answer) => resolve(answer.resume().statusCode)).on(
        "error",
        reject,
      );
    });
    assert.equal(status, 400);
    assert.equal((await fetch(`${issuer.url}.well-known/jwks.json`)).status, 200);
  });
});
