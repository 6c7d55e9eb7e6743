// The operations on a tenant. `possible` returns whether the operation applies to the current state
// of the model. `resolve` looks up everything that the operation depends on and returns two
// functions with the same result: `expect` updates the model, and `perform` runs the operation.
// `text` describes the operation in the report of a failed session.
//
// `socket` is the socket that the operation uses. `affectsAll` is true if other sockets may receive
// messages too. `opens` is true if the operation opens the socket, and `sendsToken` if it sends a
// token in a message.
import { otherKey } from "../keys.mjs";
import { eventOf, login, sapi, scp, slo } from "../records.mjs";

const SCOPES = {
  self: ["listen:events:self"],
  all: ["listen:events"],
  both: ["listen:events", "listen:events:self"],
  none: ["listen:eventsself", "read:users"],
};

/** Creates a token. `isValid` is false if the Worker must reject it. */
function createToken(tenant, { sub, scopes, claim }) {
  if (scopes === "garbage") return { jwt: "x", isValid: false };
  const names = SCOPES[scopes] ?? SCOPES.all;
  const claims = tenant.issuer.claims(
    claim === "scope"
      ? { sub, scope: names.join(" ") }
      : { sub, scope: "openid", permissions: names },
  );
  const isForged = scopes === "forged";
  const key = isForged ? { key: otherKey().privateKey } : {};
  return { jwt: tenant.token(claims, {}, key), claims, isValid: !isForged };
}

const findId = (model, position) => (position ? (model.idOf(position) ?? "unknown") : undefined);

/** Opens a socket with a token in a header or a subprotocol. */
function connectWith(clients, name, transport, { jwt }, lastEventId) {
  const query =
    lastEventId === undefined ? "" : `?last_event_id=${encodeURIComponent(lastEventId)}`;
  const options =
    transport === "header"
      ? { headers: { authorization: `Bearer ${jwt}` } }
      : { protocols: ["session-events", `bearer.${jwt}`] };
  return clients.connect(name, query, options);
}

const describePosition = ({ from, offset }) => `${from}${offset > 0 ? "+" : ""}${offset || ""}`;
const describeLastEvent = (position) =>
  position ? `, after event ${describePosition(position)}` : "";
const describeToken = ({ sub, scopes, claim }) => `${scopes} (${claim}) of ${sub}`;

export const connect = ({ socket }) => ({
  text: `${socket} connects`,
  socket,
  opens: true,
  possible: (model) => !model.isOpen(socket),
  resolve: () => ({
    expect: (model) => model.connect(socket),
    perform: (clients) => clients.connect(socket),
  }),
});

export const connectWithToken = ({ socket, token, transport, position }) => ({
  text: `${socket} connects with ${describeToken(token)} in the ${transport}${describeLastEvent(position)}`,
  socket,
  opens: true,
  possible: (model) => !model.isOpen(socket),
  resolve(model, tenant) {
    const created = createToken(tenant, token);
    const lastEventId = findId(model, position);
    return {
      expect: (model) => model.connect(socket, created, lastEventId),
      perform: (clients) => connectWith(clients, socket, transport, created, lastEventId),
    };
  },
});

/** Reconnects a subscriber and requests the events after the last one that it received. */
export const reconnect = ({ socket, transport }) => ({
  text: `${socket} reconnects with a token in the ${transport}`,
  socket,
  opens: true,
  possible: (model) => model.disconnected.has(socket),
  resolve(model, tenant) {
    const { subscriber, lastEventId = "none" } = model.disconnected.get(socket);
    const scopes = subscriber.filter === "self" ? "self" : "all";
    const created = createToken(tenant, { sub: subscriber.sub, scopes, claim: "scope" });
    return {
      expect: (model) => model.connect(socket, created, lastEventId),
      perform: (clients) => connectWith(clients, socket, transport, created, lastEventId),
    };
  },
});

/** An operation that sends messages on an open socket. */
const sends = (socket, text, prepare) => ({
  text: `${socket} ${text}`,
  socket,
  possible: (model) => model.isOpen(socket),
  resolve(model, tenant) {
    const { expect, messages } = prepare(model, tenant);
    return { expect, perform: (clients) => clients.send(socket, ...messages) };
  },
});

export const authenticate = ({ socket, token, position }) => ({
  ...sends(
    socket,
    `authenticates with ${describeToken(token)}${describeLastEvent(position)}`,
    (model, tenant) => {
      const created = createToken(tenant, token);
      const lastEventId = findId(model, position);
      return {
        messages: [{ type: "authenticate", access_token: created.jwt, last_event_id: lastEventId }],
        expect: (model) => model.sendToken(socket, created, lastEventId),
      };
    },
  ),
  sendsToken: true,
});

export const sendInvalidMessages = ({ socket, messages }) =>
  sends(socket, `sends ${messages.length} invalid messages`, () => ({
    messages,
    expect: (model) => model.sendInvalidMessages(socket, messages.length),
  }));

export const ping = ({ socket, message }) =>
  sends(socket, `sends a ping of ${message.length} bytes`, () => ({
    messages: [message],
    expect: (model) => model.ping(socket),
  }));

export const sendTooLargeMessage = ({ socket, message }) =>
  sends(socket, `sends ${Buffer.byteLength(message)} bytes`, () => ({
    messages: [message],
    expect: (model) => model.close(socket, 1009, "message_too_big"),
  }));

export const close = ({ socket, code }) => ({
  text: `${socket} closes with ${code ?? "no code"}`,
  socket,
  possible: (model) => model.isOpen(socket),
  resolve: () => ({
    expect: (model) => model.close(socket, code ?? 1005),
    perform: (clients) => clients.close(socket, code),
  }),
});

export const disconnect = ({ socket }) => ({
  text: `${socket} loses its connection`,
  socket,
  possible: (model) => model.isOpen(socket),
  resolve: () => ({
    expect: (model) => model.close(socket, 1006),
    perform: (clients) => clients.disconnect(socket),
  }),
});

export const evict = () => ({
  text: "the objects are evicted from memory",
  possible: () => true,
  resolve: () => ({
    expect: () => {},
    perform: async ({ tenant }) => void (await tenant.evictAll()),
  }),
});

export const readEvents = () => ({
  text: "a client requests /api/events",
  possible: () => true,
  resolve: () => ({
    expect: (model) => model.events(),
    perform: (clients) => clients.events(),
  }),
});

export const readListeners = () => ({
  text: "a client requests /api/listeners",
  possible: () => true,
  resolve: () => ({
    expect: (model) => model.listeners(),
    perform: (clients) => clients.listeners(),
  }),
});

const event = (record) => ({ record, outcome: eventOf(record) });

/** The kinds of records. Each returns a record and its expected outcome. */
const RECORDS = {
  slo: (id, user_id) => event(slo({ user_id }, id)),
  "slo without a session": (id, user_id) => event(slo({ user_id, details: {} }, id)),
  scp: (id, user_id) => event(scp({ user_id }, id)),
  sapi: (id, user_id) => event(sapi({ response: { body: { user_id, blocked: true } } }, id)),
  login: (id, user_id) => ({ record: login({ user_id }, id), outcome: "ignored" }),
  "another tenant's": (id, user_id) => ({
    record: slo({ user_id, tenant_name: "another" }, id),
    outcome: "ignored",
  }),
  malformed: (id, user_id) => ({ record: { log_id: id, user_id }, outcome: "malformed" }),
};
export const KINDS = Object.keys(RECORDS);

export const publish = ({ records, form }) => ({
  text: `published as ${form}: ${records.map(describeRecord).join(", ")}`,
  affectsAll: true,
  possible: () => true,
  resolve(model) {
    let id;
    const batch = records.map(({ kind, user, reuse }) => {
      // Reuses the id of the previous record or of a published event, or creates an id.
      if (reuse !== "previous" || !id) id = (reuse?.from && model.idOf(reuse)) || model.newId();
      return RECORDS[kind](id, user);
    });
    return publication(batch, form);
  },
});

function describeRecord({ kind, user, reuse }, index) {
  const text = `${kind} of ${user}`;
  if (reuse === "previous") return index > 0 ? `${text} with the same id` : text;
  return reuse ? `${text} with the id of ${describePosition(reuse)}` : text;
}

/** Publishes many events of an unrelated user in one batch. */
export const publishMany = ({ count }) => ({
  text: `published: ${count} events`,
  affectsAll: true,
  possible: () => true,
  resolve: (model) => publication(manyEvents(model, count), "an array"),
});

function manyEvents(model, count) {
  return Array.from({ length: count }, () => {
    const data = { type: "scp", date: "2021-11-03T05:53:57.546Z", user_id: "auth0|unrelated" };
    return event({ log_id: model.newId(), data });
  });
}

function publication(batch, form) {
  const records = batch.map(({ record }) => JSON.stringify(record));
  const body = form === "an array" ? `[${records.join(",")}]` : records.join("\n");
  return {
    expect: (model) => model.publish(batch),
    perform: ({ tenant }) => tenant.publishBody(body),
  };
}
