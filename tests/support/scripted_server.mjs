// A WebSocket server that follows a test's script, for behaviour that a test cannot provoke in the
// real Worker.
import { once } from "node:events";
import { after } from "node:test";

import { WebSocketServer } from "ws";

/**
 * Calls `script` for each authentication attempt with the socket, a `send` function, the number of
 * attempts so far, the token, its transport and `last_event_id`. With `subprotocol: false` the
 * server negotiates no subprotocol, like older servers.
 */
export async function startScriptedServer(script, { subprotocol = true } = {}) {
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    handleProtocols: () => (subprotocol ? "session-events" : false),
  });
  await once(server, "listening");
  after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });

  const scripted = {
    url: `http://127.0.0.1:${server.address().port}`,
    /** All authentication attempts: `{ transport, token, lastEventId }`. */
    authentications: [],
    /** The text of every received message. */
    received: [],
    sockets: server.clients,
  };
  server.on("connection", (socket, request) => {
    const send = (message) => socket.send(JSON.stringify(message));
    const authenticate = (authentication) => {
      scripted.authentications.push(authentication);
      script({ socket, send, count: scripted.authentications.length, ...authentication });
    };
    socket.on("message", (data) => {
      const text = data.toString();
      scripted.received.push(text);
      const message = JSON.parse(text);
      if (message.type === "ping") send({ type: "pong" });
      if (message.type === "authenticate") {
        const { access_token: token, last_event_id: lastEventId } = message;
        authenticate({ transport: "message", token, lastEventId });
      }
    });
    send({ type: "connected" });
    const { authorization, "sec-websocket-protocol": subprotocols } = request.headers;
    const [, token] =
      authorization?.match(/^Bearer (.+)$/) ?? subprotocols?.match(/bearer\.(.+)$/) ?? [];
    if (!token) return;
    const lastEventId = new URL(request.url, scripted.url).searchParams.get("last_event_id");
    authenticate({ transport: "upgrade", token, lastEventId: lastEventId ?? undefined });
  });
  return scripted;
}

/** The message with which a server accepts a token. By default the token expires in an hour. */
export const authenticated = (changes = {}) => {
  const now = Math.floor(Date.now() / 1000);
  return {
    type: "authenticated",
    sub: "backend@clients",
    filter: "*",
    claims: { iat: now, exp: now + 3_600 },
    expires_at: new Date((now + 3_600) * 1000).toISOString(),
    ...changes,
  };
};

export const event = (id) => ({
  id,
  type: "logout",
  date: "2026-01-01T00:00:00.000Z",
  user_id: "auth0|jane",
});
