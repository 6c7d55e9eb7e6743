// Subscribers and a publisher for one runtime. Each side has a load generator in a process of its
// own (`Remote`).
import { once } from "node:events";
import { Agent, request } from "node:http";

import { LeanSocket } from "./lean_socket.mjs";
import { WsSocket } from "./ws_socket.mjs";

const DELIVERY_TIMEOUT_MS = 60_000;
/** The number of subscribers whose received event ids are compared with the published ones. */
const VERIFIED_SUBSCRIBERS = 5;

/** WebSocket clients, by the value of `--client`. */
export const CLIENTS = { lean: LeanSocket, ws: WsSocket };

export class LoadGenerator {
  #base;
  #Socket;
  #error;
  #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #sockets = [];
  #lastEventId;
  #publication = newPublication();

  constructor(base, client) {
    this.#base = new URL(base);
    this.#Socket = CLIENTS[client];
  }

  /**
   * Connects and authenticates one socket per subscriber (`{token, sub, filter}`), with
   * `concurrency` sockets at a time. The token is sent in the upgrade request if `tokenOnUpgrade` is
   * set, otherwise in a message. Returns the total time in milliseconds.
   */
  async connect({ subscribers, concurrency, tokenOnUpgrade }) {
    const startedAt = performance.now();
    const queue = subscribers.values();
    const connectFromQueue = async () => {
      for (const subscriber of queue) await this.#connectOne(subscriber, tokenOnUpgrade);
    };
    const count = Math.min(concurrency, subscribers.length);
    await Promise.all(Array.from({ length: count }, connectFromQueue));
    return performance.now() - startedAt;
  }

  #connectOne({ token, sub, filter }, tokenOnUpgrade) {
    const { promise, resolve, reject } = Promise.withResolvers();
    const url = new URL("/acme/api/subscribe", this.#base);
    url.protocol = "ws:";
    // Without the last event id, the Worker would replay earlier events, which are not expected.
    const last_event_id = this.#lastEventId;
    if (tokenOnUpgrade && last_event_id) url.searchParams.set("last_event_id", last_event_id);
    const message = tokenOnUpgrade
      ? undefined
      : JSON.stringify({ type: "authenticate", access_token: token, last_event_id });
    let isGreeted = false;
    const socket = new this.#Socket(url, {
      headers: tokenOnUpgrade ? { authorization: `Bearer ${token}` } : {},
      onText: (_, bytes, start, end) => {
        if (!isGreeted) {
          isGreeted = true;
          if (message) socket.send(message);
          return;
        }
        const text = bytes.toString("utf8", start, end);
        if (!text.startsWith('{"type":"authenticated"')) return reject(new Error(text));
        socket.onText = this.#receiveEvent;
        Object.assign(socket, { sub, filter, pending: 0, receivedIds: undefined });
        this.#sockets.push(socket);
        resolve();
      },
      onEnd: (reason) => {
        const error = new Error(`A subscriber lost its connection: ${reason}`);
        reject(error);
        this.#fail(error);
      },
    });
    return promise;
  }

  #receiveEvent = (socket, bytes, start, end) => {
    const publication = this.#publication;
    if (socket.pending === 0) {
      const text = bytes.toString("utf8", start, end);
      this.#fail(new Error(`A subscriber received an unexpected event: ${text}`));
    }
    socket.pending -= 1;
    socket.receivedIds?.push(JSON.parse(bytes.toString("utf8", start, end)).id);
    publication.firstAt ??= performance.now();
    publication.pending -= 1;
    if (publication.pending === 0) publication.complete(performance.now());
  };

  /**
   * Publishes a batch, each log record of which results in one of `events` (`{log_id, user_id}`).
   * Returns times in milliseconds since the start of the request: `first` and `last` delivery, and
   * `response`.
   */
  async publish({ body, authorization, events }) {
    if (this.#error) throw this.#error;
    const publication = this.#startPublication(events);
    const timer = setTimeout(
      () => publication.fail(new Error(`${publication.pending} deliveries are missing`)),
      DELIVERY_TIMEOUT_MS,
    );
    const bytes = Buffer.from(body);
    const startedAt = performance.now();
    const responded = this.#post(bytes, authorization);
    const delivered = publication.pending ? publication.done : startedAt;
    const [lastAt, responseAt] = await Promise.all([delivered, responded]);
    clearTimeout(timer);
    for (const { socket, expectedIds } of publication.verified) {
      if (String(socket.receivedIds) !== String(expectedIds)) {
        throw new Error(`Received the events ${socket.receivedIds} instead of ${expectedIds}`);
      }
      socket.receivedIds = undefined;
    }
    this.#publication = newPublication();
    this.#lastEventId = events.at(-1).log_id;
    return {
      first: (publication.firstAt ?? startedAt) - startedAt,
      last: lastAt - startedAt,
      response: responseAt - startedAt,
    };
  }

  /** Fails the current publication. Between publications, the next one fails. */
  #fail(error) {
    this.#error ??= error;
    this.#publication.fail(error);
  }

  /** Computes the deliveries that each socket should receive. */
  #startPublication(events) {
    const byUser = Map.groupBy(events, ({ user_id }) => user_id);
    const publication = newPublication();
    const { promise, resolve, reject } = Promise.withResolvers();
    promise.catch(() => {});
    Object.assign(publication, { done: promise, complete: resolve, fail: reject });
    for (const socket of this.#sockets) {
      const expected = socket.filter === "*" ? events : (byUser.get(socket.sub) ?? []);
      socket.pending = expected.length;
      publication.pending += expected.length;
      if (expected.length && publication.verified.length < VERIFIED_SUBSCRIBERS) {
        socket.receivedIds = [];
        const expectedIds = expected.map(({ log_id }) => log_id);
        publication.verified.push({ socket, expectedIds });
      }
    }
    this.#publication = publication;
    return publication;
  }

  async #post(bytes, authorization) {
    const headers = { authorization, "content-length": bytes.length };
    const url = new URL("/acme/api/publish", this.#base);
    const sent = request(url, { method: "POST", agent: this.#agent, headers });
    sent.end(bytes);
    const [response] = await once(sent, "response");
    let text = "";
    for await (const chunk of response) text += chunk;
    const respondedAt = performance.now();
    if (response.statusCode !== 200) {
      throw new Error(`Publishing failed with ${response.statusCode}: ${text}`);
    }
    return respondedAt;
  }

  disconnectAll() {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets = [];
  }
}

/** The state of one publication's deliveries. Initially no delivery is pending. */
const newPublication = () => ({
  pending: 0,
  firstAt: undefined,
  verified: [],
  complete() {},
  fail() {},
});
