// Runs one scenario: starts its runtimes, and stops them even if it fails.
import { forEachSide } from "./compare.mjs";
import { createFloor, createOurs } from "./side.mjs";

/** Returns the scenario's rows. */
export async function runScenario(scenario, context) {
  const { title, target, run } = scenario;
  const { issuer, subscribers, options, maxSockets, progress } = context;
  const { rounds, scale } = options;
  const sides = [];
  const startSides = async (...created) => {
    sides.push(...created);
    await forEachSide(created, (side) => side.start());
    return created;
  };
  const ours = () => createOurs(options.client, issuer);
  const start = () => startSides(ours(), createFloor(options.client));
  const startOurs = async () => (await startSides(ours()))[0];
  const scaled = (number) => Math.max(20, Math.ceil(number * scale));
  try {
    const rows = await run({
      start,
      startOurs,
      subscribers,
      scaled,
      rounds,
      scale,
      maxSockets,
      progress,
    });
    return rows.map((row) => ({ title, target, ...row }));
  } finally {
    await forEachSide(sides, (side) => side.stop());
  }
}
