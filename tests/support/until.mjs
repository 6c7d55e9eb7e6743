// Waiting for a condition that nobody announces.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

/** Asks until `condition` gives something true, and gives that; `complaint` tells what is missing. */
export async function until(condition, complaint = () => "waited in vain") {
  for (const end = Date.now() + 15_000; ; await delay(10)) {
    const outcome = await condition();
    if (outcome) return outcome;
    assert.ok(Date.now() < end, complaint());
  }
}
