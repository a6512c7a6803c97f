//! Batch slots in, headers, payloads and record batches out.
//!
//! Everything that a slot says is checked before it is used; what comes out points into the slot
//! and keeps it alive. Text is checked too, unless the slot's writer is vouched for: only a lease
//! of a trusted link says so ([`Batch::leased`]), or an `unsafe` block ([`Batch::trusted`]). A slot
//! that its writer may still write is never looked at: the ring copies those of untrusted links,
//! and leases them like any other.

use crate::column::Decoder;
use crate::errors::{Error, Problem, SchemaProblem};
use crate::header::{BatchView, Encoding, Header};
use crate::limits::SlotBudget;
use crate::message;
use crate::schema::{ReceivedSchema, ReceivedSchemas};
use crate::slot::Slot;
use crate::table::{Kind, Record};
use crate::variable::Metadata;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use bytes::Bytes;
use strait_ringbuf::{Lease, Trust};

/// A received batch: header and variable section are checked, records are read on demand.
#[derive(Debug, Clone)]
pub struct Batch {
    slot: Slot,
    header: Header,
    trust: Trust,
}

impl Batch {
    /// Takes any bytes as a batch slot: exactly those that the descriptor names. All of it is
    /// validated, text too. `owner` is kept alive by the batch and by everything read from it.
    ///
    /// # Errors
    /// Whatever is wrong with header or variable section, and [`Error::Misaligned`] memory. `owner`
    /// has been dropped then.
    pub fn new(owner: impl AsRef<[u8]> + Send + 'static) -> Result<Self, Error> {
        Self::of(Slot::new(owner)?, Trust::UNTRUSTED)
    }

    /// Takes a slot of the ring. What may be left unchecked is what the lease says of its writer;
    /// one that is not trusted was copied by the ring, so that no byte changes any more.
    ///
    /// # Errors
    /// As [`new`](Self::new): a lease whose slot cannot be read has been released.
    pub fn leased(lease: Lease) -> Result<Self, Error> {
        let trust = lease.trust();
        Self::of(Slot::new(lease)?, trust)
    }

    /// Copies a slot of the ring, for a reader that keeps batches for long: the lease may be
    /// released.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn copied(lease: &Lease) -> Result<Self, Error> {
        Self::of(Slot::copy_of(lease), lease.trust())
    }

    /// Takes bytes whose writer the caller vouches for: text is not checked again.
    ///
    /// ```compile_fail,E0133
    /// #![forbid(unsafe_code)]
    /// # use strait_records::{Batch, Slot};
    /// let batch = Batch::trusted(Slot::copy_of(b"foreign bytes")); // not without `unsafe`
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// # Safety
    /// Every text column in the slot is UTF-8 (S-13), as [`Trust::trusted`] says of a whole link:
    /// the strings that are read from the slot are made without looking.
    #[allow(unsafe_code)] // So that a crate that forbids it cannot get here.
    pub unsafe fn trusted(owner: impl AsRef<[u8]> + Send + 'static) -> Result<Self, Error> {
        // SAFETY: the caller vouches for the text of this slot, which is all that is read with it.
        let trust = unsafe { Trust::trusted() };
        Self::of(Slot::new(owner)?, trust)
    }

    fn of(slot: Slot, trust: Trust) -> Result<Self, Error> {
        let header = *BatchView::parse(slot.as_ref())?.header();
        Ok(Self {
            slot,
            header,
            trust,
        })
    }

    /// How far the writer of the slot is trusted.
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.trust
    }

    /// What the header says.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The checked view of the slot.
    ///
    /// # Errors
    /// As [`BatchView::parse`]; none unless the writer has changed a trusted slot meanwhile.
    pub fn view(&self) -> Result<BatchView<'_>, Error> {
        BatchView::parse(self.slot.as_ref())
    }

    /// The W3C tracestate, often empty.
    ///
    /// # Errors
    /// As [`view`](Self::view).
    pub fn tracestate(&self) -> Result<&[u8], Error> {
        Ok(self.view()?.tracestate())
    }

    /// The client metadata, in order and with repetitions.
    ///
    /// # Errors
    /// As [`view`](Self::view).
    pub fn metadata(&self) -> Result<Metadata<'_>, Error> {
        Ok(self.view()?.metadata())
    }

    /// The OTLP bytes or the difference, without a copy; empty if the data is in records.
    ///
    /// # Errors
    /// As [`view`](Self::view).
    pub fn payload(&self) -> Result<Bytes, Error> {
        Ok(self.slot.bytes().slice(self.view()?.payload_range()))
    }

    /// The record batches, each with its OTAP payload type (0 for plain Arrow), in the order of the
    /// record table. Their buffers point into the slot.
    ///
    /// # Errors
    /// The first record that is wrong, by index, payload, schema and column.
    pub fn records(&self, schemas: &ReceivedSchemas) -> Result<Vec<(u16, RecordBatch)>, Error> {
        let view = self.view()?;
        let mut reading = Reading {
            batch: self,
            schemas,
            inline: None,
            dictionaries: Vec::new(),
            batches: Vec::with_capacity(view.record_count() as usize),
            budget: SlotBudget::of(self.slot.as_ref().len()),
        };
        for (index, record) in view.records().enumerate() {
            reading.record(index as u32, &record?)?;
        }
        Ok(reading.batches)
    }
}

/// The dictionaries of one schema, by dictionary id.
type Dictionaries = Vec<Option<ArrayRef>>;

/// One pass over the records of a batch.
struct Reading<'a> {
    batch: &'a Batch,
    schemas: &'a ReceivedSchemas,
    /// The batch's own schema (S-9).
    inline: Option<ReceivedSchema>,
    /// By schema; a batch has a handful of schemas.
    dictionaries: Vec<(u32, Dictionaries)>,
    batches: Vec<(u16, RecordBatch)>,
    budget: SlotBudget,
}

impl Reading<'_> {
    fn record(&mut self, index: u32, record: &Record) -> Result<(), Error> {
        let (column, problem) = match record.kind {
            Kind::Schema => return self.schema(index, record),
            Kind::Dictionary => match self.dictionary(record)? {
                Ok(()) => return Ok(()),
                Err(problem) => (String::new(), problem),
            },
            Kind::Batch => match self.batch(record)? {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            },
        };
        Err(error(index, record, column, problem))
    }

    fn schema(&mut self, index: u32, record: &Record) -> Result<(), Error> {
        let arrow = self.batch.header.encoding == Encoding::Arrow;
        if !arrow || self.inline.is_some() || !self.batches.is_empty() {
            let reason = "a batch's own schema comes once, first, and with plain Arrow only";
            return Err(error(
                index,
                record,
                String::new(),
                Problem::Metadata(reason),
            ));
        }
        let message = &self.batch.slot.as_ref()[record.metadata()];
        self.inline = Some(ReceivedSchema::parse(0, record.payload, message)?);
        Ok(())
    }

    fn dictionary(&mut self, record: &Record) -> Result<Result<(), Problem>, Error> {
        let schema = find(self.schemas, self.inline.as_ref(), record)?;
        let types = schema.dictionaries();
        let id = record.dictionary_id;
        let Some(value_type) = usize::try_from(id).ok().and_then(|id| types.get(id)) else {
            let problem = Problem::Count {
                what: "dictionaries",
                found: id.saturating_add(1),
                needed: types.len() as u64,
            };
            return Ok(Err(problem));
        };
        let values = decode_dictionary(self.batch, value_type, record, &mut self.budget);
        Ok(values.map(|values| {
            let known = dictionaries_of(&mut self.dictionaries, record.schema_id, types.len());
            known[id as usize] = Some(values);
        }))
    }

    /// The inner error names the column.
    fn batch(&mut self, record: &Record) -> Result<Result<(), (String, Problem)>, Error> {
        let schema = find(self.schemas, self.inline.as_ref(), record)?;
        let count = schema.dictionaries().len();
        let dictionaries = match count {
            0 => &mut Vec::new(),
            _ => dictionaries_of(&mut self.dictionaries, record.schema_id, count),
        };
        let decoded = decode_batch(self.batch, schema, record, dictionaries, &mut self.budget);
        Ok(decoded.map(|batch| self.batches.push((record.payload, batch))))
    }
}

/// A decoder for one record of the batch.
fn decoder<'a>(
    batch: &'a Batch,
    record: &Record,
    dictionaries: &'a [Option<ArrayRef>],
    budget: &'a mut SlotBudget,
) -> Result<Decoder<'a>, Problem> {
    let slot = &batch.slot;
    let message = message::parse(&slot.as_ref()[record.metadata()], record)?;
    let body = slot
        .buffer()
        .slice_with_length(record.body().start, record.body().len());
    Ok(Decoder::new(
        body,
        message,
        dictionaries,
        batch.trust,
        budget,
    ))
}

fn decode_dictionary(
    batch: &Batch,
    value_type: &arrow_schema::DataType,
    record: &Record,
    budget: &mut SlotBudget,
) -> Result<ArrayRef, Problem> {
    let mut decoder = decoder(batch, record, &[], budget)?;
    let values = decoder.column(value_type, record.rows)?;
    decoder.finish()?;
    Ok(values)
}

fn decode_batch(
    batch: &Batch,
    schema: &ReceivedSchema,
    record: &Record,
    dictionaries: &[Option<ArrayRef>],
    budget: &mut SlotBudget,
) -> Result<RecordBatch, (String, Problem)> {
    let whole = |problem| (String::new(), problem);
    let mut decoder = decoder(batch, record, dictionaries, budget).map_err(whole)?;
    let fields = schema.schema().fields();
    let mut columns = Vec::with_capacity(fields.len());
    for field in fields {
        let column = decoder.column(field.data_type(), record.rows);
        columns.push(column.map_err(|problem| (field.name().clone(), problem))?);
    }
    decoder.finish().map_err(whole)?;
    let options = RecordBatchOptions::new().with_row_count(Some(record.rows as usize));
    RecordBatch::try_new_with_options(schema.schema().clone(), columns, &options)
        .map_err(|e| whole(Problem::Arrow(e.to_string())))
}

fn find<'a>(
    schemas: &'a ReceivedSchemas,
    inline: Option<&'a ReceivedSchema>,
    record: &Record,
) -> Result<&'a ReceivedSchema, Error> {
    let id = record.schema_id;
    let schema = if id == 0 { inline } else { schemas.get(id) };
    let schema = schema.ok_or(Error::Schema {
        id,
        problem: SchemaProblem::Unknown,
    })?;
    if schema.payload() != record.payload {
        let (expected, found) = (schema.payload(), record.payload);
        return Err(Error::Schema {
            id,
            problem: SchemaProblem::Payload { expected, found },
        });
    }
    Ok(schema)
}

/// The slots for a schema's dictionaries, made empty when the schema is seen first.
fn dictionaries_of(all: &mut Vec<(u32, Dictionaries)>, id: u32, count: usize) -> &mut Dictionaries {
    let at = all
        .iter()
        .position(|(known, _)| *known == id)
        .unwrap_or_else(|| {
            all.push((id, vec![None; count]));
            all.len() - 1
        });
    &mut all[at].1
}

fn error(index: u32, record: &Record, column: String, problem: Problem) -> Error {
    Error::Record {
        record: index,
        payload: record.payload,
        schema_id: record.schema_id,
        column,
        problem,
    }
}
