// The events panel: chart, filters and table. Events are sorted by date, latest first.
import type { SessionEvent } from "session-events";

import { drawChart } from "./chart.ts";
import { find, html } from "./dom.ts";
import { escapeHidden } from "./escape.ts";
import { EVENT_TYPES, eventTypeOf, type EventType } from "./event_types.ts";
import { formatAge, formatDate } from "./time.ts";

/** The number of events in memory. Older ones are dropped, so the page can stay open for days. */
const MAX_EVENTS = 1_000;
/** The number of table rows before the user selects "Show all". */
const INITIAL_ROWS = 50;
/** The interval at which the chart is redrawn without new events, in milliseconds. */
const CHART_INTERVAL_MS = 15_000;
/** The accessible text of the session cell of an event that ends no session. */
const NO_SESSION = "ends no session";

interface Entry {
  readonly event: SessionEvent;
  readonly type: EventType;
  readonly date: number;
  readonly row: HTMLTableRowElement;
  readonly time: HTMLTimeElement;
  /** The lower-case text that the search matches. */
  readonly searchText: string;
}

export class EventsView {
  readonly #table = find<HTMLTableElement>("event-table");
  readonly #body = this.#table.tBodies[0] ?? this.#table.createTBody();
  readonly #search = find<HTMLInputElement>("search");
  readonly #showAllButton = find<HTMLButtonElement>("show-all");
  readonly #hiddenTypes = new Set<EventType["name"]>();
  readonly #typeButtons = new Map<EventType["name"], HTMLButtonElement>();
  /** Sorted by date, latest first. Of equal dates, the event that was received last is first. */
  readonly #entries: Entry[] = [];
  #showsAll = false;
  #emptyText = "";
  #showsPublishExample = false;
  #isDrawPending = false;
  #drawnAt = 0;

  constructor() {
    for (const { name, group, symbol } of EVENT_TYPES) {
      const button = html("button", { type: "button", "data-group": group });
      button.addEventListener("click", () => this.#toggleType(name));
      button.append(html("span", { class: "symbol", "aria-hidden": "true" }, symbol), "");
      this.#typeButtons.set(name, button);
    }
    find("types").append(...this.#typeButtons.values());
    this.#search.addEventListener("input", () => this.#applyFilters());
    this.#showAllButton.addEventListener("click", () => {
      this.#showsAll = !this.#showsAll;
      this.#applyFilters();
    });
    find("clear-filters").addEventListener("click", () => this.#clearFilters());
    document.addEventListener("keydown", (event) => this.#handleShortcut(event));
    setInterval(() => this.#updateAges(), 1_000);
    window.addEventListener("resize", () => this.#scheduleDraw());
    this.#draw();
  }

  /**
   * Inserts an event by its date, because Auth0 may deliver log records late. `isNew` highlights
   * the row for a short time.
   */
  add(event: SessionEvent, { isNew }: { readonly isNew: boolean }): void {
    if (this.#entries.some((other) => other.event.id === event.id)) return;
    const entry = createEntry(event, isNew);
    const found = this.#entries.findIndex((other) => !(other.date > entry.date));
    const index = found < 0 ? this.#entries.length : found;
    this.#body.insertBefore(entry.row, this.#entries[index]?.row ?? null);
    this.#entries.splice(index, 0, entry);
    for (const { row } of this.#entries.splice(MAX_EVENTS)) row.remove();
    this.#scheduleDraw();
  }

  clear(): void {
    this.#entries.length = 0;
    this.#body.replaceChildren();
    this.#draw();
  }

  /** Sets the text to show while there are no events, optionally with a command to publish one. */
  setEmptyText(
    text: string,
    { withPublishExample = false }: { readonly withPublishExample?: boolean } = {},
  ): void {
    this.#emptyText = text;
    this.#showsPublishExample = withPublishExample;
    this.#draw();
  }

  /** Draws once per animation frame, however many events arrive. */
  #scheduleDraw(): void {
    if (this.#isDrawPending) return;
    this.#isDrawPending = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#isDrawPending = false;
    this.#drawnAt = Date.now();
    for (const { name, isCommon } of EVENT_TYPES) {
      const button = this.#typeButtons.get(name);
      const count = this.#entries.filter(({ type }) => type.name === name).length;
      if (!button?.lastChild) continue;
      button.hidden = !isCommon && count === 0;
      button.lastChild.textContent = `${name} ${count}`;
    }
    this.#applyFilters();
  }

  #applyFilters(): void {
    for (const [name, button] of this.#typeButtons)
      button.setAttribute("aria-pressed", String(!this.#hiddenTypes.has(name)));
    const query = this.#search.value.trim().toLowerCase();
    const matching = this.#entries.filter(
      ({ type, searchText }) => !this.#hiddenTypes.has(type.name) && searchText.includes(query),
    );
    const visible = new Set(this.#showsAll ? matching : matching.slice(0, INITIAL_ROWS));
    for (const entry of this.#entries) {
      entry.row.hidden = !visible.has(entry);
      // Without this, the highlight would play again when the row reappears.
      if (entry.row.hidden) entry.row.classList.remove("new");
    }
    const total = this.#entries.length;
    const count = matching.length;
    find("match-count").textContent = total > count ? `${count} of ${total} events` : "";
    this.#showAllButton.hidden = count <= INITIAL_ROWS;
    this.#showAllButton.textContent = this.#showsAll
      ? `Show the latest ${INITIAL_ROWS}`
      : `Show all ${count}`;
    this.#table.hidden = count === 0;
    find("empty").hidden = count > 0;
    find("empty-text").textContent = total > 0 ? "No matching events." : this.#emptyText;
    find("clear-filters").hidden = total === 0;
    find("publish-example").hidden = total > 0 || !this.#showsPublishExample;
    drawChart(find("chart"), matching, Date.now());
  }

  #toggleType(name: EventType["name"]): void {
    if (!this.#hiddenTypes.delete(name)) this.#hiddenTypes.add(name);
    this.#applyFilters();
  }

  #clearFilters(): void {
    this.#hiddenTypes.clear();
    this.#search.value = "";
    this.#applyFilters();
    // Hiding the button drops the keyboard focus.
    find("events-title").focus();
  }

  /** `/` focuses the search field. Escape clears it. */
  #handleShortcut(event: KeyboardEvent): void {
    const isTyping = event.target instanceof Element && event.target.matches("input, textarea");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.#search.focus();
    } else if (event.key === "Escape" && event.target === this.#search) {
      this.#search.value = "";
      this.#applyFilters();
    }
  }

  #updateAges(): void {
    if (document.visibilityState !== "visible") return;
    const now = Date.now();
    if (now - this.#drawnAt > CHART_INTERVAL_MS) this.#scheduleDraw();
    for (const { date, time } of this.#entries) {
      const text = formatAge(date, now);
      if (time.textContent !== text) time.textContent = text;
    }
  }
}

function createEntry(event: SessionEvent, isNew: boolean): Entry {
  const type = eventTypeOf(event.type);
  const date = Date.parse(event.date);
  const title = Number.isNaN(date) ? "" : formatDate(new Date(date));
  const time = html("time", { datetime: event.date, title }, formatAge(date, Date.now()));
  const symbol = html("span", { class: "symbol", "aria-hidden": "true" }, `${type.symbol} `);
  const cell = (...children: (Node | string)[]) => html("td", { role: "cell" }, ...children);
  const row = html(
    "tr",
    { role: "row", "data-group": type.group, "data-id": event.id, class: isNew ? "new" : "" },
    cell(symbol, event.type),
    cell(event.user_id),
    cell(sessionElement(event)),
    cell(time),
  );
  const { id, user_id, session_id = "" } = event;
  const searched = [id, user_id, session_id];
  // The user may search for an id as it is, or as the page shows it.
  const searchText = [...searched, ...searched.map(escapeHidden)].join("\n").toLowerCase();
  return { event, type, date, row, time, searchText };
}

/** Returns the cell content that names the sessions that the event ends, according to `revokes`. */
function sessionElement({ revokes, session_id = "" }: SessionEvent): HTMLElement {
  switch (revokes) {
    case "session":
      return html("span", { class: "session", title: session_id }, session_id);
    case "user":
      return html("span", { class: "all-sessions" }, "all sessions");
    default:
      return html("span", { role: "img", "aria-label": NO_SESSION, title: NO_SESSION }, "–");
  }
}
