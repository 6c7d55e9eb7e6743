// Terminal output of the scripts: colours, progress and error messages.

/** An error that the script reports to the user as its message alone, without a stack trace. */
export class ScriptError extends Error {}

/** Runs a script's main function. Prints the message of a `ScriptError` and sets exit code 1. */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    console.error(paint("red", error.message, process.stderr));
    process.exitCode = 1;
  }
}

const COLOURS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

/** Returns `text` in colour if `stream` is a terminal and NO_COLOR is not set. */
export function paint(colour, text, stream = process.stdout) {
  return stream.isTTY && !process.env.NO_COLOR ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
}

/** Prints a message with a green check mark. */
export function printSuccess(message) {
  console.log(`${paint("green", "✓")} ${message}`);
}

/** Removes colour codes from a line. */
export const stripColours = (line) => line.replace(/\x1b\[[0-9;]*m/g, "");

const TERMINAL_REFRESH_MS = 1000;
const PIPE_REFRESH_MS = 30_000;

/**
 * Shows a running task: its title, the elapsed seconds and its latest line of output. On a terminal
 * this is one line that is redrawn; in a pipe it is a new line every 30 seconds.
 */
export class Progress {
  #started = performance.now();
  #latest = "";
  #stream;

  constructor(title, stream = process.stdout) {
    this.title = title;
    this.#stream = stream;
    if (stream.isTTY) this.#draw();
    else stream.write(`${title} …\n`);
    const refresh = () => (stream.isTTY ? this.#draw() : stream.write(`  … ${this.#status()}\n`));
    this.timer = setInterval(refresh, stream.isTTY ? TERMINAL_REFRESH_MS : PIPE_REFRESH_MS);
  }

  get seconds() {
    return (performance.now() - this.#started) / 1000;
  }

  show(line) {
    this.#latest = line.trim() || this.#latest;
    if (this.#stream.isTTY) this.#draw();
  }

  end() {
    clearInterval(this.timer);
    if (this.#stream.isTTY) this.#stream.write("\r\x1b[K");
  }

  #status() {
    return `${Math.round(this.seconds)} s  ${this.#latest}`;
  }

  #draw() {
    const line = `${this.title} … ${this.#status()}`.slice(0, (this.#stream.columns || 80) - 1);
    this.#stream.write(`\r\x1b[K${line}`);
  }
}
