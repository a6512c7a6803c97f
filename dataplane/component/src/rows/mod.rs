//! Edits of chosen logs: all of a batch, those that a test holds for, or one.
//!
//! Each edit is one call. It builds anew the columns in which something differs, and no other, and
//! answers whether anything did. One that fails leaves the batch as it was.

mod attributes;
pub(crate) mod fields;
pub(crate) mod ids;
pub(crate) mod values;

use arrow_buffer::BooleanBuffer;

use crate::{Batch, BatchError, Log};

/// Chosen logs of a batch, to be edited.
///
/// ```
/// use strait_component::testing::{batch, samples, Sample};
/// use strait_component::{AttributeTable, BatchError};
///
/// let mut batch = batch(&[Sample::new("login").with("user", "eve"), Sample::new("ping")]);
/// batch.all().upsert(AttributeTable::Log, "env", "prod")?;
/// batch.matching(|log| log.body().as_str() == Some("ping")).discard()?;
/// assert_eq!(samples(&batch), [Sample::new("login").with("user", "eve").with("env", "prod")]);
/// # Ok::<(), BatchError>(())
/// ```
///
/// A resource or scope is edited as a whole, for every log that has it, when one of its logs is
/// chosen. Where a key is there twice, `insert`, `update`, `upsert` and `rename` mean the first one
/// and `delete` all of them, as the Collector does. Every edit of a batch that holds OTLP bytes is
/// an error.
#[derive(Debug)]
pub struct Rows<'b> {
    batch: &'b mut Batch,
    /// None: all of them.
    chosen: Option<BooleanBuffer>,
}

impl Batch {
    /// All logs, to be edited.
    pub fn all(&mut self) -> Rows<'_> {
        Rows {
            batch: self,
            chosen: None,
        }
    }

    /// The logs that `test` holds for, to be edited.
    pub fn matching(&mut self, test: impl FnMut(Log<'_>) -> bool) -> Rows<'_> {
        let chosen = self.mask(test);
        Rows {
            batch: self,
            chosen: Some(chosen),
        }
    }

    /// The log of this row, to be edited; none past the end.
    pub fn row(&mut self, row: usize) -> Rows<'_> {
        let chosen = BooleanBuffer::collect_bool(self.len(), |other| other == row);
        Rows {
            batch: self,
            chosen: Some(chosen),
        }
    }

    /// The logs whose bit is set, to be edited.
    ///
    /// # Errors
    ///
    /// The mask is of another length than the batch.
    pub fn rows(&mut self, mask: &BooleanBuffer) -> Result<Rows<'_>, BatchError> {
        self.check_mask(mask)?;
        Ok(Rows {
            batch: self,
            chosen: Some(mask.clone()),
        })
    }

    /// A bit for each log: whether `test` holds for it.
    pub fn mask(&self, mut test: impl FnMut(Log<'_>) -> bool) -> BooleanBuffer {
        self.logs().iter().map(&mut test).collect()
    }

    pub(crate) fn check_mask(&self, mask: &BooleanBuffer) -> Result<(), BatchError> {
        let (found, expected) = (mask.len(), self.len());
        if found == expected {
            Ok(())
        } else {
            Err(BatchError::MaskLength { found, expected })
        }
    }
}

impl Rows<'_> {
    /// The batch that they are of.
    pub fn batch(&self) -> &Batch {
        self.batch
    }

    /// Those of them that `test` holds for as well.
    pub fn matching(&mut self, test: impl FnMut(Log<'_>) -> bool) -> Rows<'_> {
        let mut chosen = self.batch.mask(test);
        if let Some(before) = &self.chosen {
            chosen = &chosen & before;
        }
        Rows {
            batch: self.batch,
            chosen: Some(chosen),
        }
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        let all = || self.batch.len();
        self.chosen
            .as_ref()
            .map_or_else(all, BooleanBuffer::count_set_bits)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops them, and answers whether there were any. See [`Batch::keep`].
    ///
    /// # Errors
    ///
    /// Those of [`Batch::keep`].
    pub fn discard(&mut self) -> Result<bool, BatchError> {
        let rows = self.batch.len();
        let stay = match self.chosen.take() {
            Some(chosen) => !&chosen,
            None => BooleanBuffer::new_unset(rows),
        };
        let dropped = self.batch.keep(&stay)?;
        // They were all of what is chosen.
        self.chosen = Some(BooleanBuffer::new_unset(self.batch.len()));
        Ok(dropped > 0)
    }

    /// Their bits; none where they are all.
    pub(crate) fn chosen(&self) -> Option<&BooleanBuffer> {
        self.chosen.as_ref()
    }

    pub(crate) fn batch_mut(&mut self) -> &mut Batch {
        self.batch
    }

    /// Whether the log of this row is one of them.
    fn has(&self, row: usize) -> bool {
        self.chosen.as_ref().is_none_or(|chosen| chosen.value(row))
    }
}
