// Sample log records in the format of Auth0's log streams. Each has a new id, because the Worker
// drops duplicates.
import { randomInt } from "node:crypto";

const USER = "auth0|6182002f34f4dd006b05b5c7";
const ADMINISTRATOR = "auth0|5f7c8ec7c33c6c004bbafe82";

/** Returns four log records: a sign-in, which makes no event, and three that end sessions. */
export const sampleRecords = () => [
  record("s", { user_id: USER, description: "Success login" }),
  logoutRecord(USER, "1TAd-4kVuzC9jBWqZbNnDTyIrh6FWMxO"),
  record("scp", {
    user_id: USER,
    description: "Change password",
    details: { title: "Change Password" },
  }),
  userBlockedRecord(USER),
];

export const logoutRecord = (user_id, session_id) =>
  record("slo", {
    user_id,
    description: "User successfully logged out",
    details: { return_to: "http://localhost:3000", session_id },
  });

export const userBlockedRecord = (user_id) =>
  record("sapi", {
    user_id: ADMINISTRATOR,
    description: "Update a User",
    details: {
      request: {
        method: "patch",
        path: `/api/v2/users/${encodeURIComponent(user_id)}`,
        body: { blocked: true },
      },
      response: { statusCode: 200, body: { user_id, blocked: true } },
    },
  });

function record(type, fields) {
  const date = new Date().toISOString();
  const digits = Array.from({ length: 34 }, () => randomInt(10)).join("");
  const log_id = `90020${date.replace(/\D/g, "")}${digits}`;
  return {
    log_id,
    data: {
      date,
      type,
      log_id,
      tenant_name: "acme",
      client_id: "aI61p8I8aFjmYRliLWgvM9ev97kCCNDB",
      client_name: "Default App",
      connection: "Username-Password-Authentication",
      ip: "203.0.113.7",
      user_agent: "Firefox 145.0.0 / Mac OS X 10.15.0",
      details: {},
      ...fields,
    },
  };
}
