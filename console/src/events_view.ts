// The events panel: chart, filters and table. Events are sorted by date, latest first.
import type { SessionEvent } from "session-events";

import { drawChart } from "./chart.ts";
import { find, html } from "./dom.ts";
import { escapeHidden } from "./escape.ts";
import { EventRow } from "./event_row.ts";
import { EVENT_TYPES, type EventType } from "./event_types.ts";

/** The number of events in memory. Older ones are dropped, so the page can stay open for days. */
const MAX_EVENTS = 1_000;
/** The number of table rows before the user selects "Show all". */
const INITIAL_ROWS = 50;
/** The interval at which the chart is redrawn without new events, in milliseconds. */
const CHART_INTERVAL_MS = 15_000;

interface ReceivedEvent {
  readonly event: SessionEvent;
  /** Whether the event is not part of the replay at the start of the connection. */
  readonly isNew: boolean;
}

export class EventsView {
  readonly #table = find<HTMLTableElement>("event-table");
  readonly #body = this.#table.tBodies[0] ?? this.#table.createTBody();
  readonly #search = find<HTMLInputElement>("search");
  readonly #showAllButton = find<HTMLButtonElement>("show-all");
  readonly #pauseButton = find<HTMLButtonElement>("pause");
  readonly #timesButton = find<HTMLButtonElement>("times");
  readonly #onRevocations: (userId: string) => void;
  readonly #hiddenTypes = new Set<EventType["name"]>();
  readonly #typeButtons = new Map<EventType["name"], HTMLButtonElement>();
  /** Sorted by date, latest first. Of equal dates, the event that was received last is first. */
  readonly #rows: EventRow[] = [];
  /** The events since the user paused the page, in the order of their arrival. */
  readonly #queue: ReceivedEvent[] = [];
  #isPaused = false;
  #showsTimes = false;
  #showsAll = false;
  #droppedCount = 0;
  #emptyText = "";
  #showsPublishExample = false;
  #isDrawPending = false;
  #drawnAt = 0;

  /** `onRevocations` shows the revocations of a user. */
  constructor({ onRevocations }: { readonly onRevocations: (userId: string) => void }) {
    this.#onRevocations = onRevocations;
    for (const { name, symbol } of EVENT_TYPES) {
      const button = html("button", { type: "button", "data-type": name });
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
    this.#pauseButton.addEventListener("click", () =>
      this.#isPaused ? this.#resume() : this.#pause(),
    );
    this.#timesButton.addEventListener("click", () => this.#toggleTimes());
    document.addEventListener("keydown", (event) => this.#handleShortcut(event));
    setInterval(() => this.#updateAges(), 1_000);
    window.addEventListener("resize", () => this.#scheduleDraw());
    this.#draw();
  }

  /** Adds an event, or queues it while the page is paused. `isNew` highlights its row. */
  add(event: SessionEvent, { isNew }: { readonly isNew: boolean }): void {
    if (this.#isPaused) this.#enqueue({ event, isNew });
    else this.#insert({ event, isNew });
  }

  clear(): void {
    for (const row of this.#rows.splice(0)) row.remove();
    this.#queue.length = 0;
    this.#droppedCount = 0;
    this.#isPaused = false;
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

  #enqueue(received: ReceivedEvent): void {
    if (this.#queue.some(({ event }) => event.id === received.event.id)) return;
    this.#queue.push(received);
    this.#droppedCount += this.#queue.splice(0, this.#queue.length - MAX_EVENTS).length;
    this.#scheduleDraw();
  }

  /** Inserts an event by its date, because Auth0 may deliver log records late. */
  #insert({ event, isNew }: ReceivedEvent): void {
    if (this.#rows.some((other) => other.event.id === event.id)) return;
    const row = new EventRow(event, {
      isNew,
      onFilter: (id) => this.#toggleSearch(id),
      onRevocations: this.#onRevocations,
    });
    row.updateTime(Date.now(), this.#showsTimes);
    const found = this.#rows.findIndex((other) => !(other.date > row.date));
    const index = found < 0 ? this.#rows.length : found;
    this.#body.insertBefore(row.element, this.#rows[index]?.element ?? null);
    this.#rows.splice(index, 0, row);
    for (const dropped of this.#rows.splice(MAX_EVENTS)) {
      dropped.remove();
      this.#droppedCount += 1;
    }
    this.#scheduleDraw();
  }

  #pause(): void {
    this.#isPaused = true;
    this.#draw();
  }

  #resume(): void {
    this.#isPaused = false;
    for (const received of this.#queue.splice(0)) this.#insert(received);
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
    for (const [name, button] of this.#typeButtons) {
      const count = this.#rows.filter(({ type }) => type.name === name).length;
      if (!button.lastChild) continue;
      button.hidden = count === 0 && !this.#hiddenTypes.has(name);
      button.lastChild.textContent = `${name} ${count}`;
    }
    // Buttons of types without events, and a group without buttons, would only take up space.
    find("types").hidden = [...this.#typeButtons.values()].every(({ hidden }) => hidden);
    this.#pauseButton.hidden = this.#rows.length === 0 && !this.#isPaused;
    this.#timesButton.hidden = this.#rows.length === 0;
    const resumeText = this.#queue.length > 0 ? `Resume (${this.#queue.length} new)` : "Resume";
    this.#pauseButton.textContent = this.#isPaused ? resumeText : "Pause";
    this.#applyFilters();
  }

  #applyFilters(): void {
    for (const [name, button] of this.#typeButtons)
      button.setAttribute("aria-pressed", String(!this.#hiddenTypes.has(name)));
    const query = this.#search.value.trim().toLowerCase();
    const matching = this.#rows.filter(
      ({ type, searchText }) => !this.#hiddenTypes.has(type.name) && searchText.includes(query),
    );
    const visible = new Set(this.#showsAll ? matching : matching.slice(0, INITIAL_ROWS));
    for (const row of this.#rows) row.setVisible(visible.has(row));
    const total = this.#rows.length;
    const count = matching.length;
    find("match-count").textContent = total > count ? `${count} of ${total} events` : "";
    find("dropped").textContent = describeDropped(this.#droppedCount);
    this.#showAllButton.hidden = count <= INITIAL_ROWS;
    this.#showAllButton.textContent = this.#showsAll
      ? `Show the latest ${INITIAL_ROWS}`
      : `Show all ${count}`;
    this.#table.hidden = count === 0;
    find("empty").hidden = count > 0;
    find("empty-text").textContent = total > 0 ? "No matching events." : this.#emptyText;
    find("clear-filters").hidden = total === 0;
    find("publish-example").hidden = total > 0 || !this.#showsPublishExample;
    drawChart(find("chart"), matching, { now: Date.now(), showsTimes: this.#showsTimes });
  }

  #toggleType(name: EventType["name"]): void {
    if (!this.#hiddenTypes.delete(name)) this.#hiddenTypes.add(name);
    this.#applyFilters();
  }

  /** Searches for an id. Removes the search if it is for this id already. */
  #toggleSearch(id: string): void {
    const text = escapeHidden(id);
    this.#search.value = this.#search.value === text ? "" : text;
    this.#applyFilters();
  }

  #clearFilters(): void {
    this.#hiddenTypes.clear();
    this.#search.value = "";
    this.#applyFilters();
    // Hiding the button drops the keyboard focus.
    find("events-title").focus();
  }

  /** Switches between ages and local times. */
  #toggleTimes(): void {
    this.#showsTimes = !this.#showsTimes;
    this.#timesButton.setAttribute("aria-pressed", String(this.#showsTimes));
    this.#table.classList.toggle("times", this.#showsTimes);
    find("time-title").textContent = this.#showsTimes ? "Local time" : "Age";
    this.#updateTimes();
    this.#applyFilters();
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
    if (Date.now() - this.#drawnAt > CHART_INTERVAL_MS) this.#scheduleDraw();
    this.#updateTimes();
  }

  #updateTimes(): void {
    const now = Date.now();
    for (const row of this.#rows) row.updateTime(now, this.#showsTimes);
  }
}

function describeDropped(count: number): string {
  if (count === 0) return "";
  const events = count === 1 ? "1 older event is" : `${count} older events are`;
  return `This page keeps the latest ${MAX_EVENTS} events. ${events} no longer shown.`;
}
