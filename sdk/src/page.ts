// Network and visibility changes of a browser page. They are hints: some browsers report them late,
// wrongly or not at all.

export interface PageHandler {
  /** The network connection was lost. */
  offline(): void;
  /** The page may enter the back/forward cache, from which the browser may restore it. */
  suspended(): void;
  /** The network connection is back, or the browser restored the page. */
  resumed(): void;
  /** The page became visible. The computer may have been asleep before. */
  visible(): void;
}

/** Reports changes to the handler until `signal` is aborted. Does nothing outside of browsers. */
export function watchPage(handler: PageHandler, signal: AbortSignal): void {
  const { window, document } = globalThis;
  if (typeof window?.addEventListener !== "function" || !document) return;
  const onVisibilityChange = () => document.visibilityState === "visible" && handler.visible();
  listen(window, "offline", () => handler.offline(), signal);
  listen(window, "online", () => handler.resumed(), signal);
  // An open socket keeps a page out of the back/forward cache (HTML standard, "Back/forward cache"), so
  // the handler closes its socket before the page enters.
  listen(window, "pagehide", ({ persisted }) => persisted && handler.suspended(), signal);
  listen(window, "pageshow", ({ persisted }) => persisted && handler.resumed(), signal);
  listen(document, "visibilitychange", onVisibilityChange, signal);
}

/** `persisted`: the page enters or leaves the back/forward cache. */
type PageEvent = Event & { readonly persisted?: boolean };

/**
 * Calls a listener until `signal` is aborted. If a target has several listeners with the same signal,
 * Node removes only the last of them after a garbage collection.
 */
export function listen(
  target: EventTarget,
  name: string,
  listener: (event: PageEvent) => void,
  signal: AbortSignal,
): void {
  target.addEventListener(name, (event: PageEvent) => signal.aborted || listener(event), {
    signal,
  });
}
