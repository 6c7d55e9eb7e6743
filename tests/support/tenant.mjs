// A tenant of the worker under test: its issuer, its log stream, its listeners. Each test takes
// a tenant of its own, so that the tests of a file can run side by side.
import assert from "node:assert/strict";

import { publishToken } from "./built_worker.mjs";
import { Issuer } from "./issuer.mjs";
import { Listener } from "./listener.mjs";

let sequence = 0;

export { publishToken };

export class Tenant {
  /** A tenant called `name` in `locality` (`us`, `eu`, … or none). */
  constructor(worker, { name = `tenant-${(sequence += 1)}`, locality = "us" } = {}) {
    this.worker = worker;
    this.name = name;
    this.slug = locality ? `${name}@${locality}` : name;
    this.domain = locality ? `${name}.${locality}.auth0.com` : `${name}.auth0.com`;
    this.issuer = new Issuer(`https://${this.domain}/`);
    this.hub = worker.hub(this.domain);
  }

  /** An access token of the tenant. */
  token(claims, header, options) {
    return this.issuer.token(claims, header, options);
  }

  fetch(route, init) {
    return this.worker.fetch(`/${this.slug}${route}`, init);
  }

  /** GET with an access token. */
  get(route, token = this.token()) {
    return this.fetch(route, { headers: { authorization: `Bearer ${token}` } });
  }

  /** Posts a body as Auth0 does and gives the response. */
  post(body, headers = { authorization: publishToken(this.domain) }) {
    return this.fetch("/api/publish", { method: "POST", headers, body, duplex: "half" });
  }

  /** Posts a body that must be taken, and gives the counts. */
  async publishBody(body, headers = {}) {
    const response = await this.post(body, {
      authorization: publishToken(this.domain),
      ...headers,
    });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text);
  }

  /** Publishes log records, which must be taken, and gives the counts. */
  publish(...records) {
    return this.publishBody(JSON.stringify(records));
  }

  /** Throws all of its objects out of memory: the root, and its shards where there are some. */
  async evictAll() {
    const shard = (_, place) => this.worker.hub(`${this.domain}/${place + 1}`);
    const shards = this.worker.shards > 1 ? Array.from({ length: this.worker.shards }, shard) : [];
    await Promise.all([this.hub, ...shards].map((object) => object.evictIfRunning()));
  }

  /** What the worker keeps, newest first. */
  async events() {
    const response = await this.get("/api/events");
    assert.equal(response.status, 200);
    return (await response.json()).events;
  }

  /** Who listens. */
  async listeners() {
    const response = await this.get("/api/listeners");
    assert.equal(response.status, 200);
    return response.json();
  }

  /**
   * Moves a time that the object keeps with its key set into the past, by so many milliseconds;
   * the object is thrown out of memory first.
   */
  async ageKeySet(field, milliseconds) {
    await this.hub.evictIfRunning();
    const rows = await this.hub.sql("SELECT cached FROM key_sets");
    assert.equal(rows.length, 1);
    const cached = JSON.parse(rows[0].cached);
    assert.equal(typeof cached[field], "number", `${field} of ${rows[0].cached}`);
    cached[field] -= milliseconds;
    await this.hub.sql("UPDATE key_sets SET cached = ?", JSON.stringify(cached));
  }

  subscribeUrl(query = "") {
    const url = new URL(`/${this.slug}/api/subscribe${query}`, this.worker.url);
    url.protocol = "ws:";
    return url;
  }

  /** A socket that has been greeted and has not authenticated. */
  async connect(options) {
    const listener = await Listener.connect(this.subscribeUrl(options?.query), options);
    assert.deepEqual(await listener.next(), { type: "connected" });
    return listener;
  }

  /** A socket that has authenticated; `claims` are those of its token. */
  async listen(claims, lastEventId) {
    const listener = await this.connect();
    const answer = await listener.authenticate(this.token(claims), lastEventId);
    assert.equal(answer.type, "authenticated", JSON.stringify(answer));
    return listener;
  }
}
