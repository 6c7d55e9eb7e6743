// Many sockets at once, as light as can be. What they are sent is dropped.
import { once } from "node:events";

import WebSocket from "ws";

const AT_ONCE = 50;

/**
 * Opens sockets, `options` giving the headers of each by its number, until there are `count` or
 * one is refused; gives those that are open, and the refusal if there was one.
 */
export async function gather(url, count, options = () => ({})) {
  const sockets = [];
  let refusal;
  let number = 0;
  const opener = async () => {
    while (number < count && !refusal) {
      const outcome = await open(url, options((number += 1)));
      if (outcome instanceof WebSocket) sockets.push(outcome);
      else refusal = outcome;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, opener));
  return { sockets, refusal };
}

/** One socket, or what the server answers instead, as `assertError` takes it. */
export function open(url, headers = {}) {
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

/** Ends them all without a word. */
export const disperse = (sockets) => sockets.forEach((socket) => socket.terminate());
