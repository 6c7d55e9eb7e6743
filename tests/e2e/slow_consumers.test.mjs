// A subscriber that does not read its socket makes the object buffer events in memory, so that socket
// is closed. The test uses workerd alone, because a proxy would read from the socket itself.
import assert from "node:assert/strict";
import { test } from "node:test";

import { startBareWorkerd } from "../support/bare_workerd.mjs";
import { openSocket } from "../support/sockets.mjs";
import { nodeFetch } from "../support/issuer.mjs";
import { Subscriber } from "../support/subscriber.mjs";
import { slo } from "../support/records.mjs";
import { waitFor } from "../support/wait_for.mjs";

const { issuer, workerd } = await startBareWorkerd();

const authorization = `Bearer ${issuer.token()}`;
const countSockets = async () => {
  const url = new URL("/acme/api/listeners", workerd.url);
  return (await (await nodeFetch(url, { headers: { authorization } })).json()).count;
};

/** A record with the longest possible user id, to fill the buffers of the network quickly. */
const longRecord = () => slo({ user_id: "\u0001".repeat(1_024) });

test("a subscriber that does not read is closed, and other subscribers receive all events", async () => {
  const url = new URL("/acme/api/subscribe", workerd.url.href.replace("http", "ws"));
  const slow = await openSocket(url, { authorization });
  slow.pause();
  const reader = await Subscriber.connect(url, { headers: { authorization } });
  await reader.take(2);
  assert.equal(await countSockets(), 2);

  const published = [];
  // The size of the network buffers differs between machines. Publishing goes on until they are full
  // and the backlog has lasted for more than five seconds.
  const end = Date.now() + 60_000;
  while ((await countSockets()) === 2 && Date.now() < end) {
    const records = Array.from({ length: 10 }, longRecord);
    await workerd.publish("acme", ...records);
    published.push(...records.map(({ log_id: id }) => id));
    const received = (await reader.take(10)).map(({ id }) => id);
    assert.deepEqual(received, published.slice(-10));
  }
  assert.equal(await countSockets(), 1, "only the reading socket remains");
  assert.ok(reader.isOpen);

  let closedWith;
  slow.on("close", (code, reason) => (closedWith = [code, reason.toString()]));
  slow.resume();
  await waitFor(
    () => closedWith,
    () => "the slow socket received no close frame",
  );
  assert.deepEqual(closedWith, [1013, "too_slow"]);
});
