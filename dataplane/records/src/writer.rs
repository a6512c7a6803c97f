//! Headers, payloads and record batches into slots: measured first, then written in place.
//!
//! [`Writer::plan`] finds the schemas, notes what goes where and knows the exact length; the caller
//! publishes the preambles that are due, claims a slot of that length, and [`Plan::write`] copies
//! each buffer once. A plan owns what it needs, so it may wait for room in the ring.

use crate::body::Body;
use crate::errors::Error;
use crate::header::{self, Encoding, HEADER_LEN, Header, Parts};
use crate::limits::{MAX_NODES, MAX_RECORDS};
use crate::registry::{Found, SentSchemas, message};
use crate::slot::ALIGN;
use crate::superset;
use crate::table::{ENTRY_LEN, Kind, Record};
use crate::template::Template;
use crate::variable::Variable;
use arrow_array::{ArrayRef, RecordBatch};
use std::sync::Arc;

/// Bytes of a slot for a batch whose data is one payload of `payload_len` bytes.
///
/// # Errors
/// [`Error::TooLarge`] if the format cannot hold it.
pub fn payload_slot_len(variable: &Variable, payload_len: usize) -> Result<usize, Error> {
    slot_len(payload_offset(variable), payload_len).map(|len| len as usize)
}

/// Writes header and variable section, and returns the bytes of the payload for the caller to fill.
///
/// # Errors
/// [`Error::SlotTooSmall`] if `slot` is shorter than [`payload_slot_len`]; it may be longer, the
/// rest is not touched.
pub fn begin_payload<'a>(
    slot: &'a mut [u8],
    header: &Header,
    variable: &Variable,
    payload_len: usize,
) -> Result<&'a mut [u8], Error> {
    let offset = payload_offset(variable);
    let total = slot_len(offset, payload_len)?;
    let slot = sized(slot, total)?;
    let parts = Parts {
        payload_offset: if payload_len == 0 { 0 } else { offset as u32 },
        payload_len: payload_len as u32,
        total_len: total,
        ..Parts::default()
    };
    header::write(slot, header, variable, parts);
    slot[HEADER_LEN + variable.len()..offset].fill(0);
    Ok(&mut slot[offset..])
}

/// Writes a batch whose data is one payload, and returns the bytes used.
///
/// # Errors
/// As [`begin_payload`].
pub fn write_payload(
    slot: &mut [u8],
    header: &Header,
    variable: &Variable,
    payload: &[u8],
) -> Result<usize, Error> {
    begin_payload(slot, header, variable, payload.len())?.copy_from_slice(payload);
    payload_slot_len(variable, payload.len())
}

fn payload_offset(variable: &Variable) -> usize {
    (HEADER_LEN + variable.len()).next_multiple_of(ALIGN)
}

fn slot_len(offset: usize, len: usize) -> Result<u32, Error> {
    let total = (offset as u64).saturating_add(len as u64);
    let limit = u64::from(u32::MAX);
    u32::try_from(total).map_err(|_| Error::TooLarge {
        what: "the slot",
        found: total,
        limit,
    })
}

fn sized(slot: &mut [u8], needed: u32) -> Result<&mut [u8], Error> {
    let found = slot.len() as u64;
    slot.get_mut(..needed as usize).ok_or(Error::SlotTooSmall {
        needed: needed.into(),
        found,
    })
}

/// Writes record batches; remembers schemas and templates of one link and direction in one epoch.
#[derive(Debug, Default)]
pub struct Writer {
    schemas: SentSchemas,
}

/// A batch that has been measured, ready to be written to a slot of [`len`](Self::len) bytes.
#[derive(Debug)]
pub struct Plan {
    header: Header,
    variable: Variable,
    records: Vec<Planned>,
    parts: Parts,
}

/// A record with its place in the slot.
#[derive(Debug)]
struct Planned {
    record: Record,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Message(Vec<u8>),
    Body(Arc<Template>, Body),
}

impl Planned {
    fn nodes(&self) -> usize {
        match &self.content {
            Content::Message(_) => 0,
            Content::Body(_, body) => body.nodes().len(),
        }
    }
}

impl Writer {
    /// A writer that has published nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The schemas that were given ids. Publish [`SentSchemas::unpublished`] before a batch that
    /// was planned.
    #[must_use]
    pub fn schemas(&self) -> &SentSchemas {
        &self.schemas
    }

    /// As [`schemas`](Self::schemas), to mark them as published.
    pub fn schemas_mut(&mut self) -> &mut SentSchemas {
        &mut self.schemas
    }

    /// Measures a batch of records, each with its OTAP payload type (0 for plain Arrow).
    ///
    /// Schemas that are new get an id: publish them before the batch. From the 64th schema of a
    /// payload on, OTAP batches are converted to the superset of the payload's columns (S-8), and a
    /// plain Arrow batch carries its schema itself (S-9).
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond the format's limits; [`Error::Unwritable`] with the column, or if
    /// the header's encoding is not one of records.
    pub fn plan(
        &mut self,
        header: Header,
        variable: Variable,
        batches: &[(u16, RecordBatch)],
    ) -> Result<Plan, Error> {
        if !header.encoding.has_records() {
            return Err(Error::Unwritable {
                payload: 0,
                column: String::new(),
                reason: format!("the header's encoding is {:?}", header.encoding),
            });
        }
        let mut plan = Plan {
            header,
            variable,
            records: Vec::with_capacity(2 * batches.len()),
            parts: Parts::default(),
        };
        for (payload, batch) in batches {
            self.add(&mut plan, *payload, batch)?;
        }
        plan.place()?;
        Ok(plan)
    }

    fn add(&mut self, plan: &mut Plan, payload: u16, batch: &RecordBatch) -> Result<(), Error> {
        let entry = match self.schemas.find(payload, batch.schema_ref())? {
            Found::Entry(entry) => entry,
            Found::Full if plan.header.encoding == Encoding::Arrow => {
                return plan.add_with_schema(payload, batch);
            }
            Found::Full => {
                let schema = superset::schema(payload)?;
                let batch = superset::convert(payload, &schema, batch)?;
                let entry = self.schemas.superset(payload, &schema)?;
                return self.add_records(plan, entry, &batch);
            }
        };
        self.add_records(plan, entry, batch)
    }

    fn add_records(
        &mut self,
        plan: &mut Plan,
        entry: usize,
        batch: &RecordBatch,
    ) -> Result<(), Error> {
        let schema = self.schemas.entry(entry);
        let (payload, id) = (schema.payload(), schema.id());
        let (body, dictionaries) = gather(payload, batch)?;
        for (dictionary, values) in dictionaries.iter().enumerate() {
            let body = gather_dictionary(payload, values)?;
            let template = schema.dictionary_template(dictionary, &body);
            plan.push(
                Kind::Dictionary,
                payload,
                id,
                dictionary,
                values.len(),
                template,
                body,
            )?;
        }
        let template = schema.batch_template(&body);
        plan.push(
            Kind::Batch,
            payload,
            id,
            0,
            batch.num_rows(),
            template,
            body,
        )
    }
}

fn gather(payload: u16, batch: &RecordBatch) -> Result<(Body, Vec<ArrayRef>), Error> {
    let (mut body, mut dictionaries) = (Body::default(), Vec::new());
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        body.add(column, &mut dictionaries)
            .map_err(|reason| Error::Unwritable {
                payload,
                column: field.name().clone(),
                reason,
            })?;
    }
    Ok((body, dictionaries))
}

fn gather_dictionary(payload: u16, values: &ArrayRef) -> Result<Body, Error> {
    let (mut body, mut inner) = (Body::default(), Vec::new());
    let unwritable = |reason| Error::Unwritable {
        payload,
        column: String::new(),
        reason,
    };
    body.add(values, &mut inner).map_err(unwritable)?;
    Ok(body)
}

impl Plan {
    /// Bytes of the slot that [`write`](Self::write) needs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.total_len as usize
    }

    /// Never: there is always a header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The header that will be written.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// As [`header`](Self::header), to fill in what is known later, such as the call id.
    pub fn header_mut(&mut self) -> &mut Header {
        &mut self.header
    }

    /// Adds a batch behind a schema of its own (S-9).
    fn add_with_schema(&mut self, payload: u16, batch: &RecordBatch) -> Result<(), Error> {
        if !self.records.is_empty() {
            let what = "the number of schemas";
            return Err(Error::TooLarge {
                what,
                found: 65,
                limit: 64,
            });
        }
        let (message, _) = message(payload, batch.schema_ref())?;
        let record = record(Kind::Schema, payload, 0, 0, 0, message.len(), 0)?;
        self.records.push(Planned {
            record,
            content: Content::Message(message),
        });
        let (body, dictionaries) = gather(payload, batch)?;
        for (id, values) in dictionaries.iter().enumerate() {
            let body = gather_dictionary(payload, values)?;
            let template = Arc::new(Template::new(body.shape(), Some(id as i64)));
            self.push(
                Kind::Dictionary,
                payload,
                0,
                id,
                values.len(),
                template,
                body,
            )?;
        }
        let template = Arc::new(Template::new(body.shape(), None));
        self.push(Kind::Batch, payload, 0, 0, batch.num_rows(), template, body)
    }

    #[allow(clippy::too_many_arguments)] // The columns of one table row.
    fn push(
        &mut self,
        kind: Kind,
        payload: u16,
        schema_id: u32,
        dictionary: usize,
        rows: usize,
        template: Arc<Template>,
        body: Body,
    ) -> Result<(), Error> {
        let record = record(
            kind,
            payload,
            schema_id,
            dictionary,
            rows,
            template.len(),
            body.len(),
        )?;
        self.records.push(Planned {
            record,
            content: Content::Body(template, body),
        });
        Ok(())
    }

    /// Gives each record its place.
    fn place(&mut self) -> Result<(), Error> {
        let count = self.records.len();
        if count > MAX_RECORDS as usize {
            let limit = MAX_RECORDS.into();
            return Err(Error::TooLarge {
                what: "the number of records",
                found: count as u64,
                limit,
            });
        }
        let nodes: usize = self.records.iter().map(Planned::nodes).sum();
        if nodes > MAX_NODES as usize {
            let limit = MAX_NODES.into();
            return Err(Error::TooLarge {
                what: "the number of arrays",
                found: nodes as u64,
                limit,
            });
        }
        let table = (HEADER_LEN + self.variable.len()).next_multiple_of(8);
        let mut next = (table + count * ENTRY_LEN).next_multiple_of(ALIGN);
        for planned in &mut self.records {
            let record = &mut planned.record;
            record.offset = slot_len(next, 0)?;
            next += record.metadata_len as usize + record.body_len as usize;
        }
        self.parts = Parts {
            record_count: count as u32,
            table_offset: if count == 0 { 0 } else { slot_len(table, 0)? },
            total_len: slot_len(next, 0)?,
            ..Parts::default()
        };
        Ok(())
    }

    /// Writes the batch, and returns the bytes used. `slot` may be longer than needed; the rest is
    /// not touched.
    ///
    /// # Errors
    /// [`Error::SlotTooSmall`] if `slot` is shorter than [`len`](Self::len).
    pub fn write(&self, slot: &mut [u8]) -> Result<usize, Error> {
        let slot = sized(slot, self.parts.total_len)?;
        header::write(slot, &self.header, &self.variable, self.parts);
        let table = self.parts.table_offset as usize;
        let table_end = table + self.records.len() * ENTRY_LEN;
        let first = self
            .records
            .first()
            .map_or(slot.len(), |p| p.record.offset as usize);
        slot[HEADER_LEN + self.variable.len()..first].fill(0);
        let entries = slot[table..table_end].chunks_exact_mut(ENTRY_LEN);
        for (entry, planned) in entries.zip(&self.records) {
            planned.record.write(entry);
        }
        for Planned { record, content } in &self.records {
            match content {
                Content::Message(message) => slot[record.metadata()].copy_from_slice(message),
                Content::Body(template, body) => {
                    let to = &mut slot[record.metadata()];
                    template.write(
                        to,
                        record.rows,
                        record.body_len,
                        body.nodes(),
                        body.buffers(),
                    );
                    body.write(&mut slot[record.body()]);
                }
            }
        }
        Ok(slot.len())
    }
}

fn record(
    kind: Kind,
    payload: u16,
    schema_id: u32,
    dictionary: usize,
    rows: usize,
    metadata_len: usize,
    body_len: usize,
) -> Result<Record, Error> {
    let rows = slot_len(rows, 0).map_err(|_| Error::TooLarge {
        what: "the number of rows",
        found: rows as u64,
        limit: u32::MAX.into(),
    })?;
    Ok(Record {
        payload,
        kind,
        schema_id,
        dictionary_id: dictionary as u64,
        offset: 0,
        metadata_len: slot_len(metadata_len, 0)?,
        body_len: slot_len(body_len, 0)?,
        rows,
    })
}
