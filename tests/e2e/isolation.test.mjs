// Tenants share a worker and nothing else. These have all in common that two tenants can: users,
// log ids, session ids, key ids, and some of them a name. What is one's own is the key, a year in
// each event's date, and who listens.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { before, describe, test } from "node:test";

import { authenticateOnSocket, authenticateOverHttp } from "../support/token_checks.mjs";
import { jwk } from "../support/keys.mjs";
import { eventOf, newLogId, scp, slo } from "../support/records.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const USERS = ["auth0|jane", "auth0|john"];
const LOG_IDS = [newLogId(), newLogId(), newLogId()];

/** A tenant with what tells it from the others. */
function inhabit({ name, locality, year }) {
  const tenant = new Tenant(worker, { name, locality });
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  tenant.issuer.keys = [jwk(pair, "key-1")];
  const date = (day) => `${year}-11-0${day}T05:53:57.546Z`;
  return {
    tenant,
    year: String(year),
    watcher: `watcher-${year}@clients`,
    token: (claims) => tenant.token(claims, {}, { key: pair.privateKey }),
    records: [
      slo({ user_id: USERS[0], date: date(1) }, LOG_IDS[0]),
      slo({ user_id: USERS[1], date: date(2) }, LOG_IDS[1]),
      scp({ user_id: USERS[0], date: date(3) }, LOG_IDS[2]),
    ],
  };
}

const inhabitants = [
  { name: "neighbour", locality: "us", year: 2011 },
  { name: "neighbours", locality: "us", year: 2012 },
  { name: "neighbour", locality: "eu", year: 2013 },
  { name: "neighbour", locality: "", year: 2014 },
].map(inhabit);

const othersOf = (one) => inhabitants.filter((other) => other !== one);
/** Asserts that a text tells nothing of the other tenants. */
function assertOwn(one, text) {
  for (const { year, tenant } of othersOf(one)) {
    assert.ok(!text.includes(`${year}-11-0`), `an event of ${tenant.domain}: ${text}`);
    assert.ok(!text.includes(`watcher-${year}`), `a listener of ${tenant.domain}: ${text}`);
    const hosts = text.match(/[\w.-]+\.auth0\.com/g) ?? [];
    assert.ok(!hosts.includes(tenant.domain), `the name of ${tenant.domain}: ${text}`);
  }
}

async function listenWith(one, claims) {
  const listener = await one.tenant.connect();
  const answer = await listener.authenticate(one.token(claims));
  assert.equal(answer.type, "authenticated");
  assertOwn(one, JSON.stringify(answer));
  return listener;
}

describe("tenants side by side", () => {
  before(async () => {
    for (const one of inhabitants) {
      one.all = await listenWith(one, { sub: one.watcher });
      one.jane = await listenWith(one, { sub: USERS[0], scope: "listen:events:self" });
    }
    // Interleaved, and each batch with a record that is logged.
    for (let turn = 0; turn < 3; turn += 1) {
      for (const one of inhabitants) {
        one.counts ??= [];
        one.counts.push(await one.tenant.publish(one.records[turn], { log_id: one.year }));
      }
    }
  });

  test("know their log ids apart: what is a duplicate here is news there", () => {
    for (const { counts } of inhabitants) {
      for (const { events, duplicates } of counts) assert.deepEqual([events, duplicates], [1, 0]);
    }
  });

  test("are heard by their own listeners alone, of all and of oneself", async () => {
    for (const { all, jane, records } of inhabitants) {
      const events = records.map(eventOf);
      assert.deepEqual(await all.drain(), events);
      assert.deepEqual(await jane.drain(), [events[0], events[2]]);
    }
  });

  test("answer with their own events and their own listeners", async () => {
    for (const one of inhabitants) {
      const events = await (await one.tenant.get("/api/events", one.token())).json();
      assert.deepEqual(events, { events: one.records.map(eventOf).reverse() });
      const { connections } = await (await one.tenant.get("/api/listeners", one.token())).json();
      assert.deepEqual(connections.map(({ sub }) => sub).sort(), [USERS[0], one.watcher]);
    }
  });

  test("replay their own events after an id that all of them have", async () => {
    for (const one of inhabitants) {
      const listener = await one.tenant.connect();
      const answer = await listener.authenticate(one.token(), LOG_IDS[0]);
      assert.equal(answer.recovered, true);
      assert.deepEqual(await listener.drain(), one.records.slice(1).map(eventOf));
      await listener.close();
    }
  });

  test("take their own tokens alone, though kid and user are the same", async () => {
    for (const one of inhabitants) {
      assert.equal(await authenticateOverHttp(one.tenant, one.token()), "accepted");
      assert.equal(await authenticateOnSocket(one.tenant, one.token()), "accepted");
      for (const other of othersOf(one)) {
        // Once as it is, and once in the name of the tenant that it is shown to.
        for (const claims of [{}, { iss: one.tenant.issuer.issuer }]) {
          const token = other.token({ sub: one.watcher, ...claims });
          assert.equal(await authenticateOverHttp(one.tenant, token), "invalid_token");
          assert.equal(await authenticateOnSocket(one.tenant, token), "invalid_token");
        }
        const authorization = publishToken(other.tenant.domain);
        assert.equal((await one.tenant.post("[]", { authorization })).status, 401);
      }
    }
  });

  test("have their keys fetched from their own issuers, once", () => {
    for (const { tenant } of inhabitants) assert.equal(tenant.issuer.fetches, 1);
  });

  test("keep nothing of each other in storage", async () => {
    for (const one of inhabitants) {
      const [{ file }] = await one.tenant.hub.sql("PRAGMA database_list");
      const text = globSync(`${file}*`)
        .map((part) => readFileSync(part, "latin1"))
        .join("\n");
      assert.ok(text.includes(`${one.year}-11-03`) && text.includes(one.tenant.issuer.jwksUri));
      assertOwn(one, text);
    }
  });

  test("still hear their own events alone after all of them slept", async () => {
    for (const { tenant } of inhabitants) await tenant.hub.evict();
    for (const one of inhabitants) {
      const record = slo(
        { user_id: USERS[0], date: `${one.year}-11-04T05:53:57.546Z` },
        "the same",
      );
      await one.tenant.publish(record);
      for (const listener of [one.all, one.jane]) {
        assert.deepEqual(await listener.next(), eventOf(record));
      }
    }
    for (const one of inhabitants) {
      for (const listener of [one.all, one.jane]) assert.deepEqual(await listener.drain(), []);
    }
  });

  test("have log lines of their own", () => {
    const lines = worker.logs().map(({ message }) => message);
    for (const one of inhabitants) {
      const own = lines.filter((line) => JSON.parse(line).tenant === one.tenant.domain);
      assert.ok(own.length >= 3, `${own.length} lines of ${one.tenant.domain}`);
      for (const line of own) assertOwn(one, line);
    }
  });
});
