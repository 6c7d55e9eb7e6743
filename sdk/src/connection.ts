// One socket, from its opening to its end.
//
// It authenticates, keeps its token renewed, notices when the other end is gone, and tells its
// owner what comes. Its end is told exactly once; a connection that was abandoned tells nothing
// any more, which is why its owner need never ask whether a call is still meant for it. To tell
// is the last thing that a method does, because the owner may abandon it there and then.
import { backoff } from "./backoff.ts";
import { SessionEventsError } from "./errors.ts";
import { LONGEST_TIMER, type Settings, type Socket } from "./options.ts";
import {
  PING,
  SUBPROTOCOL,
  readMessage,
  type Authenticated,
  type SessionEvent,
} from "./protocol.ts";

/**
 * How the token is shown: with the upgrade, as a subprotocol, which costs no round trip; or in a
 * message, which every server understands and answers with a reason when it refuses.
 */
export type Way = "upgrade" | "message";

/** What a connection begins with. */
export interface Presentation {
  readonly way: Way;
  readonly token: string;
  /** Whether the token was asked for as a fresh one. */
  readonly fresh: boolean;
  readonly lastEventId: string | undefined;
}

/** How a connection ended. */
export interface End {
  /** The close code; 1006 without one (RFC 6455, section 7.4.1). */
  readonly code: number;
  readonly reason: string;
  /** Whether the socket was ever open. */
  readonly opened: boolean;
  /** The token that was shown last. */
  readonly token: string;
  /** The server's own words, if it had any. */
  readonly fault: SessionEventsError | undefined;
}

/** Who is told. */
export interface Owner {
  authenticated(authenticated: Authenticated): void;
  renewed(authenticated: Authenticated): void;
  event(event: SessionEvent): void;
  /** All that the server had to replay has been told. */
  caughtUp(): void;
  problem(error: SessionEventsError): void;
  ended(end: End): void;
}

/** Renewals are no closer to each other than this, whatever the clocks say. In milliseconds. */
const SHORTEST_RENEWAL = 1_000;

export class Connection {
  readonly #settings: Settings;
  readonly #owner: Owner;
  readonly #socket: Socket;
  /** Ends the listeners on the socket. */
  readonly #listening = new AbortController();
  #token: string;
  /** Whether the token that the server is about to accept, or has, was asked for as fresh. */
  #fresh: boolean;
  #opened = false;
  #authenticated = false;
  #caughtUp = false;
  #fault: SessionEventsError | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #renewal: ReturnType<typeof setTimeout> | undefined;

  constructor(settings: Settings, presentation: Presentation, owner: Owner) {
    this.#settings = settings;
    this.#owner = owner;
    this.#token = presentation.token;
    this.#fresh = presentation.fresh;
    this.#socket = this.#open(presentation);
    const heed = (act: () => void) => {
      if (!this.#listening.signal.aborted) act();
    };
    const socket = this.#socket;
    socket.addEventListener("open", () => heed(() => (this.#opened = true)));
    socket.addEventListener("message", ({ data }) => heed(() => this.#receive(data, presentation)));
    // An error tells nothing; a close follows.
    socket.addEventListener("error", () => {});
    socket.addEventListener("close", ({ code, reason }) => heed(() => this.#end(code, reason)));
  }

  /** Asks for a sign of life now; without one, the connection ends. */
  ping(): void {
    if (!this.#authenticated) return;
    this.#send(PING);
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#dead(), this.#settings.pongTimeout);
  }

  /** Lets go of the socket; nothing is told any more. */
  abandon(): void {
    this.#listening.abort();
    clearTimeout(this.#silence);
    clearTimeout(this.#renewal);
    this.#socket.close();
  }

  #open({ way, token, lastEventId }: Presentation): Socket {
    const { subscribeUrl, WebSocket } = this.#settings;
    if (way === "message") return new WebSocket(subscribeUrl);
    const url = new URL(subscribeUrl);
    if (lastEventId !== undefined) url.searchParams.set("last_event_id", lastEventId);
    return new WebSocket(url, [SUBPROTOCOL, `bearer.${token}`]);
  }

  #receive(data: unknown, { way, lastEventId }: Presentation): void {
    this.#alive();
    const message = readMessage(data);
    switch (message?.kind) {
      case "connected":
        if (way === "message") this.#authenticate(lastEventId);
        break;
      case "authenticated":
        this.#accept(message.authenticated);
        break;
      case "event":
        this.#owner.event(message.event);
        break;
      case "pong":
        // The replay is sent in one go with `authenticated`, which the ping was the answer to.
        if (this.#caughtUp) break;
        this.#caughtUp = true;
        this.#owner.caughtUp();
        break;
      case "fault":
        this.#fault = new SessionEventsError(message.code, message.description);
        this.#owner.problem(this.#fault);
        break;
    }
  }

  #authenticate(lastEventId?: string): void {
    this.#send(
      JSON.stringify({
        type: "authenticate",
        access_token: this.#token,
        last_event_id: lastEventId,
      }),
    );
  }

  #accept(authenticated: Authenticated): void {
    this.#scheduleRenewal(this.#renewalDelay(authenticated));
    if (this.#authenticated) return this.#owner.renewed(authenticated);
    this.#authenticated = true;
    this.ping();
    this.#owner.authenticated(authenticated);
  }

  // ---- Signs of life

  #alive(): void {
    clearTimeout(this.#silence);
    if (this.#authenticated)
      this.#silence = setTimeout(() => this.ping(), this.#settings.pingInterval);
  }

  #dead(): void {
    // The platform may take minutes to report the end of a socket whose other end is gone.
    this.#end(1006, "no answer to a ping");
  }

  // ---- Renewal

  /** Milliseconds until the token should be replaced. */
  #renewalDelay({ expiresAt, claims }: Authenticated): number {
    const { iat, exp } = claims;
    const lifetime =
      typeof iat === "number" && typeof exp === "number" ? (exp - iat) * 1000 : Infinity;
    const remaining = expiresAt.getTime() - Date.now();
    // This machine's clock may be wrong. What was just issued has its whole life ahead, and
    // nothing has more than that.
    const left = this.#fresh && lifetime < Infinity ? lifetime : Math.min(remaining, lifetime);
    return left - Math.min(this.#settings.renewBefore, left / 2);
  }

  #scheduleRenewal(delay: number, failures = 0): void {
    clearTimeout(this.#renewal);
    const bounded = Math.min(Math.max(delay, SHORTEST_RENEWAL), LONGEST_TIMER);
    this.#renewal = setTimeout(() => void this.#renew(failures), bounded);
  }

  /** Shows a newer token on the open socket. While none is to be had, it is asked for again. */
  async #renew(failures: number): Promise<void> {
    const { signal } = this.#listening;
    const token = await requestToken(this.#settings, { fresh: true });
    if (signal.aborted) return;
    if (typeof token === "string" && token !== this.#token) {
      this.#token = token;
      this.#fresh = true;
      return this.#authenticate();
    }
    this.#scheduleRenewal(backoff(failures, this.#settings), failures + 1);
    this.#owner.problem(typeof token === "string" ? unchanged() : token);
  }

  // ---- The end

  #send(text: string): void {
    const { WebSocket } = this.#settings;
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  #end(code: number, reason: string): void {
    this.abandon();
    this.#owner.ended({
      code,
      reason,
      opened: this.#opened,
      token: this.#token,
      fault: this.#fault,
    });
  }
}

/** What a subprotocol may consist of (RFC 9110, section 5.6.2). Every JSON Web Token does. */
const SUBPROTOCOL_TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** Whether a token can be shown with the upgrade. */
export const fitsUpgrade = (token: string): boolean => SUBPROTOCOL_TOKEN.test(token);

/** A token, or why there is none. */
export async function requestToken(
  { getToken }: Settings,
  request: { readonly fresh: boolean },
): Promise<string | SessionEventsError> {
  try {
    const token = await getToken(request);
    if (typeof token === "string" && token !== "") return token;
    return new SessionEventsError("token_unavailable", "getToken gave no access token.");
  } catch (cause) {
    return new SessionEventsError("token_unavailable", "getToken failed; see its cause.", {
      cause,
    });
  }
}

export const unchanged = (): SessionEventsError =>
  new SessionEventsError(
    "token_unchanged",
    "getToken was asked for a fresh token and gave the one that it had given before: have it pass over its cache when `fresh` is true.",
  );
