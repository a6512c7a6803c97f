//! What is to be sent at once: batches that were merged, in pieces until they are sent.

use super::messages::Message;
use super::tree::Group;
use super::{otlp, records};
use crate::sending::policy::Measure;
use strait_component::{Batch, BatchError, Signal};

/// The rows that one batch of logs has at most.
const ROWS: u64 = 1 << 16;

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Load {
    pieces: Vec<Batch>,
    /// Log records, spans or data points.
    pub(crate) items: u64,
    /// As the helper has it: an estimate where it was split before.
    pub(super) size: u64,
}

/// What a load had before another one was put behind it.
#[derive(Debug)]
pub(super) struct Merged {
    pieces: usize,
    items: u64,
    size: u64,
}

/// What came of splitting a load.
#[derive(Debug)]
pub(super) struct Split {
    pub(super) loads: Vec<Load>,
    /// The items that no load can have, for the first of them is too large.
    pub(super) too_large: Option<u64>,
}

impl Load {
    /// That of one batch; `None` where it is no OTLP, and would spoil what it is merged with.
    pub(super) fn new(batch: &Batch, items: u64, by: Measure) -> Option<Self> {
        // OTLP is read through in any case: that is its check.
        let size = match (by, batch.otlp()) {
            (Measure::Items, None) => items,
            (Measure::Items, Some(_)) => bytes(batch).map(|_| items)?,
            (Measure::Bytes, _) => bytes(batch)?,
        };
        Some(Self {
            pieces: vec![batch.clone()],
            items,
            size,
        })
    }

    /// That of one batch that is sent as it is.
    pub(super) fn whole(batch: Batch, items: u64) -> Self {
        Self {
            pieces: vec![batch],
            items,
            size: items,
        }
    }

    pub(super) fn signal(&self) -> Signal {
        self.pieces.first().map_or(Signal::Logs, Batch::signal)
    }

    /// Puts another one behind it; gives what takes that back.
    pub(super) fn merge(&mut self, other: Self) -> Merged {
        let before = Merged {
            pieces: self.pieces.len(),
            items: self.items,
            size: self.size,
        };
        self.pieces.extend(other.pieces);
        self.items += other.items;
        self.size += other.size;
        before
    }

    /// Becomes what it was before another one was put behind it.
    pub(super) fn unmerge(&mut self, before: Merged) {
        self.pieces.truncate(before.pieces);
        (self.items, self.size) = (before.items, before.size);
    }

    /// Whether another one cannot be put behind it, because tables have no room for both.
    pub(super) fn is_full_for(&self, other: &Self) -> bool {
        let tables = self.pieces.iter().all(|piece| piece.otlp().is_none());
        tables && self.items + other.items > ROWS
    }

    /// Loads of at most this size, of one that is larger.
    ///
    /// # Errors
    ///
    /// Arrow's; what was split by then is lost.
    pub(super) fn split(&self, max: u64, by: Measure) -> Result<Split, BatchError> {
        let mut tree = self.tree(by);
        let mut left = self.size.cast_signed();
        let mut loads = Vec::new();
        while left > max.cast_signed() {
            let (part, removed) = tree.take(max, by);
            if part.items() == 0 {
                let too_large = Some(tree.items());
                return Ok(Split { loads, too_large });
            }
            left -= removed;
            let size = part.size(by);
            loads.push(self.part(&part, size)?);
        }
        loads.push(self.part(&tree, left)?);
        Ok(Split {
            loads,
            too_large: None,
        })
    }

    fn tree(&self, by: Measure) -> Group {
        let requests = self.pieces.iter().filter_map(Batch::otlp);
        let is_bytes = self.pieces.iter().any(|piece| piece.otlp().is_some());
        if is_bytes {
            // Each was read when it became a load.
            otlp::tree(self.signal(), requests, by).unwrap_or_default()
        } else {
            records::tree(&self.pieces, by)
        }
    }

    fn part(&self, tree: &Group, size: i64) -> Result<Self, BatchError> {
        let pieces = match self.pieces.first() {
            Some(first) if first.otlp().is_some() => {
                vec![Batch::from_otlp(first.signal(), otlp::request(tree))]
            }
            _ => records::logs(tree, &self.pieces)?,
        };
        Ok(Self {
            pieces,
            items: tree.items(),
            size: u64::try_from(size).unwrap_or_default(),
        })
    }

    /// All of it as one batch.
    ///
    /// # Errors
    ///
    /// Arrow's: columns that outgrow 2 GiB.
    pub(crate) fn into_batch(mut self) -> Result<Batch, BatchError> {
        if self.pieces.len() < 2 {
            return Ok(self.pieces.pop().unwrap_or_default());
        }
        let requests: Vec<_> = self.pieces.iter().filter_map(Batch::otlp).collect();
        match self.pieces.first() {
            // Messages behind each other are one, with the nodes of all.
            Some(first) if !requests.is_empty() => Ok(Batch::from_otlp(
                first.signal(),
                requests.into_iter().fold(Vec::new(), |mut all, one| {
                    all.extend_from_slice(one);
                    all
                }),
            )),
            _ => appended(&self.pieces),
        }
    }
}

/// How many bytes the Collector's pdata would have of a batch; `None`: it is no OTLP.
pub(in crate::sending) fn bytes(batch: &Batch) -> Option<u64> {
    match batch.otlp() {
        Some(bytes) => Message::request(batch.signal()).size(bytes, |_| false).ok(),
        None => {
            let tree = records::tree(std::slice::from_ref(batch), Measure::Bytes);
            u64::try_from(tree.size(Measure::Bytes)).ok()
        }
    }
}

/// One behind the other. By halves: a row is then copied a few times, and not for each batch.
fn appended(pieces: &[Batch]) -> Result<Batch, BatchError> {
    match pieces {
        [] => Ok(Batch::default()),
        [one] => Ok(one.clone()),
        _ => {
            let (front, back) = pieces.split_at(pieces.len() / 2);
            let mut all = appended(front)?;
            all.append(appended(back)?)?;
            Ok(all)
        }
    }
}
