// Who listens, asked for every few seconds while somebody looks.
import { find, html } from "./dom.ts";
import { clock, span } from "./time.ts";

const PERIOD = 5_000;
const TIMEOUT = 10_000;
/** So many lines, those of applications first; the others are only counted. */
const MOST = 20;

interface Listener {
  readonly connected_on: string;
  readonly sub?: string;
  readonly filter?: "*" | "self";
}

const FILTERS = { "*": "everybody's events", self: "their own events" };

export class ListenersView {
  readonly #url: string;
  readonly #list = find("listener-list");
  readonly #note = find("listener-note");
  #getToken: (() => string) | undefined;

  constructor(tenantUrl: string) {
    this.#url = `${tenantUrl}/api/listeners`;
    setInterval(() => void this.#refresh(), PERIOD);
    document.addEventListener("visibilitychange", () => void this.#refresh());
  }

  /** Shows who listens from now on, as far as the token allows. */
  start(getToken: () => string): void {
    this.#getToken = getToken;
    void this.#refresh();
  }

  /** Shows nobody, and says why. */
  stop(why: string): void {
    this.#getToken = undefined;
    this.#show([], why);
  }

  async #refresh(): Promise<void> {
    const getToken = this.#getToken;
    if (!getToken || document.visibilityState !== "visible") return;
    const [listeners, note] = await this.#ask(getToken());
    // The reader may have disconnected meanwhile.
    if (getToken === this.#getToken) this.#show(listeners, note);
  }

  async #ask(token: string): Promise<[Listener[], string]> {
    try {
      const response = await fetch(this.#url, {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(TIMEOUT),
      });
      const body = await response.json();
      if (response.status === 403)
        return [[], "Who listens is shown to a token with listen:events only."];
      if (!response.ok) return [[], String(body.error_description)];
      return [body.connections, ""];
    } catch {
      return [[], "Who listens cannot be asked just now."];
    }
  }

  #show(listeners: readonly Listener[], note: string): void {
    find("listener-count").textContent = listeners.length ? String(listeners.length) : "";
    this.#note.textContent = note;
    const groups = grouped(listeners);
    const others = groups.length - MOST;
    this.#list.replaceChildren(...groups.slice(0, MOST).map(item));
    if (others > 0) this.#list.append(html("li", {}, html("small", {}, `and ${others} more`)));
  }
}

interface Group {
  readonly who: string;
  readonly what: string;
  readonly since: number;
  count: number;
}

/** One line for all sockets of a listener, for a browser may have many and a backend a few. */
function grouped(listeners: readonly Listener[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { sub, filter, connected_on } of listeners) {
    const key = JSON.stringify([sub, filter]);
    const group = groups.get(key);
    if (group) group.count += 1;
    else {
      const what = filter ? FILTERS[filter] : "waiting for a token";
      const since = Date.parse(connected_on);
      groups.set(key, { who: sub ?? "not authenticated yet", what, since, count: 1 });
    }
  }
  const isOwnOnly = ({ what }: Group) => Number(what === FILTERS.self);
  return [...groups.values()].sort((one, other) => isOwnOnly(one) - isOwnOnly(other));
}

const item = ({ who, what, since, count }: Group): HTMLLIElement =>
  html(
    "li",
    {},
    html("span", {}, who),
    html("small", {}, count > 1 ? `${what}, ${count} sockets` : what),
    html("small", { title: clock(new Date(since)) }, `for ${span(Date.now() - since)}`),
  );
