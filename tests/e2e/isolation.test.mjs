// Tenants share a worker and nothing else. The tenants in this file have everything in common that
// two tenants can have: user ids, log ids, session ids, key ids, and some of them the name. They
// differ in the signing key, the year in the dates of their events, and the subscribers.
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

/** A tenant with its own signing key, year of events and subscriber. */
function createNeighbour({ name, locality, year }) {
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

const neighbours = [
  { name: "neighbour", locality: "us", year: 2011 },
  { name: "neighbours", locality: "us", year: 2012 },
  { name: "neighbour", locality: "eu", year: 2013 },
  { name: "neighbour", locality: "", year: 2014 },
].map(createNeighbour);

const othersOf = (neighbour) => neighbours.filter((other) => other !== neighbour);

/** Asserts that a text has no data of the other tenants. */
function assertNoForeignData(neighbour, text) {
  for (const { year, tenant } of othersOf(neighbour)) {
    assert.ok(!text.includes(`${year}-11-0`), `an event of ${tenant.domain}: ${text}`);
    assert.ok(!text.includes(`watcher-${year}`), `a subscriber of ${tenant.domain}: ${text}`);
    const hosts = text.match(/[\w.-]+\.auth0\.com/g) ?? [];
    assert.ok(!hosts.includes(tenant.domain), `the name of ${tenant.domain}: ${text}`);
  }
}

async function subscribe(neighbour, claims) {
  const subscriber = await neighbour.tenant.connect();
  const response = await subscriber.authenticate(neighbour.token(claims));
  assert.equal(response.type, "authenticated");
  assertNoForeignData(neighbour, JSON.stringify(response));
  return subscriber;
}

describe("tenants of one worker", () => {
  before(async () => {
    for (const neighbour of neighbours) {
      neighbour.all = await subscribe(neighbour, { sub: neighbour.watcher });
      neighbour.jane = await subscribe(neighbour, { sub: USERS[0], scope: "listen:events:self" });
    }
    // Batches are interleaved. Each has a malformed record, which the worker logs.
    for (let batch = 0; batch < 3; batch += 1) {
      for (const neighbour of neighbours) {
        neighbour.counts ??= [];
        neighbour.counts.push(
          await neighbour.tenant.publish(neighbour.records[batch], { log_id: neighbour.year }),
        );
      }
    }
  });

  test("accept a log id that another tenant has already accepted", () => {
    for (const { counts } of neighbours) {
      for (const { events, duplicates } of counts) assert.deepEqual([events, duplicates], [1, 0]);
    }
  });

  test("send events only to their own subscribers, with either filter", async () => {
    for (const { all, jane, records } of neighbours) {
      const events = records.map(eventOf);
      assert.deepEqual(await all.drain(), events);
      assert.deepEqual(await jane.drain(), [events[0], events[2]]);
    }
  });

  test("list only their own events and subscribers", async () => {
    for (const neighbour of neighbours) {
      const events = await (await neighbour.tenant.get("/api/events", neighbour.token())).json();
      assert.deepEqual(events, { events: neighbour.records.map(eventOf).reverse() });
      const { connections } = await (
        await neighbour.tenant.get("/api/listeners", neighbour.token())
      ).json();
      assert.deepEqual(connections.map(({ sub }) => sub).sort(), [USERS[0], neighbour.watcher]);
    }
  });

  test("replay only their own events after an id that all of them have stored", async () => {
    for (const neighbour of neighbours) {
      const subscriber = await neighbour.tenant.connect();
      const response = await subscriber.authenticate(neighbour.token(), LOG_IDS[0]);
      assert.equal(response.recovered, true);
      assert.deepEqual(await subscriber.drain(), neighbour.records.slice(1).map(eventOf));
      await subscriber.close();
    }
  });

  test("accept only their own tokens, although kid and user are the same", async () => {
    for (const neighbour of neighbours) {
      assert.equal(await authenticateOverHttp(neighbour.tenant, neighbour.token()), "accepted");
      assert.equal(await authenticateOnSocket(neighbour.tenant, neighbour.token()), "accepted");
      for (const other of othersOf(neighbour)) {
        // Once with the other tenant's issuer, and once with the issuer of this tenant.
        for (const claims of [{}, { iss: neighbour.tenant.issuer.issuer }]) {
          const token = other.token({ sub: neighbour.watcher, ...claims });
          assert.equal(await authenticateOverHttp(neighbour.tenant, token), "invalid_token");
          assert.equal(await authenticateOnSocket(neighbour.tenant, token), "invalid_token");
        }
        const authorization = publishToken(other.tenant.domain);
        assert.equal((await neighbour.tenant.post("[]", { authorization })).status, 401);
      }
    }
  });

  test("fetch their keys once, from their own issuers", () => {
    for (const { tenant } of neighbours) assert.equal(tenant.issuer.fetches, 1);
  });

  test("store no data of each other", async () => {
    for (const neighbour of neighbours) {
      const [{ file }] = await neighbour.tenant.object.sql("PRAGMA database_list");
      const text = globSync(`${file}*`)
        .map((part) => readFileSync(part, "latin1"))
        .join("\n");
      assert.ok(
        text.includes(`${neighbour.year}-11-03`) && text.includes(neighbour.tenant.issuer.jwksUri),
      );
      assertNoForeignData(neighbour, text);
    }
  });

  test("still send events only to their own subscribers after hibernation", async () => {
    for (const { tenant } of neighbours) await tenant.object.evict();
    for (const neighbour of neighbours) {
      const record = slo(
        { user_id: USERS[0], date: `${neighbour.year}-11-04T05:53:57.546Z` },
        "the same log id",
      );
      await neighbour.tenant.publish(record);
      for (const subscriber of [neighbour.all, neighbour.jane]) {
        assert.deepEqual(await subscriber.next(), eventOf(record));
      }
    }
    for (const neighbour of neighbours) {
      for (const subscriber of [neighbour.all, neighbour.jane])
        assert.deepEqual(await subscriber.drain(), []);
    }
  });

  test("have separate log lines", () => {
    const lines = worker.logs().map(({ message }) => message);
    for (const neighbour of neighbours) {
      const own = lines.filter((line) => JSON.parse(line).tenant === neighbour.tenant.domain);
      assert.ok(own.length >= 3, `${own.length} lines of ${neighbour.tenant.domain}`);
      for (const line of own) assertNoForeignData(neighbour, line);
    }
  });
});
