// The built worker in a runtime that does not behave, or that is watched: its objects are handed a
// state that a test has changed, and what is asked of them may get lost. What the worker makes of
// that is its own.

/** The host of the requests by which a test speaks to an object's surroundings. */
export const CONTROL = "https://control.test/";

/** A `runtime` in which no alarm ever rings. */
export const WITHOUT_ALARM = `(state) => {
  const setAlarm = async () => {};
  return instead(state, { storage: instead(state.storage, { setAlarm }) });
}`;

/**
 * The text of the worker's module, changed. `runtime` is the text of a function from the state
 * that an object is constructed with to the one that it gets; it may call `instead(target,
 * members)`, which is `target` with some members replaced.
 *
 * Of each object it is counted what is asked of it, how often its alarm rings, how often it is
 * built and how many rows it writes; `Controls` tells, and changes what becomes of relays and of
 * shards' questions, and the variables: that builds the object anew, as a deployment does.
 */
export function inRuntime(runtime, built) {
  const exported = /([\w$]+) as TenantHub,/;
  const [, name] = built.match(exported);
  return `${built.replace(exported, "")}
const instead = (target, members) =>
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
  relays: "arrive",
  questions: "arrive",
  vars: {},
  asked: [],
  alarms: 0,
  built: 0,
});
/** By object; what a statement has written is known when its result was read. */
const cursors = {};
const rows = (name) => {
  const sum = (field) => cursors[name].reduce((sum, cursor) => sum + cursor[field], 0);
  return { rowsWritten: sum("rowsWritten"), rowsRead: sum("rowsRead") };
};
const counted = (state) => {
  const own = (cursors[state.id.name] ??= []);
  const exec = (...query) => {
    const cursor = state.storage.sql.exec(...query);
    own.push(cursor);
    return cursor;
  };
  const sql = instead(state.storage.sql, { exec });
  return instead(state, { storage: instead(state.storage, { sql }) });
};
const kindOf = (request) => {
  const header = request.headers.get("session-events-request");
  const asked = JSON.parse(atob(header.replaceAll("-", "+").replaceAll("_", "/")));
  return typeof asked === "string" ? asked : Object.keys(asked)[0];
};
export class TenantHub {
  constructor(state, env) {
    this.name = state.id.name;
    this.control = controls[this.name] ??= newControl();
    const vars = new Proxy(env, { get: (env, name) => this.control.vars[name] ?? env[name] });
    this.build = () => {
      this.control.built += 1;
      this.built = new ${name}(counted(runtime(state)), vars);
    };
    this.build();
  }
  async fetch(request) {
    if (request.url === "${CONTROL}") {
      const changes = request.method === "POST" ? await request.json() : {};
      Object.assign(this.control, changes);
      if (changes.vars) this.build();
      return Response.json({ ...this.control, ...rows(this.name) });
    }
    const kind = kindOf(request);
    this.control.asked.push(kind);
    const fate = kind === "Relay" ? this.control.relays : "arrive";
    const isHeldUp = kind === "Follow" && this.control.questions === "are held up";
    if (isHeldUp) await scheduler.wait(60_000);
    if (fate === "are lost") throw new Error("the relay is lost");
    const answer = await this.built.fetch(request);
    if (fate === "are not answered") throw new Error("the answer is lost");
    return answer;
  }
  alarm() { this.control.alarms += 1; return this.built.alarm(); }
  webSocketMessage(...of) { return this.built.webSocketMessage(...of); }
  webSocketClose(...of) { return this.built.webSocketClose(...of); }
  webSocketError(...of) { return this.built.webSocketError(...of); }
}`;
}
