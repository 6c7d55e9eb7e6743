// The user sessions of the stand-in issuer, and the log records that they cause. As at Auth0, a
// cookie identifies the browser's session: a user who signs in to or out of one application is
// signed in to or out of all of them.
import { randomUUID } from "node:crypto";

import { logoutRecord, userBlockedRecord } from "./log_records.mjs";

const COOKIE = "session";

const USERS = [
  { user_id: "auth0|6182002f34f4dd006b05b5c7", name: "Jane Doe", email: "jane@example.com" },
  { user_id: "auth0|64f1c2a9e1b8d7003c5a9d21", name: "John Roe", email: "john@example.com" },
];

export class Sessions {
  #sessions = new Map();
  #blocked = new Set();
  /** Authorization codes and refresh tokens, with the session and scope they were issued for. */
  #grants = new Map();

  /** `publish` is called with the log records of each logout and each blocked user. */
  constructor(publish) {
    this.publish = publish;
  }

  /** Returns the session of the requesting browser, or undefined if there is none. */
  find(request) {
    const cookies = request.headers.cookie?.split("; ") ?? [];
    const cookie = cookies.find((cookie) => cookie.startsWith(`${COOKIE}=`));
    return this.#sessions.get(cookie?.slice(COOKIE.length + 1));
  }

  /** Starts a session and sets its cookie. Returns undefined for unknown and blocked users. */
  start(userId, response) {
    const user = USERS.find(({ user_id }) => user_id === userId);
    if (!user || this.#blocked.has(userId)) return undefined;
    const session = { id: randomUUID(), user };
    this.#sessions.set(session.id, session);
    response.setHeader("set-cookie", `${COOKIE}=${session.id}; Path=/; HttpOnly; SameSite=Lax`);
    return session;
  }

  /** Ends a session and publishes the logout. */
  async end(session) {
    this.#sessions.delete(session.id);
    await this.publish([logoutRecord(session.user.user_id, session.id)]);
  }

  /**
   * Blocks or unblocks a user. Blocking ends the user's sessions and is published. Returns whether
   * the user exists.
   */
  async setBlocked(userId, blocked) {
    if (!USERS.some(({ user_id }) => user_id === userId)) return false;
    if (!blocked) {
      this.#blocked.delete(userId);
      return true;
    }
    this.#blocked.add(userId);
    for (const [id, { user }] of this.#sessions) {
      if (user.user_id === userId) this.#sessions.delete(id);
    }
    await this.publish([userBlockedRecord(userId)]);
    return true;
  }

  /** Records the session and scope for which a code or refresh token was issued. */
  addGrant(token, session, scope) {
    this.#grants.set(token, { session, scope });
  }

  /** Returns the session and scope of a code or refresh token, or undefined if the session ended. */
  findGrant(token) {
    const grant = this.#grants.get(token);
    return grant && this.#sessions.has(grant.session.id) ? grant : undefined;
  }

  /** Returns the sign-in page. Each user's link is `url` with that user as `login_hint`. */
  signInPage(url) {
    const links = USERS.map((user) => {
      const target = new URL(url);
      target.searchParams.set("login_hint", user.user_id);
      const blocked = this.#blocked.has(user.user_id);
      const note = blocked ? "blocked" : user.email;
      const text = `<b>${user.name}</b><br>${note}`;
      const href = escapeHtml(target.pathname + target.search);
      return blocked ? `<p>${text}</p>` : `<a href="${href}">${text}</a>`;
    });
    return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
  body { max-width: 22rem; margin: 15vh auto; padding: 0 1rem }
  a, p { display: block; padding: .75rem 1rem; margin: .5rem 0; border: 1px solid #8886;
    border-radius: .5rem; color: inherit; text-decoration: none }
  a:hover, a:focus-visible { border-color: currentColor }
  p { opacity: .6 }
</style>
<h1>Sign in</h1>
<div>This page stands in for Auth0. Choose a user.</div>
${links.join("\n")}
</html>
`;
  }
}

const escapeHtml = (text) =>
  text.replace(/[&"<>]/g, (character) => `&#${character.codePointAt(0)};`);
