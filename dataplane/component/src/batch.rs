//! A batch of log records: its tables, and the views that read them. Dropping rows
//! is in `filter`, changing text in `text`.
//!
//! A batch is checked when it is made and stays checked, so that reading needs no
//! errors. It trusts Arrow's own invariants (offsets, keys, UTF-8), which are the
//! producer's.

use arrow_array::RecordBatch;

use crate::changes::Changes;
use crate::payload::SCHEMAS;
use crate::{Access, AttributeTable, Attributes, BatchError, Logs, Payload, ProcessError, schema};

/// A batch of log records with the attributes of the logs, resources and scopes.
///
/// Cloning is cheap and shares the data. Edits build new arrays for what changes
/// and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) tables: [Option<RecordBatch>; SCHEMAS.len()],
    pub(crate) changes: Changes,
}

impl Batch {
    /// A batch of these tables. Without a logs table it has no logs.
    ///
    /// # Errors
    ///
    /// A table is given twice, a required column is missing, a column is not of
    /// its schema's type, or ids are not plain.
    pub fn from_tables(
        tables: impl IntoIterator<Item = (Payload, RecordBatch)>,
    ) -> Result<Self, BatchError> {
        let mut batch = Self::default();
        for (payload, records) in tables {
            if batch.table(payload).is_some() {
                return Err(BatchError::DuplicateTable {
                    payload: payload.name(),
                });
            }
            schema::check(payload, &records)?;
            batch.tables[payload.index()] = Some(records);
        }
        Ok(batch)
    }

    /// The tables, by OTAP's numbers.
    pub fn into_tables(self) -> impl Iterator<Item = (Payload, RecordBatch)> {
        let tables = SCHEMAS.iter().map(|schema| schema.payload).zip(self.tables);
        tables.filter_map(|(payload, records)| Some((payload, records?)))
    }

    /// A table's records, for what the views do not offer.
    pub fn table(&self, payload: Payload) -> Option<&RecordBatch> {
        self.tables[payload.index()].as_ref()
    }

    /// Replaces or removes a table, for edits that the SDK does not offer. Give
    /// columns that stay equal as the same arrays: others count as changed, and
    /// must be declared as written. Drop logs with [`keep`](Self::keep).
    ///
    /// # Errors
    ///
    /// The table's columns are not those of its schema; the batch stays as it was.
    pub fn set_table(
        &mut self,
        payload: Payload,
        records: Option<RecordBatch>,
    ) -> Result<(), BatchError> {
        if let Some(records) = &records {
            schema::check(payload, records)?;
        }
        let old = std::mem::replace(&mut self.tables[payload.index()], records);
        let new = self.tables[payload.index()].as_ref();
        self.changes.replaced(payload, old.as_ref(), new);
        Ok(())
    }

    /// How many logs there are.
    pub fn len(&self) -> usize {
        self.table(Payload::Logs).map_or(0, RecordBatch::num_rows)
    }

    /// Whether there is no log.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The log records, to read.
    pub fn logs(&self) -> Logs<'_> {
        Logs::new(self.table(Payload::Logs))
    }

    /// The attributes of one table, to read; none where the table is absent.
    pub fn attributes(&self, of: AttributeTable) -> Attributes<'_> {
        Attributes::new(self.table(of.payload()))
    }
}

impl Access {
    /// Checks that a batch, after it was processed, has no other change than those declared.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Permanent`], which names the columns and says how to declare them.
    pub fn check(&self, batch: &Batch) -> Result<(), ProcessError> {
        batch.changes.check(self)
    }
}
