// What a browser tells of its network and its page. Elsewhere there is nothing to be told.

export interface PageSignals {
  /** The network is gone. */
  offline(): void;
  /** The network is there again, or the page is, after it was put aside. */
  back(): void;
  /** The page can be seen again; a computer may have slept meanwhile. */
  visible(): void;
  /** The page is put aside by the browser, which may bring it back as it is. */
  aside(): void;
}

/** Passes the signals on until `signal` is aborted. */
export function followPage(signals: PageSignals, signal: AbortSignal): void {
  const { window, document } = globalThis;
  if (typeof window?.addEventListener !== "function" || !document) return;
  const options = { signal };
  window.addEventListener("offline", () => signals.offline(), options);
  window.addEventListener("online", () => signals.back(), options);
  // Only a page without open sockets can be kept (HTML standard, "Back/forward cache").
  window.addEventListener("pagehide", ({ persisted }) => persisted && signals.aside(), options);
  window.addEventListener("pageshow", ({ persisted }) => persisted && signals.back(), options);
  document.addEventListener(
    "visibilitychange",
    () => document.visibilityState === "visible" && signals.visible(),
    options,
  );
}
