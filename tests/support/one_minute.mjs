const ATTEMPTS = 3;

/**
 * Runs `scenario` within one minute of the clock: runs it again if a minute ended meanwhile, at most
 * three times.
 *
 * The local runtime counts requests per minute of the clock, and begins at zero with the next minute
 * (Miniflare, `ratelimit-object.worker.ts`). A scenario that continues into another minute shows
 * nothing.
 */
export async function withinOneMinute(scenario) {
  let failure;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const start = currentMinute();
    failure = undefined;
    await scenario().catch((error) => (failure = error));
    if (currentMinute() === start) break;
    failure ??= new Error("the scenario took longer than a minute");
  }
  if (failure) throw failure;
}

const currentMinute = () => Math.floor(Date.now() / 60_000);
