// A model of docs/protocol.md without network and time: the events of one tenant, its sockets, and
// the messages that each socket is sent.
import { counts } from "../counts.mjs";

const REPLAYABLE_EVENTS = 100;
const REMEMBERED_LOG_IDS = 10_000;
const MAX_INVALID_MESSAGES = 10;

const CLOSINGS = {
  invalid_token: { code: 4401, reason: "invalid_token" },
  insufficient_scope: { code: 4403, reason: "insufficient_scope" },
};

export class Model {
  /** All accepted events, in order of arrival. */
  accepted = [];
  /** The sockets by name. A closed socket stays until its close event has been compared. */
  sockets = new Map();
  /** Former sockets of subscribers that may reconnect, with their last state. */
  disconnected = new Map();
  #ids = 0;
  #margin;

  /**
   * With shards, log ids are remembered for longer than REMEMBERED_LOG_IDS until every shard has
   * acknowledged their events. Steps do not use the ids of the `margin` oldest remembered events: with
   * shards, the leader may still remember them.
   */
  constructor({ margin = 0 } = {}) {
    this.#margin = margin;
  }

  /** Returns a new log id. */
  newId() {
    return `id-${(this.#ids += 1)}`;
  }

  clone() {
    const clone = new Model({ margin: this.#margin });
    clone.#ids = this.#ids;
    return Object.assign(clone, {
      accepted: [...this.accepted],
      sockets: structuredClone(this.sockets),
      disconnected: new Map(this.disconnected),
    });
  }

  /** The events that a socket can resume after, oldest first. */
  get replayable() {
    return this.accepted.slice(-REPLAYABLE_EVENTS);
  }

  isOpen(name) {
    return this.sockets.has(name);
  }

  /** Returns the id of the event at an offset from one of three events; see `origins`. */
  idOf({ from, offset }) {
    const origins = {
      latest: this.accepted.length - 1,
      "oldest replayable": Math.max(this.accepted.length - REPLAYABLE_EVENTS, 0),
      "oldest remembered": Math.max(this.accepted.length - REMEMBERED_LOG_IDS + this.#margin, 0),
    };
    return this.accepted[origins[from] + offset]?.id;
  }

  /** Publishes records. The `outcome` of each is "malformed", "ignored" or an event. */
  publish(records) {
    const result = counts({ received: records.length });
    const known = new Set(this.accepted.slice(-REMEMBERED_LOG_IDS).map(({ id }) => id));
    for (const { outcome } of records) {
      if (outcome === "malformed" || outcome === "ignored") result[outcome] += 1;
      else if (known.has(outcome.id)) result.duplicates += 1;
      else {
        result.events += 1;
        known.add(outcome.id);
        this.accepted.push(outcome);
        for (const socket of this.sockets.values())
          if (maySee(socket, outcome)) deliver(socket, outcome);
      }
    }
    return result;
  }

  /** Opens a socket, with or without a token on the upgrade, and returns the HTTP status. */
  connect(name, token, lastEventId) {
    const error = token && tokenError(token);
    if (error) return error === "invalid_token" ? 401 : 403;
    this.disconnected.delete(name);
    const inbox = [{ type: "connected" }];
    this.sockets.set(name, { inbox, invalidMessages: 0, sentTokens: 0 });
    if (token) this.authenticate(name, token, lastEventId);
    return 101;
  }

  /** Sends a token in a message. */
  sendToken(name, token, lastEventId) {
    this.sockets.get(name).sentTokens += 1;
    this.authenticate(name, token, lastEventId);
  }

  authenticate(name, token, lastEventId) {
    const socket = this.sockets.get(name);
    if (socket.closed) return;
    const error = tokenError(token);
    if (error) {
      socket.inbox.push({ type: "authentication_failed", error });
      socket.closed = CLOSINGS[error];
      return;
    }
    const { claims } = token;
    const isRenewal = Boolean(socket.subscriber);
    socket.subscriber = { sub: claims.sub, filter: filterOf(claims) };
    const response = {
      type: "authenticated",
      ...socket.subscriber,
      claims,
      expires_at: new Date(claims.exp * 1000).toISOString(),
    };
    socket.inbox.push(response);
    if (isRenewal) return;

    const { replayable } = this;
    const index = replayable.findIndex(({ id }) => id === lastEventId);
    if (lastEventId !== undefined) response.recovered = index >= 0;
    else if (socket.subscriber.filter === "self") return;
    for (const event of replayable.slice(index + 1))
      if (maySee(socket, event)) deliver(socket, event);
  }

  sendInvalidMessages(name, count) {
    const socket = this.sockets.get(name);
    for (; count > 0 && !socket.closed; count -= 1) {
      socket.inbox.push({ type: "error", error: "invalid_message" });
      socket.invalidMessages += 1;
      if (socket.invalidMessages === MAX_INVALID_MESSAGES)
        socket.closed = { code: 4400, reason: "too_many_invalid_messages" };
    }
  }

  ping(name) {
    const socket = this.sockets.get(name);
    if (!socket.closed) socket.inbox.push({ type: "pong" });
  }

  /** Closes a socket unless it is closed already. */
  close(name, code, reason = "") {
    this.sockets.get(name).closed ??= { code, reason };
  }

  events() {
    return this.replayable.reverse();
  }

  /** Returns the subscribers of the open sockets. */
  listeners() {
    const open = [...this.sockets.values()].filter(({ closed }) => !closed);
    return sortListeners(open.map(({ subscriber }) => ({ ...subscriber })));
  }

  /** Returns the messages and the close event of each socket since the last comparison. */
  updates() {
    return new Map([...this.sockets].map(([name, { inbox, closed }]) => [name, { inbox, closed }]));
  }

  /** Adopts another state whose updates have been compared. */
  adopt(state) {
    Object.assign(this, state);
    for (const [name, socket] of this.sockets) {
      socket.inbox = [];
      if (!socket.closed) continue;
      this.sockets.delete(name);
      if (socket.subscriber) this.disconnected.set(name, socket);
    }
  }
}

/** Sorts listeners by subject and filter. */
export function sortListeners(listeners) {
  return listeners.sort((one, other) => sortKey(one).localeCompare(sortKey(other)));
}

function sortKey({ sub, filter }) {
  return `${sub} ${filter}`;
}

function scopesOf({ scope = "", permissions = [] }) {
  return new Set([...scope.split(" "), ...permissions]);
}

function filterOf(claims) {
  return scopesOf(claims).has("listen:events:self") ? "self" : "*";
}

function tokenError({ claims, isValid }) {
  if (!isValid) return "invalid_token";
  const scopes = scopesOf(claims);
  const suffices = scopes.has("listen:events") || scopes.has("listen:events:self");
  return suffices ? undefined : "insufficient_scope";
}

function maySee({ subscriber, closed }, { user_id }) {
  if (!subscriber || closed) return false;
  return subscriber.filter === "*" || subscriber.sub === user_id;
}

function deliver(socket, event) {
  socket.inbox.push(event);
  socket.lastEventId = event.id;
}
