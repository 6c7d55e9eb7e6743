// The live page of a tenant: it listens with the reader's access token, and shows what comes.
import { SessionEvents, type Connected } from "session-events";

import { AccessView } from "./access_view.ts";
import { wireCopyButtons } from "./copy.ts";
import { EventsView } from "./events_view.ts";
import { ListenersView } from "./listeners_view.ts";
import { StateView } from "./state_view.ts";
import { TokenStore, localIssuer, pasted, standIn, type TokenSource } from "./tokens.ts";

const [, slug = ""] = location.pathname.split("/");
const tenant = decodeURIComponent(slug);
const tenantUrl = `${location.origin}/${tenant}`;

const stored = new TokenStore(tenant);
const events = new EventsView();
const listeners = new ListenersView(tenantUrl);
const state = new StateView(tenant);
const access = new AccessView({
  localIssuer: localIssuer(location),
  onToken(token) {
    stored.set(token);
    connect(pasted(token));
  },
  onSignIn: (issuer) => connect(standIn(issuer)),
  onForget: disconnect,
});
let client: SessionEvents | undefined;

/** Close codes: no close frame, and the token's end. */
const ABNORMAL = 1006;
const TOKEN_EXPIRED = 4419;

const NOBODY = "Connect with an access token to see events as they come.";
const NOTHING_YET =
  "No event yet. Log out of an application of this tenant, or publish a record by hand.";
const OWN_ONLY =
  "This token shows its own user's events only, from now on. To see everybody's, and those of before, it takes listen:events without listen:events:self.";

function connect(source: TokenSource): void {
  client?.close();
  events.clear();
  events.explain("Connecting …");
  access.showWaiting();

  let isLive = false;
  const opened = new SessionEvents({
    url: location.origin,
    tenant,
    getToken: (request) => source.get(request),
  });
  client = opened;
  /** Without another token there is no use in coming back. */
  const giveUp = (code: string, message?: string) => {
    if (!source.isRenewable) opened.close();
    access.warn(code, message);
  };
  opened.on("connecting", ({ code, delay }) => {
    state.connecting(delay);
    listeners.stop("");
    if (code === TOKEN_EXPIRED) giveUp("token_expired");
    if (code === ABNORMAL && delay > 0) access.warn("connection_failed");
  });
  opened.on("connected", (connected) => {
    state.connected();
    access.showIdentity(connected);
    listeners.start(() => source.current);
    explain(connected);
  });
  opened.on("renewed", (renewed) => access.showExpiry(renewed));
  opened.on("caughtUp", () => (isLive = true));
  opened.on("event", (event) => events.add(event, isLive));
  opened.on("error", ({ code, message }) => {
    if (code === "invalid_token") giveUp(code, message);
    else access.warn(code, message);
  });
  opened.on("disconnected", () => {
    if (client !== opened) return;
    state.disconnected();
    listeners.stop("Shown once you are connected.");
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
  listeners.stop("Shown once you are connected.");
}

wireCopyButtons(tenantUrl);
const token = stored.get();
if (token) connect(pasted(token));
else disconnect();
