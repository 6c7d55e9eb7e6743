// Runs one scenario: starts its runtimes, and stops them even if it fails.
import { forEachSide } from "./compare.mjs";
import { createFloor, createOurs } from "./side.mjs";

/** Returns the scenario's rows. */
export async function runScenario(scenario, context) {
  const { title, target, run } = scenario;
  const { issuer, subscribers, options, maxSockets, progress } = context;
  const { rounds, scale } = options;
  const sides = [];
  const start = async () => {
    const started = [createOurs(options.client, issuer), createFloor(options.client)];
    sides.push(...started);
    await forEachSide(started, (side) => side.start());
    return started;
  };
  const scaled = (number) => Math.max(20, Math.ceil(number * scale));
  try {
    const rows = await run({ start, subscribers, scaled, rounds, scale, maxSockets, progress });
    return rows.map((row) => ({ title, target, ...row }));
  } finally {
    await forEachSide(sides, (side) => side.stop());
  }
}
