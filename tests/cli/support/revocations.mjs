// Log records that revoke tokens, and the output of the command line for them.
import { scp, slo } from "../../support/records.mjs";
import { startIssuerServer, startWorkerFor } from "./cli.mjs";

/** Starts an issuer and a Worker. The Worker also accepts an event type that revokes nothing. */
export async function startRevocationWorker() {
  const issuerServer = await startIssuerServer();
  const { newTenant } = await startWorkerFor(issuerServer, {
    EVENTS: "logout, password_changed, mfa_changed, refresh_token_revoked",
  });
  return { issuerServer, newTenant };
}

const HOUR = 60 * 60 * 1000;
let offset = 0;
/** Returns a date in the last two days that is later than all earlier results. */
export const nextDate = () => new Date(Date.now() - 48 * HOUR + (offset += 1_000)).toISOString();

export const passwordChange = (user_id) => scp({ user_id, date: nextDate() });
export const passwordChanges = (count, name) =>
  Array.from({ length: count }, (_, number) => passwordChange(`auth0|${name}-${number}`));
export const sessionLogout = (user_id, session_id) =>
  slo({ user_id, date: nextDate(), details: { session_id } });

/** The revocation for such a record, as the command line prints it. */
export const revocationOf = ({ data: { type, user_id, date, details } }) =>
  type === "slo"
    ? { user_id, session_id: details.session_id, type: "logout", date }
    : { user_id, type: "password_changed", date };

/** Publishes any number of records, in requests of at most 1,000. */
export async function publishAll(tenant, records) {
  for (let start = 0; start < records.length; start += 1_000)
    await tenant.publish(...records.slice(start, start + 1_000));
}
