// The reader's token: asked for, or shown for what it is; and what is wrong with it.
import type { Connected } from "session-events";

import { find, html } from "./dom.ts";
import { clock } from "./time.ts";

interface Wishes {
  /** The issuer on this machine, where there is one. */
  readonly localIssuer: URL | undefined;
  readonly onToken: (token: string) => void;
  readonly onSignIn: (issuer: URL) => void;
  readonly onForget: () => void;
}

/** What to do, where the client's own words are for programmers. */
const MENDS: Readonly<Record<string, string>> = {
  token_unavailable: "The token is about to expire: paste another to stay connected.",
  token_expired: "The token has expired: paste another.",
  connection_failed: "The worker cannot be reached, or refuses the connection. Trying again …",
};

export class AccessView {
  readonly #form = find<HTMLFormElement>("token-form");
  readonly #token = find<HTMLInputElement>("token");
  readonly #identity = find("identity");
  readonly #problem = find("problem");
  readonly #expiry = html("dd");

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
    this.#problem.hidden = true;
  }

  showWaiting(): void {
    this.#problem.hidden = true;
  }

  /** Shows whose token it is. */
  showIdentity(connected: Connected): void {
    const { sub, filter, claims } = connected;
    const whose = filter === "*" ? "of everybody" : "of this user alone";
    const fact = (name: string, value: string) => [html("dt", {}, name), html("dd", {}, value)];
    find("facts").replaceChildren(
      ...fact("Who", sub),
      ...fact("Events", whose),
      html("dt", {}, "Until"),
      this.#expiry,
    );
    find("claims").textContent = JSON.stringify(claims, null, 2);
    this.showExpiry(connected);
    this.#form.hidden = true;
    this.#identity.hidden = false;
    this.#problem.hidden = true;
  }

  showExpiry({ expiresAt }: Pick<Connected, "expiresAt">): void {
    this.#expiry.textContent = clock(expiresAt);
  }

  /** Says what is wrong. Where another token mends it, there is room for one. */
  warn(code: string, message = ""): void {
    this.#problem.textContent = MENDS[code] ?? message;
    this.#problem.hidden = false;
    if (code !== "connection_failed") this.#form.hidden = false;
  }
}
