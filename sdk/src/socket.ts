// Opening and closing WebSockets so that no connection outlives its use.
//
// `close()` waits for the peer's close frame. A browser stops waiting by itself. Node's WebSocket
// waits for ever, so each silent peer would leave an open connection that keeps the process alive.
// The class of the package ws has `terminate()`, which ends the connection without the peer. For
// Node's class, this module adds it.
import type { WebSocketConstructor, WebSocketLike } from "./options.ts";

/** The time that a peer has to answer a close frame, in milliseconds. */
const CLOSE_TIMEOUT = 1_000;
const CLOSED = 3;

/** Opens a socket. Throws if the platform refuses to open one. */
export function openSocket(
  WebSocket: WebSocketConstructor,
  url: URL,
  protocols: string[],
): WebSocketLike {
  // A polyfill with `terminate()`, such as the class of ws, would ignore these options.
  const isNative = WebSocket === globalThis.WebSocket && !WebSocket.prototype?.terminate;
  const dispatcher = isNative ? nodeDispatcher() : undefined;
  if (!dispatcher) return new WebSocket(url, protocols);
  let connection: Connection | undefined;
  const options = { protocols, dispatcher: observe(dispatcher, (opened) => (connection = opened)) };
  let socket: WebSocketLike;
  try {
    socket = new (WebSocket as unknown as NodeWebSocketConstructor)(url, options);
  } catch {
    // Another class, for example that of jsdom, which accepts only protocols.
    return new WebSocket(url, protocols);
  }
  return Object.assign(socket, { terminate: () => connection?.destroy() });
}

/** Closes a socket. Ends its connection if the peer does not answer in time. */
export function closeSocket(socket: WebSocketLike): void {
  attempt(() => socket.close());
  if (!socket.terminate || socket.readyState === CLOSED) return;
  const timer = setTimeout(() => attempt(() => socket.terminate?.()), CLOSE_TIMEOUT);
  socket.addEventListener("close", () => clearTimeout(timer));
}

/** Closes a socket whose peer does not respond, without waiting for the peer. */
export function abortSocket(socket: WebSocketLike): void {
  attempt(() => socket.close());
  attempt(() => socket.terminate?.());
}

/** Sends a message. If that fails, no response arrives, and the client's time limits apply. */
export const sendText = (socket: WebSocketLike, text: string): void =>
  attempt(() => socket.send(text));

/** Calls a method of a socket, whose class may be the application's. Ignores exceptions. */
function attempt(call: () => void): void {
  try {
    call();
  } catch {
    // The client no longer needs the socket, or notices that it does not work.
  }
}

// ---- Node

interface Connection {
  destroy(): void;
}

/** The members of undici's `Dispatcher` that its WebSocket uses. */
interface Dispatcher {
  dispatch(options: object, handler: Handler): boolean;
}

type Upgrade = (...args: unknown[]) => unknown;

/** The handler of a request. Older versions of undici call `onUpgrade`, newer ones the other. */
interface Handler {
  onUpgrade?: Upgrade;
  onRequestUpgrade?: Upgrade;
}

/** Node's WebSocket, which is that of undici, accepts these options instead of protocols. */
type NodeWebSocketConstructor = new (
  url: URL,
  options: { readonly protocols: string[]; readonly dispatcher: Dispatcher },
) => WebSocketLike;

/** Returns the dispatcher that Node's `fetch` and WebSocket use; `undefined` on other platforms. */
function nodeDispatcher(): Dispatcher | undefined {
  const globals = globalThis as Record<symbol, unknown>;
  const dispatcher =
    globals[Symbol.for("undici.globalDispatcher.2")] ??
    globals[Symbol.for("undici.globalDispatcher.1")];
  return dispatcher as Dispatcher | undefined;
}

/** Returns a dispatcher that reports the connection of an upgraded request. */
function observe(dispatcher: Dispatcher, onUpgraded: (connection: Connection) => void): Dispatcher {
  return Object.create(dispatcher, {
    dispatch: {
      value(options: object, handler: Handler) {
        for (const name of ["onUpgrade", "onRequestUpgrade"] as const) {
          const { [name]: upgrade } = handler;
          if (!upgrade) continue;
          handler[name] = function (...args) {
            // The connection is the last argument in all versions.
            onUpgraded(args.at(-1) as Connection);
            return upgrade.apply(this, args);
          };
        }
        return dispatcher.dispatch(options, handler);
      },
    },
  });
}
