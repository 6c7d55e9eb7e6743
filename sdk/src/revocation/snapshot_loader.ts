// Loads all revocations that the server stores, page by page.
//
// The pages are in the order of revocation. A revocation that is updated in the meantime moves to a
// later page. So a client that subscribes to events before it requests the first page has all
// revocations after the last page. A failed page is requested again until it succeeds.
//
// The loader reports the end of the snapshot exactly once, and nothing after `abandon()`.
import { backoff } from "../backoff.ts";
import { describeError } from "../describe_error.ts";
import { serverError, SessionEventsError } from "../errors.ts";
import { parseJsonObject } from "../json.ts";
import type { Settings } from "../options.ts";
import { isEventWithoutId } from "../protocol.ts";
import { requestToken, tokenUnchanged } from "../token.ts";
import { isRedirect, REDIRECT_EXPLANATION, request } from "./request.ts";
import type { RevocationEvent } from "./rule.ts";

/** Receives the revocations and the end of a snapshot. */
export interface SnapshotHandler {
  revocation(revocation: RevocationEvent): void;
  /** A request failed. The loader retries it. */
  error(error: SessionEventsError): void;
  /** End: all pages were received. */
  complete(): void;
  /** End: the server is an older one without this endpoint. */
  unsupported(): void;
  /** End: the token lacks the required permission, so another token would not help. */
  forbidden(error: SessionEventsError): void;
}

interface PageResponse {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** In characters. A full page of 1,000 revocations has about 150,000. */
const MAX_PAGE_LENGTH = 16 * 1024 * 1024;
/** Twice the pages of a full server (5 million revocations). More pages mean a loop. */
const MAX_PAGES = 10_000;

export class SnapshotLoader {
  readonly #settings: Settings;
  readonly #handler: SnapshotHandler;
  #token: string | undefined;
  /** The last rejected token. It is never sent again. */
  #rejectedToken: string | undefined;
  /** The cursor of the next page; `undefined` for the first. */
  #cursor: string | undefined;
  #pages = 0;
  /** The number of consecutive failed requests. */
  #failures = 0;
  /** Aborts the current request. */
  #request = new AbortController();
  /** The time limit of the current request, or the delay before the next. */
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Requests the first page. */
  constructor(settings: Settings, handler: SnapshotHandler) {
    this.#settings = settings;
    this.#handler = handler;
    void this.#loadPage();
  }

  /** Stops loading without any further calls to the handler. */
  abandon(): void {
    this.#request.abort();
    clearTimeout(this.#timer);
  }

  async #loadPage(): Promise<void> {
    const { signal } = (this.#request = new AbortController());
    const onTimeout = () => this.#retry(unavailable("did not respond in time"));
    this.#timer = setTimeout(onTimeout, this.#settings.connectTimeout);
    const response = await this.#fetchPage(signal).catch(unreachable);
    if (signal.aborted) return;
    clearTimeout(this.#timer);
    if (response instanceof SessionEventsError) this.#retry(response);
    else this.#handleResponse(response);
  }

  /** Reports an error and requests the same page again after a delay. */
  #retry(error: SessionEventsError): void {
    this.abandon();
    const delay = backoff(this.#failures++, this.#settings);
    this.#timer = setTimeout(() => void this.#loadPage(), delay);
    this.#handler.error(error);
  }

  async #fetchPage(signal: AbortSignal): Promise<PageResponse | SessionEventsError> {
    const token = this.#token ?? (await this.#requestToken());
    if (typeof token !== "string") return token;
    signal.throwIfAborted();
    this.#token = token;
    const url = new URL(this.#settings.revocationsUrl);
    if (this.#cursor !== undefined) url.searchParams.set("after", this.#cursor);
    const headers = { accept: "application/json", authorization: `Bearer ${token}` };
    const { status, text } = await request(url, { headers, signal }, MAX_PAGE_LENGTH);
    return { status, body: parseJsonObject(text) ?? {} };
  }

  async #requestToken(): Promise<string | SessionEventsError> {
    const token = await requestToken(this.#settings, { fresh: this.#rejectedToken !== undefined });
    if (typeof token === "string" && !HEADER_VALUE.test(token.trim())) return unsendableToken();
    return token === this.#rejectedToken ? tokenUnchanged() : token;
  }

  #handleResponse({ status, body }: PageResponse): void {
    switch (status) {
      case 200:
        return this.#handlePage(body);
      case 404:
        return this.#handler.unsupported();
      case 403:
        return this.#handler.forbidden(responseError(status, body));
      case 401:
        this.#rejectedToken = this.#token;
        this.#token = undefined;
    }
    this.#retry(responseError(status, body));
  }

  #handlePage({ revocations, next }: PageResponse["body"]): void {
    if (!Array.isArray(revocations) || !revocations.every(isEventWithoutId))
      return this.#retry(unavailable("sent an invalid response"));
    this.#failures = 0;
    for (const row of revocations)
      this.#handler.revocation({ ...row, revokes: row.session_id ? "session" : "user" });
    // The handler may have called abandon().
    if (this.#request.signal.aborted) return;
    if (typeof next !== "string") return this.#handler.complete();
    this.#pages += 1;
    if (next === this.#cursor || this.#pages >= MAX_PAGES) {
      // The cursors cannot be trusted, so the retry starts over with the first page.
      this.#cursor = undefined;
      this.#pages = 0;
      return this.#retry(unavailable("sent an endless sequence of pages"));
    }
    this.#cursor = next;
    void this.#loadPage();
  }
}

/** Returns the server's OAuth error, or a general one if the body has none. */
function responseError(status: number, { error, error_description }: PageResponse["body"]) {
  if (isRedirect(status)) return unavailable(`responded with ${REDIRECT_EXPLANATION}`);
  if (typeof error !== "string") return unavailable(`responded with ${status}`);
  return serverError(error, error_description);
}

/** The characters of a header value (RFC 9110, section 5.5). The error of `fetch` repeats a wrong one. */
const HEADER_VALUE = /^[\x20-\x7e]*$/;

const unsendableToken = (): SessionEventsError =>
  new SessionEventsError(
    "token_unavailable",
    "getToken returned an access token with a line break or another character that no header may contain: return the token alone.",
  );

const unreachable = (cause: unknown): SessionEventsError =>
  unavailable(`cannot be reached, or its response cannot be read (${describeError(cause)})`, {
    cause,
  });

const unavailable = (problem: string, options?: ErrorOptions): SessionEventsError =>
  new SessionEventsError(
    "revocations_unavailable",
    `The list of revocations cannot be loaded at present: the server ${problem}. The client retries.`,
    options,
  );
