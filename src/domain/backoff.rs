//! When to try again.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;
use chrono::TimeDelta;

use super::Timestamp;

/// Exponential delays, from the `backoff` crate's own policy type. This is the only place that uses it.
///
/// Its randomness is off: [`jitter`] spreads the calls, and gives the same answer when it is asked again.
fn exponential(initial: Duration, max: Duration) -> ExponentialBackoff {
    ExponentialBackoff {
        current_interval: initial,
        initial_interval: initial,
        randomization_factor: 0.0,
        multiplier: 2.0,
        max_interval: max,
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    }
}

/// An instant some time later; the end of time if there is no such instant.
pub fn after(at: Timestamp, duration: Duration) -> Timestamp {
    TimeDelta::from_std(duration)
        .ok()
        .and_then(|delta| at.checked_add_signed(delta))
        .unwrap_or(Timestamp::MAX_UTC)
}

/// An instant some time earlier; the beginning of time if there is no such instant.
pub fn before(at: Timestamp, duration: Duration) -> Timestamp {
    TimeDelta::from_std(duration)
        .ok()
        .and_then(|delta| at.checked_sub_signed(delta))
        .unwrap_or(Timestamp::MIN_UTC)
}

/// The delay before the `n`th try after a failure, counted from 0: `initial`, twice that, and so on up to `max`.
pub fn backoff_delay(initial: Duration, max: Duration, n: u16) -> Duration {
    let mut policy = exponential(initial, max);
    let mut delay = policy.next_backoff();
    // Past the point where the maximum is reached every further one is the same.
    for _ in 0..n.min(64) {
        delay = policy.next_backoff();
    }
    delay.unwrap_or(max).min(max)
}

/// The short waits in the process while it is proven that no byte of a request left.
pub fn in_process_delays() -> [Duration; 3] {
    let initial = Duration::from_millis(100);
    [0, 1, 2].map(|n| backoff_delay(initial, Duration::from_secs(1), n))
}

/// A number below `range`, the same whenever it is asked for: spreads the executions of one moment without randomness.
pub fn jitter(seed: i64, n: u16, range: Duration) -> Duration {
    let Ok(range) = u64::try_from(range.as_millis()) else {
        return Duration::ZERO;
    };
    if range == 0 {
        return Duration::ZERO;
    }
    // splitmix64: a fixed, well-mixed function of its input.
    let mut z = seed
        .unsigned_abs()
        .wrapping_add(u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    Duration::from_millis(z.checked_rem(range).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn delays_double_up_to_the_maximum() {
        let delay = |n| backoff_delay(Duration::from_mins(1), Duration::from_hours(1), n).as_secs();
        assert_eq!(
            [0, 1, 2, 5, 6, 7, 1000].map(delay),
            [60, 120, 240, 1920, 3600, 3600, 3600]
        );
    }

    proptest! {
        #[test]
        fn jitter_is_below_its_range_and_the_same_twice(seed in any::<i64>(), n in any::<u16>(), ms in 0u64..10_000_000) {
            let range = Duration::from_millis(ms);
            let first = jitter(seed, n, range);
            prop_assert!(first < range || ms == 0 && first.is_zero());
            prop_assert_eq!(first, jitter(seed, n, range));
        }
    }
}
