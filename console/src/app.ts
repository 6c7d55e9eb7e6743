// The console: a page that subscribes to a tenant's events with the user's access token and shows
// them. The user signs in at the tenant's issuer, or pastes a token.
import { SessionEvents, type Connected, type SessionEventsError } from "session-events";

import { AccessView } from "./access_view.ts";
import { ConnectionView } from "./connection_view.ts";
import { initCopyButtons } from "./copy.ts";
import { EventsView } from "./events_view.ts";
import { RevocationsView } from "./revocations_view.ts";
import { SignIn, loadSignInSettings, takeCallback } from "./sign_in.ts";
import { SubscribersView } from "./subscribers_view.ts";
import {
  TokenStore,
  decodeClaims,
  fixedToken,
  readLocalIssuer,
  standInTokens,
  type TokenSource,
} from "./tokens.ts";

const [, slug = ""] = location.pathname.split("/");
const tenant = decodeURIComponent(slug);
const tenantUrl = `${location.origin}/${tenant}`;

const tokenStore = new TokenStore(tenant);
const revocationsView = new RevocationsView(tenantUrl);
const eventsView = new EventsView({
  onRevocations: (userId) => void revocationsView.show(userId),
});
const subscribersView = new SubscribersView(tenantUrl);
const connectionView = new ConnectionView(tenant);
const localIssuer = readLocalIssuer(location);
const accessView = new AccessView({ onToken: connectWithToken, onForget: disconnect });
let signIn: SignIn | undefined;
let connection: Connection | undefined;

/** Close code of a connection that ended without a close frame. */
const ABNORMAL_CLOSURE = 1006;
/** Close code of an expired token. */
const TOKEN_EXPIRED = 4419;

const NOT_CONNECTED = "Connect with an access token to receive events.";
const NO_SIGN_IN =
  "The sign-in could not be finished, because its settings are missing. Set console_client_id for this tenant and reload the page, or paste an access token.";
const SUBSCRIBERS_HIDDEN = "Connect to list subscribers.";
const WAITING_FOR_EVENTS =
  "Waiting for events. To create one, log out of an application of this tenant or publish a log record.";
const WAITING_FOR_OWN_EVENTS =
  "Waiting for events. This token receives only new events of its own user. To receive the events of all users, and earlier events, use a token with listen:events and without listen:events:self.";

function connectWithToken(token: string): void {
  tokenStore.set(token);
  connect(fixedToken(token));
}

function connectLocally(issuer: URL): void {
  tokenStore.set(issuer.href);
  connect(standInTokens(issuer));
}

function connect(source: TokenSource): void {
  connection?.close();
  connection = new Connection(source);
  connection.open();
}

/** The connection with the tokens of one source, shown in the views. */
class Connection {
  readonly #source: TokenSource;
  readonly #client: SessionEvents;
  #isCaughtUp = false;
  /** The number of consecutive attempts that ended without a close frame. */
  #failures = 0;

  constructor(source: TokenSource) {
    this.#source = source;
    this.#client = new SessionEvents({
      url: location.origin,
      tenant,
      getToken: (request) => source.get(request),
    });
    this.#client.on("connecting", ({ code, delay }) => this.#onConnecting(code, delay));
    this.#client.on("connected", (connected) => this.#onConnected(connected));
    this.#client.on("renewed", (renewed) => accessView.showExpiry(renewed));
    this.#client.on("caughtUp", () => (this.#isCaughtUp = true));
    this.#client.on("event", (event) => eventsView.add(event, { isNew: this.#isCaughtUp }));
    this.#client.on("error", (error) => this.#onError(error));
    this.#client.on("disconnected", () => this.#onDisconnected());
  }

  open(): void {
    eventsView.clear();
    eventsView.setEmptyText("Connecting …");
    accessView.showToken(decodeClaims(this.#source.current));
    this.#client.connect();
  }

  close(): void {
    this.#client.close();
  }

  #onConnecting(code: number, delay: number): void {
    connectionView.showConnecting(delay);
    subscribersView.stop(SUBSCRIBERS_HIDDEN);
    // Reconnecting needs a valid token, and a pasted token cannot be refreshed.
    if (code === TOKEN_EXPIRED && !this.#source.isRenewable) {
      this.close();
      accessView.showTokenExpired();
    }
    // The first failure is not shown. It may be a short interruption, or a token that was rejected
    // during the upgrade, in which case the next attempt reports the reason.
    if (code === ABNORMAL_CLOSURE) {
      this.#failures += 1;
      if (this.#failures > 1) accessView.showUnreachable();
    }
  }

  #onConnected(connected: Connected): void {
    this.#failures = 0;
    connectionView.showConnected();
    accessView.showIdentity(connected);
    subscribersView.start(() => this.#source.current);
    revocationsView.start(() => this.#source.current);
    showWaiting(connected);
  }

  #onError({ code, message }: SessionEventsError): void {
    const { isRenewable, unavailableMessage = message } = this.#source;
    if (code === "invalid_token" && !isRenewable) this.close();
    if (code === "insufficient_scope") signIn?.requireLogin();
    if (code === "connection_failed") accessView.showUnreachable();
    else if (code !== "token_unavailable") accessView.showError(code, message);
    else if (isRenewable) accessView.showProblem(unavailableMessage);
    else accessView.showTokenExpiresSoon();
  }

  #onDisconnected(): void {
    if (connection !== this) return;
    connectionView.showDisconnected();
    subscribersView.stop(SUBSCRIBERS_HIDDEN);
    revocationsView.stop();
    eventsView.setEmptyText(NOT_CONNECTED);
  }
}

function showWaiting({ filter }: Connected): void {
  if (filter === "self") eventsView.setEmptyText(WAITING_FOR_OWN_EVENTS);
  else eventsView.setEmptyText(WAITING_FOR_EVENTS, { withPublishExample: true });
}

function disconnect(): void {
  connection?.close();
  connection = undefined;
  tokenStore.clear();
  accessView.showForm();
  connectionView.showDisconnected();
  eventsView.clear();
  eventsView.setEmptyText(NOT_CONNECTED);
  subscribersView.stop(SUBSCRIBERS_HIDDEN);
  revocationsView.stop();
}

/** Connects with the token or the issuer that this tab has stored, if it is still usable. */
function resume(): void {
  const stored = tokenStore.get();
  if (!stored || !isSecureContext) disconnect();
  else if (stored === localIssuer?.href) connect(standInTokens(localIssuer));
  // The URL of an issuer that the page's address no longer names.
  else if (URL.canParse(stored)) disconnect();
  else connect(fixedToken(stored));
}

/** Offers the sign-in of the tenant, if it has one, and finishes one that this tab has started. */
async function initSignIn(callback: URLSearchParams | undefined): Promise<void> {
  const settings = await loadSignInSettings(tenantUrl);
  if (!settings) {
    if (callback) accessView.showProblem(NO_SIGN_IN);
    return;
  }
  const newSignIn = new SignIn(settings, tenant, tenantUrl);
  signIn = newSignIn;
  accessView.offerSignIn(newSignIn.host, () => void attempt(() => newSignIn.start()));
  if (callback)
    await attempt(async () => {
      const token = await newSignIn.finish(callback);
      connectWithToken(token);
    });
}

/** Runs a step of the sign-in and shows its error. */
async function attempt(step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    signIn?.requireLogin();
    accessView.showProblem(error instanceof Error ? error.message : "");
  }
}

const callback = takeCallback();
initCopyButtons(tenantUrl);
resume();
if (!isSecureContext) accessView.showInsecurePage();
else if (localIssuer) accessView.offerSignIn(localIssuer.host, () => connectLocally(localIssuer));
else void initSignIn(callback);
