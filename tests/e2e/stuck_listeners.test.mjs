// A listener that does not read holds memory for as long as it is sent to. So it is closed, and
// only it. Here on the bare runtime, where nothing in between reads in its place.
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
const count = async () => {
  const url = new URL("/acme/api/listeners", workerd.url);
  return (await (await nodeFetch(url, { headers: { authorization } })).json()).count;
};

/** The longest events that there can be: what is not read is soon more than the network takes. */
const long = () => slo({ user_id: "\u0001".repeat(1_024) });

test("a listener that does not read is closed, and one that does hears everything", async () => {
  const url = new URL("/acme/api/subscribe", workerd.url.href.replace("http", "ws"));
  const stuck = await openSocket(url, { authorization });
  stuck.pause();
  const reader = await Subscriber.connect(url, { headers: { authorization } });
  await reader.take(2);
  assert.equal(await count(), 2);

  const published = [];
  // How much the network takes differs; in the end it is full everywhere, and five seconds later
  // that was for too long.
  const end = Date.now() + 60_000;
  while ((await count()) === 2 && Date.now() < end) {
    const records = Array.from({ length: 10 }, long);
    await workerd.publish("acme", ...records);
    published.push(...records.map(({ log_id: id }) => id));
    const heard = (await reader.take(10)).map(({ id }) => id);
    assert.deepEqual(heard, published.slice(-10));
  }
  assert.equal(await count(), 1, "the one that does not read is gone");
  assert.ok(reader.isOpen);

  let closedWith;
  stuck.on("close", (code, reason) => (closedWith = [code, reason.toString()]));
  stuck.resume();
  await waitFor(
    () => closedWith,
    () => "the one that does not read was not told",
  );
  assert.deepEqual(closedWith, [1013, "too_slow"]);
});
