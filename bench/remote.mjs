// An object in a process of its own, so that its memory, file descriptors and processor time are
// separate from those of the other objects.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const PROCESS = fileURLToPath(new URL("remote_process.mjs", import.meta.url));

export class Remote {
  #child;
  #onResponse = () => {};

  /** Creates an object of this class (see remote_process.mjs) with these texts as arguments. */
  constructor(className, ...args) {
    this.#child = fork(PROCESS, [className, ...args]);
    this.#child.on("message", (response) => this.#onResponse(response));
    this.#child.on("exit", () => this.#onResponse({ error: `the process of ${className} ended` }));
  }

  /** Calls a method. There may be one call at a time. */
  async call(method, argument) {
    const { promise, resolve } = Promise.withResolvers();
    this.#onResponse = resolve;
    this.#child.send({ method, argument });
    const { value, error } = await promise;
    if (error) throw new Error(error);
    return value;
  }

  /** Ends the process. */
  end() {
    if (this.#child.connected) this.#child.disconnect();
  }
}
