// What docs/protocol.md promises, as a few lines that anybody can check against it: the events
// of one tenant, its sockets, and what each of these has been sent. No network, no time.
import { counts } from "../counts.mjs";

const KEPT_EVENTS = 100;
const REMEMBERED_LOG_IDS = 10_000;
const MESSAGES_NOT_UNDERSTOOD = 10;

const CLOSINGS = {
  invalid_token: { code: 4401, reason: "invalid_token" },
  insufficient_scope: { code: 4403, reason: "insufficient_scope" },
};

export class Model {
  /** Every event that was accepted, in the order of arrival. */
  accepted = [];
  /** The sockets by their names; one that is closed stays until its end has been looked at. */
  sockets = new Map();
  /** Who lost its socket and may come back: the last that it was, and the last event it got. */
  lost = new Map();
  #ids = 0;

  /** A log id that was never used before. */
  newId() {
    return `id-${(this.#ids += 1)}`;
  }

  /** The same, to be moved on by itself. */
  clone() {
    const clone = new Model();
    clone.#ids = this.#ids;
    return Object.assign(clone, {
      accepted: [...this.accepted],
      sockets: structuredClone(this.sockets),
      lost: new Map(this.lost),
    });
  }

  get kept() {
    return this.accepted.slice(-KEPT_EVENTS);
  }

  isOpen(name) {
    return this.sockets.has(name);
  }

  /** The id of an event by its place: counted from the newest, or about an edge of what is known. */
  idOf({ from, offset }) {
    const edges = {
      newest: this.accepted.length - 1,
      "oldest kept": Math.max(this.accepted.length - KEPT_EVENTS, 0),
      "oldest remembered": Math.max(this.accepted.length - REMEMBERED_LOG_IDS, 0),
    };
    return this.accepted[edges[from] + offset]?.id;
  }

  /** Takes a batch in; each record comes with its `fate`: malformed, ignored, or an event. */
  publish(records) {
    const receipt = counts({ received: records.length });
    const known = new Set(this.accepted.slice(-REMEMBERED_LOG_IDS).map(({ id }) => id));
    for (const { fate } of records) {
      if (fate === "malformed" || fate === "ignored") receipt[fate] += 1;
      else if (known.has(fate.id)) receipt.duplicates += 1;
      else {
        receipt.events += 1;
        known.add(fate.id);
        this.accepted.push(fate);
        for (const socket of this.sockets.values()) if (maySee(socket, fate)) deliver(socket, fate);
      }
    }
    return receipt;
  }

  /** Opens a socket, with a token on the upgrade or without; gives the HTTP status. */
  connect(name, token, lastEventId) {
    const refusal = token && refusalOf(token);
    if (refusal) return refusal === "invalid_token" ? 401 : 403;
    this.lost.delete(name);
    this.sockets.set(name, { inbox: [{ type: "connected" }], notUnderstood: 0 });
    if (token) this.authenticate(name, token, lastEventId);
    return 101;
  }

  authenticate(name, token, lastEventId) {
    const socket = this.sockets.get(name);
    if (socket.closed) return;
    const error = refusalOf(token);
    if (error) {
      socket.inbox.push({ type: "authentication_failed", error });
      socket.closed = CLOSINGS[error];
      return;
    }
    const { claims } = token;
    const isRenewal = Boolean(socket.listener);
    socket.listener = { sub: claims.sub, filter: filterOf(claims) };
    const answer = {
      type: "authenticated",
      ...socket.listener,
      claims,
      expires_at: new Date(claims.exp * 1000).toISOString(),
    };
    socket.inbox.push(answer);
    if (isRenewal) return;

    const kept = this.kept;
    const place = kept.findIndex(({ id }) => id === lastEventId);
    if (lastEventId !== undefined) answer.recovered = place >= 0;
    else if (socket.listener.filter === "self") return;
    for (const event of kept.slice(place + 1)) if (maySee(socket, event)) deliver(socket, event);
  }

  /** Takes in messages that cannot be understood. */
  misunderstand(name, count) {
    const socket = this.sockets.get(name);
    for (; count > 0 && !socket.closed; count -= 1) {
      socket.inbox.push({ type: "error", error: "invalid_message" });
      socket.notUnderstood += 1;
      if (socket.notUnderstood === MESSAGES_NOT_UNDERSTOOD)
        socket.closed = { code: 4400, reason: "too_many_invalid_messages" };
    }
  }

  ping(name) {
    const socket = this.sockets.get(name);
    if (!socket.closed) socket.inbox.push({ type: "pong" });
  }

  /** A socket's end; the first that ends it counts. */
  close(name, code, reason = "") {
    this.sockets.get(name).closed ??= { code, reason };
  }

  events() {
    return this.kept.reverse();
  }

  /** Who listens by the open sockets. */
  listeners() {
    const open = [...this.sockets.values()].filter(({ closed }) => !closed);
    return inOrder(open.map(({ listener }) => ({ ...listener })));
  }

  /** What each socket has been sent, and how it ended, since the last look. */
  news() {
    return new Map([...this.sockets].map(([name, { inbox, closed }]) => [name, { inbox, closed }]));
  }

  /** Goes on from another state, all of whose news has been looked at. */
  become(state) {
    Object.assign(this, state);
    for (const [name, socket] of this.sockets) {
      socket.inbox = [];
      if (!socket.closed) continue;
      this.sockets.delete(name);
      if (socket.listener) this.lost.set(name, socket);
    }
  }
}

/** Listeners in an order that does not depend on how they came. */
export function inOrder(listeners) {
  return listeners.sort((one, other) => nameOf(one).localeCompare(nameOf(other)));
}

function nameOf({ sub, filter }) {
  return `${sub} ${filter}`;
}

function rightsOf({ scope = "", permissions = [] }) {
  return new Set([...scope.split(" "), ...permissions]);
}

function filterOf(claims) {
  return rightsOf(claims).has("listen:events:self") ? "self" : "*";
}

function refusalOf({ claims, isGood }) {
  if (!isGood) return "invalid_token";
  const rights = rightsOf(claims);
  const suffices = rights.has("listen:events") || rights.has("listen:events:self");
  return suffices ? undefined : "insufficient_scope";
}

function maySee({ listener, closed }, { user_id }) {
  if (!listener || closed) return false;
  return listener.filter === "*" || listener.sub === user_id;
}

function deliver(socket, event) {
  socket.inbox.push(event);
  socket.lastEventId = event.id;
}
