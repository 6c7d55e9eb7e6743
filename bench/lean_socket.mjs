// A minimal WebSocket client, so that the measurement depends on the server rather than on the
// client. It reports the position of each received text. It offers compression, as browsers do, but
// fails if the server accepts the offer, because compression is off. It supports no pings or queues.
// All sockets read into the same buffer.
import { connect } from "node:net";

const readBuffer = Buffer.allocUnsafe(1 << 16);

/** The first byte of a frame: final, with the opcode of a text or of a close. */
const [TEXT, CLOSE] = [0x81, 0x88];
/** Any 16 bytes. The client does not verify the server's `Sec-WebSocket-Accept`. */
const KEY = "AAAAAAAAAAAAAAAAAAAAAA==";

/** Encodes a text frame with a zero mask. The mask would only protect intermediaries. */
function encodeFrame(text) {
  const payload = Buffer.from(text);
  const isShort = payload.length < 126;
  const header = Buffer.alloc(isShort ? 6 : 8);
  header.set([TEXT, 0x80 | (isShort ? payload.length : 126)]);
  if (!isShort) header.writeUInt16BE(payload.length, 2);
  return Buffer.concat([header, payload]);
}

export class LeanSocket {
  #connection;
  #incomplete;
  #isOpen = false;

  /**
   * Calls `onText(socket, buffer, start, end)` for each text message, and `onEnd(reason)` once when
   * the socket closes.
   */
  constructor(url, { headers = {}, onText, onEnd }) {
    Object.assign(this, { onText, onEnd });
    const { hostname: host, port, pathname, search } = url;
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#connection = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (length) => {
          this.#read(length);
          return true;
        },
      },
    });
    this.#connection.on("error", (error) => this.#end(error.message));
    this.#connection.on("close", () => this.#end("the connection was lost"));
    this.#connection.write(
      `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\n` +
        `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n` +
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" +
        `${fields.join("")}\r\n`,
    );
  }

  /** True if the server does not read what the client sends. */
  get isBacklogged() {
    return this.#connection.writableNeedDrain;
  }

  /** Sends a text of less than 64 KiB. */
  send(text) {
    this.#connection.write(encodeFrame(text));
  }

  /** Resets the connection without a close frame. A reset leaves no port in TIME_WAIT. */
  destroy() {
    this.onEnd = undefined;
    this.#connection.resetAndDestroy();
  }

  #end(reason) {
    const { onEnd } = this;
    this.onEnd = undefined;
    onEnd?.(reason);
  }

  #read(length) {
    let bytes = readBuffer;
    let end = length;
    if (this.#incomplete) {
      bytes = Buffer.concat([this.#incomplete, readBuffer.subarray(0, length)]);
      end = bytes.length;
    }
    let position = this.#isOpen ? 0 : this.#readHandshake(bytes.subarray(0, end));
    while (this.#isOpen && position + 2 <= end) {
      let start = position + 2;
      let size = bytes[position + 1];
      if (size === 126) {
        start += 2;
        if (start > end) break;
        size = bytes.readUInt16BE(position + 2);
      } else if (size === 127) {
        start += 8;
        if (start > end) break;
        size = Number(bytes.readBigUInt64BE(position + 2));
      }
      if (start + size > end) break;
      if (bytes[position] === TEXT) this.onText(this, bytes, start, start + size);
      if (bytes[position] === CLOSE) {
        const code = bytes.readUInt16BE(start);
        const reason = bytes.subarray(start + 2, start + size);
        this.#end(`the server closed the socket with ${code} ${reason}`);
      }
      position = start + size;
    }
    this.#incomplete = position < end ? Buffer.from(bytes.subarray(position, end)) : undefined;
  }

  /** Returns the position after the response to the upgrade, or 0 if it is incomplete. */
  #readHandshake(bytes) {
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0) return 0;
    const response = bytes.toString("latin1");
    const isAccepted = response.startsWith("HTTP/1.1 101 ");
    const isCompressed = /^sec-websocket-extensions:/im.test(response);
    this.#isOpen = isAccepted && !isCompressed;
    if (!isAccepted) this.#end(`the server rejected the upgrade: ${response}`);
    else if (isCompressed) this.#end(`the server negotiated compression: ${response}`);
    return end + 4;
  }
}
