// The door that Auth0's log stream knocks on: its token, the forms and sizes of a body, and what
// becomes of records that cannot be read.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError, exchange } from "../support/http.mjs";
import { eventOf, login, newLogId, scp, slo } from "../support/records.mjs";
import { PUBLISH_SECRET, startWorker } from "../support/worker.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";

const worker = await startWorker();
const MEBIBYTE = 1024 * 1024;

const counts = (given) => ({ received: 0, events: 0, duplicates: 0, ignored: 0, malformed: 0, ...given });

/** Posts a body that must be taken, and gives the counts. */
async function post(tenant, body, headers) {
  const response = await tenant.post(body, headers && { authorization: publishToken(tenant.domain), ...headers });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  assert.match(response.headers.get("content-type"), /^application\/json\b/);
  return JSON.parse(text);
}

const ids = async (tenant) => (await tenant.events()).map(({ id }) => id).reverse();

describe("the publish token", { concurrency: true }, () => {
  test("is taken bare or after the word Bearer", async () => {
    const tenant = new Tenant(worker);
    const token = publishToken(tenant.domain);
    for (const authorization of [token, `Bearer ${token}`]) {
      const response = await tenant.post(JSON.stringify(slo()), { authorization });
      assert.equal(response.status, 200, authorization);
    }
    assert.equal((await tenant.events()).length, 2);
  });

  test("must be there", async () => {
    const tenant = new Tenant(worker);
    const response = await tenant.post(JSON.stringify(slo()), {});
    assert.equal(response.headers.get("www-authenticate"), 'Bearer realm="session-events"');
    await assertError(response, 401, "invalid_token");
    assert.deepEqual(await tenant.events(), []);
  });

  test("must be the tenant's own, to the letter", async () => {
    const tenant = new Tenant(worker);
    const token = publishToken(tenant.domain);
    const flipped = (token[0] === "A" ? "B" : "A") + token.slice(1);
    for (const authorization of [
      "", "Bearer ", "Bearer", "x", flipped, token.slice(0, -1), `${token}A`, `${token}=`, token.toLowerCase(),
      `Basic ${token}`, `Bearer Bearer ${token}`, PUBLISH_SECRET, tenant.domain,
      publishToken(new Tenant(worker).domain), publishToken(tenant.slug), publishToken(tenant.domain, "guessed"),
      publishToken(`https://${tenant.domain}/`), tenant.token(), `Bearer ${tenant.token()}`,
    ]) {
      const response = await tenant.post(JSON.stringify(slo()), { authorization });
      assert.match(response.headers.get("www-authenticate") ?? "", /^Bearer realm="session-events"/, authorization);
      await assertError(response, 401, "invalid_token");
    }
    assert.deepEqual(await tenant.events(), []);
  });

  test("is looked at before the body", async () => {
    const tenant = new Tenant(worker);
    const headers = { authorization: "wrong", "content-length": 5 * MEBIBYTE + 1 };
    const path = `/${tenant.slug}/api/publish`;
    const refusal = await exchange(worker.url, { method: "POST", path, headers, withheld: true });
    await assertError(refusal, 401, "invalid_token");
    await assertError(await tenant.post("garbage", { authorization: "wrong" }), 401, "invalid_token");
  });
});

describe("a body", { concurrency: true }, () => {
  const batch = () => [slo(), login(), scp()];
  const FORMS = {
    "a JSON array": (records) => JSON.stringify(records),
    "an indented JSON array": (records) => JSON.stringify(records, null, 2),
    "an array between blanks": (records) => `\r\n\t ${JSON.stringify(records)}\n \n`,
    "JSON lines": (records) => records.map((record) => JSON.stringify(record)).join("\n"),
    "JSON lines with an end to the last": (records) => records.map((record) => `${JSON.stringify(record)}\n`).join(""),
    "JSON lines with blank lines and CRLF": (records) =>
      `\r\n${records.map((record) => JSON.stringify(record)).join("\r\n\r\n  \r\n")}\r\n`,
    "a JSON array after a byte order mark": (records) => `\uFEFF${JSON.stringify(records)}`,
    "JSON lines after a byte order mark": (records) =>
      `\uFEFF${records.map((record) => JSON.stringify(record)).join("\n")}`,
  };
  for (const [form, write] of Object.entries(FORMS)) {
    test(`may be ${form}`, async () => {
      const tenant = new Tenant(worker);
      const records = batch();
      assert.deepEqual(await post(tenant, write(records)), counts({ received: 3, events: 2, ignored: 1 }));
      assert.deepEqual((await tenant.events()).reverse(), [eventOf(records[0]), eventOf(records[2])]);
    });
  }

  for (const [form, indent] of [["one JSON object", undefined], ["one JSON object over several lines", 2]]) {
    test(`may be ${form}`, async () => {
      const tenant = new Tenant(worker);
      const record = slo();
      assert.deepEqual(await post(tenant, JSON.stringify(record, null, indent)), counts({ received: 1, events: 1 }));
      assert.deepEqual(await tenant.events(), [eventOf(record)]);
    });
  }

  test("shows its form itself, whatever its Content-Type says", async () => {
    for (const type of ["application/json", "application/x-ndjson", "text/plain", "application/octet-stream", "nonsense"]) {
      const tenant = new Tenant(worker);
      const headers = { "content-type": type };
      for (const write of Object.values(FORMS)) {
        assert.deepEqual(await post(tenant, write(batch()), headers), counts({ received: 3, events: 2, ignored: 1 }), type);
      }
    }
    const tenant = new Tenant(worker);
    assert.equal((await post(tenant, new Blob([JSON.stringify(slo())]))).events, 1, "no Content-Type at all");
  });

  test("may be an empty array", async () => {
    assert.deepEqual(await post(new Tenant(worker), "[]"), counts());
    assert.deepEqual(await post(new Tenant(worker), " [ ]\n"), counts());
  });

  test("in which nothing can be read is refused", async () => {
    const tenant = new Tenant(worker);
    for (const body of ["", " \n", "garbage", "[1,2]", "null", '"text"', "<xml/>", "12", "[[]]", Buffer.from([0xff, 0xfe, 0x00])]) {
      await assertError(await tenant.post(body), 400, "invalid_request");
    }
    await assertError(await tenant.post(undefined), 400, "invalid_request");
  });

  test("may be nested too deep to read, and the worker lives on", async () => {
    const tenant = new Tenant(worker);
    await assertError(await tenant.post("[".repeat(1_000_000)), 400, "invalid_request");
    const deep = `{"log_id":"deep","data":{"type":"slo","details":${"[".repeat(200_000)}${"]".repeat(200_000)}}}`;
    assert.equal((await post(tenant, deep)).received, 1);
    assert.equal((await post(tenant, `[${deep},${JSON.stringify(slo())}]`)).events, 1);
  });

  const padded = (record, bytes) => `[${JSON.stringify(record)}`.padEnd(bytes - 1, " ") + "]";

  for (const [way, form] of [
    ["with a Content-Length", (text) => text],
    ["in chunks without a Content-Length", (text) => text.match(/[^]{1,1000000}/g)],
  ]) {
    const send = (tenant, text) =>
      exchange(worker.url, {
        method: "POST",
        path: `/${tenant.slug}/api/publish`,
        headers: {
          authorization: publishToken(tenant.domain),
          ...(way.startsWith("with") && { "content-length": Buffer.byteLength(text) }),
        },
        body: form(text),
      });

    test(`of exactly 5 MiB ${way} is taken`, async () => {
      const tenant = new Tenant(worker);
      const record = slo();
      const { status, text } = await send(tenant, padded(record, 5 * MEBIBYTE));
      assert.equal(status, 200, text);
      assert.deepEqual(await ids(tenant), [record.log_id]);
    });

    test(`of one byte more ${way} is too large`, async () => {
      const tenant = new Tenant(worker);
      await assertError(await send(tenant, padded(slo(), 5 * MEBIBYTE + 1)), 413, "payload_too_large");
      assert.deepEqual(await ids(tenant), []);
    });
  }

  test("has its size counted in bytes, not in letters", async () => {
    const tenant = new Tenant(worker);
    const record = slo({ description: "é".repeat(2.5 * MEBIBYTE) });
    await assertError(await tenant.post(JSON.stringify([record])), 413, "payload_too_large");
  });
});

describe("a record that cannot be read", { concurrency: true }, () => {
  const without = (field) => {
    const { [field]: _, ...rest } = slo();
    return rest;
  };
  const MALFORMED = {
    "is no object": ["text", 7, null, true, []],
    "has no log_id": [without("log_id"), { foo: 1 }, {}],
    "has a log_id that is no text": [{ ...slo(), log_id: 7 }, { ...slo(), log_id: null }, { ...slo(), log_id: {} }],
    "has an empty log_id": [{ ...slo(), log_id: "" }],
    "has a log_id of more than 256 bytes": [{ ...slo(), log_id: "x".repeat(257) }, { ...slo(), log_id: "é".repeat(129) }],
    "has no data": [without("data"), { ...slo(), data: null }, { ...slo(), data: "slo" }, { ...slo(), data: [] }],
    "has no type": [slo({ type: undefined }), slo({ type: null }), slo({ type: 7 })],
    "has a user_id that is no text": [slo({ user_id: 7 }), slo({ user_id: {} }), scp({ user_id: ["auth0|1"] })],
    "has a date that is no text": [slo({ date: 1635918837 })],
    "has a tenant_name that is no text": [slo({ tenant_name: 7 })],
    "has a user_id of more than 1024 bytes": [slo({ user_id: "u".repeat(1025) })],
    "has a session_id of more than 256 bytes": [slo({ details: { session_id: "s".repeat(257) } })],
  };
  for (const [fault, records] of Object.entries(MALFORMED)) {
    test(`because it ${fault} is counted, and those around it go through`, async () => {
      const tenant = new Tenant(worker);
      const [first, last] = [slo(), scp()];
      const expected = counts({ received: records.length + 2, events: 2, malformed: records.length });
      assert.deepEqual(await tenant.publish(first, ...records, last), expected);
      assert.deepEqual(await ids(tenant), [first.log_id, last.log_id]);
    });
  }

  test("blocks nothing even when it is alone with others of its kind", async () => {
    const tenant = new Tenant(worker);
    assert.deepEqual(await tenant.publish({ foo: 1 }), counts({ received: 1, malformed: 1 }));
    assert.deepEqual(await post(tenant, '{"foo":1}'), counts({ received: 1, malformed: 1 }));
    assert.deepEqual(await post(tenant, '{"foo":1}\n{"bar":2}'), counts({ received: 2, malformed: 2 }));
  });

  test("for its broken syntax is malformed alone in JSON lines", async () => {
    const tenant = new Tenant(worker);
    const [first, last] = [slo(), slo()];
    for (const broken of ['{"log_id":"x","data":{"type":"slo"', "garbage", "{'single':1}", '{"log_id":"\u0000"}']) {
      const lines = [JSON.stringify(first), broken, JSON.stringify(last)].join("\n");
      const { received, malformed } = await post(tenant, lines);
      assert.deepEqual({ received, malformed }, { received: 3, malformed: 1 }, broken);
    }
    assert.deepEqual(await ids(tenant), [first.log_id, last.log_id]);
  });

  test("for its broken syntax is malformed alone in an array", async () => {
    const tenant = new Tenant(worker);
    const [first, last] = [slo(), slo()];
    for (const broken of ['{"log_id":"x","data":{"type":slo}}', "{'single':1}", '{"log_id":}', '{"a" 1}', "{,}"]) {
      const array = `[${[JSON.stringify(first), broken, JSON.stringify(last)].join(",")}]`;
      const { received, malformed } = await post(tenant, array);
      assert.deepEqual({ received, malformed }, { received: 3, malformed: 1 }, broken);
    }
    assert.deepEqual(await ids(tenant), [first.log_id, last.log_id]);
  });

  test("because the batch was cut off in it leaves those before it", async () => {
    const tenant = new Tenant(worker);
    const whole = slo();
    const text = JSON.stringify([whole, slo()]);
    const { events, malformed } = await post(tenant, text.slice(0, -40));
    assert.deepEqual({ events, malformed }, { events: 1, malformed: 1 });
    assert.deepEqual(await ids(tenant), [whole.log_id]);
  });

  test("for bytes that are no UTF-8 is malformed alone", async () => {
    const tenant = new Tenant(worker);
    const [first, bad, last] = [slo(), slo({ user_id: "auth0|~" }), slo()];
    for (const separator of ["\n", ","]) {
      const text = [first, bad, last].map((record) => JSON.stringify(record)).join(separator);
      const body = Buffer.from(separator === "," ? `[${text}]` : text);
      body[body.indexOf("~")] = 0xff;
      const { received, malformed } = await post(tenant, body);
      assert.deepEqual({ received, malformed }, { received: 3, malformed: 1 });
    }
    assert.deepEqual(await ids(tenant), [first.log_id, last.log_id]);
  });

  test("is logged, not as an error of the worker", async () => {
    const tenant = new Tenant(worker);
    const mentions = () => worker.logs().filter(({ message }) => message.includes(tenant.domain) || message.includes(tenant.slug));
    await tenant.publish(slo());
    assert.deepEqual(mentions(), [], "nothing to log so far");
    await tenant.publish({ log_id: newLogId(), data: "broken" });
    for (const end = Date.now() + 5_000; mentions().length === 0; await new Promise(setImmediate)) {
      assert.ok(Date.now() < end, "no log line names the tenant");
    }
    assert.match(mentions()[0].message, /malformed|cannot be read|unreadable/i);
    assert.notEqual(mentions()[0].level, "error");
  });
});

describe("a record of another tenant", { concurrency: true }, () => {
  test("is ignored, by the name that it carries", async () => {
    const tenant = new Tenant(worker);
    const own = slo({ tenant_name: tenant.name });
    const stranger = slo({ tenant_name: `${tenant.name}-staging` });
    assert.deepEqual(await tenant.publish(own, stranger), counts({ received: 2, events: 1, ignored: 1 }));
    assert.deepEqual(await ids(tenant), [own.log_id]);
  });

  test("is taken for the tenant's own when it carries no name", async () => {
    const tenant = new Tenant(worker);
    const records = [slo(), slo({ tenant_name: null }), slo({ tenant_name: "" })];
    assert.deepEqual(await tenant.publish(...records), counts({ received: 3, events: 3 }));
  });
});
