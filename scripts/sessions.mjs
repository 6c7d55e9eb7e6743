// The sessions of the stand-in issuer: who signed in, until when, and what of that gets into the
// tenant's log. A session is known by the browser's cookie, as at Auth0: whoever is signed in to
// one application is signed in to all, and signing out ends it for all.
import { randomUUID } from "node:crypto";

import { loggedOut, userBlocked } from "./records.mjs";

const COOKIE = "session";

const USERS = [
  { user_id: "auth0|6182002f34f4dd006b05b5c7", name: "Jane Doe", email: "jane@example.com" },
  { user_id: "auth0|64f1c2a9e1b8d7003c5a9d21", name: "John Roe", email: "john@example.com" },
];

export class Sessions {
  #sessions = new Map();
  #blocked = new Set();
  /** The session that a code or a refresh token was issued in. */
  #grants = new Map();

  /** `publish` is handed the log records of what happens here. */
  constructor(publish) {
    this.publish = publish;
  }

  /** The session of the browser that asks, if there is one that lasts. */
  of(request) {
    const cookies = request.headers.cookie?.split("; ") ?? [];
    const cookie = cookies.find((cookie) => cookie.startsWith(`${COOKIE}=`));
    return this.#sessions.get(cookie?.slice(COOKIE.length + 1));
  }

  /** Begins a session for a user, in the browser that asks. */
  begin(userId, response) {
    const user = USERS.find(({ user_id }) => user_id === userId);
    if (!user || this.#blocked.has(userId)) return undefined;
    const session = { id: randomUUID(), user };
    this.#sessions.set(session.id, session);
    response.setHeader("set-cookie", `${COOKIE}=${session.id}; Path=/; HttpOnly; SameSite=Lax`);
    return session;
  }

  /** The user signs out. */
  async end(session) {
    this.#sessions.delete(session.id);
    await this.publish([loggedOut(session.user.user_id, session.id)]);
  }

  /** An administrator blocks the user, or takes that back. */
  async block(userId, blocked) {
    if (!USERS.some(({ user_id }) => user_id === userId)) return false;
    if (!blocked) return this.#blocked.delete(userId) || true;
    this.#blocked.add(userId);
    for (const [id, { user }] of this.#sessions) {
      if (user.user_id === userId) this.#sessions.delete(id);
    }
    await this.publish([userBlocked(userId)]);
    return true;
  }

  /** Remembers that a code or a refresh token was issued in a session. */
  grant(token, session, scope) {
    this.#grants.set(token, { session, scope });
  }

  /** What that was issued for, as long as the session lasts. */
  granted(token) {
    const grant = this.#grants.get(token);
    return grant && this.#sessions.has(grant.session.id) ? grant : undefined;
  }

  /** The page on which a user signs in; each link leads back to `url`, with the user in it. */
  page(url) {
    const links = USERS.map((user) => {
      const target = new URL(url);
      target.searchParams.set("login_hint", user.user_id);
      const blocked = this.#blocked.has(user.user_id);
      const note = blocked ? "blocked" : user.email;
      const text = `<b>${user.name}</b><br>${note}`;
      const href = escaped(target.pathname + target.search);
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
<div>This stands in for Auth0. Who are you?</div>
${links.join("\n")}
</html>
`;
  }
}

const escaped = (text) => text.replace(/[&"<>]/g, (character) => `&#${character.codePointAt(0)};`);
