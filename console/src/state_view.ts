// The state of the connection, at the top of the page and in its title.
import { find } from "./dom.ts";

const MARKS = { disconnected: "○", connecting: "◌", connected: "●" };

export class StateView {
  readonly #element = find("state");
  /** Beside the state, which is read out whenever it changes. */
  readonly #seconds = find("countdown");
  readonly #tenant: string;
  #countdown: ReturnType<typeof setInterval> | undefined;

  constructor(tenant: string) {
    this.#tenant = tenant;
    find("tenant").textContent = tenant;
  }

  connected(): void {
    this.#show("connected", "connected");
  }

  disconnected(): void {
    this.#show("disconnected", "disconnected");
  }

  /** The next try comes in `delay` milliseconds; `Infinity`: when the network is back. */
  connecting(delay: number): void {
    if (delay === Infinity) return this.#show("connecting", "offline: waiting for the network");
    this.#show("connecting", "connecting …");
    const at = Date.now() + delay;
    const tick = () => {
      const seconds = Math.ceil((at - Date.now()) / 1_000);
      this.#seconds.textContent = seconds > 0 ? `in ${seconds} s` : "";
    };
    tick();
    this.#countdown = setInterval(tick, 1_000);
  }

  #show(state: keyof typeof MARKS, text: string): void {
    clearInterval(this.#countdown);
    this.#seconds.textContent = "";
    this.#element.dataset["state"] = state;
    // What is said already is not to be read out again.
    if (this.#element.textContent !== text) this.#element.textContent = text;
    document.title = `${MARKS[state]} ${this.#tenant} · session-events`;
  }
}
