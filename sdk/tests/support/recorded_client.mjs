// A client that records all events that it emits.
import assert from "node:assert/strict";
import { after } from "node:test";

import { SessionEvents } from "session-events";

import { waitFor } from "../../../tests/support/wait_for.mjs";

const NAMES = [
  "connecting",
  "connected",
  "caughtUp",
  "renewed",
  "event",
  "disconnected",
  "signedOut",
  "error",
];

/** Starts a client. It reconnects quickly unless the options say otherwise. */
export function startClient(options) {
  const client = new SessionEvents({ minReconnectDelay: 10, maxReconnectDelay: 50, ...options });
  const log = [];
  for (const name of NAMES) client.on(name, (value) => log.push({ name, value }));
  after(() => client.close());
  client.connect();
  const emitted = (name) => log.filter((entry) => entry.name === name).map(({ value }) => value);
  return {
    client,
    /** All emitted events as `{name, value}`. */
    log,
    /** Returns the values that were emitted with this name. */
    emitted,
    /** Waits until this name has been emitted `count` times. Returns the last value. */
    async waitForEvent(name, count = 1) {
      await waitFor(
        () => emitted(name).length >= count,
        () => `${name} was not emitted ${count} times:\n${format(log)}`,
      );
      return emitted(name)[count - 1];
    },
    /** Waits for as many session events as there are ids, and asserts that they have these ids. */
    async assertEvents(...ids) {
      await waitFor(
        () => emitted("event").length >= ids.length,
        () => `waited for ${ids.length} events:\n${format(log)}`,
      );
      assert.deepEqual(
        emitted("event").map(({ id }) => id),
        ids,
      );
    },
  };
}

const format = (log) =>
  log
    .map(({ name, value }) => `${name} ${value instanceof Error ? value : JSON.stringify(value)}`)
    .join("\n");
