//! Schemas that the other side has published (format section 2).
//!
//! A schema is parsed once, when its preamble arrives; batches then refer to it by its id. Nothing
//! is evicted: what an epoch may hold is bounded in number and in size (S-8, S-18, S-19).

mod check;
mod types;

use crate::errors::{Error, Expected, SchemaProblem};
use crate::limits::{EpochSize, MAX_PREAMBLE, SchemaSize};
use arrow_schema::{DataType, SchemaRef};
use bytemuck::{Pod, Zeroable};
use std::sync::Arc;

/// Where the schema message begins in a preamble slot.
pub const PREAMBLE_HEADER_LEN: usize = 64;

const MAGIC: u32 = u32::from_le_bytes(*b"SSC1");
const PART: &str = "schema preamble";

/// A schema that has been published.
#[derive(Debug)]
pub struct ReceivedSchema {
    id: u32,
    payload: u16,
    schema: SchemaRef,
    dictionaries: Vec<DataType>,
    size: SchemaSize,
}

impl ReceivedSchema {
    /// Reads an encapsulated schema message.
    pub(crate) fn parse(id: u32, payload: u16, message: &[u8]) -> Result<Self, Error> {
        let parsed = types::parse(message).map_err(|problem| Error::Schema { id, problem })?;
        Ok(Self {
            id,
            payload,
            schema: Arc::new(parsed.schema),
            dictionaries: parsed.dictionaries,
            size: parsed.size,
        })
    }

    /// The id that batches use, from 1; 0 for a schema of one batch only.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// OTAP payload type, 0 for plain Arrow.
    #[must_use]
    pub fn payload(&self) -> u16 {
        self.payload
    }

    /// The Arrow schema. Every batch of this id has the same one, so pointers may be compared.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Value types of the dictionaries, by dictionary id.
    pub(crate) fn dictionaries(&self) -> &[DataType] {
        &self.dictionaries
    }
}

/// The schemas of one link and direction in one epoch, as the receiver knows them.
#[derive(Debug, Default)]
pub struct ReceivedSchemas {
    schemas: Vec<ReceivedSchema>,
    size: EpochSize,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Wire {
    magic: u32,
    payload: u16,
    reserved: u16,
    schema_id: u32,
    length: u32,
    zero: [u64; 6],
}

const _: () = assert!(size_of::<Wire>() == PREAMBLE_HEADER_LEN);

impl ReceivedSchemas {
    /// No schemas, as at the beginning of an epoch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a preamble slot and returns the schema's id.
    ///
    /// # Errors
    /// When the preamble is malformed, the schema cannot be read, its id is not the next one (S-6,
    /// S-7), or it is beyond a limit (S-8, S-18, S-19). The known schemas are then unchanged.
    pub fn publish(&mut self, preamble: &[u8]) -> Result<u32, Error> {
        let (wire, message) = split(preamble)?;
        let id = wire.schema_id;
        let expected = self.schemas.len() as u32 + 1;
        if (1..expected).contains(&id) {
            return Err(Error::Schema {
                id,
                problem: SchemaProblem::Twice,
            });
        }
        if id != expected {
            return Err(Error::Schema {
                id,
                problem: SchemaProblem::Order { expected },
            });
        }
        let schema = ReceivedSchema::parse(id, wire.payload, message)?;
        let (payload, size) = (wire.payload, preamble_size(schema.size));
        let allowed = self.size.check(payload, size);
        allowed.map_err(|problem| Error::Schema { id, problem })?;
        self.size.add(payload, size);
        self.schemas.push(schema);
        Ok(id)
    }

    /// The schema with this id.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<&ReceivedSchema> {
        self.schemas.get((id as usize).checked_sub(1)?)
    }

    /// All schemas in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &ReceivedSchema> {
        self.schemas.iter()
    }
}

fn split(preamble: &[u8]) -> Result<(Wire, &[u8]), Error> {
    let short = |needed: usize| Error::Truncated {
        part: PART,
        needed: needed as u64,
        found: preamble.len() as u64,
    };
    if preamble.len() > MAX_PREAMBLE {
        let expected = Expected::AtMost(MAX_PREAMBLE as u64);
        let found = preamble.len() as u64;
        return Err(Error::Field {
            part: PART,
            field: "length",
            found,
            expected,
        });
    }
    let head = preamble
        .get(..PREAMBLE_HEADER_LEN)
        .ok_or_else(|| short(PREAMBLE_HEADER_LEN))?;
    let wire: Wire = bytemuck::pod_read_unaligned(head);
    if wire.magic != MAGIC {
        return Err(Error::Magic {
            part: PART,
            found: wire.magic,
            expected: MAGIC,
        });
    }
    let mut reserved = wire.zero;
    reserved[0] |= u64::from(wire.reserved);
    if let Some(found) = reserved.into_iter().find(|word| *word != 0) {
        let expected = Expected::Exactly(0);
        return Err(Error::Field {
            part: PART,
            field: "reserved",
            found,
            expected,
        });
    }
    let message = &preamble[PREAMBLE_HEADER_LEN..];
    if message.len() as u64 != u64::from(wire.length) {
        return Err(Error::Field {
            part: PART,
            field: "length",
            found: wire.length.into(),
            expected: Expected::Exactly(message.len() as u64),
        });
    }
    Ok((wire, message))
}

/// What a schema counts for in its epoch: with the preamble's header.
pub(crate) fn preamble_size(schema: SchemaSize) -> SchemaSize {
    SchemaSize {
        bytes: PREAMBLE_HEADER_LEN + schema.bytes,
        ..schema
    }
}

/// How large the schema of a message is, if a reader would take it.
pub(crate) fn measure(message: &[u8]) -> Result<SchemaSize, SchemaProblem> {
    types::parse(message).map(|parsed| parsed.size)
}

/// A preamble slot for an encapsulated schema message.
pub(crate) fn preamble(id: u32, payload: u16, message: &[u8]) -> Vec<u8> {
    let wire = Wire {
        magic: MAGIC,
        payload,
        reserved: 0,
        schema_id: id,
        length: message.len() as u32,
        zero: [0; 6],
    };
    [bytemuck::bytes_of(&wire), message].concat()
}
