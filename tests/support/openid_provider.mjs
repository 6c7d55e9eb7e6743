// A complete OpenID provider: the npm package oidc-provider, on a loopback port, and a browser that
// signs in there.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after } from "node:test";

import Provider from "oidc-provider";

import { AUDIENCE, nodeFetch } from "./issuer.mjs";
import { signingKey } from "./keys.mjs";
import { trackCredential } from "./token.mjs";

/** Where the browser ends up after a login and after a logout. Nothing listens there. */
const REDIRECT_URI = "https://app.example/callback";

const privateJwk = () => ({
  ...signingKey().privateKey.export({ format: "jwk" }),
  kid: "key-1",
  use: "sig",
  alg: "RS256",
});

export class OpenIdProvider {
  #server = createServer((request, response) => this.#respond(request, response));
  #provider;
  /** The results of the logout tokens that were posted, in order: `success` or an error. */
  logoutTokens = [];

  /** Reserves a port, which is part of the issuer. `serve` starts the provider. */
  async listen() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    after(() => this.#server.close());
    this.issuer = `http://127.0.0.1:${this.#server.address().port}`;
    this.jwksUri = `${this.issuer}/jwks`;
  }

  /**
   * Starts the provider with these clients, which are public. Every user has granted them
   * `listen:events` for the events API, so nobody is asked for consent.
   */
  serve(clients) {
    this.#provider = new Provider(this.issuer, {
      clients: clients.map((client) => ({
        token_endpoint_auth_method: "none",
        redirect_uris: [REDIRECT_URI],
        ...client,
      })),
      cookies: { keys: [randomBytes(16).toString("hex")] },
      features: {
        backchannelLogout: { enabled: true },
        devInteractions: { enabled: false },
        rpInitiatedLogout: {
          enabled: true,
          logoutSource: (context, form) => (context.body = form),
        },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => AUDIENCE,
          useGrantedResource: () => true,
          getResourceServerInfo: () => ({
            scope: "listen:events",
            accessTokenFormat: "jwt",
            jwt: { sign: { alg: "RS256" } },
          }),
        },
      },
      // The provider's own requests do not reach loopback addresses.
      fetch: (url, { dispatcher, ...init }) => nodeFetch(url, init),
      findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
      interactions: { url: (_, { uid }) => `/interaction/${uid}` },
      jwks: { keys: [privateJwk()] },
      async loadExistingGrant({ oidc: { provider, session, client } }) {
        const { accountId } = session;
        const grant = new provider.Grant({ accountId, clientId: client.clientId });
        grant.addOIDCScope("openid");
        grant.addResourceScope(AUDIENCE, "listen:events");
        await grant.save();
        return grant;
      },
      ttl: { AccessToken: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    });
    this.#provider.on("backchannel.success", () => this.logoutTokens.push("success"));
    this.#provider.on("backchannel.error", (_, error) => this.logoutTokens.push(error));
  }

  /** Responds to a request. The page for the login signs in the user whom the browser names. */
  async #respond(request, response) {
    if (!request.url.startsWith("/interaction/")) {
      return this.#provider.callback()(request, response);
    }
    const { params } = await this.#provider.interactionDetails(request, response);
    const result = { login: { accountId: params.login_hint } };
    await this.#provider.interactionFinished(request, response, result);
  }
}

/** A browser with a session at the provider. */
export class ProviderSession {
  #cookies = new Map();

  constructor(provider, user) {
    this.provider = provider;
    this.user = user;
  }

  /** Signs in to a client. Returns its `access_token` and its `id_token`. */
  async signIn(clientId) {
    const verifier = randomBytes(32).toString("base64url");
    const query = new URLSearchParams({
      client_id: clientId,
      response_type: "code",
      redirect_uri: REDIRECT_URI,
      scope: "openid listen:events",
      login_hint: this.user,
      code_challenge_method: "S256",
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    });
    const callback = await this.#follow(`${this.provider.issuer}/auth?${query}`);
    const response = await nodeFetch(`${this.provider.issuer}/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "authorization_code",
        client_id: clientId,
        code: callback.searchParams.get("code"),
        code_verifier: verifier,
        redirect_uri: REDIRECT_URI,
        resource: AUDIENCE,
      }),
    });
    const tokens = await response.json();
    assert.equal(response.status, 200, JSON.stringify(tokens));
    trackCredential(tokens.access_token);
    return tokens;
  }

  /** Ends the session. The provider posts the logout tokens before it responds. */
  async signOut() {
    const page = await (await this.#request(`${this.provider.issuer}/session/end`)).text();
    const [, xsrf] = page.match(/name="xsrf" value="([^"]+)"/);
    const response = await this.#request(`${this.provider.issuer}/session/end/confirm`, {
      method: "POST",
      body: new URLSearchParams({ xsrf, logout: "yes" }),
    });
    assert.equal(response.status, 303);
  }

  /** Follows redirects until the browser leaves the provider, and returns the URL. */
  async #follow(url) {
    let next = new URL(url);
    while (next.origin === this.provider.issuer) {
      const response = await this.#request(next);
      const location = response.headers.get("location");
      assert.ok(location, `${response.status} ${await response.text()}`);
      next = new URL(location, next);
    }
    return next;
  }

  async #request(url, init) {
    const cookie = Array.from(this.#cookies, ([name, value]) => `${name}=${value}`).join("; ");
    const response = await nodeFetch(url, { redirect: "manual", headers: { cookie }, ...init });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
      this.#cookies.set(name, value);
    }
    return response;
  }
}
