// Wraps the Durable Object class of the built Worker. The wrapper counts requests, alarms and
// rows, can replace members of the object's state, and can drop or delay internal requests.

/** Requests to this URL read and change the controls of an object instead of reaching the Worker. */
export const CONTROL_URL = "https://control.test/";

/** A `runtime` that ignores `setAlarm`, so that no alarm ever runs. */
export const WITHOUT_ALARMS = `(state) => {
  const setAlarm = async () => {};
  return override(state, { storage: override(state.storage, { setAlarm }) });
}`;

/** A `runtime` that ignores timers of more than this many milliseconds. */
export const withoutTimersOver = (limit) => `(() => {
  const { setTimeout } = globalThis;
  globalThis.setTimeout = (callback, delay, ...rest) =>
    delay > ${limit} ? 0 : setTimeout(callback, delay, ...rest);
  return (state) => state;
})()`;

/**
 * A `runtime` without the authentication deadline. Tests that evict an object with a socket that has
 * not authenticated need it: an eviction waits for the timers of the object and meanwhile stops all
 * other objects.
 */
export const WITHOUT_DEADLINE = withoutTimersOver(4_000);

/**
 * Returns the source of the Worker's module with its Durable Object class wrapped.
 *
 * `runtime` is the source of a function that receives an object's state and returns the state to
 * construct the object with. It may call `override(target, members)`, which returns `target` with
 * some members replaced.
 *
 * A POST to `CONTROL_URL` changes the controls of an object:
 * - `appends` ("deliver", "drop" or "drop response") applies to requests that append log entries.
 * - `snapshots` ("deliver" or "delay") applies to requests for a snapshot.
 * - `vars` replaces variables and constructs the object again, as a deployment does.
 */
export function instrument(runtime, source) {
  const exported = /([\w$]+) as TenantHub,/;
  const [, className] = source.match(exported);
  return `${source.replace(exported, "")}
const override = (target, members) =>
  new Proxy(target, {
    get(target, name) {
      if (name in members) return members[name];
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
const runtime = ${runtime};
const controls = {};
const newControl = () => ({
  appends: "deliver",
  snapshots: "deliver",
  vars: {},
  requests: [],
  alarms: 0,
  alarmsSet: 0,
  constructed: 0,
});
/** The SQL cursors of each object. A cursor has its final counts once its result has been read. */
const cursors = {};
const rowCounts = (name) => {
  const sum = (field) => cursors[name].reduce((sum, cursor) => sum + cursor[field], 0);
  return { rowsWritten: sum("rowsWritten"), rowsRead: sum("rowsRead") };
};
const withCounts = (state, control) => {
  const own = (cursors[state.id.name] ??= []);
  const exec = (...query) => {
    const cursor = state.storage.sql.exec(...query);
    own.push(cursor);
    return cursor;
  };
  const sql = override(state.storage.sql, { exec });
  const setAlarm = (...args) => {
    control.alarmsSet += 1;
    return state.storage.setAlarm(...args);
  };
  return override(state, { storage: override(state.storage, { sql, setAlarm }) });
};
const requestKind = (request) => {
  const header = request.headers.get("session-events-request");
  const decoded = JSON.parse(atob(header.replaceAll("-", "+").replaceAll("_", "/")));
  return typeof decoded === "string" ? decoded : Object.keys(decoded)[0];
};
export class TenantHub {
  constructor(state, env) {
    this.name = state.id.name;
    this.control = controls[this.name] ??= newControl();
    const vars = new Proxy(env, { get: (env, name) => this.control.vars[name] ?? env[name] });
    this.construct = () => {
      this.control.constructed += 1;
      this.object = new ${className}(withCounts(runtime(state), this.control), vars);
    };
    this.construct();
  }
  async fetch(request) {
    if (request.url === "${CONTROL_URL}") {
      const changes = request.method === "POST" ? await request.json() : {};
      Object.assign(this.control, changes);
      if (changes.vars) this.construct();
      return Response.json({ ...this.control, ...rowCounts(this.name) });
    }
    const kind = requestKind(request);
    this.control.requests.push(kind);
    const appends = kind === "append" ? this.control.appends : "deliver";
    const isDelayed = kind === "follow" && this.control.snapshots === "delay";
    if (isDelayed) await scheduler.wait(60_000);
    if (appends === "drop") throw new Error("the request is lost");
    const response = await this.object.fetch(request);
    if (appends === "drop response") throw new Error("the response is lost");
    return response;
  }
  alarm() { this.control.alarms += 1; return this.object.alarm(); }
  webSocketMessage(...args) { return this.object.webSocketMessage(...args); }
  webSocketClose(...args) { return this.object.webSocketClose(...args); }
  webSocketError(...args) { return this.object.webSocketError(...args); }
}`;
}
