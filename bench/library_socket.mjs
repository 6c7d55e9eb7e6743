// The same client as `LeanSocket`, on the library that many a client of the worker is made with.
import WebSocket from "ws";

export class LibrarySocket {
  #socket;

  constructor(url, { headers = {}, onText, onEnd }) {
    Object.assign(this, { onText, onEnd });
    this.#socket = new WebSocket(url, { headers, perMessageDeflate: false });
    this.#socket.on("message", (bytes) => this.onText(this, bytes, 0, bytes.length));
    this.#socket.on("error", (error) => this.#end(error.message));
    this.#socket.on("close", (code, reason) => this.#end(`it was closed with ${code} ${reason}`));
  }

  send(text) {
    this.#socket.send(text);
  }

  /** Ends it without a word. */
  cut() {
    this.onEnd = undefined;
    this.#socket.terminate();
  }

  #end(reason) {
    const { onEnd } = this;
    this.onEnd = undefined;
    onEnd?.(reason);
  }
}
