// The built worker in a runtime that does not behave: its objects are handed a state that a test
// has changed. What the worker makes of that is its own.

/**
 * The text of the worker's module, changed. `runtime` is the text of a function from the state
 * that an object is constructed with to the one that it gets; it may call `instead(target,
 * members)`, which is `target` with some members replaced.
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
export class TenantHub {
  constructor(state, env) { this.built = new ${name}(runtime(state), env); }
  fetch(request) { return this.built.fetch(request); }
  alarm() { return this.built.alarm(); }
  webSocketMessage(...of) { return this.built.webSocketMessage(...of); }
  webSocketClose(...of) { return this.built.webSocketClose(...of); }
  webSocketError(...of) { return this.built.webSocketError(...of); }
}`;
}
