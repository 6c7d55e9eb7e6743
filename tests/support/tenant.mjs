// A tenant of the Worker under test, with its issuer, publisher and subscribers. Each test creates
// its own tenant, so that the tests of a file can run concurrently.
import assert from "node:assert/strict";

import { publishToken } from "./built_worker.mjs";
import { Issuer } from "./issuer.mjs";
import { Subscriber } from "./subscriber.mjs";

let sequence = 0;

export { publishToken };

export class Tenant {
  /** `locality` is `us`, `eu`, …, or empty. `domain` is that of a tenant that is not on Auth0. */
  constructor(worker, { name = `tenant-${(sequence += 1)}`, locality = "us", domain } = {}) {
    this.worker = worker;
    this.name = name;
    this.slug = locality ? `${name}@${locality}` : name;
    this.domain = domain ?? `${this.slug.replace("@", ".")}.auth0.com`;
    this.issuer = new Issuer(`https://${this.domain}/`);
    this.object = worker.tenantObject(this.domain);
  }

  /** Returns an access token of the tenant's own issuer. */
  token(claims, header, options) {
    return this.issuer.token(claims, header, options);
  }

  fetch(route, init) {
    return this.worker.fetch(`/${this.slug}${route}`, init);
  }

  /** Sends a GET request with an access token. */
  get(route, token = this.token()) {
    return this.fetch(route, { headers: { authorization: `Bearer ${token}` } });
  }

  /** Publishes a body as Auth0 does and returns the response. */
  post(body, headers = { authorization: publishToken(this.domain) }) {
    return this.fetch("/api/publish", { method: "POST", headers, body, duplex: "half" });
  }

  /** Publishes a body, asserts that it is accepted, and returns the counts. */
  async publishBody(body, headers = {}) {
    const response = await this.post(body, {
      authorization: publishToken(this.domain),
      ...headers,
    });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text);
  }

  /** Publishes log records, asserts that they are accepted, and returns the counts. */
  publish(...records) {
    return this.publishBody(JSON.stringify(records));
  }

  /** Evicts all objects of the tenant from memory: the leader and its shards. */
  async evictAll() {
    const shard = (_, index) => this.worker.tenantObject(`${this.domain}/${index + 1}`);
    const shards = this.worker.shards > 1 ? Array.from({ length: this.worker.shards }, shard) : [];
    await Promise.all([this.object, ...shards].map((object) => object.evictIfRunning()));
  }

  /** Returns the last 100 events, latest first. */
  async events() {
    const response = await this.get("/api/events");
    assert.equal(response.status, 200);
    return (await response.json()).events;
  }

  /** Returns the response body of /api/listeners. */
  async listeners() {
    const response = await this.get("/api/listeners");
    assert.equal(response.status, 200);
    return response.json();
  }

  /**
   * Evicts the object and moves a timestamp of its stored key set into the past, by this many
   * milliseconds.
   */
  async ageKeySet(field, milliseconds) {
    await this.object.evictIfRunning();
    const rows = await this.object.sql("SELECT cached FROM key_sets");
    assert.equal(rows.length, 1);
    const cached = JSON.parse(rows[0].cached);
    assert.equal(typeof cached[field], "number", `${field} of ${rows[0].cached}`);
    cached[field] -= milliseconds;
    await this.object.sql("UPDATE key_sets SET cached = ?", JSON.stringify(cached));
  }

  subscribeUrl(query = "") {
    const url = new URL(`/${this.slug}/api/subscribe${query}`, this.worker.url);
    url.protocol = "ws:";
    return url;
  }

  /** Opens a socket that has received `connected` and has not authenticated. */
  async connect(options) {
    const subscriber = await Subscriber.connect(this.subscribeUrl(options?.query), options);
    assert.deepEqual(await subscriber.next(), { type: "connected" });
    return subscriber;
  }

  /** Opens a socket and authenticates it with a token with these claims. */
  async subscribe(claims, lastEventId) {
    const subscriber = await this.connect();
    const response = await subscriber.authenticate(this.token(claims), lastEventId);
    assert.equal(response.type, "authenticated", JSON.stringify(response));
    return subscriber;
  }
}
