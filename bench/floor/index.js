// The floor: the least that a hub of listeners can be. Hibernating sockets, who listens in their
// attachments, JSON. Nothing is verified, nothing stored, no index kept, no limit held to; what
// it sends is to the byte as long as what the worker sends.
const json = (value) => Response.json(value);

export default {
  fetch(request, { FLOOR }) {
    return FLOOR.get(FLOOR.idFromName("all")).fetch(request);
  },
};

/** Who a token says it is of, on its word alone. */
function listener(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const { sub, scope } = JSON.parse(atob(payload));
  return { sub, filter: scope === "listen:events" ? "*" : "self" };
}

function authenticate(socket, token) {
  const { sub, filter } = listener(token);
  socket.serializeAttachment({ sub, filter });
  socket.send(JSON.stringify({ type: "authenticated", sub, filter }));
}

function event({ log_id: id, data: { date, user_id, details } }) {
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
      const news = event(record);
      const text = JSON.stringify(news);
      for (const socket of this.state.getWebSockets()) {
        const { sub, filter } = socket.deserializeAttachment() ?? {};
        if (filter === "*" || sub === news.user_id) socket.send(text);
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
