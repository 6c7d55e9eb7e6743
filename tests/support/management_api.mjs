// A stand-in for an Auth0 tenant: the parts of the Management API v2 that a set-up uses, the token
// endpoint, the key set, and log streams that post to their endpoint.
//
// It checks every request as strictly as Auth0: an unknown member is a 400, a missing scope a 403, a
// missing object a 404, and a duplicate a 409. It uses the network of this machine and does not
// replace the global `fetch`.
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";

import { sendRawRequest } from "./http.mjs";
import { jwk, signingKey } from "./keys.mjs";
import { BODIES, QUERIES, problemsIn } from "./management_schema.mjs";
import { now, signToken } from "./token.mjs";

const DEFAULT_PAGE_SIZE = 50;

/** All scopes that a set-up and its removal need. */
export const MANAGEMENT_SCOPES = ["log_streams", "resource_servers", "client_grants"].flatMap(
  (resource) => ["create", "read", "update", "delete"].map((action) => `${action}:${resource}`),
);

/** An error response in the form of the Management API. */
const failure = (statusCode, error, message, errorCode) => ({
  status: statusCode,
  body: { statusCode, error, message, ...(errorCode && { errorCode }) },
});
const invalid = (message) => failure(400, "Bad Request", message, "invalid_body");
const notFound = (message) => failure(404, "Not Found", message, "inexistent");
const conflict = (message) => failure(409, "Conflict", message, "conflict");

/** A tenant with two applications and the system API, as Auth0 creates one. */
export class ManagementApi {
  /** Every request: `METHOD /path`. */
  requests = [];
  /** Called with each request. A returned response replaces the real one. */
  intercept = () => undefined;
  /** The number of next requests that exceed the rate limit. */
  rateLimited = 0;
  /** Opaque management tokens and their scopes. */
  opaqueTokens = new Map();
  managementScopes = MANAGEMENT_SCOPES;
  logStreams = [];
  clientGrants = [];
  clients = [
    { client_id: "browser-app", name: "Browser", app_type: "spa", is_first_party: true },
    {
      client_id: "backend-app",
      name: "Backend",
      app_type: "non_interactive",
      is_first_party: true,
    },
  ];
  #nextId = 1;

  /** `domain` is the tenant's domain. By default it is the stand-in's own host and port. */
  static async start({ domain, tls } = {}) {
    const tenant = new ManagementApi();
    const listener = (request, response) => tenant.#handle(request, response);
    tenant.server = tls ? createTlsServer(tls, listener) : createServer(listener);
    tenant.server.listen(0, "127.0.0.1");
    await once(tenant.server, "listening");
    tenant.host = `localhost:${tenant.server.address().port}`;
    tenant.url = `${tls ? "https" : "http"}://${tenant.host}`;
    tenant.issuer = `${tenant.url}/`;
    tenant.domain = domain ?? tenant.host;
    tenant.resourceServers = [
      {
        id: tenant.#id("rs"),
        name: "Auth0 Management API",
        identifier: tenant.managementAudience,
        is_system: true,
        scopes: MANAGEMENT_SCOPES.map((value) => ({ value })),
      },
    ];
    return tenant;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  get managementAudience() {
    return `https://${this.domain}/api/v2/`;
  }

  /** A management token with these scopes. */
  managementToken(scopes = this.managementScopes, claims = {}) {
    return this.#token({
      iss: `https://${this.domain}/`,
      sub: "management@clients",
      aud: this.managementAudience,
      scope: scopes.join(" "),
      ...claims,
    });
  }

  #token(claims) {
    return signToken({
      header: { alg: "RS256", typ: "JWT", kid: "key-1" },
      claims: { iss: this.issuer, iat: now(), exp: now() + 3600, ...claims },
      key: signingKey().privateKey,
    });
  }

  /** Everything that a set-up can change, without ids. */
  snapshot() {
    const withoutId = ({ id, ...rest }) => rest;
    return structuredClone({
      resourceServers: this.resourceServers.filter((api) => !api.is_system).map(withoutId),
      clientGrants: this.clientGrants.map(withoutId),
      logStreams: this.logStreams.map(withoutId),
    });
  }

  // Log-ins and log-outs.

  /** Returns the access token of a user who signed in to an application, as Auth0 would issue it. */
  login(clientId, audience, userId, sessionId, requestedScope) {
    const scope = this.#allowedScope(clientId, audience, "user", requestedScope);
    if (scope.status) throw new Error(JSON.stringify(scope.body));
    return this.#token({ sub: userId, aud: audience, azp: clientId, sid: sessionId, scope });
  }

  #allowedScope(clientId, audience, subjectType, requestedScope) {
    const denied = (error_description) => ({
      status: 403,
      body: { error: "access_denied", error_description },
    });
    const api = this.resourceServers.find(({ identifier }) => identifier === audience);
    if (!api) return denied(`Service not found: ${audience}`);
    const permissions = api.scopes.map(({ value }) => value);
    const { policy } = api.subject_type_authorization[subjectType];
    const grant = this.clientGrants.find(
      (grant) =>
        grant.client_id === clientId &&
        grant.audience === audience &&
        grant.subject_type === subjectType,
    );
    if (policy === "deny_all" || (policy === "require_client_grant" && !grant))
      return denied(`Client is not authorized to access "${audience}".`);
    const allowed = policy === "allow_all" ? permissions : grant.scope;
    const requested = requestedScope?.split(" ") ?? allowed;
    return permissions
      .filter((scope) => allowed.includes(scope) && requested.includes(scope))
      .join(" ");
  }

  /** Posts log records to each active log stream. Returns the statuses of the responses. */
  async writeLog(...records) {
    const active = this.logStreams.filter(({ status }) => status === "active");
    const lines = records.map((record) => JSON.stringify(record));
    return Promise.all(
      active.map(async ({ sink }) => {
        const body =
          sink.httpContentFormat === "JSONLINES" ? lines.join("\n") : `[${lines.join(",")}]`;
        const endpoint = new URL(sink.httpEndpoint);
        const { status } = await sendRawRequest(endpoint, {
          method: "POST",
          path: endpoint.pathname,
          headers: {
            "content-type": sink.httpContentType,
            authorization: sink.httpAuthorization,
          },
          body,
        });
        return status;
      }),
    );
  }

  // Requests.

  async #handle(request, response) {
    const text = (await request.toArray()).join("");
    const url = new URL(request.url, this.url);
    this.requests.push(`${request.method} ${url.pathname}${url.search}`);
    const call = { method: request.method, url, headers: request.headers, text };
    const { status, body, headers } = (await this.intercept(call)) ?? this.#respond(call);
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  }

  #respond(call) {
    const { method, url } = call;
    if (url.pathname === "/.well-known/jwks.json")
      return { status: 200, body: { keys: [jwk(signingKey(), "key-1")] } };
    if (method === "POST" && url.pathname === "/oauth/token") return this.#issueToken(call);
    if (!url.pathname.startsWith("/api/v2/")) return notFound("Not Found");
    if (this.rateLimited > 0) {
      this.rateLimited -= 1;
      const reset = Math.floor(Date.now() / 1000) + 1;
      return {
        ...failure(429, "Too Many Requests", "Global limit has been reached", "too_many_requests"),
        headers: {
          "x-ratelimit-limit": "10",
          "x-ratelimit-remaining": "0",
          "x-ratelimit-reset": String(reset),
        },
      };
    }
    const [collection, id, ...rest] = url.pathname.slice("/api/v2/".length).split("/");
    const resource = this.#resources[collection];
    if (!resource || rest.length > 0) return notFound("Not Found");
    const action = { GET: "read", POST: "create", PATCH: "update", DELETE: "delete" }[method];
    const refusal = this.#authorize(call, `${action}:${collection.replaceAll("-", "_")}`);
    if (refusal) return refusal;
    const parsed = this.#parse(call, collection);
    if (parsed.status) return parsed;
    if (id === undefined) {
      if (method === "GET") return resource.list(url.searchParams);
      if (method === "POST") return resource.create(parsed.body);
      return notFound("Not Found");
    }
    const found = resource.find(decodeURIComponent(id));
    if (!found) return notFound(`There is no ${collection} with this id.`);
    if (method === "DELETE") {
      resource.remove(found);
      return { status: 204 };
    }
    if (method === "GET") return { status: 200, body: found };
    if (method === "PATCH") return resource.update(found, parsed.body);
    return notFound("Not Found");
  }

  #authorize({ headers }, scope) {
    const token = headers.authorization?.match(/^Bearer (.+)$/)?.[1];
    if (!token) return failure(401, "Unauthorized", "Missing authentication");
    let scopes = this.opaqueTokens.get(token);
    if (!scopes) {
      const claims = readClaims(token);
      if (claims?.aud !== this.managementAudience)
        return failure(401, "Unauthorized", "Bad audience: invalid token", "invalid_token");
      if (claims.exp < now()) return failure(401, "Unauthorized", "Expired token received");
      scopes = claims.scope.split(" ");
    }
    if (scopes.includes(scope) || scope === "read:clients") return undefined;
    const message = `Insufficient scope, expected any of: ${scope}`;
    return failure(403, "Forbidden", message, "insufficient_scope");
  }

  #parse({ method, url, headers, text }, collection) {
    const query = Object.fromEntries(url.searchParams);
    const isList = method === "GET" && url.pathname === `/api/v2/${collection}`;
    const queryProblems = problemsIn(query, isList ? QUERIES[`/${collection}`] : {});
    if (queryProblems.length > 0)
      return failure(400, "Bad Request", queryProblems.join(", "), "invalid_query_string");
    const members = BODIES[`${method} /${collection}`];
    if (!members) return text === "" ? {} : invalid("This request has no body");
    if (!headers["content-type"]?.startsWith("application/json"))
      return failure(415, "Unsupported Media Type", "The body must be application/json");
    let body;
    try {
      body = JSON.parse(text);
    } catch {
      return invalid("Invalid request payload JSON format");
    }
    const problems = problemsIn(body, members);
    if (method === "PATCH" && Object.keys(body).length === 0) problems.push("Too few properties");
    return problems.length > 0
      ? invalid(`Payload validation error: ${problems.join(", ")}`)
      : { body };
  }

  #issueToken({ headers, text }) {
    const isJson = headers["content-type"]?.startsWith("application/json");
    const form = isJson ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text));
    const denied = (status, error, error_description) => ({
      status,
      body: { error, error_description },
    });
    if (form.grant_type !== "client_credentials")
      return denied(403, "unauthorized_client", "Grant type not allowed for the client.");
    if (form.client_secret !== "s3cret-of-the-application")
      return denied(401, "access_denied", "Unauthorized");
    const isManagement =
      form.client_id === "management" && form.audience === this.managementAudience;
    const scope = isManagement
      ? this.managementScopes.join(" ")
      : this.#allowedScope(form.client_id, form.audience, "client");
    if (scope.status) return scope;
    const access_token = isManagement
      ? this.managementToken()
      : this.#token({ sub: `${form.client_id}@clients`, aud: form.audience, scope });
    return { status: 200, body: { access_token, scope, expires_in: 3600, token_type: "Bearer" } };
  }

  // Resources.

  #id(prefix) {
    const number = String(this.#nextId++).padStart(12, "0");
    return `${prefix}_${number}`;
  }

  #resources = {
    "log-streams": {
      list: () => ({ status: 200, body: this.logStreams }),
      find: (id) => this.logStreams.find((stream) => stream.id === id),
      create: (body) => {
        const { startFrom, ...rest } = body;
        const stream = { id: this.#id("lst"), status: "active", filters: [], ...rest };
        this.logStreams.push(stream);
        return { status: 200, body: stream };
      },
      update: (stream, body) => ({ status: 200, body: Object.assign(stream, body) }),
      remove: (stream) => (this.logStreams = this.logStreams.filter((other) => other !== stream)),
    },
    "resource-servers": {
      list: (query) => {
        const wanted = query.getAll("identifiers");
        const matching = this.resourceServers.filter(
          ({ identifier }) => wanted.length === 0 || wanted.includes(identifier),
        );
        return offsetPage(matching, query, "resource_servers");
      },
      find: (id) => this.resourceServers.find((api) => [api.id, api.identifier].includes(id)),
      create: (body) => {
        if (this.resourceServers.some(({ identifier }) => identifier === body.identifier))
          return conflict(`The API with the identifier ${body.identifier} already exists`);
        const api = {
          id: this.#id("rs"),
          name: body.identifier,
          is_system: false,
          allow_offline_access: false,
          skip_consent_for_verifiable_first_party_clients: false,
          token_lifetime: 86_400,
          token_lifetime_for_web: 7_200,
          signing_alg: "RS256",
          scopes: [],
          ...body,
          subject_type_authorization: {
            user: { policy: "allow_all" },
            client: { policy: "require_client_grant" },
            ...body.subject_type_authorization,
          },
        };
        this.resourceServers.push(api);
        return { status: 201, body: api };
      },
      update: (api, body) => {
        Object.assign(api, body);
        const left = api.scopes.map(({ value }) => value);
        for (const grant of this.clientGrants.filter(({ audience }) => audience === api.identifier))
          grant.scope = grant.scope.filter((scope) => left.includes(scope));
        return { status: 200, body: api };
      },
      remove: (api) => {
        this.resourceServers = this.resourceServers.filter((other) => other !== api);
        this.clientGrants = this.clientGrants.filter(({ audience }) => audience !== api.identifier);
      },
    },
    "client-grants": {
      list: (query) => {
        const matching = this.clientGrants.filter((grant) =>
          ["audience", "client_id", "subject_type"].every(
            (name) => !query.has(name) || grant[name] === query.get(name),
          ),
        );
        return checkpointPage(matching, query, "client_grants");
      },
      find: (id) => this.clientGrants.find((grant) => grant.id === id),
      create: (body) => {
        const { client_id, audience, scope = [], subject_type = "client" } = body;
        if (!this.clients.some((client) => client.client_id === client_id))
          return notFound(`The client ${client_id} does not exist`);
        const refusal = this.#checkScope(audience, scope);
        if (refusal) return refusal;
        const isDuplicate = this.clientGrants.some(
          (grant) =>
            grant.client_id === client_id &&
            grant.audience === audience &&
            grant.subject_type === subject_type,
        );
        if (isDuplicate) return conflict("The client grant already exists");
        const grant = { id: this.#id("cgr"), ...body, scope, subject_type };
        this.clientGrants.push(grant);
        return { status: 201, body: grant };
      },
      update: (grant, body) => {
        const refusal = this.#checkScope(grant.audience, body.scope ?? []);
        return refusal ?? { status: 200, body: Object.assign(grant, body) };
      },
      remove: (grant) => (this.clientGrants = this.clientGrants.filter((other) => other !== grant)),
    },
    clients: {
      list: (query) => offsetPage(this.clients, query, "clients"),
      find: (id) => this.clients.find(({ client_id }) => client_id === id),
    },
  };

  #checkScope(audience, scope) {
    const api = this.resourceServers.find(({ identifier }) => identifier === audience);
    if (!api) return notFound(`The API ${audience} does not exist`);
    const unknown = scope.filter((value) => !api.scopes.some((known) => known.value === value));
    return unknown.length > 0
      ? invalid(`The following scopes are not defined: ${unknown.join(", ")}`)
      : undefined;
  }
}

function readClaims(token) {
  try {
    return JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  } catch {
    return undefined;
  }
}

/** A page by number. Without `include_totals` it is a plain array. */
function offsetPage(items, query, name) {
  const limit = Math.min(Number(query.get("per_page") ?? DEFAULT_PAGE_SIZE), 100);
  const start = Number(query.get("page") ?? 0) * limit;
  const page = items.slice(start, start + limit);
  const withTotals = { start, limit, total: items.length, [name]: page };
  return { status: 200, body: query.get("include_totals") === "true" ? withTotals : page };
}

/** A page after a checkpoint. `next` is absent from the last page. */
function checkpointPage(items, query, name) {
  if (!query.has("take") && !query.has("from")) return offsetPage(items, query, name);
  const take = Math.min(Number(query.get("take") ?? DEFAULT_PAGE_SIZE), 100);
  const start = query.has("from")
    ? items.findIndex(({ id }) => Buffer.from(id).toString("base64") === query.get("from"))
    : 0;
  if (start < 0) return failure(400, "Bad Request", "Invalid from", "invalid_query_string");
  const next = items[start + take];
  return {
    status: 200,
    body: {
      [name]: items.slice(start, start + take),
      ...(next && { next: Buffer.from(next.id).toString("base64") }),
    },
  };
}
