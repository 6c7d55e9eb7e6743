// The events that have come, newest first by their dates, which is what is shown of them: a table,
// its filters, and what stands there when there is nothing to show.
import type { SessionEvent } from "session-events";

import { drawChart } from "./chart.ts";
import { find, html } from "./dom.ts";
import { KINDS, kindOf, type Kind } from "./kinds.ts";
import { age, clock } from "./time.ts";

/** The page keeps no more than this, so it can be left open for ever. */
const MOST = 1_000;
/** Of these, the table has the newest; the reader may ask for all. */
const FIRST = 50;
/** The chart moves on with time, in milliseconds. */
const REDRAWN_AFTER = 15_000;

interface Shown {
  readonly event: SessionEvent;
  readonly kind: Kind;
  readonly date: number;
  readonly row: HTMLTableRowElement;
  readonly time: HTMLTimeElement;
  /** What the search looks at. */
  readonly text: string;
}

export class EventsView {
  readonly #table = find<HTMLTableElement>("event-table");
  readonly #body = this.#table.tBodies[0] ?? this.#table.createTBody();
  readonly #search = find<HTMLInputElement>("search");
  readonly #more = find<HTMLButtonElement>("more");
  readonly #hidden = new Set<Kind["name"]>();
  readonly #buttons = new Map<Kind["name"], HTMLButtonElement>();
  /** Newest first; of the same date, the one that came last. */
  readonly #all: Shown[] = [];
  #isWhole = false;
  #emptyText = "";
  #invites = false;
  #isDrawn = true;
  #drawnAt = 0;

  constructor() {
    for (const { name, mark } of KINDS) {
      const button = html("button", { type: "button", "data-kind": name });
      button.addEventListener("click", () => this.#toggle(name));
      button.append(html("span", { class: "mark", "aria-hidden": "true" }, mark), "");
      this.#buttons.set(name, button);
    }
    find("types").append(...this.#buttons.values());
    this.#search.addEventListener("input", () => this.#filter());
    this.#more.addEventListener("click", () => {
      this.#isWhole = !this.#isWhole;
      this.#filter();
    });
    find("clear").addEventListener("click", () => this.#clearFilters());
    document.addEventListener("keydown", (event) => this.#shortcut(event));
    setInterval(() => this.#tick(), 1_000);
    window.addEventListener("resize", () => this.#later());
    this.#draw();
  }

  /**
   * Adds an event at its place, for Auth0 may deliver late; one that came while the reader looks on
   * is marked for a moment.
   */
  add(event: SessionEvent, isLive: boolean): void {
    if (this.#all.some((other) => other.event.id === event.id)) return;
    const kind = kindOf(event.type);
    const date = Date.parse(event.date);
    const time = html(
      "time",
      { datetime: event.date, title: titleOf(date) },
      age(date, Date.now()),
    );
    const mark = html("span", { class: "mark", "aria-hidden": "true" }, `${kind.mark} `);
    const cell = (...children: (Node | string)[]) => html("td", { role: "cell" }, ...children);
    const row = html(
      "tr",
      { role: "row", "data-kind": kind.name, "data-id": event.id, class: isLive ? "new" : "" },
      cell(mark, event.type),
      cell(event.user_id),
      cell(sessionOf(event)),
      cell(time),
    );
    const { id, user_id, session_id = "" } = event;
    const text = [id, user_id, session_id].join("\n").toLowerCase();
    const found = this.#all.findIndex((other) => !(other.date > date));
    const place = found < 0 ? this.#all.length : found;
    this.#body.insertBefore(row, this.#all[place]?.row ?? null);
    this.#all.splice(place, 0, { event, kind, date, row, time, text });
    for (const { row } of this.#all.splice(MOST)) row.remove();
    this.#later();
  }

  clear(): void {
    this.#all.length = 0;
    this.#body.replaceChildren();
    this.#draw();
  }

  /** What to say while there are no events; where it invites to make one, with the curl for that. */
  explain(text: string, invites = false): void {
    this.#emptyText = text;
    this.#invites = invites;
    this.#draw();
  }

  // A hundred events may come at once; they are drawn once.
  #later(): void {
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#isDrawn = true;
    this.#drawnAt = Date.now();
    for (const { name } of KINDS) {
      const button = this.#buttons.get(name);
      const count = this.#all.filter(({ kind }) => kind.name === name).length;
      if (!button?.lastChild) continue;
      button.hidden = name === "other" && count === 0;
      button.lastChild.textContent = `${name} ${count}`;
    }
    this.#filter();
  }

  #filter(): void {
    for (const [name, button] of this.#buttons)
      button.setAttribute("aria-pressed", String(!this.#hidden.has(name)));
    const wanted = this.#search.value.trim().toLowerCase();
    const matching = this.#all.filter(
      ({ kind, text }) => !this.#hidden.has(kind.name) && text.includes(wanted),
    );
    const shown = new Set(this.#isWhole ? matching : matching.slice(0, FIRST));
    for (const one of this.#all) {
      one.row.hidden = !shown.has(one);
      // A row that comes back is no news any more.
      if (one.row.hidden) one.row.classList.remove("new");
    }
    const all = this.#all.length;
    const count = matching.length;
    find("shown").textContent = all > count ? `${count} of ${all} events` : "";
    this.#more.hidden = count <= FIRST;
    this.#more.textContent = this.#isWhole ? `Show the newest ${FIRST}` : `Show all ${count}`;
    this.#table.hidden = count === 0;
    find("empty").hidden = count > 0;
    find("empty-text").textContent = all > 0 ? "No matching events." : this.#emptyText;
    find("clear").hidden = all === 0;
    find("invitation").hidden = all > 0 || !this.#invites;
    drawChart(find("chart"), matching, Date.now());
  }

  #toggle(name: Kind["name"]): void {
    if (!this.#hidden.delete(name)) this.#hidden.add(name);
    this.#filter();
  }

  #clearFilters(): void {
    this.#hidden.clear();
    this.#search.value = "";
    this.#filter();
    // The button is gone, and the reader's place on the page with it.
    find("events-title").focus();
  }

  #shortcut(event: KeyboardEvent): void {
    const isTyping = event.target instanceof Element && event.target.matches("input, textarea");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.#search.focus();
    } else if (event.key === "Escape" && event.target === this.#search) {
      this.#search.value = "";
      this.#filter();
    }
  }

  #tick(): void {
    if (document.visibilityState !== "visible") return;
    const now = Date.now();
    if (now - this.#drawnAt > REDRAWN_AFTER) this.#later();
    for (const { date, time } of this.#all) {
      const text = age(date, now);
      if (time.textContent !== text) time.textContent = text;
    }
  }
}

const titleOf = (date: number): string => (Number.isNaN(date) ? "" : clock(new Date(date)));

const sessionOf = ({ session_id }: SessionEvent): HTMLElement =>
  session_id === undefined
    ? html("span", { class: "unknown" }, "all sessions")
    : html("span", { class: "session", title: session_id }, session_id);
