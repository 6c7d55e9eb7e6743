// A listener at the wire: messages wait in a queue until the test asks for them, one by one and
// in their order, so that a message too many is noticed.
import assert from "node:assert/strict";
import { once } from "node:events";

import WebSocket from "ws";

const PATIENCE = 15_000;

// The server's close frame ends a socket. Locally, workerd leaves the TCP connection of a
// hibernatable socket that never sent a message open after that; it is not waited for.
const CLOSE_TIMEOUT = 500;

function within(milliseconds, promise, complaint) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new assert.AssertionError({ message: complaint() })),
      milliseconds,
    );
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export class Listener {
  #queue = [];
  #seen = [];
  #arrival = () => {};

  constructor(url, { protocols = [], headers = {} } = {}) {
    this.socket = new WebSocket(url, protocols, { headers, closeTimeout: CLOSE_TIMEOUT });
    this.socket.on("error", () => {});
    this.socket.on("message", (data, isBinary) => {
      const text = data.toString();
      assert.equal(isBinary, false, `a binary message came: ${text}`);
      this.#seen.push(text);
      this.#queue.push(text);
      this.#arrival();
    });
    // Not by `once`, which fails where an error comes first, as when the connection breaks.
    this.#closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => {
        this.#closedWith = { code, reason: reason.toString() };
        this.#arrival();
        resolve(this.#closedWith);
      });
    });
  }
  #closed;
  #closedWith;

  /** Opens a socket; fails with what the server answered when it is no 101. */
  static async connect(url, options) {
    const listener = new Listener(url, options);
    const refused = once(listener.socket, "unexpected-response").then(([, response]) => {
      throw new Error(`the upgrade was answered with ${response.statusCode}`);
    });
    await within(
      PATIENCE,
      Promise.race([once(listener.socket, "open"), refused]),
      () => "no 101 came",
    );
    return listener;
  }

  get protocol() {
    return this.socket.protocol;
  }

  #story() {
    const end = this.#closedWith ? `, then closed with ${JSON.stringify(this.#closedWith)}` : "";
    return `received so far: [${this.#seen.join(", ")}]${end}`;
  }

  /** The next message as it was sent. */
  async nextText(patience = PATIENCE) {
    const arrived = async () => {
      while (this.#queue.length === 0) {
        assert.equal(this.#closedWith, undefined, `the socket closed instead; ${this.#story()}`);
        await new Promise((resolve) => (this.#arrival = resolve));
      }
      return this.#queue.shift();
    };
    return within(patience, arrived(), () => `no message came in ${patience} ms; ${this.#story()}`);
  }

  /** The next message. */
  async next(patience) {
    return JSON.parse(await this.nextText(patience));
  }

  /** The next `count` messages. */
  async take(count) {
    const messages = [];
    while (messages.length < count) messages.push(await this.next());
    return messages;
  }

  send(message) {
    const raw = typeof message === "string" || Buffer.isBuffer(message);
    this.socket.send(raw ? message : JSON.stringify(message));
  }

  /** Asks to listen, and gives the answer. */
  async authenticate(access_token, last_event_id) {
    this.send({ type: "authenticate", access_token, last_event_id });
    return this.next();
  }

  /**
   * Every message that came before the answer to a ping that the object itself must answer
   * (the spelling is none that the runtime answers alone): what the object had sent by then.
   */
  async unread() {
    this.send({ type: "ping", from: "the test" });
    const messages = [];
    for (;;) {
      const message = await this.next();
      if (message.type === "pong") return messages;
      messages.push(message);
    }
  }

  /** What has arrived and was not asked for yet, of a socket that is closed. */
  remaining() {
    return this.#queue.splice(0).map((text) => JSON.parse(text));
  }

  /** How the socket was closed, `{code, reason}`, once it is. */
  closed(patience = PATIENCE) {
    return within(
      patience,
      this.#closed,
      () => `no close came in ${patience} ms; ${this.#story()}`,
    );
  }

  /** Asserts that the server closes with this code, and a reason that a program can read. */
  async closedWith(code, patience) {
    const closed = await this.closed(patience);
    assert.equal(closed.code, code, this.#story());
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
