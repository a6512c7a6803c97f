//! How large a batch is, in what the sizes of queues count.

use super::batches::bytes;
use super::policy::{Limits, Sizer};
use strait_component::Batch;

/// See the module's documentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// Log records, spans or data points.
    pub(crate) items: u64,
    /// Those of its OTLP; 0 where nobody asks.
    pub(crate) bytes: u64,
}

impl Sizes {
    /// Those of a batch with so many items, as far as a queue with these limits counts them.
    pub(crate) fn of(batch: &Batch, items: usize, limits: &Limits) -> Self {
        // An index in a storage has both.
        let measured = limits.sizer == Sizer::Bytes || limits.storage.is_some();
        // One that is no OTLP is as large as it is.
        let as_it_is = || batch.otlp().map_or(0, |otlp| otlp.len() as u64);
        Self {
            items: items as u64,
            bytes: if measured {
                bytes(batch).unwrap_or_else(as_it_is)
            } else {
                0
            },
        }
    }

    /// What a batch takes in a queue.
    pub(super) fn by(self, sizer: Sizer) -> u64 {
        match sizer {
            Sizer::Requests => 1,
            Sizer::Items => self.items,
            Sizer::Bytes => self.bytes,
        }
    }
}
