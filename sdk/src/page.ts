// Network and visibility changes of a browser page. They are hints: some browsers report them late,
// wrongly or not at all.

export interface PageHandler {
  /** The network connection was lost. */
  offline(): void;
  /** The browser put the page into the back/forward cache and may restore it later. */
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
  const options = { signal };
  window.addEventListener("offline", () => handler.offline(), options);
  window.addEventListener("online", () => handler.resumed(), options);
  // A page with open sockets is not cached (HTML standard, "Back/forward cache").
  window.addEventListener("pagehide", ({ persisted }) => persisted && handler.suspended(), options);
  window.addEventListener("pageshow", ({ persisted }) => persisted && handler.resumed(), options);
  document.addEventListener(
    "visibilitychange",
    () => document.visibilityState === "visible" && handler.visible(),
    options,
  );
}
