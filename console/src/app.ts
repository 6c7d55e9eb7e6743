// The live page of a tenant: it listens with the reader's access token, and shows what comes.
import { SessionEvents, type Connected } from "session-events";

import { AccessView } from "./access_view.ts";
import { wireCopyButtons } from "./copy.ts";
import { EventsView } from "./events_view.ts";
import { ListenersView } from "./listeners_view.ts";
import { StateView } from "./state_view.ts";
import { TokenStore, claimsOf, localIssuer, pasted, standIn, type TokenSource } from "./tokens.ts";

const [, slug = ""] = location.pathname.split("/");
const tenant = decodeURIComponent(slug);
const tenantUrl = `${location.origin}/${tenant}`;

const stored = new TokenStore(tenant);
const events = new EventsView();
const listeners = new ListenersView(tenantUrl);
const state = new StateView(tenant);
const issuer = localIssuer(location);
const access = new AccessView({
  localIssuer: issuer,
  onToken(token) {
    stored.set(token);
    connect(pasted(token));
  },
  onSignIn(issuer) {
    stored.set(issuer.href);
    connect(standIn(issuer));
  },
  onForget: disconnect,
});
let client: SessionEvents | undefined;

/** Close codes: no close frame, and the token's end. */
const ABNORMAL = 1006;
const TOKEN_EXPIRED = 4419;

const NOBODY = "Connect with an access token to see events as they come.";
const NOT_CONNECTED = "Shown once you are connected.";
const NOTHING_YET =
  "Listening. Nothing has happened yet: log out of an application of this tenant, or publish a record by hand.";
const OWN_ONLY =
  "This token shows its own user's events only, from now on. To see everybody's, and those of before, it takes listen:events without listen:events:self.";

function connect(source: TokenSource): void {
  client?.close();
  events.clear();
  events.explain("Connecting …");
  access.showToken(claimsOf(source.current));

  let isLive = false;
  let failures = 0;
  const opened = new SessionEvents({
    url: location.origin,
    tenant,
    getToken: (request) => source.get(request),
  });
  client = opened;
  opened.on("connecting", ({ code, delay }) => {
    state.connecting(delay);
    listeners.stop(NOT_CONNECTED);
    // Where there is no other token, there is no use in coming back.
    if (code === TOKEN_EXPIRED && !source.isRenewable) {
      opened.close();
      access.warn("token_expired");
    }
    // One may be a passing loss, or a token refused on the upgrade, which the next try explains.
    if (code === ABNORMAL && (failures += 1) > 1) access.warn("connection_failed");
  });
  opened.on("connected", (connected) => {
    failures = 0;
    state.connected();
    access.showIdentity(connected);
    listeners.start(() => source.current);
    explain(connected);
  });
  opened.on("renewed", (renewed) => access.showExpiry(renewed));
  opened.on("caughtUp", () => (isLive = true));
  opened.on("event", (event) => events.add(event, isLive));
  opened.on("error", ({ code, message }) => {
    if (code === "invalid_token" && !source.isRenewable) opened.close();
    access.warn(code, code === "token_unavailable" ? source.mend : message);
  });
  opened.on("disconnected", () => {
    if (client !== opened) return;
    state.disconnected();
    listeners.stop(NOT_CONNECTED);
    events.explain(NOBODY);
  });
  opened.connect();
}

function explain({ filter }: Connected): void {
  events.explain(filter === "self" ? OWN_ONLY : NOTHING_YET, filter === "*");
}

function disconnect(): void {
  client?.close();
  client = undefined;
  stored.forget();
  access.showForm();
  state.disconnected();
  events.clear();
  events.explain(NOBODY);
  listeners.stop(NOT_CONNECTED);
}

wireCopyButtons(tenantUrl);
const kept = stored.get();
if (!kept || !isSecureContext) disconnect();
else if (kept === issuer?.href) connect(standIn(issuer));
else if (URL.canParse(kept)) disconnect();
else connect(pasted(kept));
if (!isSecureContext) access.refuse("insecure_page");
