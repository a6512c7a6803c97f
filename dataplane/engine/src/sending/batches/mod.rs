//! Batches of an exporter's queue: merged until they are large enough or old enough, and split
//! where they are too large, as the exporter helper's batcher does with `sending_queue::batch`.
//!
//! Guarantees: every item of a batch that was added is in exactly one load, in the order of their
//! coming, but those that fit in none; a batch has its end once all loads with items of it have
//! theirs, and fails where one of them does. Time is handed in.
//!
//! It leaves to the queue what holds the batches meanwhile, and to `nodes::sending` how many loads
//! are sent at the same time.

mod load;
mod messages;
mod otlp;
mod records;
#[cfg(test)]
mod tests;
mod tree;

pub(super) use load::{Load, bytes};
pub(super) use records::rows;

use super::item::Item;
use super::policy::Batching;
#[cfg(test)]
use super::policy::Measure;
use super::retries::is_permanent;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};
use strait_component::{Context, Signal, SpanContext};
use strait_failure::{Class, Failure};

/// Partitions that have something to be sent; of one more the one that had something last is sent.
/// The helper's limit.
const PARTITIONS: usize = 10_000;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Batcher {
    policy: Batching,
    /// What waits to become large enough, by the values of its metadata.
    waiting: BTreeMap<Vec<u8>, Ready>,
    /// Batches that are in loads, by their numbers in the queue.
    open: HashMap<u64, Open>,
    /// When each partition was added to, counted.
    adds: u64,
}

/// What is sent at once.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) load: Load,
    pub(crate) context: Context,
    /// Whose spans the load's span is linked with.
    pub(crate) links: Vec<SpanContext>,
    /// The batches that it has items of.
    pub(crate) of: Vec<u64>,
    /// When it is sent, however large it is.
    until: Instant,
    added: u64,
}

/// What came of a batch that was added.
#[derive(Debug, Default)]
pub(crate) struct Added {
    pub(crate) ready: Vec<Ready>,
    /// It has its end already.
    pub(crate) ended: Option<Failure>,
    /// What of it is lost, for the log.
    pub(crate) lost: Option<String>,
}

/// A batch of which some loads are not sent yet.
#[derive(Debug)]
struct Open {
    loads: usize,
    failure: Option<Failure>,
}

impl Batcher {
    pub(super) fn new(policy: Batching) -> Self {
        Self {
            policy,
            waiting: BTreeMap::new(),
            open: HashMap::new(),
            adds: 0,
        }
    }

    /// Whether batches are kept apart by their metadata, and so may be added side by side.
    pub(crate) fn is_partitioned(&self) -> bool {
        !self.policy.metadata_keys.is_empty()
    }

    /// Takes a batch of the queue in.
    pub(crate) fn add(&mut self, item: &Item, now: Instant) -> Added {
        let Some(load) = Load::new(&item.batch, item.items as u64, self.policy.sizer) else {
            let why = "the batch is no valid OTLP, and cannot be merged with others";
            return Added::lost(Failure::new(Class::Permanent, why));
        };
        self.adds += 1;
        let key = self.key(&item.context);
        let mut added = Added::default();
        let mut before = self.waiting.remove(&key);
        if before
            .as_ref()
            .is_some_and(|before| before.load.is_full_for(&load))
        {
            added.ready.extend(before.take());
        }
        let alone = Ready {
            load: Load::default(),
            context: item.context.clone(),
            links: Vec::new(),
            of: vec![item.number],
            until: now + Duration::from_nanos(self.policy.flush_timeout),
            added: self.adds,
        };
        let (mut first, undo) = match before {
            Some(mut before) => {
                let undo = before.load.merge(load);
                (before, Some(undo))
            }
            None => (alone.with(load), None),
        };
        let (loads, failure) = self.split(&mut first.load);
        if loads.is_empty() {
            // What was there before is as it was: the helper keeps what is lost in it.
            if let Some(undo) = undo {
                first.load.unmerge(undo);
                self.waiting.insert(key, first);
            }
            return Added {
                ready: added.ready,
                ..failure.map_or_else(Added::default, Added::lost)
            };
        }
        if undo.is_some() {
            self.join(&mut first, &alone);
        }
        added.lost = failure.as_ref().map(ToString::to_string);
        let of_item = Open {
            loads: loads.len(),
            failure,
        };
        self.open.insert(item.number, of_item);
        let mut loads = loads.into_iter();
        let mut last = Ready {
            load: loads.next().unwrap_or_default(),
            ..first
        };
        for load in loads {
            added
                .ready
                .push(std::mem::replace(&mut last, alone.with(load)));
        }
        added.ready.extend(self.keep(key, last));
        added
    }

    /// Keeps what is not large enough; gives back what is to be sent instead.
    fn keep(&mut self, key: Vec<u8>, ready: Ready) -> Option<Ready> {
        if ready.load.size >= self.policy.min_size {
            return Some(ready);
        }
        self.waiting.insert(key, ready);
        if self.waiting.len() <= PARTITIONS {
            return None;
        }
        let oldest = self.waiting.iter().min_by_key(|(_, ready)| ready.added);
        let oldest = oldest.map(|(key, _)| key.clone())?;
        self.waiting.remove(&oldest)
    }

    /// One that waited has something of another one, and is nobody's from now on.
    fn join(&self, before: &mut Ready, added: &Ready) {
        before.links.extend(before.context.span().cloned());
        before.links.extend(added.context.span().cloned());
        before.context = self.shared(&before.context);
        before.of.extend(&added.of);
        before.added = added.added;
    }

    /// Loads of the largest size at most, and what is lost because an item is larger. Where there
    /// are none, the load is as it was.
    fn split(&self, load: &mut Load) -> (Vec<Load>, Option<Failure>) {
        if self.policy.max_size == 0 || load.size <= self.policy.max_size {
            return (vec![std::mem::take(load)], None);
        }
        let signal = load.signal();
        match load.split(self.policy.max_size, self.policy.sizer) {
            Ok(split) => {
                let what = match signal {
                    Signal::Logs => "log record",
                    Signal::Traces => "span",
                    Signal::Metrics => "datapoint",
                };
                let failure = split.too_large.map(|items| {
                    Failure::new(
                        Class::Retryable,
                        format!(
                            "one {what} size is greater than max size, dropping items: {items}"
                        ),
                    )
                });
                (split.loads, failure)
            }
            Err(error) => (
                Vec::new(),
                Some(Failure::new(Class::Internal, error.to_string())),
            ),
        }
    }

    /// When the next load is to be sent that has not become large enough.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.waiting.values().map(|ready| ready.until).min()
    }

    /// What is to be sent because it is that late.
    pub(crate) fn late(&mut self, now: Instant) -> Vec<Ready> {
        self.flush(|ready| ready.until <= now)
    }

    /// All that waits, however small it is.
    pub(crate) fn rest(&mut self) -> Vec<Ready> {
        self.flush(|_| true)
    }

    fn flush(&mut self, is_due: impl Fn(&Ready) -> bool) -> Vec<Ready> {
        let all = std::mem::take(&mut self.waiting).into_iter();
        let (due, stay): (Vec<_>, Vec<_>) = all.partition(|(_, ready)| is_due(ready));
        self.waiting = stay.into_iter().collect();
        let mut due: Vec<_> = due.into_iter().map(|(_, ready)| ready).collect();
        due.sort_by_key(|ready| ready.until);
        due
    }

    /// A load with items of this batch was sent or given up; what became of the batch where that
    /// was the last one.
    pub(crate) fn done(
        &mut self,
        number: u64,
        result: Result<(), Failure>,
    ) -> Option<Result<(), Failure>> {
        let open = self.open.get_mut(&number)?;
        open.loads -= 1;
        if let Err(failure) = result {
            open.failure = Some(match open.failure.take() {
                Some(first) => both(first, failure),
                None => failure,
            });
        }
        if open.loads > 0 {
            return None;
        }
        let Open { failure, .. } = self.open.remove(&number)?;
        Some(failure.map_or(Ok(()), Err))
    }

    /// What the batches of one load have in common.
    fn key(&self, context: &Context) -> Vec<u8> {
        let mut key = Vec::new();
        for name in &self.policy.metadata_keys {
            let mut values = context.metadata_bytes(name).peekable();
            if values.peek().is_some() {
                for part in std::iter::once(name.as_bytes()).chain(values) {
                    key.extend((part.len() as u64).to_le_bytes());
                    key.extend(part);
                }
                key.push(0);
            }
        }
        key
    }

    /// The context of a load of several senders: none of them, with the metadata that all have.
    fn shared(&self, of: &Context) -> Context {
        let mut context = Context::builder();
        for name in &self.policy.metadata_keys {
            let values: Vec<_> = of.metadata_bytes(name).collect();
            if !values.is_empty() {
                context = context.metadata(name, values);
            }
        }
        context.build()
    }
}

impl Added {
    /// Nothing of it can be sent.
    fn lost(failure: Failure) -> Self {
        Self {
            lost: Some(failure.to_string()),
            ended: Some(failure),
            ready: Vec::new(),
        }
    }
}

impl Ready {
    /// What is sent where nothing is merged: one batch.
    pub(crate) fn of(item: Item, now: Instant) -> Self {
        Self {
            load: Load::whole(item.batch, item.items as u64),
            context: item.context,
            links: Vec::new(),
            of: vec![item.number],
            until: now,
            added: 0,
        }
    }

    /// The same with another load.
    fn with(&self, load: Load) -> Self {
        Self {
            load,
            ..self.clone()
        }
    }

    /// Log records, spans or data points.
    pub(crate) fn items(&self) -> usize {
        usize::try_from(self.load.items).unwrap_or(usize::MAX)
    }
}

/// Two failures of the loads of one batch: what either says counts, as in an error that joins both.
/// It is of no use to try again where one of them says so.
fn both(first: Failure, second: Failure) -> Failure {
    let rank = |class| match class {
        _ if is_permanent(class) => 3,
        Class::Cancelled => 2,
        Class::Deadline => 1,
        _ => 0,
    };
    let (a, b) = (first.class, second.class);
    Failure {
        class: if rank(b) > rank(a) { b } else { a },
        message: format!("{}; {second}", first.message),
        ..first
    }
}
