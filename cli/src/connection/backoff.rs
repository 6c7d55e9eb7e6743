//! Exponential back-off with full jitter, so that clients that lost the same Worker do not all
//! reconnect at once.

use std::time::Duration;

const MIN_DELAY: Duration = Duration::from_millis(500);
const MAX_DELAY: Duration = Duration::from_secs(20);

/// Returns a random delay before the next attempt. `failures` counts the failed attempts in a row
/// before the latest one.
pub(crate) fn delay(failures: u32) -> Duration {
    let ceiling = MIN_DELAY
        .saturating_mul(2_u32.saturating_pow(failures.saturating_add(1)))
        .min(MAX_DELAY);
    let jitter = ceiling.saturating_sub(MIN_DELAY).mul_f64(fastrand::f64());
    MIN_DELAY.saturating_add(jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_random_and_grow_from_half_a_second_to_twenty_seconds() {
        for (failures, ceiling) in [(0, 1_000), (1, 2_000), (5, 20_000), (u32::MAX, 20_000)] {
            let delays: Vec<u128> = (0..1_000).map(|_| delay(failures).as_millis()).collect();
            let (min, max) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
            assert!(*min >= 500 && *max <= ceiling, "{failures}: {min} to {max}");
            assert!(
                *max - *min > (ceiling - 500) / 2,
                "{failures}: {min} to {max}"
            );
        }
    }
}
