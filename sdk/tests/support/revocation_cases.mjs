// Reads `tests/cases/revocation_rule.json`, the cases of the revocation rule that all its
// implementations share. The dates in the file are absolute. The reader shifts every date and every
// numeric `iat` by the same number of whole seconds, so that the latest of them is the current second.
import { readFileSync } from "node:fs";

const FILE = new URL("../../../tests/cases/revocation_rule.json", import.meta.url);

/** Returns the cases as `{ name, events, claims, revoked }`, relative to `now` in milliseconds. */
export function revocationCases(now = Date.now()) {
  const cases = JSON.parse(readFileSync(FILE, "utf8"));
  const times = cases.flatMap(({ events, claims: { iat } }) => [
    ...events.map(({ date }) => Math.floor(Date.parse(date) / 1000)),
    ...(typeof iat === "number" ? [iat] : []),
  ]);
  const offset = Math.floor(now / 1000) - Math.max(...times);
  const shiftDate = (date) => new Date(Date.parse(date) + offset * 1000).toISOString();
  return cases.map(({ events, claims, ...rest }) => ({
    ...rest,
    events: events.map((event) => ({ ...event, date: shiftDate(event.date) })),
    claims: typeof claims.iat === "number" ? { ...claims, iat: claims.iat + offset } : claims,
  }));
}
