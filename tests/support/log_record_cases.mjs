// Log records with the expected events, and with the evidence that Auth0 writes such a record: its
// documentation, its schema of log records, an observed record, or an assumption.
import { readFileSync } from "node:fs";

const lines = readFileSync(new URL("../cases/log_records.jsonl", import.meta.url), "utf8");

/** The cases: `name`, `evidence`, `expect` (the events, without id and date) and `record`. */
export const LOG_RECORD_CASES = lines
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));

/** Returns the record of a case for this tenant, with this date. */
export const recordFor = ({ record }, tenant, date) => ({
  ...record,
  data: { ...record.data, date, tenant_name: tenant.name },
});
