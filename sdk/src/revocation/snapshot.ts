// Everybody whom the server knows to be revoked, taken in page by page.
//
// Pages come in the order in which revocations were made, and one that moves on meanwhile comes
// again. So who hears the events from before the first page on has missed nothing when the last
// page has come. A page that cannot be had is asked for again until it can.
//
// The end is told exactly once; a snapshot that was abandoned tells nothing any more.
import { backoff } from "../backoff.ts";
import { requestToken, unchanged } from "../connection.ts";
import { SessionEventsError } from "../errors.ts";
import type { Settings } from "../options.ts";
import { parseObject, textOf } from "./answer.ts";
import type { EventFacts } from "./rule.ts";

/** Who is told. */
export interface SnapshotOwner {
  revocation(revocation: EventFacts): void;
  /** A try has failed; there will be another. */
  problem(error: SessionEventsError): void;
  /** The end: all pages have been taken in. */
  complete(): void;
  /** The end: the server is an older one, which has no pages. */
  notOffered(): void;
  /** The end: whoever the token is for has not the right, so no other token would do. */
  refused(error: SessionEventsError): void;
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** In characters. The thousand revocations of a full page take some 150,000. */
const LARGEST_PAGE = 16 * 1024 * 1024;
/** Twice as many as there are of all that a server keeps: what goes on for longer never ends. */
const MOST_PAGES = 2_000;

export class Snapshot {
  readonly #settings: Settings;
  readonly #owner: SnapshotOwner;
  #token: string | undefined;
  /** A token that is not to be shown again. */
  #refused: string | undefined;
  /** The cursor of the page that is asked for; none for the first. */
  #after: string | undefined;
  #pages = 0;
  /** Tries in a row that have failed. */
  #failures = 0;
  /** Of the try that is being made. */
  #attempt = new AbortController();
  /** Ends that try, or the wait for the next. */
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Begins at once. */
  constructor(settings: Settings, owner: SnapshotOwner) {
    this.#settings = settings;
    this.#owner = owner;
    void this.#try();
  }

  /** Ends whatever is under way; nothing is told any more. */
  abandon(): void {
    this.#attempt.abort();
    clearTimeout(this.#timer);
  }

  async #try(): Promise<void> {
    const { signal } = (this.#attempt = new AbortController());
    const late = () => this.#failed(unavailable("gave no answer in time"));
    this.#timer = setTimeout(late, this.#settings.connectTimeout);
    const answer = await this.#ask(signal).catch((cause: unknown) =>
      unavailable("cannot be reached, or what it answered cannot be read", { cause }),
    );
    if (signal.aborted) return;
    clearTimeout(this.#timer);
    if (answer instanceof SessionEventsError) this.#failed(answer);
    else this.#understand(answer);
  }

  /** Waits for another try. */
  #failed(problem: SessionEventsError): void {
    this.abandon();
    this.#timer = setTimeout(() => void this.#try(), backoff(this.#failures++, this.#settings));
    this.#owner.problem(problem);
  }

  async #ask(signal: AbortSignal): Promise<Answer | SessionEventsError> {
    const token = this.#token ?? (await this.#newToken());
    if (typeof token !== "string") return token;
    signal.throwIfAborted();
    this.#token = token;
    const url = new URL(this.#settings.revocationsUrl);
    if (this.#after !== undefined) url.searchParams.set("after", this.#after);
    const response = await fetch(url, {
      headers: { accept: "application/json", authorization: `Bearer ${token}` },
      redirect: "error",
      signal,
    });
    return { status: response.status, body: parseObject(await textOf(response, LARGEST_PAGE)) };
  }

  async #newToken(): Promise<string | SessionEventsError> {
    const token = await requestToken(this.#settings, { fresh: this.#refused !== undefined });
    // A token that was refused once would be refused again.
    return token === this.#refused ? unchanged() : token;
  }

  #understand({ status, body }: Answer): void {
    switch (status) {
      case 200:
        return this.#take(body);
      case 404:
        return this.#owner.notOffered();
      case 403:
        return this.#owner.refused(problemOf(status, body));
      case 401:
        [this.#refused, this.#token] = [this.#token, undefined];
    }
    this.#failed(problemOf(status, body));
  }

  #take({ revocations, next }: Answer["body"]): void {
    if (!Array.isArray(revocations) || !revocations.every(isRow))
      return this.#failed(unavailable("answered with something else"));
    this.#failures = 0;
    for (const row of revocations)
      this.#owner.revocation({ ...row, revokes: row.session_id ? "session" : "user" });
    if (typeof next !== "string") return this.#owner.complete();
    this.#pages += 1;
    if (next === this.#after || this.#pages >= MOST_PAGES) {
      // Where these cursors lead is not to be relied on: what comes next is the first page.
      [this.#after, this.#pages] = [undefined, 0];
      return this.#failed(unavailable("has pages without an end"));
    }
    this.#after = next;
    void this.#try();
  }
}

/** Whether something from elsewhere is a revocation. */
function isRow(row: unknown): row is EventFacts {
  const { type, date, user_id, session_id = "" } = Object(row) as Record<string, unknown>;
  return [type, date, user_id, session_id].every((member) => typeof member === "string");
}

function problemOf(status: number, { error, error_description }: Answer["body"]) {
  if (typeof error !== "string") return unavailable(`answered ${status}`);
  return new SessionEventsError(
    error,
    typeof error_description === "string" ? error_description : error,
  );
}

const unavailable = (what: string, options?: ErrorOptions): SessionEventsError =>
  new SessionEventsError(
    "revocations_unavailable",
    `Who was revoked cannot be asked for now: the server ${what}.`,
    options,
  );
