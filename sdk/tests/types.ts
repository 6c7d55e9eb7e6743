// What compiles and what does not, as users write it. Compiling this file is the test.
import { SessionEvents, type SessionEvent } from "session-events";

const options = {
  url: "https://events.example.com",
  tenant: "acme@us",
  getToken: async ({ fresh }: { fresh: boolean }) => (fresh ? "new" : "cached"),
};
const client = new SessionEvents(options);

const stop: () => void = client.on("event", (event: SessionEvent) => {
  const known: boolean = event.type === "logout" || event.type === "user_blocked";
  const future: boolean = event.type === "a type to come";
  const session: string | undefined = event.session_id;
  const scope: "user" | "session" | undefined = event.revokes;
  // @ts-expect-error An event cannot be changed.
  event.id = "1";
});
client.on("connecting", ({ code, reason, delay }) => [code, reason, delay] satisfies unknown[]);
client.on("connected", ({ sub, filter, claims, expiresAt, recovered }) => {
  const all: boolean = filter === "*";
  const time: number = expiresAt.getTime();
  const complete: boolean | undefined = recovered;
  const issuedAt: unknown = claims["iat"];
  // @ts-expect-error There are but two filters.
  return filter === "all" && sub;
});
client.on("error", ({ code, message, cause }) => [code, message, cause] satisfies unknown[]);
const state: "disconnected" | "connecting" | "connected" = client.state;

// @ts-expect-error The name of an event is misspelt.
client.on("connect", () => {});
// @ts-expect-error The state is the client's own.
client.state = "connected";
// @ts-expect-error There is no tenant.
new SessionEvents({ url: options.url, getToken: options.getToken });
// @ts-expect-error A token is a string.
new SessionEvents({ ...options, getToken: () => 7 });
// @ts-expect-error There is no such option.
new SessionEvents({ ...options, retries: 3 });
