// The revocations panel: the revocation status of one user, on request.
import { get } from "./api.ts";
import { find, html, setText } from "./dom.ts";
import { formatTimestamp } from "./time.ts";

/** The number of lines to show. The rest is only counted. */
const MAX_LINES = 20;
const REQUEST = { subject: "revocations", retry: "Look it up again." };
const CLOSED_NOTE = "Connect to look up a user.";

/** An entry of the response to `GET /api/revocations`. Without a session it revokes all tokens. */
interface Revocation {
  readonly session_id?: string;
  readonly type: string;
  readonly date: string;
}

export class RevocationsView {
  readonly #url: string;
  readonly #form = find<HTMLFormElement>("revocations-form");
  readonly #user = find<HTMLInputElement>("revocations-user");
  readonly #status = find("revocations-status");
  readonly #list = find("revocations-list");
  #getToken: (() => string) | undefined;

  constructor(tenantUrl: string) {
    this.#url = `${tenantUrl}/api/revocations`;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#lookUp(this.#user.value.trim());
    });
    this.stop();
  }

  /** Enables the panel. `getToken` returns the token at the time of each request. */
  start(getToken: () => string): void {
    // A reconnection keeps the result.
    if (!this.#getToken) this.#show("", []);
    this.#getToken = getToken;
    this.#form.hidden = false;
  }

  /** Disables the panel and removes the result. */
  stop(): void {
    this.#getToken = undefined;
    this.#form.hidden = true;
    this.#show(CLOSED_NOTE, []);
  }

  /** Looks up a user and moves the keyboard focus to the panel. */
  async show(userId: string): Promise<void> {
    this.#user.value = userId;
    find("revocations-title").focus();
    await this.#lookUp(userId);
  }

  async #lookUp(userId: string): Promise<void> {
    const getToken = this.#getToken;
    if (!getToken || !userId) return;
    this.#show("Loading …", []);
    const query = new URLSearchParams({ user_id: userId });
    const result = await get(`${this.#url}?${query}`, getToken(), REQUEST);
    // Drop the response if the client has disconnected or the user has looked up another user.
    if (getToken !== this.#getToken || this.#user.value.trim() !== userId) return;
    if ("note" in result) this.#show(result.note, []);
    else this.#showRevocations(userId, result.body.revocations, "next" in result.body);
  }

  #showRevocations(userId: string, revocations: readonly Revocation[], hasMore: boolean): void {
    const byDate = revocations.toSorted((a, b) => Date.parse(b.date) - Date.parse(a.date));
    const userWide = byDate.filter(({ session_id }) => session_id === undefined);
    const sessions = byDate.filter(({ session_id }) => session_id !== undefined);
    const lines = [
      ...userWide.map((revocation) => listItem("All earlier tokens", revocation)),
      ...sessions.slice(0, MAX_LINES).map((entry) => listItem(entry.session_id ?? "", entry)),
    ];
    const others = sessions.length - MAX_LINES;
    if (others > 0) {
      const count = hasMore ? `more than ${others}` : String(others);
      lines.push(html("li", {}, html("small", {}, `and ${count} more sessions`)));
    }
    this.#show(describe(userId, userWide.length > 0, sessions.length, hasMore), lines);
  }

  #show(status: string, lines: readonly Node[]): void {
    setText(this.#status, status);
    this.#list.replaceChildren(...lines);
  }
}

function describe(userId: string, isUserRevoked: boolean, count: number, hasMore: boolean): string {
  const sessions = `${count}${hasMore ? " or more" : ""} ${count === 1 ? "session" : "sessions"}`;
  if (isUserRevoked && count > 0) return `Earlier tokens of ${userId} and ${sessions} are revoked.`;
  if (isUserRevoked) return `Earlier tokens of ${userId} are revoked.`;
  if (count > 0) return `${sessions} of ${userId} ${count === 1 ? "is" : "are"} revoked.`;
  return `Nothing of ${userId} is revoked.`;
}

const listItem = (subject: string, { type, date }: Revocation): HTMLLIElement =>
  html(
    "li",
    {},
    html("span", {}, subject),
    html("small", {}, type),
    html(
      "small",
      {},
      html("time", { datetime: date, title: date }, formatTimestamp(Date.parse(date))),
    ),
  );
