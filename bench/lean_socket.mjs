// A WebSocket client that does next to nothing, so that what is measured is the server: it opens,
// sends one message, and tells where each text that arrives begins and ends. No compression, no
// pings, no queues; all sockets read into the same memory.
import { connect } from "node:net";

const memory = Buffer.allocUnsafe(1 << 16);

const [TEXT, CLOSE] = [0x81, 0x88];
/** Any 16 bytes will do; the answer is not checked. */
const KEY = "AAAAAAAAAAAAAAAAAAAAAA==";

/** A text as a frame. The mask is zero: there is no proxy here that it could protect. */
function frame(text) {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(8);
  head.set([TEXT, 0x80 | 126]);
  head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

export class LeanSocket {
  #connection;
  #rest;
  #isOpen = false;

  /** `onText` gets memory and the two ends of a text; `onEnd`, why the socket is no more. */
  constructor(url, { headers = {}, onText, onEnd }) {
    Object.assign(this, { onText, onEnd });
    const { hostname: host, port, pathname, search } = url;
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#connection = connect({
      host,
      port,
      noDelay: true,
      onread: { buffer: memory, callback: (length) => (this.#read(length), true) },
    });
    this.#connection.on("error", (error) => this.#end(error.message));
    this.#connection.on("close", () => this.#end("it was cut off"));
    this.#connection.write(
      `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\n` +
        `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n` +
        `${fields.join("")}\r\n`,
    );
  }

  /** Sends a text of 126 bytes to 64 KiB. */
  send(text) {
    this.#connection.write(frame(text));
  }

  /** Ends it without a word, and leaves no port waiting. */
  cut() {
    this.onEnd = undefined;
    this.#connection.resetAndDestroy();
  }

  #end(reason) {
    const { onEnd } = this;
    this.onEnd = undefined;
    onEnd?.(reason);
  }

  #read(length) {
    let bytes = memory;
    let end = length;
    if (this.#rest) {
      bytes = Buffer.concat([this.#rest, memory.subarray(0, length)]);
      end = bytes.length;
    }
    let at = this.#isOpen ? 0 : this.#open(bytes.subarray(0, end));
    while (this.#isOpen && at + 2 <= end) {
      let start = at + 2;
      let size = bytes[at + 1];
      if (size === 126) {
        start += 2;
        if (start > end) break;
        size = bytes.readUInt16BE(at + 2);
      } else if (size === 127) {
        start += 8;
        if (start > end) break;
        size = Number(bytes.readBigUInt64BE(at + 2));
      }
      if (start + size > end) break;
      if (bytes[at] === TEXT) this.onText(this, bytes, start, start + size);
      if (bytes[at] === CLOSE) {
        const [code, reason] = [bytes.readUInt16BE(start), bytes.subarray(start + 2, start + size)];
        this.#end(`it was closed with ${code} ${reason}`);
      }
      at = start + size;
    }
    this.#rest = at < end ? Buffer.from(bytes.subarray(at, end)) : undefined;
  }

  /** Looks for the end of the answer to the upgrade, and gives where it is. */
  #open(bytes) {
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0) return 0;
    const answer = bytes.toString("latin1");
    this.#isOpen = answer.startsWith("HTTP/1.1 101 ");
    if (!this.#isOpen) this.#end(`the upgrade was refused: ${answer}`);
    return end + 4;
  }
}
