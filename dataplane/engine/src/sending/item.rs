//! A batch that a queue gives, to be sent.

use strait_component::{Batch, Context};

/// A batch in a queue.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) number: u64,
    pub(crate) batch: Batch,
    pub(crate) context: Context,
    /// Log records, spans or data points.
    pub(crate) items: usize,
}
