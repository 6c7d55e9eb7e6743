//! How long to wait before the next try: exponential back-off with full jitter, so that all who
//! lost a worker in the same moment do not come back in the same moment.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(20);

/// The wait after so many tries in a row that have failed, not counting this one.
pub(crate) fn after(failures: u32) -> Duration {
    let ceiling = SHORTEST.saturating_mul(2_u32.saturating_pow(failures.saturating_add(1)));
    let room = ceiling.min(LONGEST).saturating_sub(SHORTEST);
    SHORTEST.saturating_add(room.mul_f64(fastrand::f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_half_a_second_to_twenty_and_are_spread() {
        for (failures, ceiling) in [(0, 1_000), (1, 2_000), (5, 20_000), (u32::MAX, 20_000)] {
            let waits: Vec<u128> = (0..1_000).map(|_| after(failures).as_millis()).collect();
            let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
            assert!(
                *least >= 500 && *most <= ceiling,
                "{failures}: {least} to {most}"
            );
            assert!(
                *most - *least > (ceiling - 500) / 2,
                "{failures}: {least} to {most}"
            );
        }
    }
}
