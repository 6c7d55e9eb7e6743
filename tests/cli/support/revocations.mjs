// Log records that revoke, what the command line writes of them, and a worker that takes them.
import { scp, slo } from "../../support/records.mjs";
import { startIssuer, startWorkerFor } from "./cli.mjs";

/** An issuer, and a worker with tenants of it; an event of theirs may be one that revokes nothing. */
export async function startRevocations() {
  const issuing = await startIssuer();
  const { tenant: newTenant } = await startWorkerFor(issuing, {
    EVENTS: "logout, password_changed, email_changed",
  });
  return { issuing, newTenant };
}

const HOUR = 60 * 60 * 1000;
let moment = 0;
/** A date of the last days, later than every one before. */
export const date = () => new Date(Date.now() - 48 * HOUR + (moment += 1_000)).toISOString();

export const changed = (user_id) => scp({ user_id, date: date() });
export const changes = (count, name) =>
  Array.from({ length: count }, (_, number) => changed(`auth0|${name}-${number}`));
export const loggedOut = (user_id, session_id) =>
  slo({ user_id, date: date(), details: { session_id } });

/** What such a record revokes, as the command line writes it. */
export const revocationOf = ({ data: { type, user_id, date, details } }) =>
  type === "slo"
    ? { user_id, session_id: details.session_id, type: "logout", date }
    : { user_id, type: "password_changed", date };

/** Publishes more records than a body should hold. */
export async function publishAll(tenant, records) {
  for (let place = 0; place < records.length; place += 1_000)
    await tenant.publish(...records.slice(place, place + 1_000));
}
