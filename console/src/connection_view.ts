// The state of the connection, shown in the page's header and in its title.
import { find, setText } from "./dom.ts";
import { escapeHidden } from "./escape.ts";

const TITLE_SYMBOLS = { disconnected: "○", connecting: "◌", connected: "●" };

export class ConnectionView {
  readonly #state = find("state");
  /** Outside the state element, so that screen readers do not announce every second. */
  readonly #countdown = find("countdown");
  readonly #tenant: string;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(tenant: string) {
    this.#tenant = tenant;
    setText(find("tenant"), tenant);
  }

  showConnected(): void {
    this.#show("connected", "Connected");
  }

  showDisconnected(): void {
    this.#show("disconnected", "Disconnected");
  }

  /**
   * Shows that the client connects in `delay` milliseconds, or earlier if the browser is offline and
   * comes back online.
   */
  showConnecting(delay: number): void {
    const isOffline = !navigator.onLine;
    this.#show("connecting", isOffline ? "Offline: waiting for the network" : "Connecting …");
    const retryAt = Date.now() + delay;
    const update = () => {
      const seconds = Math.ceil((retryAt - Date.now()) / 1_000);
      this.#countdown.textContent = seconds > 0 ? `in ${seconds} s` : "";
    };
    update();
    this.#timer = setInterval(update, 1_000);
  }

  #show(state: keyof typeof TITLE_SYMBOLS, text: string): void {
    clearInterval(this.#timer);
    this.#countdown.textContent = "";
    this.#state.dataset["state"] = state;
    // Setting the same text again would make a screen reader repeat it.
    if (this.#state.textContent !== text) this.#state.textContent = text;
    document.title = `${TITLE_SYMBOLS[state]} ${escapeHidden(this.#tenant)} · session-events`;
  }
}
