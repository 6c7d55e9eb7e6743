// Lines for the option `debug`. No line contains a token.
import { redact } from "./describe_error.ts";
import { reportUncaught } from "./emitter.ts";
import { SessionEventsError } from "./errors.ts";

export type Debug = (line: string) => void;

/** Returns the function that receives the lines; `undefined` if there are none. */
export function resolveDebug(debug: unknown): Debug | undefined {
  if (debug === undefined || debug === false) return undefined;
  if (debug === true) return (line) => console.debug(`session-events: ${redact(line)}`);
  if (typeof debug !== "function")
    throw new TypeError("debug must be true, false or a function that receives lines");
  return (line) => {
    try {
      debug(redact(line));
    } catch (error) {
      reportUncaught(error);
    }
  };
}

/** Returns the line for an emitted event. Claims are left out, because they are personal data. */
export function describeEmitted(name: string, value: object): string {
  if (value instanceof SessionEventsError) return `${name} ${value.code}: ${value.message}`;
  const { claims, error, ...members } = value as Record<string, unknown>;
  return `${name} ${JSON.stringify(members)}`;
}
