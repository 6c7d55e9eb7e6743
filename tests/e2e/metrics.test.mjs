// Metrics: the data points that the Worker writes to the optional binding METRICS. The bare runtime
// sends each one to a server of this file.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { BareWorkerd, startIssuer } from "../support/bare_workerd.mjs";
import { PUBLISH_SECRET, publishToken } from "../support/built_worker.mjs";
import { AUDIENCE, nodeFetch } from "../support/issuer.mjs";
import { login, slo } from "../support/records.mjs";
import { Subscriber } from "../support/subscriber.mjs";
import { now } from "../support/token.mjs";
import { waitFor } from "../support/wait_for.mjs";

const received = [];
const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  received.push(body);
  response.end();
}).listen(0, "127.0.0.1");
await once(server, "listening");
after(() => server.close());

const issuer = await startIssuer();
const TENANTS = JSON.stringify({
  acme: { issuers: [issuer.issuer], logout_token_audiences: ["client"] },
});
const workerd = new BareWorkerd({ PUBLISH_SECRET, AUDIENCE, TENANTS }, undefined, {
  metricsPort: server.address().port,
});
await workerd.start("--experimental");
after(() => workerd.kill());

/** Returns the data points so far: index, blobs and doubles without the empty columns at the end. */
const points = () =>
  received.map((body) => {
    const point = JSON.parse(body);
    const columns = (name) =>
      Object.keys(point)
        .filter((key) => key.startsWith(name))
        .map((key) => point[key]);
    const text = (bytes) => Buffer.from(bytes).toString();
    return {
      index: text(point.index1),
      blobs: columns("blob").map(text),
      doubles: columns("double"),
    };
  });

/** Waits until the number of data points of this kind has grown by one, and returns the new one. */
async function nextPoint(kind, action) {
  const ofKind = () => points().filter(({ blobs }) => blobs[0] === kind);
  const before = ofKind().length;
  await action();
  await waitFor(() => ofKind().length > before);
  assert.equal(ofKind().length, before + 1);
  const { index, blobs, doubles } = ofKind().at(-1);
  assert.equal(index, "acme.auth0.com");
  return { blobs, doubles };
}

const fetchFromWorker = (path, init) => nodeFetch(new URL(path, workerd.url), init);
const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } });

test("a batch is a data point with its counts and the seconds from the oldest date to its receipt", async () => {
  const at = (seconds) => ({ date: new Date(Date.now() - seconds * 1000).toISOString() });
  const record = slo(at(5));
  const { blobs, doubles } = await nextPoint("publish", () =>
    workerd.publish("acme", record, record, slo(at(30)), login(), {}),
  );
  assert.deepEqual(blobs, ["publish", "log"]);
  assert.deepEqual(doubles.slice(0, 5), [5, 2, 1, 1, 1]);
  assert.ok(doubles[5] >= 30 && doubles[5] < 60, `${doubles[5]} seconds`);
});

test("a batch without events is a data point, too", async () => {
  const { doubles } = await nextPoint("publish", () => workerd.publish("acme", login()));
  assert.deepEqual(doubles.slice(0, 6), [1, 0, 0, 1, 0, 0]);
});

test("a logout token is a data point of its own source", async () => {
  const token = issuer.token({
    aud: "client",
    jti: "j",
    sid: "s",
    scope: undefined,
    events: { "http://schemas.openid.net/event/backchannel-logout": {} },
  });
  const { blobs, doubles } = await nextPoint("publish", async () => {
    const body = new URLSearchParams({ logout_token: token });
    const response = await fetchFromWorker("/acme/api/backchannel-logout", {
      method: "POST",
      body,
    });
    assert.equal(response.status, 200, await response.text());
  });
  assert.deepEqual(blobs, ["publish", "logout_token"]);
  assert.deepEqual(doubles.slice(0, 5), [1, 1, 0, 0, 0]);
});

test("a refused request is a data point with its endpoint and its error code", async () => {
  for (const [endpoint, code, request] of [
    ["events", "invalid_token", () => fetchFromWorker("/acme/api/events")],
    [
      "revocations",
      "insufficient_scope",
      () => fetchFromWorker("/acme/api/revocations", bearer(issuer.token({ scope: "" }))),
    ],
    [
      "publish",
      "invalid_token",
      () => fetchFromWorker("/acme/api/publish", { method: "POST", body: "[]" }),
    ],
    [
      "publish",
      "invalid_request",
      () =>
        fetchFromWorker("/acme/api/publish", {
          method: "POST",
          headers: { authorization: publishToken("acme.auth0.com") },
          body: "nonsense",
        }),
    ],
  ]) {
    const { blobs, doubles } = await nextPoint("refused", request);
    assert.deepEqual(blobs, ["refused", endpoint, code]);
    assert.equal(doubles[0], 1);
  }
});

test("refused requests to tenants that are not served have no index, whatever names clients invent", async () => {
  const before = received.length;
  for (const path of ["/invented-1/api/events", "/invented-2@us/api/publish", "/no/such/path"])
    await fetchFromWorker(path);
  await waitFor(() => received.length >= before + 3);
  const added = points().slice(before);
  assert.deepEqual(
    added.map(({ index, blobs }) => [index, blobs[2]]),
    Array(3).fill(["", "not_found"]),
  );
});

test("a socket that the Worker closes is a data point with the reason and the close code", async () => {
  const url = new URL("/acme/api/subscribe", workerd.url);
  url.protocol = "ws:";
  const subscriber = await Subscriber.connect(url);
  await subscriber.next();
  const { blobs, doubles } = await nextPoint("closed", () =>
    subscriber.authenticate(issuer.token({ exp: now() + 1 })),
  );
  assert.deepEqual(blobs, ["closed", "", "token_expired"]);
  assert.deepEqual(doubles.slice(0, 2), [1, 4419]);
});

test("sockets that are closed at the same time are one data point", async () => {
  const url = new URL("/acme/api/subscribe", workerd.url);
  url.protocol = "ws:";
  const exp = now() + 6;
  const { blobs, doubles } = await nextPoint("closed", async () => {
    for (let count = 0; count < 20; count += 1) {
      const subscriber = await Subscriber.connect(url);
      await subscriber.next();
      await subscriber.authenticate(issuer.token({ sub: `auth0|${count}`, exp }));
    }
  });
  assert.deepEqual(blobs, ["closed", "", "token_expired"]);
  assert.deepEqual(doubles.slice(0, 2), [20, 4419]);
});

test("no data point contains a user", () => {
  const all = points()
    .flatMap(({ index, blobs }) => [index, ...blobs])
    .join("\n");
  assert.doesNotMatch(all, /auth0\|/);
  assert.ok(received.length > 8);
});
