// How the scripts talk to who watches: colours, progress, and one sentence for each fault.

/** A fault whose message says all that the user needs, the mend included. */
export class Fault extends Error {}

/** Runs a script's main function; a fault ends it with its sentence and exit code 1. */
export async function main(body) {
  try {
    await body();
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    console.error(paint("red", fault.message, process.stderr));
    process.exitCode = 1;
  }
}

const COLOURS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

/** `text` in colour where `stream` is a terminal whose user has not said NO_COLOR. */
export function paint(colour, text, stream = process.stdout) {
  return stream.isTTY && !process.env.NO_COLOR ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
}

/** Says what a script has done, and that it has done something. */
export function done(sentence) {
  console.log(`${paint("green", "✓")} ${sentence}`);
  return true;
}

/** A line of a program without the colours that the program gave it. */
export const plain = (line) => line.replace(/\x1b\[[0-9;]*m/g, "");

const SIGN_OF_LIFE = 30_000;

/** What runs just now: one line that moves on a terminal, a sign of life at times in a pipe. */
export class Progress {
  #started = performance.now();
  #latest = "";
  #stream;

  constructor(title, stream = process.stdout) {
    this.title = title;
    this.#stream = stream;
    if (stream.isTTY) this.#draw();
    else stream.write(`${title} …\n`);
    const beat = () => (stream.isTTY ? this.#draw() : stream.write(`  … ${this.#text()}\n`));
    this.timer = setInterval(beat, stream.isTTY ? 1000 : SIGN_OF_LIFE);
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

  #text() {
    return `${Math.round(this.seconds)} s  ${this.#latest}`;
  }

  #draw() {
    const line = `${this.title} … ${this.#text()}`.slice(0, (this.#stream.columns || 80) - 1);
    this.#stream.write(`\r\x1b[K${line}`);
  }
}
