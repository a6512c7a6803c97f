//! What the exporter helper counts of an exporter.

use super::retries::is_permanent;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use strait_failure::{Class, Failure};

/// Relaxed: a count orders nothing else.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    sent: AtomicU64,
    enqueue_failed: AtomicU64,
    in_flight: AtomicU64,
    /// By the kind of error: there are a few.
    failed: Mutex<BTreeMap<Kind, u64>>,
}

/// What an error is, as far as it is counted.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    error: &'static str,
    code: u32,
    permanent: bool,
}

impl Counts {
    /// Nothing is being sent.
    pub(super) fn none_in_flight(&self) {
        self.in_flight.store(0, Ordering::Relaxed);
    }

    /// A batch is being sent, from its first attempt to its last.
    pub(crate) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// It is given up, and nobody was sending it.
    pub(crate) fn lost(&self, items: usize, why: &Failure, interrupted: bool) {
        self.begin();
        self.end(items, Err(why), interrupted);
    }

    /// It was sent, or given up; `interrupted`: because the unit ends.
    pub(crate) fn end(&self, items: usize, outcome: Result<(), &Failure>, interrupted: bool) {
        let one_less = |count: u64| Some(count.saturating_sub(1));
        let _ = self
            .in_flight
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        let items = items as u64;
        let Err(failure) = outcome else {
            self.sent.fetch_add(items, Ordering::Relaxed);
            return;
        };
        let (error, code) = match failure.class {
            _ if interrupted => ("shutdown", 0),
            Class::Cancelled => ("cancelled", 0),
            Class::Deadline => ("deadline", 0),
            _ if failure.grpc_code > 0 => ("grpc", failure.grpc_code),
            _ => ("other", 0),
        };
        let permanent = is_permanent(failure.class);
        let kind = Kind {
            error,
            code,
            permanent,
        };
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        *failed.entry(kind).or_default() += items;
    }

    /// The queue took none of it.
    pub(crate) fn refused(&self, items: usize) {
        self.enqueue_failed
            .fetch_add(items as u64, Ordering::Relaxed);
    }

    pub(super) fn read(&self, queue: Option<QueueLevel>) -> Exported {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = failed.iter().map(|(kind, items)| Failed {
            error: kind.error,
            code: kind.code,
            permanent: kind.permanent,
            items: *items,
        });
        Exported {
            failed: failed.collect(),
            sent: self.sent.load(Ordering::Relaxed),
            enqueue_failed: self.enqueue_failed.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            queue,
        }
    }
}

/// What an exporter in a part has done: log records, spans or data points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Taken by the exporter.
    pub sent: u64,
    /// Given up, by why.
    pub failed: Vec<Failed>,
    /// Refused by the queue.
    pub enqueue_failed: u64,
    /// Batches that are being sent, between their first attempt and their last.
    pub in_flight: u64,
    /// `None`: there is no queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueLevel>,
}

/// What was given up for one kind of error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// `shutdown`, `cancelled`, `deadline`, `grpc` or `other`.
    pub error: &'static str,
    /// The gRPC status code, of `grpc`.
    pub code: u32,
    /// Whether trying again would not have helped.
    pub permanent: bool,
    /// How many.
    pub items: u64,
}

/// What a queue holds, in its own unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct QueueLevel {
    /// Now, with what is being sent.
    pub size: u64,
    /// At most.
    pub capacity: u64,
}
