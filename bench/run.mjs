// Runs one scenario: gives it its runtimes and ends them, whatever becomes of it.
import { each } from "./compare.mjs";
import { floor, ours } from "./side.mjs";

/** The scenario's rows. */
export async function measure({ title, wanted, run }, { issuer, people, options, most, progress }) {
  const sides = [];
  const start = async () => {
    const started = [ours(options.client, issuer), floor(options.client)];
    sides.push(...started);
    await each(started, (side) => side.start());
    return started;
  };
  const { rounds, scale } = options;
  const count = (number) => Math.max(20, Math.ceil(number * scale));
  try {
    const rows = await run({ start, people, count, rounds, scale, most, progress });
    return rows.map((row) => ({ title, wanted, ...row }));
  } finally {
    await each(sides, (side) => side.stop());
  }
}
