// The floor: a minimal peer Worker that does only the delivery. It accepts hibernating sockets, stores
// each subscriber in its socket's attachment, and sends JSON. It verifies and stores nothing, and has
// no index and no limits. Its messages have exactly the length of the measured Worker's.
const json = (value) => Response.json(value);

export default {
  fetch(request, { FLOOR }) {
    return FLOOR.get(FLOOR.idFromName("all")).fetch(request);
  },
};

/** Reads the subscriber from a token, without verification. */
function readSubscriber(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const { sub, scope } = JSON.parse(atob(payload));
  return { sub, filter: scope === "listen:events" ? "*" : "self" };
}

function authenticate(socket, token) {
  const { sub, filter } = readSubscriber(token);
  socket.serializeAttachment({ sub, filter });
  socket.send(JSON.stringify({ type: "authenticated", sub, filter }));
}

function toEvent({ log_id: id, data: { date, user_id, details } }) {
  const { session_id } = details;
  return { id, type: "logout", date, user_id, session_id, revokes: "session" };
}

export class Floor {
  constructor(state) {
    this.state = state;
  }

  async fetch(request) {
    if (request.method === "POST") return this.publish(await request.json());
    if (request.headers.get("upgrade") !== "websocket") return json({});
    const [client, server] = Object.values(new WebSocketPair());
    this.state.acceptWebSocket(server);
    server.send('{"type":"connected"}');
    const authorization = request.headers.get("authorization");
    if (authorization) authenticate(server, authorization.slice("Bearer ".length));
    return new Response(null, { status: 101, webSocket: client });
  }

  publish(records) {
    for (const record of records) {
      const event = toEvent(record);
      const text = JSON.stringify(event);
      for (const socket of this.state.getWebSockets()) {
        const { sub, filter } = socket.deserializeAttachment() ?? {};
        if (filter === "*" || sub === event.user_id) socket.send(text);
      }
    }
    return json({ received: records.length });
  }

  webSocketMessage(socket, message) {
    authenticate(socket, JSON.parse(message).access_token);
  }

  webSocketClose(socket, code) {
    if (code !== 1005 && code !== 1006) socket.close(code);
  }
}
