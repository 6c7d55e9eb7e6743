// The real side: one tenant of the worker, and the sockets of those that listen to it.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

import { assertFault } from "../http.mjs";
import { answers } from "../issuer.mjs";
import { Listener } from "../listener.mjs";
import { until } from "../until.mjs";
import { inOrder } from "./model.mjs";

// A client that floods its socket is another test's matter: no socket sends more than this in a
// second, and a barrier is left out where steps follow each other too fast for it.
const MESSAGES_A_SECOND = 14;
const ROOM_FOR_A_BARRIER = 7;
/** When a socket that has not authenticated leaves, in milliseconds: well before its deadline. */
const UNAUTHENTICATED_LIFE = 4_000;

/** How long the issuer takes to answer, in milliseconds: long enough for other things to happen. */
const FETCH = 20;

export class Clients {
  #clients = new Map();

  constructor(tenant) {
    this.tenant = tenant;
    tenant.issuer.behaviour = answers.slow(FETCH);
  }

  /** Has the worker fetch the issuer's keys when it needs them next. */
  async ageKeys() {
    if (this.tenant.issuer.fetches > 0) await this.tenant.ageKeySet("fetched_at", 11 * 60_000);
  }

  /** Opens a socket and gives the HTTP status. */
  async connect(name, query, options) {
    const connectedAt = Date.now();
    try {
      const listener = await Listener.connect(this.tenant.subscribeUrl(query), options);
      this.#clients.set(name, { listener, connectedAt, sent: [] });
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
      await makeRoom(client);
      client.listener.send(message);
    }
  }

  async close(name, code) {
    await this.#clients.get(name).listener.close(code);
  }

  /** Ends a connection without a word, and waits until the worker has noticed. */
  async cut(name) {
    this.#clients.get(name).listener.socket.terminate();
    const gone = async () => (await this.tenant.listeners()).count < this.#clients.size;
    await until(gone, () => `${name} is still listed`);
  }

  /** The names of those whose time to authenticate will be up before long. */
  latecomers() {
    const late = ([, { connectedAt }]) => Date.now() - connectedAt > UNAUTHENTICATED_LIFE;
    return [...this.#clients].filter(late).map(([name]) => name);
  }

  /**
   * What has come on each socket, and how it ended. `expected` tells how much to wait for; on
   * sockets that `mustAsk` names, that is whatever comes before the answer to a ping of the
   * object's. Those that `mayAsk` names are asked for that answer where there is room for it, so
   * that a message too few or too many is noticed at once.
   */
  async news(expected, mustAsk, mayAsk = mustAsk) {
    const collect = async ([name, { inbox, closed }]) => {
      const client = this.#clients.get(name);
      const { listener } = client;
      if (closed) {
        const end = await listener.closed();
        this.#clients.delete(name);
        return [name, { inbox: plain(listener.remaining()), closed: end }];
      }
      const isAsked = mustAsk(name) || (mayAsk(name) && sentLately(client) < ROOM_FOR_A_BARRIER);
      const messages = isAsked
        ? await upToBarrier(client, inbox)
        : await listener.take(inbox.length);
      return [name, { inbox: plain([...messages, ...listener.remaining()]), closed: undefined }];
    };
    return new Map(await Promise.all([...expected].map(collect)));
  }

  events() {
    return this.tenant.events();
  }

  /** Who listens, without the moment, which is nobody's choice. */
  async listeners() {
    const { count, connections } = await this.tenant.listeners();
    assert.equal(count, connections.length);
    const listeners = connections.map(({ connected_on, terminated, ...listener }) => {
      assert.equal(new Date(connected_on).toISOString(), connected_on);
      assert.equal(terminated, false);
      return listener;
    });
    return inOrder(listeners);
  }

  end() {
    for (const { listener } of this.#clients.values()) listener.socket.terminate();
  }
}

/** Waits until one more message may be sent, and counts that. */
async function makeRoom(client) {
  while (sentLately(client) >= MESSAGES_A_SECOND) await delay(50);
  client.sent.push(Date.now());
}

/**
 * All that comes before the answer to one more ping, which the object itself must answer. That
 * ping is sent when all answers are there, because checking a token gives way to what comes after;
 * events, of which the object sends none later than that, are not waited for.
 */
async function upToBarrier(client, inbox) {
  const { listener } = client;
  const isAnswer = ({ id }) => id === undefined;
  const messages = [];
  for (let awaited = inbox.filter(isAnswer).length; awaited > 0;) {
    messages.push(await listener.next());
    if (isAnswer(messages.at(-1))) awaited -= 1;
  }
  await makeRoom(client);
  return [...messages, ...(await listener.unread())];
}

function sentLately(client) {
  const aSecondAgo = Date.now() - 1_000;
  client.sent = client.sent.filter((moment) => moment > aSecondAgo);
  return client.sent.length;
}

/** Messages without the sentences for people. */
function plain(messages) {
  return messages.map(({ error_description, ...message }) => {
    if ("error" in message) assertFault({ ...message, error_description }, message.error);
    return message;
  });
}
