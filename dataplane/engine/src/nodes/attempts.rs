//! The attempts of one batch: what a consumer of an exporter's queue does.

use crate::nodes::destination::Destination;
use crate::nodes::exports::Exports;
use crate::nodes::waiting::sleep_until;
use crate::sending::{Next, Retries, Sending, interrupted, left};
use std::hash::{BuildHasher, RandomState};
use std::time::Instant;
use strait_component::{Batch, Context};
use strait_failure::{Class, Failure};
use tokio_util::sync::CancellationToken;

/// How a batch ended.
pub(crate) struct Outcome {
    pub(crate) result: Result<(), Failure>,
    /// It was given up because the unit ends.
    pub(crate) interrupted: bool,
}

/// Sends a batch until it is taken, or given up.
pub(crate) async fn attempts(
    exports: &Exports,
    sending: &Sending,
    stopping: &CancellationToken,
    batch: &Batch,
    context: &Context,
) -> Outcome {
    let mut retries = Retries::new(sending.policy.retry.as_ref(), Instant::now());
    loop {
        let Err(failure) = attempt(exports, sending, batch, context).await else {
            return Outcome {
                result: Ok(()),
                interrupted: false,
            };
        };
        let now = Instant::now();
        let next = retries.after(failure.clone(), now, context.deadline(), chance());
        let wait = match next {
            Next::Again(wait) => wait,
            Next::End(failure) => {
                return Outcome {
                    result: Err(failure),
                    interrupted: false,
                };
            }
        };
        let component = exports.id();
        tracing::info!(
            %component, error = %failure, interval = ?wait,
            "Exporting failed. Will retry the request after interval."
        );
        tokio::select! {
            biased;
            _ = context.cancelled() => {
                return Outcome { result: Err(left(failure)), interrupted: false };
            }
            () = stopping.cancelled() => {
                return Outcome { result: Err(interrupted(failure)), interrupted: true };
            }
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// A number from 0 to below 1, for the intervals between attempts: nothing is kept secret by it.
#[allow(
    clippy::cast_precision_loss,
    reason = "53 bits are what a number of this type has"
)]
fn chance() -> f64 {
    let bits = RandomState::new().hash_one(()) >> 11;
    bits as f64 / (1u64 << 53) as f64
}

/// One attempt, for as long as it may take.
async fn attempt(
    exports: &Exports,
    sending: &Sending,
    batch: &Batch,
    context: &Context,
) -> Result<(), Failure> {
    if context.is_cancelled() {
        return Err(exports.failure(Class::Cancelled, "context canceled"));
    }
    let timeout = sending.policy.timeout();
    let timeout = timeout.map(|timeout| Instant::now() + timeout);
    let Some(until) = timeout.into_iter().chain(context.deadline()).min() else {
        return exports
            .export(batch.clone().with_context(context.clone()))
            .await;
    };
    let (bounded, end) = context.bounded(until);
    tokio::select! {
        biased;
        verdict = exports.export(batch.clone().with_context(bounded)) => verdict,
        () = sleep_until(Some(until)) => {
            end.cancel();
            Err(exports.failure(Class::Deadline, "context deadline exceeded"))
        }
    }
}
