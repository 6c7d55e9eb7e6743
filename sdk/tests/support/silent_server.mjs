// A server that accepts connections and then never responds, not even to a close frame.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after } from "node:test";

const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * Starts the server. `messages` are the messages that it sends on each connection before it falls
 * silent. Without them, it does not even respond to the upgrade request.
 */
export async function startSilentServer(messages) {
  const connections = new Set();
  const silent = {
    /** The number of connections so far. */
    count: 0,
    /** The largest number of connections that were open at once. */
    maxOpen: 0,
    /** The number of open connections. */
    open: () => connections.size,
  };
  const server = createServer();
  server.on("connection", (connection) => {
    connections.add(connection);
    silent.count += 1;
    silent.maxOpen = Math.max(silent.maxOpen, connections.size);
    connection.on("error", () => {});
    connection.on("close", () => connections.delete(connection));
  });
  server.on("upgrade", ({ headers }, connection) => {
    connection.on("end", () => connection.destroy());
    connection.resume();
    if (!messages) return;
    const accept = createHash("sha1").update(headers["sec-websocket-key"] + KEY_SUFFIX);
    const lines = [
      "HTTP/1.1 101 Switching Protocols",
      "Connection: Upgrade",
      "Upgrade: websocket",
      `Sec-WebSocket-Accept: ${accept.digest("base64")}`,
      "Sec-WebSocket-Protocol: session-events",
    ];
    connection.write(`${lines.join("\r\n")}\r\n\r\n`);
    for (const message of messages) connection.write(textFrame(JSON.stringify(message)));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  after(() => {
    server.close();
    for (const connection of connections) connection.destroy();
  });
  return Object.assign(silent, { url: `http://127.0.0.1:${server.address().port}` });
}

/** Returns the frame of a message of at most 65,535 bytes. */
function textFrame(text) {
  const payload = Buffer.from(text);
  const header = Buffer.from([0x81, 126, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([header, payload]);
}
