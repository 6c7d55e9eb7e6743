// One event of the table: its row, and the row below it with all fields, which opens on request.
import type { SessionEvent } from "session-events";

import { copy } from "./copy.ts";
import { html } from "./dom.ts";
import { escapeHidden, escapeJson } from "./escape.ts";
import { eventTypeOf, type EventType } from "./event_types.ts";
import { formatAge, formatDate, formatTimestamp } from "./time.ts";

/** The accessible text of the session cell of an event that ends no session. */
const NO_SESSION = "ends no session";

const ENDED = {
  user: "all sessions of the user",
  session: "this session",
} as const;

interface Options {
  /** Highlights the row for a short time. */
  readonly isNew: boolean;
  /** Filters the events by a user id or a session id. */
  readonly onFilter: (id: string) => void;
  readonly onRevocations: (userId: string) => void;
}

export class EventRow {
  readonly event: SessionEvent;
  readonly type: EventType;
  readonly date: number;
  readonly element: HTMLTableRowElement;
  /** The lower-case text that the search matches. */
  readonly searchText: string;
  readonly #options: Options;
  readonly #time: HTMLTimeElement;
  readonly #toggle: HTMLButtonElement;
  #details: HTMLTableRowElement | undefined;

  constructor(event: SessionEvent, options: Options) {
    const { id, user_id, session_id = "" } = event;
    this.event = event;
    this.type = eventTypeOf(event.type);
    this.date = Date.parse(event.date);
    this.#options = options;
    this.#time = html("time", { datetime: event.date, title: this.#localDate() });
    const symbol = html("span", { class: "symbol", "aria-hidden": "true" }, `${this.type.symbol} `);
    this.#toggle = html("button", { type: "button", class: "open", "aria-expanded": "false" });
    this.#toggle.append(symbol, escapeHidden(event.type));
    this.#toggle.addEventListener("click", () => this.#toggleDetails());
    const cell = (name: string, child: Node) => html("td", { role: "cell", class: name }, child);
    this.element = html(
      "tr",
      {
        role: "row",
        "data-type": this.type.name,
        "data-id": id,
        class: options.isNew ? "new" : "",
      },
      cell("type", this.#toggle),
      cell("user", this.#filterButton(user_id, "user")),
      cell("session", this.#session()),
      cell("time", this.#time),
    );
    const searched = [id, user_id, session_id];
    // The user may search for an id as it is, or as the page shows it.
    this.searchText = [...searched, ...searched.map(escapeHidden)].join("\n").toLowerCase();
  }

  /** Shows or hides the row. An open row keeps its fields. */
  setVisible(isVisible: boolean): void {
    this.element.hidden = !isVisible;
    if (this.#details) this.#details.hidden = !isVisible;
    // Without this, the highlight would play again when the row reappears.
    if (!isVisible) this.element.classList.remove("new");
  }

  remove(): void {
    this.element.remove();
    this.#details?.remove();
  }

  /** Shows the age, or the local time with `showsTimes`. */
  updateTime(now: number, showsTimes: boolean): void {
    const text = showsTimes ? formatTimestamp(this.date) : formatAge(this.date, now);
    if (this.#time.textContent !== text) this.#time.textContent = text;
  }

  #localDate(): string {
    return Number.isNaN(this.date) ? "" : formatDate(new Date(this.date));
  }

  /** Returns the content of the cell that names the sessions that the event ends. */
  #session(): HTMLElement {
    const { revokes, session_id = "" } = this.event;
    switch (revokes) {
      case "session":
        return this.#filterButton(session_id, "session");
      case "user":
        return html("span", { class: "all-sessions" }, "all sessions");
      default:
        return html("span", { role: "img", "aria-label": NO_SESSION, title: NO_SESSION }, "–");
    }
  }

  #filterButton(id: string, subject: string): HTMLButtonElement {
    const title = `Filter by the ${subject} ${id}`;
    const button = html("button", { type: "button", class: "filter", title }, id);
    button.addEventListener("click", () => this.#options.onFilter(id));
    return button;
  }

  #toggleDetails(): void {
    if (this.#details) {
      this.#details.remove();
      this.#details = undefined;
    } else {
      this.#details = this.#createDetails();
      this.element.after(this.#details);
    }
    this.#toggle.setAttribute("aria-expanded", String(this.#details !== undefined));
  }

  #createDetails(): HTMLTableRowElement {
    const { event } = this;
    const { onFilter, onRevocations } = this.#options;
    const { user_id, session_id, revokes } = event;
    const json = escapeJson(JSON.stringify(event, null, 2));
    const button = (text: string, action: () => void) => {
      const element = html("button", { type: "button", class: "copy" }, text);
      element.addEventListener("click", action);
      return element;
    };
    const fields: [string, string][] = [
      ["Event", event.id],
      ["Type", event.type],
      ["Local time", this.#localDate() || "–"],
      ["UTC", event.date],
      ["User", user_id],
      ["Session", session_id ?? "not named"],
      ["Ends", revokes ? ENDED[revokes] : "no session"],
    ];
    const list = html("dl", { class: "fields" });
    for (const [name, value] of fields)
      list.append(html("div", {}, html("dt", {}, name), html("dd", {}, value)));
    const buttons = html(
      "div",
      { class: "row-buttons" },
      button("Filter by user", () => onFilter(user_id)),
      ...(session_id ? [button("Filter by session", () => onFilter(session_id))] : []),
      button("Revocations of the user", () => onRevocations(user_id)),
      button("Copy JSON", () => void copy(json, { name: "event", confirmation: "Copied." })),
    );
    const pre = html("pre", { tabindex: "0", role: "region", "aria-label": "JSON of the event" });
    // The line breaks of JSON are not hidden characters.
    pre.textContent = json;
    return html(
      "tr",
      { class: "details", role: "row" },
      html("td", { role: "cell", colspan: "4" }, list, buttons, pre),
    );
  }
}
