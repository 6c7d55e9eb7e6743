// The list of connected subscribers, polled while the page is visible.
import { get } from "./api.ts";
import { find, html, setText } from "./dom.ts";
import { formatDate, formatDuration } from "./time.ts";

const POLL_INTERVAL_MS = 5_000;
const REQUEST = { subject: "subscribers", retry: "Retrying …" };
/** The number of lines to show. The rest is only counted. */
const MAX_LINES = 20;

/** An entry of the response to `GET /api/listeners`: one socket. */
interface Listener {
  readonly connected_on: string;
  readonly sub?: string;
  readonly filter?: "*" | "self";
}

const FILTERS = { "*": "all events", self: "own events" };

export class SubscribersView {
  readonly #url: string;
  readonly #list = find("subscriber-list");
  readonly #note = find("subscriber-note");
  #getToken: (() => string) | undefined;

  constructor(tenantUrl: string) {
    this.#url = `${tenantUrl}/api/listeners`;
    setInterval(() => void this.#refresh(), POLL_INTERVAL_MS);
    document.addEventListener("visibilitychange", () => void this.#refresh());
  }

  /** Starts polling with the token that `getToken` returns at the time of each request. */
  start(getToken: () => string): void {
    this.#getToken = getToken;
    void this.#refresh();
  }

  /** Stops polling and replaces the list with a note. */
  stop(note: string): void {
    this.#getToken = undefined;
    this.#show([], note);
  }

  async #refresh(): Promise<void> {
    const getToken = this.#getToken;
    if (!getToken || document.visibilityState !== "visible") return;
    const result = await get(this.#url, getToken(), REQUEST);
    // Drop the response if the client has disconnected or reconnected since the request.
    if (getToken !== this.#getToken) return;
    if ("note" in result) this.#show([], result.note);
    else this.#show(result.body.connections, "");
  }

  #show(listeners: readonly Listener[], note: string): void {
    find("subscriber-count").textContent = listeners.length ? String(listeners.length) : "";
    setText(this.#note, note);
    const subscribers = groupBySubscriber(listeners);
    const others = subscribers.length - MAX_LINES;
    this.#list.replaceChildren(...subscribers.slice(0, MAX_LINES).map(listItem));
    if (others > 0) this.#list.append(html("li", {}, html("small", {}, `and ${others} more`)));
  }
}

interface Subscriber {
  readonly name: string;
  readonly description: string;
  readonly since: number;
  socketCount: number;
}

/** Groups sockets by subject and filter. Subscribers to all events sort first. */
function groupBySubscriber(listeners: readonly Listener[]): Subscriber[] {
  const subscribers = new Map<string, Subscriber>();
  for (const { sub, filter, connected_on } of listeners) {
    const key = JSON.stringify([sub, filter]);
    const known = subscribers.get(key);
    if (known) {
      known.socketCount += 1;
      continue;
    }
    subscribers.set(key, {
      name: sub ?? "Not authenticated",
      description: filter ? FILTERS[filter] : "waiting for a token",
      since: Date.parse(connected_on),
      socketCount: 1,
    });
  }
  const rank = ({ description }: Subscriber) => Number(description === FILTERS.self);
  return [...subscribers.values()].sort((a, b) => rank(a) - rank(b));
}

function listItem({ name, description, since, socketCount }: Subscriber): HTMLLIElement {
  const connectedFor = formatDuration(Date.now() - since);
  return html(
    "li",
    {},
    html("span", {}, name),
    html("small", {}, socketCount > 1 ? `${description}, ${socketCount} sockets` : description),
    html("small", { title: formatDate(new Date(since)) }, `for ${connectedFor}`),
  );
}
