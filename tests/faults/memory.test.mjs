// The memory that a published body costs, whatever it contains. A Durable Object has 128 MB for
// everything, so a body must not take a multiple of its size.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { BareWorkerd } from "../support/bare_workerd.mjs";
import { PUBLISH_SECRET, publishToken } from "../support/built_worker.mjs";
import { AUDIENCE, nodeFetch } from "../support/issuer.mjs";
import { EVENT_TYPES } from "../support/event_types.mjs";
import { residentMemory } from "../support/memory.mjs";
import { USER, login, managementOperation, sapi, slo } from "../support/records.mjs";

const MIB = 1024 * 1024;
const BODY_BYTES = 5 * MIB;
const MAX_COST = 40 * MIB;
const isLinux = process.platform === "linux";
/** All event types, so that every rule reads its records. */
const EVENTS = EVENT_TYPES.join(",");

/** Marks the place in a record where a filler is inserted. */
const PLACE = "<filler>";
const repeat = (text, size) => text.repeat(Math.max(0, Math.floor(size / text.length)));

/** The size of a filler, so that it fills a body together with the rest of the record. */
const SIZE = BODY_BYTES - 4096;

/** JSON values of almost 5 MiB, which a parser might store in several times their size. */
const FILLERS = {
  "an array of objects": `[${repeat('{"":0},', SIZE)}0]`,
  "an array of numbers": `[${repeat("0,", SIZE)}0]`,
  "nested arrays": `${repeat("[", SIZE / 2)}${repeat("]", SIZE / 2)}`,
  "nested objects": `${repeat('{"":', (SIZE * 4) / 5)}0${repeat("}", SIZE / 5)}`,
  "an object with many keys": `{${Array.from({ length: SIZE / 12 }, (_, index) => `"${index}":0,`).join("")}"":0}`,
  "an object with one key many times": `{${repeat('"user_id":"",', SIZE)}"user_id":0}`,
  "a text of escape sequences": `"${repeat("\\u0001", SIZE)}"`,
  "a text of slashes": `"/api/v2/users/${repeat("/", SIZE)}"`,
  "a text of encoded slashes": `"/api/v2/${repeat("%2F", SIZE)}"`,
};

const scim = (operation) =>
  slo({
    type: "sscim",
    details: {
      request: {
        method: "PATCH",
        path: "/scim/v2/connections/con_1/Users/okta%7C1",
        body: { Operations: operation },
      },
    },
  });

const update = (change) => {
  const record = managementOperation("patch", `users/${encodeURIComponent(USER)}`, {
    body: { blocked: true },
    response: { user_id: USER, blocked: true },
  });
  change(record.data.details);
  return record;
};

/** Records with a filler in each place that a rule reads. */
const RECORDS = {
  "the record": PLACE,
  "another member of the record": { ...slo(), other: PLACE },
  log_id: { ...slo(), log_id: PLACE },
  data: { log_id: "1", data: PLACE },
  "another member of data": slo({ other: PLACE }),
  "data.type": slo({ type: PLACE }),
  "data.date": slo({ date: PLACE }),
  "data.tenant_name": slo({ tenant_name: PLACE }),
  "data.user_id": slo({ user_id: PLACE }),
  "data.details of a logout": slo({ details: PLACE }),
  "data.details of an API operation": {
    ...update(() => {}),
    data: { type: "sapi", details: PLACE },
  },
  "details.session_id": slo({ details: { session_id: PLACE } }),
  "details.session_id of a refresh token": slo({ type: "srrt", details: { session_id: PLACE } }),
  "details.refresh_token": slo({ type: "srrt", details: { refresh_token: PLACE } }),
  "details.refresh_token.session_id": slo({
    type: "srrt",
    details: { refresh_token: { session_id: PLACE } },
  }),
  "details.enrollment": slo({ type: "gd_unenroll", details: { enrollment: PLACE } }),
  "details.enrollment.user_id": slo({
    type: "gd_unenroll",
    details: { enrollment: { user_id: PLACE } },
  }),
  "details.request": update((details) => (details.request = PLACE)),
  "details.request.method": update(({ request }) => (request.method = PLACE)),
  "details.request.path": update(({ request }) => (request.path = PLACE)),
  "details.request.query": update(({ request }) => (request.query = PLACE)),
  "details.request.body": update(({ request }) => (request.body = PLACE)),
  "request.body.blocked": update(({ request }) => (request.body.blocked = PLACE)),
  "request.body.password": update(({ request }) => (request.body = { password: PLACE })),
  "request.body.session_id": managementOperation("post", "users/a/revoke-access", {
    body: { session_id: PLACE },
  }),
  "request.body.user_id": managementOperation("post", "refresh-tokens/revoke", {
    body: { user_id: PLACE },
  }),
  "details.response": update((details) => (details.response = PLACE)),
  "details.response.body": update(({ response }) => (response.body = PLACE)),
  "response.body.user_id": update(({ response }) => (response.body.user_id = PLACE)),
  "response.body.blocked": update(({ response }) => (response.body.blocked = PLACE)),
  "request.query.user_id": sapi({
    request: { method: "delete", path: "/api/v2/grants", query: { user_id: PLACE } },
  }),
  "request.body.email": update(({ request }) => (request.body = { email: PLACE })),
  "request.body.Operations": scim(PLACE),
  "request.body.Operations[0]": scim([PLACE]),
  "request.body.Operations[0].op": scim([{ op: PLACE, path: "active", value: false }]),
  "request.body.Operations[0].path": scim([{ op: "replace", path: PLACE, value: false }]),
  "request.body.Operations[0].value": scim([{ op: "replace", path: "active", value: PLACE }]),
  "request.body.Operations[0].value.active": scim([{ op: "replace", value: { active: PLACE } }]),
  "details of a SCIM operation": slo({ type: "sscim", details: PLACE }),
  "the request of a SCIM operation": slo({ type: "sscim", details: { request: PLACE } }),
  "the response of a SCIM operation": slo({ type: "sscim", details: { response: PLACE } }),
};

/** Bodies of many records, or of what looks like many. */
const MANY_RECORDS = {
  "50,000 records": manyRecords((log_id) => ({ log_id, data: { type: "s" } })),
  "50,000 records without a code": manyRecords((log_id) => ({ log_id, data: {} })),
  "50,000 numbers": `[${repeat("0,", 2 * 49_999)}0]`,
  "too many numbers": `[${repeat("0,", BODY_BYTES - 3)}0]`,
  "50,000 lines": manyRecords((log_id) => ({ log_id, data: { type: "s" } }))
    .slice(1, -1)
    .replaceAll("},{", "}\n{"),
  "empty lines": "\n".repeat(BODY_BYTES - 2) + "{}",
  "opening brackets": "[".repeat(BODY_BYTES),
  "opening braces": "{".repeat(BODY_BYTES),
  "an object of logs": `{"logs":${manyRecords((log_id) => ({ log_id, data: { type: "s" } }))}}`,
  "an object of many logs": `{${repeat('"logs":[],', BODY_BYTES - 20)}"logs":[]}`,
};

/** Returns as many ordinary logout records as a body can contain, about 7,000. */
function ordinaryLogouts() {
  const count = Math.floor(
    (BODY_BYTES - "[]".length) / (JSON.stringify(slo()).length + ",".length),
  );
  return JSON.stringify(Array.from({ length: count }, () => slo()));
}

function manyRecords(createRecord) {
  return JSON.stringify(
    Array.from({ length: 50_000 }, (_, index) => createRecord(String(index).padStart(40, "0"))),
  );
}

/** Returns a record with a filler in its place. */
const bodyWith = (record, filler) =>
  JSON.stringify(record).replace(JSON.stringify(PLACE), () => filler);

const plainBody = bodyWith(login({ user_agent: PLACE }), `"${repeat("a", SIZE)}"`);

/**
 * Publishes bodies to a new runtime, because the memory of WebAssembly never shrinks. Yields the peak
 * of the resident memory after each.
 */
async function* peaksWhilePublishing(bodies) {
  const workerd = new BareWorkerd({ PUBLISH_SECRET, AUDIENCE, TENANTS: "acme", EVENTS });
  await workerd.start();
  try {
    for (const body of bodies) {
      const bytes = Buffer.from(body);
      assert.ok(bytes.length <= BODY_BYTES, `${bytes.length} bytes`);
      const response = await nodeFetch(new URL("/acme/api/publish", workerd.url), {
        method: "POST",
        headers: { authorization: publishToken("acme.auth0.com") },
        body: bytes,
      });
      const text = await response.text();
      assert.ok([200, 400, 413].includes(response.status), `${response.status} ${text}`);
      yield residentMemory(workerd.pid).peak;
    }
  } finally {
    await workerd.kill();
  }
}

/** Asserts that no body costs more than 40 MiB above a plain record of 5 MiB that makes no event. */
async function assertCost(bodies) {
  let index = 0;
  for await (const peak of peaksWhilePublishing(Object.values(bodies))) {
    const cost = peak - plainPeaks[index];
    const name = Object.keys(bodies)[index++];
    assert.ok(cost <= MAX_COST, `${name} costs ${(cost / MIB).toFixed(0)} MiB above the body`);
  }
}

const MAX_BODIES = Math.max(...[FILLERS, MANY_RECORDS].map((bodies) => Object.keys(bodies).length));
const plainPeaks = isLinux
  ? await Array.fromAsync(peaksWhilePublishing(Array(MAX_BODIES).fill(plainBody)))
  : [];

const options = { skip: !isLinux && "the memory is read from /proc" };

describe("reading a body of 5 MiB costs at most 40 MiB of memory above the body", options, () => {
  for (const [place, record] of Object.entries(RECORDS)) {
    test(`whatever ${place} contains`, async () => {
      const fill = ([name, filler]) => [name, bodyWith(record, filler)];
      await assertCost(Object.fromEntries(Object.entries(FILLERS).map(fill)));
    });
  }

  test("however many records it contains", () => assertCost(MANY_RECORDS));

  test("with the storing of its events, if it contains ordinary logouts", () =>
    assertCost({ "a body of logouts": ordinaryLogouts() }));
});
