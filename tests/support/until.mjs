// Waiting for a condition that nobody announces.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Asks until `condition` gives something true, and gives that; `complaint` tells what is missing.
 * It asks for `patience` milliseconds, with a `pause` in between.
 */
export async function until(
  condition,
  complaint = () => "waited in vain",
  { patience = 15_000, pause = 10 } = {},
) {
  for (const end = Date.now() + patience; ; await delay(pause)) {
    const outcome = await condition();
    if (outcome) return outcome;
    assert.ok(Date.now() < end, complaint());
  }
}
