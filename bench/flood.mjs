// Sockets that send more messages than any honest client does.
//
// The Worker may close them, because it limits messages and renewals. The flood then opens new
// sockets, but only as fast as the Worker allows new sockets, so that it gets the most out of the
// limits instead of being refused.
import { LeanSocket } from "./lean_socket.mjs";

const TICK_MS = 10;
const START_TIMEOUT_MS = 30_000;
/** The runtime answers only the usual spelling itself. This one wakes the tenant object. */
const PING = '{"type": "ping"}';

export class Flood {
  #url;
  #options;
  #sockets = new Set();
  #newSockets = 0;
  #sent = 0;
  #isRefused = false;
  #timer;
  #end;

  constructor(base) {
    this.#url = new URL("/acme/api/subscribe", base);
    this.#url.protocol = "ws:";
  }

  /**
   * Keeps `sockets` sockets open, and sends `messagesPerSecond` messages on each: pings, and renewals
   * with each of the tokens in turn as every `renewEvery`th message. Without tokens, the sockets do
   * not authenticate. A closed socket is replaced, at most `socketsPerSecond` of them in a second.
   * Resolves when it has sent that many messages, or when the Worker refuses a socket: it then sends as
   * much as the Worker lets it. The flood ends after `duration` milliseconds.
   */
  async start(options) {
    this.#options = options;
    this.#isRefused = false;
    this.#newSockets = options.sockets;
    const { promise, resolve, reject } = Promise.withResolvers();
    const timeout = setTimeout(
      () => reject(new Error(`only ${this.#sent} messages were sent`)),
      START_TIMEOUT_MS,
    );
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#tick((now - last) / 1000);
      last = now;
      if (this.#sent >= options.sockets || this.#isRefused) resolve();
    }, TICK_MS);
    await promise;
    clearTimeout(timeout);
    this.#end = setTimeout(() => this.stop(), options.duration);
  }

  /** Closes all sockets. */
  stop() {
    clearInterval(this.#timer);
    clearTimeout(this.#end);
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    this.#sent = 0;
  }

  #tick(seconds) {
    const { sockets, socketsPerSecond, messagesPerSecond } = this.#options;
    this.#newSockets = Math.min(sockets, this.#newSockets + seconds * socketsPerSecond);
    while (this.#newSockets >= 1 && this.#sockets.size < sockets) {
      this.#newSockets -= 1;
      this.#open();
    }
    for (const socket of this.#sockets) {
      if (!socket.isReady || socket.isBacklogged) continue;
      socket.due += seconds * messagesPerSecond;
      for (; socket.due >= 1; socket.due -= 1) this.#sendNext(socket);
    }
  }

  #open() {
    const { tokens } = this.#options;
    const socket = new LeanSocket(this.#url, {
      // The first message is the greeting; the second responds to the first token.
      onText: () => {
        if (socket.isReady) return;
        if (tokens.length === 0 || socket.isGreeted) socket.isReady = true;
        else authenticate(socket, tokens[0]);
        socket.isGreeted = true;
      },
      onEnd: () => {
        this.#sockets.delete(socket);
        this.#isRefused ||= !socket.isReady;
        socket.destroy();
      },
    });
    Object.assign(socket, { isGreeted: false, isReady: false, due: 0, sent: 0 });
    this.#sockets.add(socket);
  }

  #sendNext(socket) {
    const { tokens, renewEvery } = this.#options;
    this.#sent += 1;
    socket.sent += 1;
    if (tokens.length > 0 && socket.sent % renewEvery === 0) {
      authenticate(socket, tokens[(socket.sent / renewEvery) % tokens.length]);
    } else {
      socket.send(PING);
    }
  }
}

const authenticate = (socket, access_token) =>
  socket.send(JSON.stringify({ type: "authenticate", access_token }));
