// A client whose story is written down: what it told, in its order.
import assert from "node:assert/strict";
import { after } from "node:test";

import { SessionEvents } from "session-events";

import { waitFor } from "../../../tests/support/wait_for.mjs";

const NAMES = ["connecting", "connected", "caughtUp", "renewed", "event", "disconnected", "error"];

/** Connects, and comes back soon after a loss unless the options say otherwise. */
export function follow(options) {
  const client = new SessionEvents({ minReconnectDelay: 10, maxReconnectDelay: 50, ...options });
  const story = [];
  for (const name of NAMES) client.on(name, (value) => story.push({ name, value }));
  after(() => client.close());
  client.connect();
  const told = (name) => story.filter((entry) => entry.name === name).map(({ value }) => value);
  return {
    client,
    story,
    /** All that was told under this name. */
    told,
    /** What is told under this name for the `count`th time, as soon as it is. */
    async tells(name, count = 1) {
      await waitFor(
        () => told(name).length >= count,
        () => `${name} was not told ${count} times:\n${text(story)}`,
      );
      return told(name)[count - 1];
    },
    /** Waits for as many events as there are ids, and asserts that they are these. */
    async hands(...ids) {
      await waitFor(
        () => told("event").length >= ids.length,
        () => `waited for ${ids.length} events:\n${text(story)}`,
      );
      assert.deepEqual(
        told("event").map(({ id }) => id),
        ids,
      );
    },
  };
}

const text = (story) =>
  story
    .map(({ name, value }) => `${name} ${value instanceof Error ? value : JSON.stringify(value)}`)
    .join("\n");
