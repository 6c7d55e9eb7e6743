// The log records that the benchmarks publish.
import { slo } from "../tests/support/records.mjs";

/** Returns a user id as long as Auth0's. */
export const userId = (number) => `auth0|${number.toString(16).padStart(24, "0")}`;

/**
 * Returns a logout record as long as Auth0's. Its date is recent, as in a log stream: the revocation
 * of an old record expires at once, and would be pruned after each publication.
 */
export const logoutRecord = (user_id) => slo({ user_id, date: new Date().toISOString() });

/** Returns the shortest valid logout record, so that 10,000 of them fit into one body. */
export function shortLogoutRecord(user_id) {
  const { log_id, data } = logoutRecord(user_id);
  const { date, type, details } = data;
  return { log_id, data: { date, type, user_id, details: { session_id: details.session_id } } };
}

/** Returns a batch of logout records, each of a different user. */
export const logoutBatch = (count, createRecord = logoutRecord) =>
  Array.from({ length: count }, (_, index) => createRecord(userId(index)));
