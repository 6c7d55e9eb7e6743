// The command-line options of `npm run bench`.
import { parseArgs } from "node:util";

import { ScriptError } from "../scripts/terminal.mjs";
import { CLIENTS } from "./load_generator.mjs";
import { SCENARIOS } from "./scenarios.mjs";

const ROUNDS = 5;

export const HELP = `Measures the Worker on the bare workerd binary and compares it with the floor: a minimal peer
Worker that does only the delivery, without verification or storage. Builds the Worker first.

  npm run bench [-- OPTION…]

  --only NAME,…   run only these scenarios, see below
  --rounds N      number of rounds, 1 to 100; default ${ROUNDS}
  --client ws     use subscribers based on the npm package ws instead of the lean client
  --json          print all results as JSON
  --record        write the results to docs/performance.md and its chart; needs all scenarios, and
                  implies --native
  --native        also measure the core natively, which compiles it first (cargo bench)
  --no-build      use build/production as it is
  --scale N       multiply the number of subscribers by N, for trials; the ratios mean little then
  --help          print this help

${SCENARIOS.map(({ name, title }) => `  ${name.padEnd(15)} ${title}`).join("\n")}

Run it on a machine that is otherwise idle. It takes about five minutes. The exit status is 0 if
every measurement succeeded, whatever the ratios are.`;

export function readOptions(args) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        only: { type: "string" },
        rounds: { type: "string", default: String(ROUNDS) },
        scale: { type: "string", default: "1" },
        client: { type: "string", default: "lean" },
        json: { type: "boolean", default: false },
        record: { type: "boolean", default: false },
        native: { type: "boolean", default: false },
        "no-build": { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    const names = SCENARIOS.map(({ name }) => name);
    const only = values.only?.split(",") ?? names;
    const unknown = only.find((name) => !names.includes(name));
    if (unknown !== undefined) throw new Error(`There is no scenario "${unknown}"`);
    if (values.record && (values.only || values.scale !== "1")) {
      throw new Error("--record needs all scenarios at their original scale");
    }
    if (!CLIENTS[values.client]) throw new Error(`There is no client "${values.client}"`);
    return {
      ...values,
      native: values.native || values.record,
      build: !values["no-build"],
      only,
      rounds: parseNumber(values.rounds, {
        option: "--rounds",
        isValid: (number) => Number.isInteger(number) && number >= 1 && number <= 100,
      }),
      scale: parseNumber(values.scale, {
        option: "--scale",
        isValid: (number) => number > 0 && number <= 10,
      }),
    };
  } catch (error) {
    throw new ScriptError(`${error.message}. Use --help to list the options.`);
  }
}

function parseNumber(text, { option, isValid }) {
  const number = Number(text);
  if (!isValid(number)) throw new Error(`${option} cannot be ${text}`);
  return number;
}
