// The access panel: the token form, the identity and claims of the current token, and error messages.
import type { Connected } from "session-events";

import { find, html, setText } from "./dom.ts";
import { escapeJson } from "./escape.ts";
import { formatDate, formatExpiry } from "./time.ts";

interface Options {
  readonly onToken: (token: string) => void;
  readonly onForget: () => void;
}

const UNREACHABLE = "The server cannot be reached or refuses the connection. Retrying …";
const INSECURE_PAGE =
  "This page is not secure, so it does not accept tokens. Open it by https:// or on localhost.";

/** The error codes of a token that the server rejected. */
const REJECTED = ["invalid_token", "insufficient_scope"];

export class AccessView {
  readonly #form = find<HTMLFormElement>("token-form");
  readonly #token = find<HTMLInputElement>("token");
  readonly #identity = find("identity");
  readonly #tokenPanel = find("token-panel");
  readonly #tokenDetails = find("token-details");
  readonly #problem = find("problem");
  readonly #signIn = find<HTMLButtonElement>("sign-in");
  readonly #expiry = html("time");
  #expiresAt = new Date(0);

  constructor({ onToken, onForget }: Options) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const token = this.#token.value.trim().replace(/^Bearer\s+/i, "");
      this.#token.value = "";
      if (token) onToken(token);
    });
    find("forget-token").addEventListener("click", () => {
      onForget();
      this.#token.focus();
    });
    setInterval(() => this.#updateExpiry(), 1_000);
  }

  /** Offers to sign in at this host. */
  offerSignIn(host: string, onSignIn: () => void): void {
    this.#signIn.hidden = false;
    setText(this.#signIn, `Sign in at ${host}`);
    this.#signIn.addEventListener("click", onSignIn);
  }

  showForm(): void {
    this.#form.hidden = false;
    this.#identity.hidden = true;
    this.#tokenPanel.hidden = true;
    this.#problem.hidden = true;
  }

  /** Shows the claims of a token that the server has not accepted yet, if it can be decoded. */
  showToken(claims: unknown): void {
    this.#identity.hidden = true;
    this.#tokenPanel.hidden = false;
    this.#tokenDetails.hidden = claims === undefined;
    find("claims").textContent = escapeJson(JSON.stringify(claims, null, 2) ?? "");
    this.#problem.hidden = true;
  }

  /** Shows the subject of an accepted token, its filter, and its expiry, and hides the form. */
  showIdentity(connected: Connected): void {
    const { sub, filter, claims } = connected;
    this.showToken(claims);
    const entry = (name: string, value: Node | string) =>
      html("div", {}, html("dt", {}, name), html("dd", {}, value));
    this.#identity.replaceChildren(
      entry("Subject", sub),
      entry("Events", filter === "*" ? "of all users" : "of this user only"),
      entry("Expires", this.#expiry),
    );
    this.showExpiry(connected);
    const hadFocus = this.#form.contains(document.activeElement);
    this.#form.hidden = true;
    this.#identity.hidden = false;
    // Hiding the form drops the keyboard focus.
    if (hadFocus) find("access-title").focus();
  }

  showExpiry({ expiresAt }: Pick<Connected, "expiresAt">): void {
    this.#expiresAt = expiresAt;
    this.#expiry.dateTime = expiresAt.toISOString();
    this.#expiry.title = formatDate(expiresAt);
    this.#updateExpiry();
  }

  #updateExpiry(): void {
    const text = formatExpiry(this.#expiresAt, Date.now());
    if (this.#expiry.textContent !== text) this.#expiry.textContent = text;
  }

  /** Shows an error of the client. */
  showError(code: string, message: string): void {
    this.showProblem(REJECTED.includes(code) ? `The token was rejected: ${message}` : message);
  }

  showTokenExpiresSoon(): void {
    this.showProblem(`The token expires soon. ${this.#renewal()} to stay connected.`);
  }

  showTokenExpired(): void {
    this.showProblem(`The token has expired. ${this.#renewal()}.`);
  }

  /** Shows a problem and the form, to enter another token. */
  showProblem(text: string): void {
    this.#setProblem(text);
    this.#form.hidden = false;
  }

  /** Shows that the server is unreachable. Another token would not help. */
  showUnreachable(): void {
    this.#setProblem(UNREACHABLE);
  }

  /** Shows that the page is not secure. It hides the form, so that nobody enters a token. */
  showInsecurePage(): void {
    this.#setProblem(INSECURE_PAGE);
    this.#form.hidden = true;
  }

  #setProblem(text: string): void {
    setText(this.#problem, text);
    this.#problem.hidden = false;
  }

  /** Returns the ways to another token. The button is the simpler one. */
  #renewal(): string {
    return this.#signIn.hidden ? "Paste a new token" : "Sign in again or paste a new token";
  }
}
