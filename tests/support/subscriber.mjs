// A WebSocket client that queues the received messages. A test reads them one by one and in order,
// so that it notices a missing or an additional message.
import assert from "node:assert/strict";
import { once } from "node:events";

import WebSocket from "ws";

const DEFAULT_TIMEOUT = 15_000;

// After the close frame, local workerd can leave the TCP connection open (docs/architecture.md,
// Properties of the runtime). Do not wait for it.
const CLOSE_TIMEOUT = 500;

function withTimeout(timeout, promise, message) {
  let timer;
  const expired = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: message() })), timeout);
  });
  return Promise.race([promise, expired]).finally(() => clearTimeout(timer));
}

export class Subscriber {
  #queue = [];
  #received = [];
  #notify = () => {};
  #closed;
  #closeEvent;

  constructor(url, { protocols = [], headers = {} } = {}) {
    this.socket = new WebSocket(url, protocols, { headers, closeTimeout: CLOSE_TIMEOUT });
    this.socket.on("error", () => {});
    this.socket.on("message", (data, isBinary) => {
      const text = data.toString();
      assert.equal(isBinary, false, `received a binary message: ${text}`);
      this.#received.push(text);
      this.#queue.push(text);
      this.#notify();
    });
    // `once` would reject if an error precedes the close, as on a broken connection.
    this.#closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => {
        this.#closeEvent = { code, reason: reason.toString() };
        this.#notify();
        resolve(this.#closeEvent);
      });
    });
  }

  /** Opens a socket. Throws with the HTTP status if the server does not respond with 101. */
  static async connect(url, options) {
    const subscriber = new Subscriber(url, options);
    const refused = once(subscriber.socket, "unexpected-response").then(([, response]) => {
      throw new Error(`the upgrade was answered with ${response.statusCode}`);
    });
    await withTimeout(
      DEFAULT_TIMEOUT,
      Promise.race([once(subscriber.socket, "open"), refused]),
      () => "received no response to the upgrade request",
    );
    return subscriber;
  }

  get protocol() {
    return this.socket.protocol;
  }

  #history() {
    const end = this.#closeEvent ? `, then closed with ${JSON.stringify(this.#closeEvent)}` : "";
    return `received so far: [${this.#received.join(", ")}]${end}`;
  }

  /** Returns the text of the next message. */
  async nextText(timeout = DEFAULT_TIMEOUT) {
    const dequeue = async () => {
      while (this.#queue.length === 0) {
        assert.equal(this.#closeEvent, undefined, `the socket is closed; ${this.#history()}`);
        await new Promise((resolve) => (this.#notify = resolve));
      }
      return this.#queue.shift();
    };
    return withTimeout(
      timeout,
      dequeue(),
      () => `received no message within ${timeout} ms; ${this.#history()}`,
    );
  }

  /** Returns the next message. */
  async next(timeout) {
    return JSON.parse(await this.nextText(timeout));
  }

  /** Returns the next `count` messages. */
  async take(count) {
    const messages = [];
    while (messages.length < count) messages.push(await this.next());
    return messages;
  }

  send(message) {
    const isRaw = typeof message === "string" || Buffer.isBuffer(message);
    this.socket.send(isRaw ? message : JSON.stringify(message));
  }

  /** Sends an `authenticate` message and returns the response. */
  async authenticate(access_token, last_event_id) {
    this.send({ type: "authenticate", access_token, last_event_id });
    return this.next();
  }

  /**
   * Sends a ping and returns all messages that arrive before the pong. The additional member keeps
   * the runtime from answering the ping itself, so the tenant object has sent all of them.
   */
  async drain() {
    this.send({ type: "ping", from: "the test" });
    const messages = [];
    for (;;) {
      const message = await this.next();
      if (message.type === "pong") return messages;
      messages.push(message);
    }
  }

  /** Removes and returns the messages in the queue without waiting. */
  remaining() {
    return this.#queue.splice(0).map((text) => JSON.parse(text));
  }

  /** Waits until the socket is closed and returns `{ code, reason }`. */
  closed(timeout = DEFAULT_TIMEOUT) {
    return withTimeout(
      timeout,
      this.#closed,
      () => `the socket was not closed within ${timeout} ms; ${this.#history()}`,
    );
  }

  /** Asserts that the server closes the socket with this code and a machine-readable reason. */
  async closedWith(code, timeout) {
    const closed = await this.closed(timeout);
    assert.equal(closed.code, code, this.#history());
    assert.match(closed.reason, /^[a-z]+(_[a-z]+)*$/);
    return closed;
  }

  get isOpen() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  close(code, reason) {
    this.socket.close(code, reason);
    return this.closed();
  }
}
