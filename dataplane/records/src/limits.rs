//! Every limit of the format, and what keeps count of the ones that add up (format section 6).
//!
//! Guarantees: what the other side can make this one keep for an epoch, or do for a slot, is
//! bounded by the numbers below; readers enforce them, and writers stay within them. Leaves to
//! others: how many slots may be in flight, which is the ring's.

use crate::errors::{Problem, SchemaProblem};

/// Longest tracestate, in bytes: 32 members of at most 513, and their commas, the most that W3C's
/// grammar allows (S-1).
pub const MAX_TRACESTATE: usize = 32 * 513 + 31;
/// Most keys of client metadata (S-1).
pub const MAX_METADATA: u32 = 1024;
/// Most entries of a record table (S-2).
pub const MAX_RECORDS: u32 = 4096;

/// Most schemas per payload, direction and epoch (S-8).
pub const MAX_SCHEMAS: u32 = 64;
/// Most payloads that have schemas, per direction and epoch (S-8); OTAP has about 35.
pub const MAX_PAYLOADS: usize = 64;

/// Longest preamble and longest schema message, in bytes (S-18).
pub const MAX_PREAMBLE: usize = 1 << 20;
/// Most fields of a schema, nested ones counted (S-18).
pub const MAX_FIELDS: u32 = 4096;
/// How deep fields nest at most; a field at the top counts as 1 (S-18).
pub const MAX_DEPTH: u32 = 64;
/// Most metadata entries of a schema, those of its fields counted (S-18).
pub const MAX_ENTRIES: u32 = 8192;
/// Bytes of all preambles of a direction and epoch together (S-19).
pub const MAX_EPOCH_BYTES: usize = 16 << 20;
/// Fields and metadata entries of all schemas of a direction and epoch together (S-19).
pub const MAX_EPOCH_PARTS: u32 = 1 << 17;

/// Most arrays of all records of a slot together (S-21).
pub const MAX_NODES: u32 = 1 << 16;
/// How often the bytes of a slot may be checked: the sum of all buffers' lengths is at most this
/// many times the slot's (S-21).
pub const MAX_CHECKED: u64 = 4;

/// How large a schema is, as S-18 counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SchemaSize {
    /// Bytes of the message.
    pub(crate) bytes: usize,
    /// Fields, nested ones counted.
    pub(crate) fields: u32,
    /// Metadata entries, those of fields counted.
    pub(crate) entries: u32,
}

/// What the schemas of one direction and epoch add up to; both sides keep one.
#[derive(Debug, Default)]
pub(crate) struct EpochSize {
    /// How many schemas each payload has. At most 64, so looking through them is cheap.
    payloads: Vec<(u16, u32)>,
    bytes: usize,
    parts: u32,
}

impl EpochSize {
    /// Schemas of this payload.
    pub(crate) fn schemas_of(&self, payload: u16) -> u32 {
        let of = |(known, count): &(u16, u32)| (*known == payload).then_some(*count);
        self.payloads.iter().find_map(of).unwrap_or(0)
    }

    /// Whether one more schema of this payload is within S-8 and S-19.
    pub(crate) fn check(&self, payload: u16, size: SchemaSize) -> Result<(), SchemaProblem> {
        let known = self.schemas_of(payload);
        if known >= MAX_SCHEMAS {
            let limit = MAX_SCHEMAS;
            return Err(SchemaProblem::TooMany { payload, limit });
        }
        let payloads = self.payloads.len() + usize::from(known == 0);
        within("payloads in the epoch", payloads, MAX_PAYLOADS)?;
        let bytes = self.bytes + size.bytes;
        within("bytes of preambles in the epoch", bytes, MAX_EPOCH_BYTES)?;
        let parts = self.parts + size.fields + size.entries;
        let (parts, limit) = (parts as usize, MAX_EPOCH_PARTS as usize);
        within("fields and metadata entries in the epoch", parts, limit)
    }

    /// Counts a schema that [`check`](Self::check) has let through.
    pub(crate) fn add(&mut self, payload: u16, size: SchemaSize) {
        match self
            .payloads
            .iter_mut()
            .find(|(known, _)| *known == payload)
        {
            Some((_, count)) => *count += 1,
            None => self.payloads.push((payload, 1)),
        }
        self.bytes += size.bytes;
        self.parts += size.fields + size.entries;
    }
}

/// Refuses a schema that has more of something than the limit.
pub(crate) fn within(what: &'static str, found: usize, limit: usize) -> Result<(), SchemaProblem> {
    if found <= limit {
        return Ok(());
    }
    let (found, limit) = (found as u64, limit as u64);
    Err(SchemaProblem::Limit { what, found, limit })
}

/// What reading one slot may still cost (S-21).
#[derive(Debug)]
pub(crate) struct SlotBudget {
    nodes: u32,
    bytes: u64,
    limit: u64,
}

impl SlotBudget {
    /// The budget of a slot of `len` bytes.
    pub(crate) fn of(len: usize) -> Self {
        let limit = MAX_CHECKED * len as u64;
        Self {
            nodes: MAX_NODES,
            bytes: limit,
            limit,
        }
    }

    /// Counts an array.
    pub(crate) fn node(&mut self) -> Result<(), Problem> {
        let limit = MAX_NODES;
        self.nodes = self.nodes.checked_sub(1).ok_or(Problem::Nodes { limit })?;
        Ok(())
    }

    /// Counts bytes that are looked at.
    pub(crate) fn bytes(&mut self, len: usize) -> Result<(), Problem> {
        let limit = self.limit;
        let left = self.bytes.checked_sub(len as u64);
        self.bytes = left.ok_or(Problem::Checked { limit })?;
        Ok(())
    }
}
