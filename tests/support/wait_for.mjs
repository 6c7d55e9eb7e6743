import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Polls `condition` until it returns a truthy value, and returns that value. After `timeout`
 * milliseconds it fails with the text that `message` returns.
 */
export async function waitFor(
  condition,
  message = () => "the condition did not become true in time",
  { timeout = 15_000, interval = 10 } = {},
) {
  for (const end = Date.now() + timeout; ; await delay(interval)) {
    const result = await condition();
    if (result) return result;
    assert.ok(Date.now() < end, message());
  }
}
