//! A batch of one signal: the tables of its records, and the views that read them, or its OTLP
//! bytes. Dropping rows is in `filter`, changing text in `text`.
//!
//! A batch of records is checked when it is made and stays checked, so that reading needs no
//! errors. It trusts Arrow's own invariants (offsets, keys, UTF-8), which are the
//! producer's. OTLP bytes are not looked into, but to count their items.

use arrow_array::RecordBatch;
use bytes::Bytes;
use strait_description::Signal;

use crate::changes::Changes;
use crate::payload::SCHEMAS;
use crate::{
    Access, AttributeTable, Attributes, BatchError, Context, Error, Logs, Payload, otlp, schema,
};

/// A batch: log records with the attributes of the logs, resources and scopes, or the OTLP bytes of
/// any signal, with the context that it was handed over in.
///
/// Components get logs as records, and traces and metrics as OTLP bytes in this version; what a
/// component makes itself may be either.
///
/// Cloning is cheap and shares the data. Edits build new arrays for what changes
/// and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) tables: [Option<RecordBatch>; SCHEMAS.len()],
    pub(crate) changes: Changes,
    /// In the place of tables.
    otlp: Option<(Signal, Bytes)>,
    context: Context,
}

impl Batch {
    /// A batch of logs with these tables. Without a logs table it has no logs.
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

    /// A batch of the bytes of an `ExportLogsServiceRequest`, `ExportTraceServiceRequest` or
    /// `ExportMetricsServiceRequest`. They are not checked here: who reads them does, and a sender
    /// is told of what is no OTLP. A receiver or connector that sends logs so says it of itself,
    /// with [`Description::logs_as_otlp`](crate::Description::logs_as_otlp); tables cost less.
    pub fn from_otlp(signal: Signal, bytes: impl Into<Bytes>) -> Self {
        Self {
            otlp: Some((signal, bytes.into())),
            ..Self::default()
        }
    }

    /// What it is a batch of.
    pub fn signal(&self) -> Signal {
        self.otlp
            .as_ref()
            .map_or(Signal::Logs, |(signal, _)| *signal)
    }

    /// Its OTLP bytes; `None` where it holds records.
    pub fn otlp(&self) -> Option<&Bytes> {
        self.otlp.as_ref().map(|(_, bytes)| bytes)
    }

    /// Replaces its OTLP bytes.
    ///
    /// # Errors
    ///
    /// The batch holds records, which no bytes replace; it stays as it was.
    pub fn set_otlp(&mut self, bytes: impl Into<Bytes>) -> Result<(), BatchError> {
        let (_, old) = self.otlp.as_mut().ok_or(BatchError::NotOtlp)?;
        *old = bytes.into();
        Ok(())
    }

    /// How many log records, spans or data points it has. Of OTLP bytes they are counted anew at
    /// each call, up to where the bytes are no OTLP any more.
    pub fn items(&self) -> usize {
        match &self.otlp {
            Some((signal, bytes)) => otlp::items(*signal, bytes),
            None => self.len(),
        }
    }

    /// What it was handed over in: deadline, client, span.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The batch with another context. Whoever it is handed to sees that one.
    #[must_use]
    pub fn with_context(self, context: Context) -> Self {
        Self { context, ..self }
    }

    /// Whether it can be read and edited as records.
    pub(crate) fn has_records(&self) -> Result<(), BatchError> {
        match self.otlp {
            Some((signal, _)) => Err(BatchError::NotRecords(signal)),
            None => Ok(()),
        }
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
    /// The table's columns are not those of its schema, or the batch holds OTLP bytes; it stays as
    /// it was.
    pub fn set_table(
        &mut self,
        payload: Payload,
        records: Option<RecordBatch>,
    ) -> Result<(), BatchError> {
        self.has_records()?;
        if let Some(records) = &records {
            schema::check(payload, records)?;
        }
        let old = std::mem::replace(&mut self.tables[payload.index()], records);
        let new = self.tables[payload.index()].as_ref();
        self.changes.replaced(payload, old.as_ref(), new);
        Ok(())
    }

    /// How many logs there are, as records. See [`items`](Self::items).
    pub fn len(&self) -> usize {
        self.table(Payload::Logs).map_or(0, RecordBatch::num_rows)
    }

    /// Whether there is no log, as records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The log records, to read; none where the batch holds OTLP bytes.
    pub fn logs(&self) -> Logs<'_> {
        let attributes = AttributeTable::ALL.map(|of| self.attributes(of));
        Logs::new(self.table(Payload::Logs), attributes)
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
    /// A permanent one, which names the columns and says how to declare them.
    pub fn check(&self, batch: &Batch) -> Result<(), Error> {
        batch.changes.check(self)
    }
}
