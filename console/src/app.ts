// The console: a page that subscribes to a tenant's events with the user's access token and shows
// them. The user signs in at the tenant's issuer, or pastes a token.
import { SessionEvents, type Connected } from "session-events";

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
let client: SessionEvents | undefined;

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
  client?.close();
  eventsView.clear();
  eventsView.setEmptyText("Connecting …");
  accessView.showToken(decodeClaims(source.current));

  let isCaughtUp = false;
  let failures = 0;
  const newClient = new SessionEvents({
    url: location.origin,
    tenant,
    getToken: (request) => source.get(request),
  });
  client = newClient;
  newClient.on("connecting", ({ code, delay }) => {
    connectionView.showConnecting(delay);
    subscribersView.stop(SUBSCRIBERS_HIDDEN);
    // Reconnecting needs a valid token, and a pasted token cannot be refreshed.
    if (code === TOKEN_EXPIRED && !source.isRenewable) {
      newClient.close();
      accessView.showError("token_expired");
    }
    // The first failure is not shown. It may be a short interruption, or a token that was rejected
    // during the upgrade, in which case the next attempt reports the reason.
    if (code === ABNORMAL_CLOSURE) {
      failures += 1;
      if (failures > 1) accessView.showError("connection_failed");
    }
  });
  newClient.on("connected", (connected) => {
    failures = 0;
    connectionView.showConnected();
    accessView.showIdentity(connected);
    subscribersView.start(() => source.current);
    revocationsView.start(() => source.current);
    showWaiting(connected);
  });
  newClient.on("renewed", (renewed) => accessView.showExpiry(renewed));
  newClient.on("caughtUp", () => {
    isCaughtUp = true;
  });
  newClient.on("event", (event) => eventsView.add(event, { isNew: isCaughtUp }));
  newClient.on("error", ({ code, message }) => {
    if (code === "invalid_token" && !source.isRenewable) newClient.close();
    if (code === "insufficient_scope") signIn?.requireLogin();
    if (code !== "token_unavailable") accessView.showError(code, message);
    else if (source.isRenewable) accessView.showError(code, source.unavailableMessage);
    else accessView.showError("token_expires");
  });
  newClient.on("disconnected", () => {
    if (client !== newClient) return;
    connectionView.showDisconnected();
    subscribersView.stop(SUBSCRIBERS_HIDDEN);
    revocationsView.stop();
    eventsView.setEmptyText(NOT_CONNECTED);
  });
  newClient.connect();
}

function showWaiting({ filter }: Connected): void {
  if (filter === "self") eventsView.setEmptyText(WAITING_FOR_OWN_EVENTS);
  else eventsView.setEmptyText(WAITING_FOR_EVENTS, { withPublishExample: true });
}

function disconnect(): void {
  client?.close();
  client = undefined;
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
    if (callback) accessView.showError("sign_in_failed", NO_SIGN_IN);
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
    accessView.showError("sign_in_failed", error instanceof Error ? error.message : "");
  }
}

const callback = takeCallback();
initCopyButtons(tenantUrl);
resume();
if (!isSecureContext) accessView.showInsecurePage();
else if (localIssuer) accessView.offerSignIn(localIssuer.host, () => connectLocally(localIssuer));
else void initSignIn(callback);
