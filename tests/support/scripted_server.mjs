// A server of the protocol that does what a test tells it, for what the real worker cannot be
// brought to do.
import { once } from "node:events";
import { after } from "node:test";

import { WebSocketServer } from "ws";

/**
 * Hands each socket to `script`, with what was heard on it: the token, however it was shown, and
 * `last_event_id`. `subprotocol: false` makes it a server that knows no subprotocols, as the older
 * ones are.
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
    /** The presentations so far: `{way, token, lastEventId}`. */
    shown: [],
    /** The texts that clients sent. */
    heard: [],
    sockets: server.clients,
  };
  server.on("connection", (socket, request) => {
    const say = (message) => socket.send(JSON.stringify(message));
    const show = (presentation) => {
      scripted.shown.push(presentation);
      script({ socket, say, count: scripted.shown.length, ...presentation });
    };
    socket.on("message", (data) => {
      const text = data.toString();
      scripted.heard.push(text);
      const message = JSON.parse(text);
      if (message.type === "ping") say({ type: "pong" });
      if (message.type === "authenticate") {
        show({ way: "message", token: message.access_token, lastEventId: message.last_event_id });
      }
    });
    say({ type: "connected" });
    const { authorization, "sec-websocket-protocol": subprotocols } = request.headers;
    const [, token] =
      authorization?.match(/^Bearer (.+)$/) ?? subprotocols?.match(/bearer\.(.+)$/) ?? [];
    if (!token) return;
    const lastEventId = new URL(request.url, scripted.url).searchParams.get("last_event_id");
    show({ way: "upgrade", token, lastEventId: lastEventId ?? undefined });
  });
  return scripted;
}

/** What a server says when it accepts a token; for an hour, unless the changes say otherwise. */
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
