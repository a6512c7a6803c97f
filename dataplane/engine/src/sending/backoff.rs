//! How long to wait before the next attempt: the exponential backoff of `cenkalti/backoff` v7,
//! which the Collector retries by.

use super::policy::Retry;
use std::time::Duration;

/// The intervals between a batch's attempts.
#[derive(Debug)]
pub(super) struct Backoff {
    policy: Retry,
    /// Nanoseconds; 0 before the first.
    current: u64,
}

impl Backoff {
    pub(super) fn new(policy: Retry) -> Self {
        Self { policy, current: 0 }
    }

    /// The next interval; `random` is from 0 to below 1.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "as the original computes them; beyond the range both saturate"
    )]
    pub(super) fn next(&mut self, random: f64) -> Duration {
        let Retry {
            initial_interval,
            randomization_factor,
            multiplier,
            max_interval,
            ..
        } = self.policy;
        if self.current == 0 {
            self.current = initial_interval;
        }
        let current = self.current as f64;
        let interval = if randomization_factor == 0.0 {
            self.current
        } else {
            let delta = randomization_factor * current;
            let (least, most) = (current - delta, current + delta);
            (least + random * (most - least + 1.0)) as u64
        };
        self.current = if current >= max_interval as f64 / multiplier {
            max_interval
        } else {
            (current * multiplier) as u64
        };
        Duration::from_nanos(interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn millis(backoff: &mut Backoff, count: usize) -> Vec<u128> {
        (0..count).map(|_| backoff.next(0.5).as_millis()).collect()
    }

    fn policy(initial: u64, multiplier: f64, most: u64, randomization_factor: f64) -> Retry {
        Retry {
            initial_interval: initial * 1_000_000,
            randomization_factor,
            multiplier,
            max_interval: most * 1_000_000,
            max_elapsed_time: 0,
        }
    }

    // Guarantees: intervals grow by the multiplier up to the longest one, as the original's do.
    #[test]
    fn intervals_grow_to_the_longest() {
        let mut plain = Backoff::new(policy(100, 1.5, 400, 0.0));
        assert_eq!(millis(&mut plain, 6), [100, 150, 225, 337, 400, 400]);
        let mut beyond = Backoff::new(policy(500, 2.0, 400, 0.0));
        assert_eq!(millis(&mut beyond, 3), [500, 400, 400]);
        let mut constant = Backoff::new(policy(50, 1.0, 400, 0.0));
        assert_eq!(millis(&mut constant, 3), [50, 50, 50]);
    }

    proptest! {
        // Guarantees: chance moves an interval by no more than its share, and the next ones not.
        #[test]
        fn chance_moves_one_interval(share in 0.01f64..1.0, random in 0.0f64..1.0) {
            let mut moved = Backoff::new(policy(100, 2.0, 10_000, share));
            let mut plain = Backoff::new(policy(100, 2.0, 10_000, 0.0));
            for _ in 0..8 {
                let (moved, plain) = (moved.next(random), plain.next(random));
                let away = moved.abs_diff(plain).as_secs_f64();
                prop_assert!(away <= share * plain.as_secs_f64() + 2e-9);
            }
        }
    }
}
