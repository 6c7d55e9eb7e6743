// The reader's token: asked for, or shown for what it is; and what is wrong with it.
import type { Connected } from "session-events";

import { find, html } from "./dom.ts";
import { ahead, clock } from "./time.ts";

interface Wishes {
  /** The issuer on this machine, where there is one. */
  readonly localIssuer: URL | undefined;
  readonly onToken: (token: string) => void;
  readonly onSignIn: (issuer: URL) => void;
  readonly onForget: () => void;
}

/** What to do, where the client's own words are for programmers. */
const MENDS: Readonly<Record<string, string>> = {
  token_expired: "The token has expired: paste another.",
  connection_failed: "The worker cannot be reached, or refuses the connection. Trying again …",
  insecure_page: "Open this page by https://, or on localhost: tokens are sent no other way.",
};

export class AccessView {
  readonly #form = find<HTMLFormElement>("token-form");
  readonly #token = find<HTMLInputElement>("token");
  readonly #identity = find("identity");
  readonly #held = find("held");
  readonly #says = find("says");
  readonly #problem = find("problem");
  readonly #expiry = html("time");
  #expiresAt = new Date(0);

  constructor({ localIssuer, onToken, onSignIn, onForget }: Wishes) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const token = this.#token.value.trim().replace(/^Bearer\s+/i, "");
      this.#token.value = "";
      if (token) onToken(token);
    });
    find("forget").addEventListener("click", () => {
      onForget();
      this.#token.focus();
    });
    setInterval(() => this.#tick(), 1_000);
    const signIn = find<HTMLButtonElement>("sign-in");
    if (localIssuer) {
      signIn.hidden = false;
      signIn.textContent = `Sign in at ${localIssuer.host}`;
      signIn.addEventListener("click", () => onSignIn(localIssuer));
    }
  }

  /** Asks for a token. */
  showForm(): void {
    this.#form.hidden = false;
    this.#identity.hidden = true;
    this.#held.hidden = true;
    this.#problem.hidden = true;
  }

  /** Shows a token that is held, accepted or not: what it says, as far as that can be read. */
  showToken(claims: unknown): void {
    this.#identity.hidden = true;
    this.#held.hidden = false;
    this.#says.hidden = claims === undefined;
    find("claims").textContent = JSON.stringify(claims, null, 2);
    this.#problem.hidden = true;
  }

  /** Shows whose token it is. */
  showIdentity(connected: Connected): void {
    const { sub, filter, claims } = connected;
    this.showToken(claims);
    const whose = filter === "*" ? "of everybody" : "of this user alone";
    const fact = (name: string, value: Node | string) =>
      html("div", {}, html("dt", {}, name), html("dd", {}, value));
    this.#identity.replaceChildren(
      fact("Who", sub),
      fact("Events", whose),
      fact("Expires", this.#expiry),
    );
    this.showExpiry(connected);
    const wasHere = this.#form.contains(document.activeElement);
    this.#form.hidden = true;
    this.#identity.hidden = false;
    // The form is gone, and the reader's place on the page with it.
    if (wasHere) find("access-title").focus();
  }

  showExpiry({ expiresAt }: Pick<Connected, "expiresAt">): void {
    this.#expiresAt = expiresAt;
    this.#expiry.dateTime = expiresAt.toISOString();
    this.#expiry.title = clock(expiresAt);
    this.#tick();
  }

  #tick(): void {
    const text = ahead(this.#expiresAt, Date.now());
    if (this.#expiry.textContent !== text) this.#expiry.textContent = text;
  }

  /** Says what is wrong. Where another token mends it, there is room for one. */
  warn(code: string, message = ""): void {
    this.#problem.textContent = MENDS[code] ?? message;
    this.#problem.hidden = false;
    if (code !== "connection_failed") this.#form.hidden = false;
  }

  /** Says why no token is asked for. */
  refuse(code: string): void {
    this.warn(code);
    this.#form.hidden = true;
  }
}
