// Opens many WebSockets with little overhead. Received messages are discarded.
import { once } from "node:events";

import WebSocket from "ws";

const CONCURRENCY = 50;

/**
 * Opens `count` sockets, but stops at the first refusal. `options(number)` returns the headers of
 * each socket. Returns the open sockets and the response that refused one, if any.
 */
export async function openManySockets(url, count, options = () => ({})) {
  const sockets = [];
  let refusal;
  let number = 0;
  const worker = async () => {
    while (number < count && !refusal) {
      const result = await openSocket(url, options((number += 1)));
      if (result instanceof WebSocket) sockets.push(result);
      else refusal = result;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return { sockets, refusal };
}

/** Returns an open socket, or the HTTP response that refused it in the form `assertError` takes. */
export function openSocket(url, headers = {}) {
  const socket = new WebSocket(url, { headers, perMessageDeflate: false, closeTimeout: 500 });
  socket.on("error", () => {});
  const opened = once(socket, "open").then(() => socket);
  const refused = once(socket, "unexpected-response").then(async ([, response]) => {
    const chunks = [];
    for await (const chunk of response) chunks.push(chunk);
    return {
      status: response.statusCode,
      headers: new Headers(response.headers),
      text: Buffer.concat(chunks).toString(),
    };
  });
  return Promise.race([opened, refused]);
}

/** Drops the connections without a close handshake. */
export const terminateAll = (sockets) => sockets.forEach((socket) => socket.terminate());
