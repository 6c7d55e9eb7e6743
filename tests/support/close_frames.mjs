// A WebSocket client that sends any close frame, even one that the protocol does not allow, which
// client libraries refuse to send.
import { connect } from "node:net";

/** The first byte of a final frame with the opcode of a close. */
const CLOSE = 0x88;
/** Any 16 bytes. The client does not verify the server's `Sec-WebSocket-Accept`. */
const KEY = "AAAAAAAAAAAAAAAAAAAAAA==";

/** Returns the body of a close frame (RFC 6455, section 5.5.1). */
export function closeBody(code, reason = "") {
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(code);
  return Buffer.concat([prefix, Buffer.from(reason)]);
}

/**
 * Opens a WebSocket, sends a close frame with this body once `messages` messages have arrived, and
 * returns the code of the server's close frame: `undefined` without a close frame, 1005 without a
 * code. Throws if the server neither sends one nor ends the connection before the timeout.
 */
export async function closeWith(url, body, { headers = {}, messages = 1, timeout = 10_000 } = {}) {
  const { hostname: host, port, pathname } = url;
  const socket = connect({ host, port });
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    `GET ${pathname} HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\n` +
      `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n` +
      `${fields.join("")}\r\n`,
  );
  socket.setTimeout(timeout, () => socket.destroy(new Error("the server did not close")));
  let received = Buffer.alloc(0);
  let isSent = false;
  try {
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk]);
      const frames = framesOf(received);
      const close = frames.find(({ opcode }) => opcode === (CLOSE & 0x0f));
      if (close) return close.payload.length < 2 ? 1005 : close.payload.readUInt16BE();
      if (!isSent && frames.length >= messages) {
        // The mask is zero: it would only protect intermediaries.
        socket.write(Buffer.concat([Buffer.from([CLOSE, 0x80 | body.length, 0, 0, 0, 0]), body]));
        isSent = true;
      }
    }
    return undefined;
  } finally {
    socket.destroy();
  }
}

/** Returns the complete frames after the response to the upgrade. */
function framesOf(received) {
  const separator = received.indexOf("\r\n\r\n");
  const frames = [];
  let position = separator < 0 ? received.length : separator + 4;
  while (position + 2 <= received.length) {
    const opcode = received[position] & 0x0f;
    let length = received[position + 1] & 0x7f;
    let start = position + 2;
    if (length === 126) {
      if (start + 2 > received.length) break;
      length = received.readUInt16BE(start);
      start += 2;
    }
    if (start + length > received.length) break;
    frames.push({ opcode, payload: received.subarray(start, start + length) });
    position = start + length;
  }
  return frames;
}
