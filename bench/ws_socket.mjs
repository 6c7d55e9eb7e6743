// A client with the same interface as `LeanSocket`, based on the npm package ws.
import WebSocket from "ws";

export class WsSocket {
  #socket;

  constructor(url, { headers = {}, onText, onEnd }) {
    Object.assign(this, { onText, onEnd });
    // The client offers compression, as browsers do.
    this.#socket = new WebSocket(url, { headers, perMessageDeflate: true });
    this.#socket.on("message", (bytes) => this.onText(this, bytes, 0, bytes.length));
    this.#socket.on("error", (error) => this.#end(error.message));
    this.#socket.on("close", (code, reason) => {
      this.#end(`the server closed the socket with ${code} ${reason}`);
    });
  }

  send(text) {
    this.#socket.send(text);
  }

  /** Ends the connection without a close frame. */
  destroy() {
    this.onEnd = undefined;
    this.#socket.terminate();
  }

  #end(reason) {
    const { onEnd } = this;
    this.onEnd = undefined;
    onEnd?.(reason);
  }
}
