// Log records in the form that Auth0 log streams deliver.
let sequence = 0;

/** Returns a log id in Auth0's format that is unique in the process. */
export const newLogId = () =>
  `90020211103055400418223355659153263714766654532${String((sequence += 1)).padStart(9, "0")}`;

export const USER = "auth0|6182002f34f4dd006b05b5c7";
export const ADMINISTRATOR = "auth0|5f7c8ec7c33c6c004bbafe82";

function record(data, logId = newLogId()) {
  return {
    log_id: logId,
    data: {
      date: "2021-11-03T05:53:57.546Z",
      connection: "Username-Password-Authentication",
      connection_id: "con_7W0XzPmTQnGmRQbF",
      client_id: "aI61p8I8aFjmYRliLWgvM9ev97kCCNDB",
      client_name: "Default App",
      ip: "203.0.113.7",
      user_agent: "Firefox 94.0.0 / Mac OS X 10.15.0",
      hostname: "acme.au.auth0.com",
      log_id: logId,
      ...data,
    },
  };
}

/** A user logged out: makes a `logout` event. */
export const slo = (data = {}, logId) =>
  record(
    {
      type: "slo",
      description: "User successfully logged out",
      details: {
        return_to: "http://localhost:3000",
        allowed_logout_url: ["http://localhost:3000"],
        session_id: "1TAd-4kVuzC9jBWqZbNnDTyIrh6FWMxO",
      },
      user_id: USER,
      user_name: "jane@example.com",
      ...data,
    },
    logId,
  );

/** A user changed the password: makes a `password_changed` event. */
export const scp = (data = {}, logId) =>
  record(
    {
      type: "scp",
      description: "You can now login to the application with the new password.",
      details: { title: "Change password", email: "jane@example.com" },
      user_id: USER,
      user_name: "jane@example.com",
      ...data,
    },
    logId,
  );

/** A user's account was deleted: makes a `user_deleted` event. */
export const sdu = (data = {}, logId) =>
  record({ type: "sdu", description: "User successfully deleted", user_id: USER, ...data }, logId);

/** A refresh token was revoked: makes a `refresh_token_revoked` event. */
export const srrt = (data = {}, logId) =>
  record(
    {
      type: "srrt",
      description: "Successful revoke refresh token",
      details: { session_id: "1TAd-4kVuzC9jBWqZbNnDTyIrh6FWMxO" },
      user_id: USER,
      ...data,
    },
    logId,
  );

/** A user changed the e-mail address: makes an `email_changed` event that revokes all sessions. */
export const sce = (data = {}, logId) =>
  record(
    {
      type: "sce",
      description: "You can now login to the application with the new email.",
      details: { title: "Change email", email: "jane@example.org" },
      user_id: USER,
      user_name: "jane@example.org",
      ...data,
    },
    logId,
  );

/** A user removed a second factor: makes an `mfa_changed` event, which revokes nothing. */
export const gdUnenroll = (data = {}, logId) =>
  record(
    {
      type: "gd_unenroll",
      description: "Guardian - Unenroll device account",
      details: { factor: "push-notification" },
      user_id: USER,
      ...data,
    },
    logId,
  );

/** A user enrolled a second factor: makes an `mfa_changed` event. */
export const gdEnroll = (data = {}, logId) =>
  gdUnenroll(
    {
      type: "gd_enrollment_complete",
      description: "Guardian - Enrollment complete",
      ...data,
    },
    logId,
  );

/** Too many wrong passwords from one address: makes an `account_locked` event. */
export const limitWc = (data = {}, logId) =>
  record(
    {
      type: "limit_wc",
      description: "An IP address is blocked with 10 failed login attempts into a single account",
      user_id: USER,
      user_name: "jane@example.com",
      ...data,
    },
    logId,
  );

/** The block of `limitWc` was lifted: makes an `account_unlocked` event. */
export const ublkdu = (data = {}, logId) =>
  record(
    {
      type: "ublkdu",
      description: "User unblocked",
      user_id: USER,
      user_name: "jane@example.com",
      ...data,
    },
    logId,
  );

/**
 * An operation of the Management API. By default an administrator blocks a user, which makes a
 * `user_blocked` event.
 */
export const sapi = ({ request = {}, response = {}, ...data } = {}, logId) =>
  record(
    {
      type: "sapi",
      description: "Update a user",
      details: {
        request: {
          method: "patch",
          path: `/api/v2/users/${encodeURIComponent(USER)}`,
          query: {},
          userAgent: "Firefox 94.0.0 / Mac OS X 10.15.0",
          body: { blocked: true },
          channel: "https://manage.auth0.com/",
          ip: "203.0.113.7",
          auth: {
            user: { user_id: ADMINISTRATOR, name: "Ada", email: "ada@example.com" },
            strategy: "jwt",
            credentials: { scopes: ["update:users"] },
          },
          ...request,
        },
        response: {
          statusCode: 200,
          body: { email: "jane@example.com", user_id: USER, blocked: true },
          ...response,
        },
      },
      user_id: ADMINISTRATOR,
      ...data,
    },
    logId,
  );

/** Any operation of the Management API. Ids in `path` must be percent-encoded. */
export const managementOperation = (method, path, { body = {}, response = {}, ...data } = {}) =>
  sapi({
    description: "An operation",
    request: { method, path: `/api/v2/${path}`, body },
    response: { body: response },
    ...data,
  });

/** A login, which ends no session and makes no event. */
export const login = (data = {}, logId) =>
  record(
    { type: "s", description: "Successful login", details: {}, user_id: USER, ...data },
    logId,
  );

/** Returns the event that the Worker makes of a record of `slo`, `scp` or `sapi`. */
export function eventOf({ log_id: id, data }) {
  const { type, date, user_id, details } = data;
  if (type === "slo") {
    const session_id = details?.session_id;
    const ended = session_id ? { session_id, revokes: "session" } : { revokes: "user" };
    return { id, type: "logout", date, user_id, ...ended };
  }
  if (type === "scp") return { id, type: "password_changed", date, user_id, revokes: "user" };
  const blocked = details.response.body.user_id;
  return { id, type: "user_blocked", date, user_id: blocked, revokes: "user" };
}
