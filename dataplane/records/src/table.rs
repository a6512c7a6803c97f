//! The record table: which records a batch holds and where (format section 1.1).
//!
//! [`RecordTable`] checks an entry when it is taken: kind, reserved bytes, alignment, and that
//! metadata and body lie in the slot, behind the table and the record before (S-20). Where the
//! table lies is checked by [`crate::header`], what the metadata says by [`crate::batch`].

use crate::errors::{Error, Expected};
use bytemuck::{Pod, Zeroable};

/// Bytes of an entry.
pub(crate) const ENTRY_LEN: usize = 32;
const PART: &str = "record table";

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::FromRepr)]
#[repr(u8)]
pub enum Kind {
    /// A schema that is valid in this batch only (S-9).
    Schema = 1,
    /// A complete dictionary (S-5).
    Dictionary = 2,
    /// A record batch.
    Batch = 3,
}

/// An entry of the record table, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// OTAP payload type; 0 for plain Arrow.
    pub payload: u16,
    /// What the record is.
    pub kind: Kind,
    /// The record's schema.
    pub schema_id: u32,
    /// Which dictionary it replaces; 0 unless the kind is [`Kind::Dictionary`].
    pub dictionary_id: u64,
    /// Where the encapsulated message begins in the slot.
    pub offset: u32,
    /// Bytes of continuation, length and flatbuffer with padding.
    pub metadata_len: u32,
    /// Bytes of the body, which follows the metadata.
    pub body_len: u32,
    /// Rows of the record or dictionary batch.
    pub rows: u32,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Wire {
    payload: u16,
    kind: u8,
    reserved: u8,
    schema_id: u32,
    dictionary_id: u64,
    offset: u32,
    metadata_len: u32,
    body_len: u32,
    rows: u32,
}

const _: () = assert!(size_of::<Wire>() == ENTRY_LEN);

impl Record {
    /// Bytes of the message's metadata in the slot.
    #[must_use]
    pub fn metadata(&self) -> std::ops::Range<usize> {
        let from = self.offset as usize;
        from..from + self.metadata_len as usize
    }

    /// Bytes of the message's body in the slot.
    #[must_use]
    pub fn body(&self) -> std::ops::Range<usize> {
        let from = self.offset as usize + self.metadata_len as usize;
        from..from + self.body_len as usize
    }

    /// Writes the entry to 32 bytes.
    pub(crate) fn write(&self, to: &mut [u8]) {
        let wire = Wire {
            payload: self.payload,
            kind: self.kind as u8,
            reserved: 0,
            schema_id: self.schema_id,
            dictionary_id: self.dictionary_id,
            offset: self.offset,
            metadata_len: self.metadata_len,
            body_len: self.body_len,
            rows: self.rows,
        };
        to.copy_from_slice(bytemuck::bytes_of(&wire));
    }

    fn check(wire: &Wire, low: u32, high: u32) -> Result<Self, Error> {
        require(
            wire.reserved == 0,
            "reserved",
            wire.reserved.into(),
            Expected::Exactly(0),
        )?;
        let kind = Kind::from_repr(wire.kind)
            .ok_or_else(|| field_error("kind", wire.kind.into(), Expected::Known))?;
        let dictionary = wire.dictionary_id;
        let fits = kind == Kind::Dictionary || dictionary == 0;
        require(fits, "dictionary_id", dictionary, Expected::Exactly(0))?;
        let inline = kind != Kind::Schema || wire.schema_id == 0;
        require(
            inline,
            "schema_id",
            wire.schema_id.into(),
            Expected::Exactly(0),
        )?;
        for (field, value) in [
            ("offset", wire.offset),
            ("metadata_len", wire.metadata_len),
            ("body_len", wire.body_len),
        ] {
            require(
                value.is_multiple_of(64),
                field,
                value.into(),
                Expected::MultipleOf(64),
            )?;
        }
        let len = wire.metadata_len;
        require(len >= 64, "metadata_len", len.into(), Expected::AtLeast(64))?;
        let offset = u64::from(wire.offset);
        let end = offset + u64::from(wire.metadata_len) + u64::from(wire.body_len);
        let (low, high) = (u64::from(low), u64::from(high));
        if offset < low || end > high {
            return Err(Error::Range {
                part: PART,
                field: "offset",
                offset,
                end,
                low,
                high,
            });
        }
        Ok(Self {
            payload: wire.payload,
            kind,
            schema_id: wire.schema_id,
            dictionary_id: dictionary,
            offset: wire.offset,
            metadata_len: wire.metadata_len,
            body_len: wire.body_len,
            rows: wire.rows,
        })
    }
}

fn require(holds: bool, field: &'static str, found: u64, expected: Expected) -> Result<(), Error> {
    if holds {
        Ok(())
    } else {
        Err(field_error(field, found, expected))
    }
}

fn field_error(field: &'static str, found: u64, expected: Expected) -> Error {
    Error::Field {
        part: PART,
        field,
        found,
        expected,
    }
}

/// The records of a batch in logical order; each is checked when it is taken.
#[derive(Debug, Clone)]
pub struct RecordTable<'a> {
    entries: std::slice::ChunksExact<'a, u8>,
    low: u32,
    high: u32,
}

impl<'a> RecordTable<'a> {
    /// The table of these entries, whose records lie in `low..high` of the slot.
    pub(crate) fn new(entries: &'a [u8], low: u32, high: u32) -> Self {
        Self {
            entries: entries.chunks_exact(ENTRY_LEN),
            low,
            high,
        }
    }
}

impl Iterator for RecordTable<'_> {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let wire = bytemuck::pod_read_unaligned(self.entries.next()?);
        let record = Record::check(&wire, self.low, self.high);
        if let Ok(record) = &record {
            // In range: the record lies in the slot.
            self.low = record.body().end as u32;
        }
        Some(record)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl ExactSizeIterator for RecordTable<'_> {}
