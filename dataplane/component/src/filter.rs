//! Dropping logs, and with them what only they refer to.

use arrow_array::{BooleanArray, RecordBatch};
use arrow_buffer::BooleanBuffer;
use arrow_select::filter::filter_record_batch;

use crate::id_set::IdSet;
use crate::{AttributeTable, Batch, BatchError, Log, Payload};

impl Batch {
    /// Keeps the logs that `keep` holds for, in their order, and answers how many
    /// it dropped. See [`keep`](Self::keep).
    ///
    /// # Errors
    ///
    /// Those of [`keep`](Self::keep).
    pub fn retain(&mut self, keep: impl FnMut(Log<'_>) -> bool) -> Result<usize, BatchError> {
        let mask = self.mask(keep);
        self.keep(&mask)
    }

    /// Keeps the logs whose bit is set and answers how many it dropped. With a log
    /// go its attributes; with the last log of a resource or scope, that one's.
    /// Ids stay what they were. A table that loses no row stays the same object.
    ///
    /// # Errors
    ///
    /// The mask is of another length than the batch, or the batch holds OTLP bytes; it stays as it
    /// was.
    pub fn keep(&mut self, mask: &BooleanBuffer) -> Result<usize, BatchError> {
        self.has_records()?;
        self.check_mask(mask)?;
        let before = self.len();
        let mut tables = self.tables.clone();
        let Some(logs) = self.filtered(Payload::Logs, mask)? else {
            return Ok(0);
        };
        let dropped = before - logs.num_rows();
        tables[Payload::Logs.index()] = Some(logs);
        for of in AttributeTable::ALL {
            let Some(referred) = self.referred(of, mask) else {
                continue;
            };
            if let Some(table) = self.filtered(of.payload(), &referred)? {
                tables[of.payload().index()] = Some(table);
            }
        }
        self.tables = tables;
        self.changes.dropped();
        Ok(dropped)
    }

    /// The attribute rows that logs of `mask` refer to; none where the logs have
    /// no ids, so that nothing can be said of the rows.
    fn referred(&self, of: AttributeTable, mask: &BooleanBuffer) -> Option<BooleanBuffer> {
        self.table(of.payload())?;
        let logs = self.logs();
        let ids = logs.ids(of);
        if !ids.is_present() {
            return None;
        }
        let live: IdSet = mask.set_indices().filter_map(|row| ids.get(row)).collect();
        let attributes = self.attributes(of);
        let parents = attributes.parents();
        Some(BooleanBuffer::collect_bool(attributes.len(), |row| {
            parents.get(row).is_none_or(|parent| live.contains(parent))
        }))
    }

    /// The table's rows whose bit is set; none where that is all of them.
    fn filtered(
        &self,
        payload: Payload,
        mask: &BooleanBuffer,
    ) -> Result<Option<RecordBatch>, BatchError> {
        let Some(table) = self.table(payload) else {
            return Ok(None);
        };
        match mask.count_set_bits() {
            all if all == mask.len() => return Ok(None),
            0 => return Ok(Some(table.slice(0, 0))),
            _ => {}
        }
        let mask = BooleanArray::new(mask.clone(), None);
        let kept = filter_record_batch(table, &mask).map_err(|e| BatchError::arrow(payload, e))?;
        Ok(Some(kept))
    }
}
