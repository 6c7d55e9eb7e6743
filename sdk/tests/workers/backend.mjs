// A Worker with the SDK. A test bundles it and runs it in workerd.
import { env } from "cloudflare:workers";
import { SessionEvents } from "session-events";
import { clientCredentials, Revocations } from "session-events/revocation";

const getToken = clientCredentials({
  issuer: env.ISSUER,
  clientId: "backend",
  clientSecret: "any",
  audience: env.AUDIENCE,
});
const options = { url: env.EVENTS_URL, tenant: "acme", getToken };

/** A client of the global scope. Its constructor needs no network and no timer. */
const globalClient = new SessionEvents(options);

const messageOf = (error) => [error.code, error.message].filter(Boolean).join(": ");

/** The routes of the Worker itself, whose connections end with the request. */
const ROUTES = {
  /** Returns a token, or the error. */
  "/token": ({ searchParams }) =>
    clientCredentials({
      issuer: searchParams.get("issuer") ?? env.ISSUER,
      clientId: "backend",
      clientSecret: "any",
      audience: env.AUDIENCE,
    })().catch(messageOf),
  /** Connects, and closes the connection after the replay. */
  "/connect": async () => {
    const errors = [];
    globalClient.on("error", (error) => errors.push(messageOf(error)));
    const caughtUp = new Promise((resolve) => globalClient.on("caughtUp", resolve));
    globalClient.connect();
    await caughtUp;
    const { state } = globalClient;
    globalClient.close();
    return { state, errors };
  },
};

/** A Durable Object, which keeps its connection between requests. */
export class Backend {
  #errors = [];
  #events = [];
  #revocations = new Revocations({
    ...options,
    whileDisconnected: "refuse",
    minReconnectDelay: 10,
    maxReconnectDelay: 50,
    onError: (error) => this.#errors.push(messageOf(error)),
  });

  constructor() {
    this.#revocations.connection.on("event", (event) => this.#events.push(event));
  }

  fetch(request) {
    const { searchParams } = new URL(request.url);
    return Response.json({
      connected: this.#revocations.connected,
      events: this.#events,
      errors: this.#errors,
      check: this.#check({ sub: searchParams.get("sub"), iat: Number(searchParams.get("iat")) }),
    });
  }

  #check(claims) {
    try {
      this.#revocations.check(claims);
      return "passed";
    } catch (error) {
      return error.code;
    }
  }
}

export default {
  async fetch(request) {
    const url = new URL(request.url);
    const route = ROUTES[url.pathname];
    if (route) return Response.json(await route(url));
    return env.BACKEND.get(env.BACKEND.idFromName("acme")).fetch(request);
  },
};
