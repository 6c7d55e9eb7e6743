// The console: a page that subscribes to a tenant's events with the user's access token and shows
// them.
import { SessionEvents, type Connected } from "session-events";

import { AccessView } from "./access_view.ts";
import { ConnectionView } from "./connection_view.ts";
import { initCopyButtons } from "./copy.ts";
import { EventsView } from "./events_view.ts";
import { SubscribersView } from "./subscribers_view.ts";
import {
  TokenStore,
  decodeClaims,
  pastedToken,
  readLocalIssuer,
  standInTokens,
  type TokenSource,
} from "./tokens.ts";

const [, slug = ""] = location.pathname.split("/");
const tenant = decodeURIComponent(slug);
const tenantUrl = `${location.origin}/${tenant}`;

const tokenStore = new TokenStore(tenant);
const eventsView = new EventsView();
const subscribersView = new SubscribersView(tenantUrl);
const connectionView = new ConnectionView(tenant);
const localIssuer = readLocalIssuer(location);
const accessView = new AccessView({
  localIssuer,
  onToken(token) {
    tokenStore.set(token);
    connect(pastedToken(token));
  },
  onSignIn(issuer) {
    tokenStore.set(issuer.href);
    connect(standInTokens(issuer));
  },
  onForget: disconnect,
});
let client: SessionEvents | undefined;

/** Close code of a connection that ended without a close frame. */
const ABNORMAL_CLOSURE = 1006;
/** Close code of an expired token. */
const TOKEN_EXPIRED = 4419;

const NOT_CONNECTED = "Connect with an access token to receive events.";
const SUBSCRIBERS_HIDDEN = "Connect to list subscribers.";
const WAITING_FOR_EVENTS =
  "Waiting for events. To create one, log out of an application of this tenant or publish a log record.";
const WAITING_FOR_OWN_EVENTS =
  "Waiting for events. This token receives only new events of its own user. To receive the events of all users, and earlier events, use a token with listen:events and without listen:events:self.";

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
    showWaiting(connected);
  });
  newClient.on("renewed", (renewed) => accessView.showExpiry(renewed));
  newClient.on("caughtUp", () => {
    isCaughtUp = true;
  });
  newClient.on("event", (event) => eventsView.add(event, { isNew: isCaughtUp }));
  newClient.on("error", ({ code, message }) => {
    if (code === "invalid_token" && !source.isRenewable) newClient.close();
    const text = code === "token_unavailable" ? source.unavailableMessage : message;
    accessView.showError(code, text);
  });
  newClient.on("disconnected", () => {
    if (client !== newClient) return;
    connectionView.showDisconnected();
    subscribersView.stop(SUBSCRIBERS_HIDDEN);
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
}

/** Connects with the token or the issuer that this tab has stored, if it is still usable. */
function resume(): void {
  const stored = tokenStore.get();
  if (!stored || !isSecureContext) disconnect();
  else if (stored === localIssuer?.href) connect(standInTokens(localIssuer));
  // The URL of an issuer that the page's address no longer names.
  else if (URL.canParse(stored)) disconnect();
  else connect(pastedToken(stored));
}

initCopyButtons(tenantUrl);
resume();
if (!isSecureContext) accessView.showInsecurePage();
