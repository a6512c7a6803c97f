//! Schemas that the other side has published (format section 2).
//!
//! A schema is parsed once, when its preamble arrives; batches then refer to it by its id. Nothing is
//! evicted: an epoch has at most 64 schemas per payload (S-8).

use crate::errors::{Error, Expected, SchemaProblem};
use crate::types;
use arrow_schema::{DataType, SchemaRef};
use bytemuck::{Pod, Zeroable};
use std::sync::Arc;

/// Most schemas per payload and direction (S-8).
pub const MAX_SCHEMAS: u32 = 64;
/// Where the schema message begins in a preamble slot.
pub const PREAMBLE_HEADER_LEN: usize = 64;
/// Most payloads that have schemas; OTAP has about 35.
const MAX_PAYLOADS: u32 = 64;

const MAGIC: u32 = u32::from_le_bytes(*b"SSC1");
const PART: &str = "schema preamble";

/// A schema that has been published.
#[derive(Debug)]
pub struct ReceivedSchema {
    id: u32,
    payload: u16,
    schema: SchemaRef,
    dictionaries: Vec<DataType>,
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
    /// When the preamble is malformed, the schema cannot be read, its id is not the next one (S-6, S-7), or the payload has
    /// 64 schemas already (S-8). The known schemas are then unchanged.
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
        let payload = wire.payload;
        let known = self.schemas.iter().filter(|s| s.payload == payload).count() as u32;
        if known >= MAX_SCHEMAS || expected > MAX_SCHEMAS * MAX_PAYLOADS {
            let problem = SchemaProblem::TooMany {
                payload,
                limit: MAX_SCHEMAS,
            };
            return Err(Error::Schema { id, problem });
        }
        self.schemas
            .push(ReceivedSchema::parse(id, payload, message)?);
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
