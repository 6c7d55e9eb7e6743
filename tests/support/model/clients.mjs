// The system under test: one tenant of the Worker and the sockets of its subscribers.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

import { assertErrorMembers } from "../http.mjs";
import { keySetResponses } from "../issuer.mjs";
import { Subscriber } from "../subscriber.mjs";
import { waitFor } from "../wait_for.mjs";
import { sortListeners } from "./model.mjs";

// Another test covers limits: no socket reaches them. If steps follow each other too fast, the
// additional ping that acts as a barrier is left out.
const MAX_MESSAGES_PER_SECOND = 7;
const MAX_MESSAGES_BEFORE_BARRIER = 4;
/** In milliseconds; well before the authentication deadline. */
const MAX_UNAUTHENTICATED_AGE = 4_000;
/** So many that another step does not exceed the limit before authentication. */
const MAX_UNAUTHENTICATED_MESSAGES = 4;

/** Response time of the issuer in milliseconds, long enough for concurrent operations. */
const FETCH_TIME = 20;

export class Clients {
  #clients = new Map();

  constructor(tenant) {
    this.tenant = tenant;
    tenant.issuer.behaviour = keySetResponses.slow(FETCH_TIME);
  }

  /** Expires the cached key set, so that the next token check fetches it. */
  async expireKeys() {
    if (this.tenant.issuer.fetches > 0) await this.tenant.ageKeySet("fetched_at", 11 * 60_000);
  }

  /** Opens a socket and returns the HTTP status. */
  async connect(name, query, options) {
    const connectedAt = Date.now();
    try {
      const subscriber = await Subscriber.connect(this.tenant.subscribeUrl(query), options);
      this.#clients.set(name, { subscriber, connectedAt, sent: 0, sentAt: [] });
      return 101;
    } catch (error) {
      const [, status] = /the upgrade was answered with (\d+)/.exec(error.message) ?? [];
      if (status) return Number(status);
      throw error;
    }
  }

  async send(name, ...messages) {
    const client = this.#clients.get(name);
    for (const message of messages) {
      await throttle(client);
      client.subscriber.send(message);
    }
  }

  async close(name, code) {
    await this.#clients.get(name).subscriber.close(code);
  }

  /** Drops a connection without a close frame, and waits until the Worker has noticed. */
  async disconnect(name) {
    this.#clients.get(name).subscriber.socket.terminate();
    const isUnlisted = async () => (await this.tenant.listeners()).count < this.#clients.size;
    await waitFor(isUnlisted, () => `${name} is still listed`);
  }

  /** Returns the names of the sockets that must have authenticated before the next step. */
  spentSockets() {
    const isSpent = ([, { connectedAt, sent }]) =>
      Date.now() - connectedAt > MAX_UNAUTHENTICATED_AGE || sent > MAX_UNAUTHENTICATED_MESSAGES;
    return [...this.#clients].filter(isSpent).map(([name]) => name);
  }

  /**
   * Returns the messages received on each socket, and how it was closed. `expected` determines how
   * many messages to wait for. Sockets for which `needsBarrier` returns true instead wait for the
   * pong to an additional ping. Sockets for which `mayUseBarrier` returns true do so if the rate
   * limit permits, so that a missing or an additional message is noticed at once.
   */
  async updates(expected, needsBarrier, mayUseBarrier = needsBarrier) {
    const collect = async ([name, { inbox, closed }]) => {
      const client = this.#clients.get(name);
      const { subscriber } = client;
      if (closed) {
        const closeEvent = await subscriber.closed();
        this.#clients.delete(name);
        return [name, { inbox: normalize(subscriber.remaining()), closed: closeEvent }];
      }
      const useBarrier =
        needsBarrier(name) ||
        (mayUseBarrier(name) && recentlySent(client) < MAX_MESSAGES_BEFORE_BARRIER);
      const messages = useBarrier
        ? await receiveUpToBarrier(client, inbox)
        : await subscriber.take(inbox.length);
      const all = [...messages, ...subscriber.remaining()];
      return [name, { inbox: normalize(all), closed: undefined }];
    };
    return new Map(await Promise.all([...expected].map(collect)));
  }

  events() {
    return this.tenant.events();
  }

  /** Returns the connections of /api/listeners without their times, which are not predictable. */
  async listeners() {
    const { count, connections } = await this.tenant.listeners();
    assert.equal(count, connections.length);
    const listeners = connections.map(({ connected_on, terminated, ...listener }) => {
      assert.equal(new Date(connected_on).toISOString(), connected_on);
      assert.equal(terminated, false);
      return listener;
    });
    return sortListeners(listeners);
  }

  end() {
    for (const { subscriber } of this.#clients.values()) subscriber.socket.terminate();
  }
}

/** Waits until the rate limit permits another message, and counts that message. */
async function throttle(client) {
  while (recentlySent(client) >= MAX_MESSAGES_PER_SECOND) await delay(50);
  client.sentAt.push(Date.now());
  client.sent += 1;
}

/**
 * Receives everything that precedes the pong to an additional ping. The ping is sent only after all
 * expected responses have arrived, because the object handles later messages while it checks a
 * token. Events need no such wait, because the object sends them before the pong.
 */
async function receiveUpToBarrier(client, inbox) {
  const { subscriber } = client;
  const isResponse = ({ id }) => id === undefined;
  const messages = [];
  for (let missing = inbox.filter(isResponse).length; missing > 0;) {
    messages.push(await subscriber.next());
    if (isResponse(messages.at(-1))) missing -= 1;
  }
  await throttle(client);
  return [...messages, ...(await subscriber.drain())];
}

/** Counts the messages sent in the last second. */
function recentlySent(client) {
  const oneSecondAgo = Date.now() - 1_000;
  client.sentAt = client.sentAt.filter((time) => time > oneSecondAgo);
  return client.sentAt.length;
}

/** Removes the error descriptions, which the model does not predict. */
function normalize(messages) {
  return messages.map(({ error_description, ...message }) => {
    if ("error" in message) assertErrorMembers({ ...message, error_description }, message.error);
    return message;
  });
}
