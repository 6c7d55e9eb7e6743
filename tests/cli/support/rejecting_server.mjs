// A WebSocket server that rejects some upgrade requests.
import { once } from "node:events";
import { createServer } from "node:http";
import { after } from "node:test";

import { WebSocketServer } from "ws";

import { authenticated, event } from "../../support/scripted_server.mjs";

/**
 * Starts a server that rejects the upgrade requests with the given responses, in this order, and
 * accepts the requests after them. It sends an event on each accepted socket.
 */
export async function startRejectingServer(...rejections) {
  const server = createServer().listen(0, "127.0.0.1");
  const sockets = new WebSocketServer({ noServer: true });
  const rejecting = { url: "", tokens: [], messages: [] };
  server.on("upgrade", (request, stream, head) => {
    rejecting.tokens.push(request.headers.authorization);
    const rejection = rejections.shift();
    if (rejection) return stream.end(rawResponse(rejection));
    sockets.handleUpgrade(request, stream, head, (socket) => {
      socket.on("message", (data) => rejecting.messages.push(data.toString()));
      socket.send(JSON.stringify(authenticated()));
      socket.send(JSON.stringify(event("1")));
    });
  });
  after(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  });
  await once(server, "listening");
  rejecting.url = `http://127.0.0.1:${server.address().port}`;
  return rejecting;
}

function rawResponse({ status, headers = {}, body = "", chunked = false }) {
  const length = chunked
    ? "transfer-encoding: chunked"
    : `content-length: ${Buffer.byteLength(body)}`;
  const content = chunked
    ? `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`
    : body;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} Rejected`, length, ...lines, "", content].join("\r\n");
}
