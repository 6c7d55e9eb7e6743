// What is asked for.
import { parseArgs } from "node:util";

import { ScriptError } from "../scripts/terminal.mjs";
import { CLIENTS } from "./crowd.mjs";
import { SCENARIOS } from "./scenarios.mjs";

const ROUNDS = 5;

export const HELP = `Measures the worker on the bare workerd binary, beside the floor: a hub of the fewest lines that
could do the same work, without verification and without storage. Builds the worker first.

  npm run bench [-- OPTION…]

  --only NAME,…   only these of the scenarios below
  --rounds N      how often, 1 to 100; ${ROUNDS} if not given
  --client ws     listeners made with the npm package ws; if not given, leaner ones
  --json          all that was measured, as JSON
  --record        writes docs/performance.md and its picture anew; takes all scenarios, and --native
  --native        then measures the core natively as well, which first compiles it (cargo bench)
  --no-build      takes build/production as it is
  --scale N       with so many times the listeners, to try things out; the ratios then mean little
  --help

${SCENARIOS.map(({ name, title }) => `  ${name.padEnd(9)} ${title}`).join("\n")}

It is best measured on a machine that does nothing else. It takes about five minutes; the exit
status is 0 if everything could be measured, whatever the ratios.`;

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
      throw new Error("--record takes all scenarios as they are");
    }
    if (!CLIENTS[values.client]) throw new Error(`There is no client "${values.client}"`);
    return {
      ...values,
      native: values.native || values.record,
      build: !values["no-build"],
      only,
      rounds: number(values.rounds, "--rounds", (n) => Number.isInteger(n) && n >= 1 && n <= 100),
      scale: number(values.scale, "--scale", (n) => n > 0 && n <= 10),
    };
  } catch (error) {
    throw new ScriptError(`${error.message}: --help tells what can be asked for.`);
  }
}

function number(text, name, isRight) {
  const value = Number(text);
  if (!isRight(value)) throw new Error(`${name} cannot be ${text}`);
  return value;
}
