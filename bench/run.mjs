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
  let isCut = false;
  const count = (number) => {
    const wanted = Math.max(20, Math.ceil(number * scale));
    isCut ||= wanted > most;
    return Math.min(wanted, most);
  };
  try {
    const rows = await run({ start, people, count, rounds, scale, most, progress });
    const cut = isCut ? `; here ${most} sockets at most` : "";
    return rows.map((row) => ({ wanted, ...row, title: `${row.title ?? title}${cut}` }));
  } finally {
    await each(sides, (side) => side.stop());
  }
}
