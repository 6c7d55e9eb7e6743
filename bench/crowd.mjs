// Listeners and a publisher in a process of their own, one process for each runtime: neither
// shares its memory or its descriptors with the other, or with who counts.
//
// Started by `crowd_process.mjs`, which has the methods called by message.
import { once } from "node:events";
import { Agent, request } from "node:http";

import { LeanSocket } from "./lean_socket.mjs";
import { LibrarySocket } from "./library_socket.mjs";

const PATIENCE = 60_000;
/** How many of the receivers have the ids in what they get looked at. */
const WATCHED = 5;

export const CLIENTS = { lean: LeanSocket, ws: LibrarySocket };

export class Crowd {
  #base;
  #Socket;
  #fault;
  #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #sockets = [];
  #lastEventId;
  #round = idle();

  constructor(base, client) {
    this.#base = new URL(base);
    this.#Socket = CLIENTS[client];
  }

  /**
   * Opens a socket for each of `listeners` (`{token, sub, filter}`), `atOnce` at a time, which
   * shows its token on the upgrade or in a message. Gives the milliseconds until all are
   * authenticated.
   */
  async join({ listeners, atOnce, onUpgrade }) {
    const began = performance.now();
    const waiting = listeners.values();
    const opener = async () => {
      for (const listener of waiting) await this.#join(listener, onUpgrade);
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, listeners.length) }, opener));
    return performance.now() - began;
  }

  #join({ token, sub, filter }, onUpgrade) {
    const { promise, resolve, reject } = Promise.withResolvers();
    const url = new URL("/acme/api/subscribe", this.#base);
    url.protocol = "ws:";
    // What came before is not to be replayed: events are counted.
    const last_event_id = this.#lastEventId;
    if (onUpgrade && last_event_id) url.searchParams.set("last_event_id", last_event_id);
    const message = onUpgrade
      ? undefined
      : JSON.stringify({ type: "authenticate", access_token: token, last_event_id });
    let greeted = false;
    const socket = new this.#Socket(url, {
      headers: onUpgrade ? { authorization: `Bearer ${token}` } : {},
      onText: (_, bytes, start, end) => {
        if (!greeted) {
          greeted = true;
          if (message) socket.send(message);
          return;
        }
        const text = bytes.toString("utf8", start, end);
        if (!text.startsWith('{"type":"authenticated"')) return reject(new Error(text));
        socket.onText = this.#hear;
        this.#sockets.push(Object.assign(socket, { sub, filter, owed: 0, ids: undefined }));
        resolve();
      },
      onEnd: (reason) => {
        const error = new Error(`a listener is lost: ${reason}`);
        reject(error);
        this.#fail(error);
      },
    });
    return promise;
  }

  #hear = (socket, bytes, start, end) => {
    const round = this.#round;
    if (socket.owed === 0) {
      this.#fail(new Error(`not for who got it: ${bytes.toString("utf8", start, end)}`));
    }
    socket.owed -= 1;
    socket.ids?.push(JSON.parse(bytes.toString("utf8", start, end)).id);
    round.first ??= performance.now();
    round.owed -= 1;
    if (round.owed === 0) round.heard(performance.now());
  };

  /**
   * Publishes log records that are all events, `[{log_id, user_id}]` telling whose. Gives the
   * milliseconds from just before the request is written until the first listener has
   * something, until the last has everything, and until the answer is there.
   */
  async publish({ body, authorization, events }) {
    if (this.#fault) throw this.#fault;
    const round = this.#expect(events);
    const timer = setTimeout(
      () => round.fail(new Error(`${round.owed} deliveries have not come`)),
      PATIENCE,
    );
    const bytes = Buffer.from(body);
    const began = performance.now();
    const answered = this.#post(bytes, authorization);
    const [last, answer] = await Promise.all([round.owed ? round.done : began, answered]);
    clearTimeout(timer);
    for (const { socket, ids } of round.watched) {
      if (String(socket.ids) !== String(ids)) throw new Error(`got ${socket.ids}, not ${ids}`);
      socket.ids = undefined;
    }
    this.#round = idle();
    this.#lastEventId = events.at(-1).log_id;
    return { first: (round.first ?? began) - began, last: last - began, answer: answer - began };
  }

  /** Between publications nothing may go wrong either: the next one will tell. */
  #fail(error) {
    this.#fault ??= error;
    this.#round.fail(error);
  }

  /** Works out what each socket is owed. */
  #expect(events) {
    const byUser = Map.groupBy(events, ({ user_id }) => user_id);
    const round = idle();
    const { promise, resolve, reject } = Promise.withResolvers();
    promise.catch(() => {});
    Object.assign(round, { done: promise, heard: resolve, fail: reject });
    for (const socket of this.#sockets) {
      const due = socket.filter === "*" ? events : (byUser.get(socket.sub) ?? []);
      socket.owed = due.length;
      round.owed += due.length;
      if (due.length && round.watched.length < WATCHED) {
        socket.ids = [];
        round.watched.push({ socket, ids: due.map(({ log_id }) => log_id) });
      }
    }
    this.#round = round;
    return round;
  }

  async #post(bytes, authorization) {
    const headers = { authorization, "content-length": bytes.length };
    const url = new URL("/acme/api/publish", this.#base);
    const sent = request(url, { method: "POST", agent: this.#agent, headers });
    sent.end(bytes);
    const [response] = await once(sent, "response");
    let text = "";
    for await (const piece of response) text += piece;
    const at = performance.now();
    if (response.statusCode !== 200) throw new Error(`publishing: ${response.statusCode} ${text}`);
    return at;
  }

  /** Has all listeners leave. */
  leave() {
    for (const socket of this.#sockets) socket.cut();
    this.#sockets = [];
  }
}

/** What is known of the deliveries of one publication, here none. */
const idle = () => ({ owed: 0, first: undefined, watched: [], heard() {}, fail() {} });
