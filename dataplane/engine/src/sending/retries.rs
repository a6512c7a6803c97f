//! What follows from a failed attempt: the exporter helper's retry sender.

use super::backoff::Backoff;
use super::policy::Retry;
use std::time::{Duration, Instant};
use strait_failure::{Class, Failure};

/// The attempts of one batch.
#[derive(Debug)]
pub(crate) struct Retries {
    /// `None`: there is one.
    backoff: Option<Backoff>,
    until: Option<Instant>,
}

/// What follows from an attempt.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// It is tried again after that time, unless somebody ends that.
    Again(Duration),
    /// It is given up.
    End(Failure),
}

impl Retries {
    /// Those of a batch that begins now.
    pub(crate) fn new(policy: Option<&Retry>, now: Instant) -> Self {
        let elapsed = policy.map_or(0, |policy| policy.max_elapsed_time);
        let until = now.checked_add(Duration::from_nanos(elapsed));
        Self {
            backoff: policy.cloned().map(Backoff::new),
            until: until.filter(|_| elapsed > 0),
        }
    }

    /// What follows from this failure, in a batch that is wanted until `deadline`. `random` is from
    /// 0 to below 1.
    pub(crate) fn after(
        &mut self,
        failure: Failure,
        now: Instant,
        deadline: Option<Instant>,
        random: f64,
    ) -> Next {
        let Some(backoff) = &mut self.backoff else {
            return Next::End(failure);
        };
        if is_permanent(failure.class) {
            return Next::End(because("not retryable error", failure));
        }
        let wait = backoff.next(random).max(failure.retry_delay);
        let then = now.checked_add(wait);
        let beyond = |limit: Option<Instant>| {
            limit.is_some_and(|limit| then.is_none_or(|then| limit < then))
        };
        if beyond(self.until) {
            return Next::End(because("no more retries left", failure));
        }
        if beyond(deadline) {
            let why = "request will be cancelled before next retry";
            return Next::End(because(why, failure));
        }
        Next::Again(wait)
    }
}

/// Whether the Collector takes a failure of this class for a permanent one. It knows that somebody
/// has left, or a time has passed, as the context's own errors, and tries again.
pub(super) const fn is_permanent(class: Class) -> bool {
    class.is_final() && !matches!(class, Class::Cancelled | Class::Deadline)
}

/// The failure of a batch whose sender left while it waited for its next attempt.
pub(crate) fn left(failure: Failure) -> Failure {
    because("request is cancelled or timed out", failure)
}

/// The failure of a batch that waited for its next attempt when the unit was to end.
pub(crate) fn interrupted(failure: Failure) -> Failure {
    because("interrupted due to shutdown", failure)
}

fn because(why: &str, failure: Failure) -> Failure {
    Failure {
        message: format!("{why}: {}", failure.message),
        ..failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(max_elapsed: u64) -> Retry {
        Retry {
            initial_interval: 100_000_000,
            randomization_factor: 0.0,
            multiplier: 2.0,
            max_interval: 1_000_000_000,
            max_elapsed_time: max_elapsed * 1_000_000,
        }
    }

    fn failure(class: Class) -> Failure {
        Failure::new(class, "no")
    }

    fn ends(next: Next) -> String {
        match next {
            Next::End(failure) => failure.message,
            Next::Again(wait) => format!("again after {wait:?}"),
        }
    }

    // Guarantees: each class is tried again as the Collector would: those that only the context
    // knows too.
    #[test]
    fn a_class_is_tried_again_or_not() {
        let now = Instant::now();
        let policy = policy(0);
        for (class, expected) in [
            (Class::Retryable, "again after 100ms"),
            (Class::Refused, "again after 100ms"),
            (Class::Unavailable, "again after 100ms"),
            (Class::Cancelled, "again after 100ms"),
            (Class::Deadline, "again after 100ms"),
            (Class::Permanent, "not retryable error: no"),
            (Class::Internal, "not retryable error: no"),
        ] {
            let mut retries = Retries::new(Some(&policy), now);
            assert_eq!(
                ends(retries.after(failure(class), now, None, 0.5)),
                expected
            );
        }
        let mut none = Retries::new(None, now);
        assert_eq!(
            ends(none.after(failure(Class::Retryable), now, None, 0.5)),
            "no"
        );
    }

    // Guarantees: a delay that was asked for is waited for where it is longer; no attempt is waited
    // for that would come after the last moment, or after whoever wants it has left.
    #[test]
    fn what_would_come_too_late_is_given_up() {
        let now = Instant::now();
        let mut asked = failure(Class::Retryable);
        asked.retry_delay = Duration::from_millis(700);
        let unlimited = policy(0);
        let mut retries = Retries::new(Some(&unlimited), now);
        assert_eq!(
            ends(retries.after(asked.clone(), now, None, 0.5)),
            "again after 700ms"
        );
        assert_eq!(
            ends(retries.after(failure(Class::Retryable), now, None, 0.5)),
            "again after 200ms"
        );
        let soon = Some(now + Duration::from_millis(300));
        assert_eq!(
            ends(retries.after(asked.clone(), now, soon, 0.5)),
            "request will be cancelled before next retry: no"
        );
        let limited = policy(350);
        let mut retries = Retries::new(Some(&limited), now);
        let first = retries.after(failure(Class::Retryable), now, None, 0.5);
        assert_eq!(ends(first), "again after 100ms");
        let later = now + Duration::from_millis(100);
        let second = retries.after(failure(Class::Retryable), later, None, 0.5);
        assert_eq!(ends(second), "again after 200ms");
        let last = now + Duration::from_millis(300);
        let third = retries.after(failure(Class::Retryable), last, None, 0.5);
        assert_eq!(ends(third), "no more retries left: no");
    }
}
