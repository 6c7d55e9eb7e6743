// What can be done to a tenant. Each operation says whether it is possible just now and, with all
// that it depends on looked up, gives its two sides: `expect` moves the model on, `perform` does
// the real thing; both give the answer. `text` tells it to whoever reads a failing session.
//
// `socket` is the one that it is about, and `touchesAll` is true where any other may be sent
// something as well; `opens` is true where the socket is not there yet.
import { otherKey } from "../keys.mjs";
import { eventOf, login, sapi, scp, slo } from "../records.mjs";

const RIGHTS = {
  self: ["listen:events:self"],
  all: ["listen:events"],
  both: ["listen:events", "listen:events:self"],
  none: ["listen:eventsself", "read:users"],
};

/** A token as it is shown, and what is to be thought of it. */
function mint(tenant, { sub, rights, claim }) {
  if (rights === "garbage") return { jwt: "x", isGood: false };
  const words = RIGHTS[rights] ?? RIGHTS.all;
  const claims = tenant.issuer.claims(
    claim === "scope"
      ? { sub, scope: words.join(" ") }
      : { sub, scope: "openid", permissions: words },
  );
  const isForged = rights === "forged";
  const key = isForged ? { key: otherKey().privateKey } : {};
  return { jwt: tenant.token(claims, {}, key), claims, isGood: !isForged };
}

const lookUp = (model, place) => (place ? (model.idOf(place) ?? "unheard of") : undefined);

/** An upgrade with a token, in one of the two ways. */
function connectWith(clients, name, way, { jwt }, lastEventId) {
  const query =
    lastEventId === undefined ? "" : `?last_event_id=${encodeURIComponent(lastEventId)}`;
  const options =
    way === "header"
      ? { headers: { authorization: `Bearer ${jwt}` } }
      : { protocols: ["session-events", `bearer.${jwt}`] };
  return clients.connect(name, query, options);
}

const textOf = ({ from, offset }) => `${from}${offset > 0 ? "+" : ""}${offset || ""}`;
const textOfLast = (place) => (place ? `, having got ${textOf(place)}` : "");
const textOfToken = ({ sub, rights, claim }) => `${rights} (${claim}) of ${sub}`;

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

export const connectWithToken = ({ socket, token, way, place }) => ({
  text: `${socket} connects with ${textOfToken(token)} in the ${way}${textOfLast(place)}`,
  socket,
  opens: true,
  possible: (model) => !model.isOpen(socket),
  resolve(model, tenant) {
    const shown = mint(tenant, token);
    const lastEventId = lookUp(model, place);
    return {
      expect: (model) => model.connect(socket, shown, lastEventId),
      perform: (clients) => connectWith(clients, socket, way, shown, lastEventId),
    };
  },
});

/** Who lost its socket comes back and names the last event that it got. */
export const comeBack = ({ socket, way }) => ({
  text: `${socket} comes back by ${way}`,
  socket,
  opens: true,
  possible: (model) => model.lost.has(socket),
  resolve(model, tenant) {
    const { listener, lastEventId = "none" } = model.lost.get(socket);
    const rights = listener.filter === "self" ? "self" : "all";
    const shown = mint(tenant, { sub: listener.sub, rights, claim: "scope" });
    return {
      expect: (model) => model.connect(socket, shown, lastEventId),
      perform: (clients) => connectWith(clients, socket, way, shown, lastEventId),
    };
  },
});

/** An operation on an open socket, of messages that it sends. */
const says = (socket, text, look) => ({
  text: `${socket} ${text}`,
  socket,
  possible: (model) => model.isOpen(socket),
  resolve(model, tenant) {
    const { expect, messages } = look(model, tenant);
    return { expect, perform: (clients) => clients.send(socket, ...messages) };
  },
});

export const authenticate = ({ socket, token, place }) =>
  says(socket, `shows ${textOfToken(token)}${textOfLast(place)}`, (model, tenant) => {
    const shown = mint(tenant, token);
    const lastEventId = lookUp(model, place);
    return {
      messages: [{ type: "authenticate", access_token: shown.jwt, last_event_id: lastEventId }],
      expect: (model) => model.authenticate(socket, shown, lastEventId),
    };
  });

export const sendNonsense = ({ socket, messages }) =>
  says(socket, `sends nonsense ${messages.length} times`, () => ({
    messages,
    expect: (model) => model.misunderstand(socket, messages.length),
  }));

export const ping = ({ socket, message }) =>
  says(socket, `pings in ${message.length} bytes`, () => ({
    messages: [message],
    expect: (model) => model.ping(socket),
  }));

export const sendTooMuch = ({ socket, message }) =>
  says(socket, `sends ${Buffer.byteLength(message)} bytes`, () => ({
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

export const loseConnection = ({ socket }) => ({
  text: `${socket} is cut off`,
  socket,
  possible: (model) => model.isOpen(socket),
  resolve: () => ({
    expect: (model) => model.close(socket, 1006),
    perform: (clients) => clients.cut(socket),
  }),
});

export const evict = () => ({
  text: "the object is thrown out of memory",
  possible: () => true,
  resolve: () => ({
    expect: () => {},
    perform: async ({ tenant }) => void (await tenant.evictAll()),
  }),
});

export const readEvents = () => ({
  text: "somebody reads the events",
  possible: () => true,
  resolve: () => ({
    expect: (model) => model.events(),
    perform: (clients) => clients.events(),
  }),
});

export const readListeners = () => ({
  text: "somebody reads the listeners",
  possible: () => true,
  resolve: () => ({
    expect: (model) => model.listeners(),
    perform: (clients) => clients.listeners(),
  }),
});

const event = (record) => ({ record, fate: eventOf(record) });

/** The kinds of records: each gives the record, and what is to become of it. */
const RECORDS = {
  slo: (id, user_id) => event(slo({ user_id }, id)),
  "slo without a session": (id, user_id) => event(slo({ user_id, details: {} }, id)),
  scp: (id, user_id) => event(scp({ user_id }, id)),
  sapi: (id, user_id) => event(sapi({ response: { body: { user_id, blocked: true } } }, id)),
  login: (id, user_id) => ({ record: login({ user_id }, id), fate: "ignored" }),
  "another tenant's": (id, user_id) => ({
    record: slo({ user_id, tenant_name: "another" }, id),
    fate: "ignored",
  }),
  malformed: (id, user_id) => ({ record: { log_id: id, user_id }, fate: "malformed" }),
};
export const KINDS = Object.keys(RECORDS);

export const publish = ({ records, form }) => ({
  text: `published as ${form}: ${records.map(textOfRecord).join(", ")}`,
  touchesAll: true,
  possible: () => true,
  resolve(model) {
    let id;
    const batch = records.map(({ kind, user, again }) => {
      // The same once more, one that had been published, or a new one.
      if (again !== "twin" || !id) id = (again?.from && model.idOf(again)) || model.newId();
      return RECORDS[kind](id, user);
    });
    return bothSides(batch, form);
  },
});

function textOfRecord({ kind, user, again }, index) {
  const text = `${kind} of ${user}`;
  if (again === "twin") return index > 0 ? `${text} with the same id` : text;
  return again ? `${text} with the id of ${textOf(again)}` : text;
}

/** So many events at once, of nobody in particular. */
export const publishMany = ({ count }) => ({
  text: `published: ${count} events`,
  touchesAll: true,
  possible: () => true,
  resolve: (model) => bothSides(many(model, count), "an array"),
});

function many(model, count) {
  return Array.from({ length: count }, () => {
    const data = { type: "scp", date: "2021-11-03T05:53:57.546Z", user_id: "auth0|anybody" };
    return event({ log_id: model.newId(), data });
  });
}

function bothSides(batch, form) {
  const records = batch.map(({ record }) => JSON.stringify(record));
  const body = form === "an array" ? `[${records.join(",")}]` : records.join("\n");
  return {
    expect: (model) => model.publish(batch),
    perform: ({ tenant }) => tenant.publishBody(body),
  };
}
