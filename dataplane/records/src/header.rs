//! The batch header: written, read, and checked (format sections 1, S-1 and S-2).
//!
//! [`BatchView::parse`] checks everything that a header and its variable section name, once and
//! without allocation; after that every accessor is infallible. What the record table and the
//! payload hold is checked by [`crate::table`], [`crate::batch`] and [`crate::difference`].

use crate::errors::{Error, Expected};
use crate::limits::{MAX_METADATA, MAX_RECORDS, MAX_TRACESTATE};
use crate::table::{ENTRY_LEN, RecordTable};
use crate::variable::{self, Metadata, Variable};
use bytemuck::{Pod, Zeroable};
use strum::FromRepr;

/// Bytes of a batch header; the variable section begins behind it.
pub const HEADER_LEN: usize = 96;

const MAGIC: u32 = u32::from_le_bytes(*b"SBH1");
const VERSION: u16 = 1;
const PART: &str = "batch header";
const FLAG_REMOTE: u16 = 1;
const FLAG_PROJECTED: u16 = 2;

/// What kind of telemetry a batch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, FromRepr)]
#[repr(u8)]
pub enum Signal {
    /// None: plain Arrow.
    #[default]
    None = 0,
    /// Logs.
    Logs = 1,
    /// Traces.
    Traces = 2,
    /// Metrics.
    Metrics = 3,
    /// Profiles.
    Profiles = 4,
}

/// How a batch holds its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, FromRepr)]
#[repr(u8)]
pub enum Encoding {
    /// OTAP records.
    Records = 1,
    /// The bytes of an Export*ServiceRequest.
    Otlp = 2,
    /// Record batches of any schema.
    Arrow = 3,
    /// What differs from the ingress batch (section 4).
    Difference = 4,
}

impl Encoding {
    /// Whether the data is in records rather than in one payload.
    #[must_use]
    pub fn has_records(self) -> bool {
        matches!(self, Self::Records | Self::Arrow)
    }
}

/// What a batch header says about the batch, apart from where its parts lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Signal.
    pub signal: Signal,
    /// Encoding of the data.
    pub encoding: Encoding,
    /// The caller's span context came from another process.
    pub remote: bool,
    /// Only what the unit reads was sent.
    pub projected: bool,
    /// Log records, spans or data points; rows for plain Arrow.
    pub items: u32,
    /// The call that this batch belongs to; 0: none.
    pub call_id: u64,
    /// Absolute `CLOCK_MONOTONIC` time in nanoseconds, 0: none.
    pub deadline_ns: u64,
    /// Trace id of the caller's span context, or 0.
    pub trace_id: [u8; 16],
    /// Span id of the caller's span context, or 0.
    pub span_id: [u8; 8],
    /// Trace flags of the caller's span context.
    pub trace_flags: u8,
}

impl Header {
    /// A header with nothing but signal, encoding and item count.
    #[must_use]
    pub fn new(signal: Signal, encoding: Encoding, items: u32) -> Self {
        Self {
            signal,
            encoding,
            remote: false,
            projected: false,
            items,
            call_id: 0,
            deadline_ns: 0,
            trace_id: [0; 16],
            span_id: [0; 8],
            trace_flags: 0,
        }
    }
}

/// The header as it lies in the slot.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Wire {
    magic: u32,
    version: u16,
    flags: u16,
    signal: u8,
    encoding: u8,
    reserved_10: u16,
    items: u32,
    call_id: u64,
    deadline_ns: u64,
    trace_id: [u8; 16],
    span_id: [u8; 8],
    trace_flags: u8,
    reserved_57: u8,
    tracestate_len: u16,
    variable_len: u32,
    metadata_count: u32,
    record_count: u32,
    table_offset: u32,
    payload_offset: u32,
    payload_len: u32,
    total_len: u32,
    reserved_88: u64,
}

const _: () = assert!(size_of::<Wire>() == HEADER_LEN && cfg!(target_endian = "little"));

/// Where the parts of a batch lie, for writing a header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) record_count: u32,
    pub(crate) table_offset: u32,
    pub(crate) payload_offset: u32,
    pub(crate) payload_len: u32,
    pub(crate) total_len: u32,
}

/// Writes header and variable section to the beginning of a slot that is long enough.
pub(crate) fn write(slot: &mut [u8], header: &Header, variable: &Variable, parts: Parts) {
    let wire = Wire {
        magic: MAGIC,
        version: VERSION,
        flags: u16::from(header.remote) * FLAG_REMOTE
            + u16::from(header.projected) * FLAG_PROJECTED,
        signal: header.signal as u8,
        encoding: header.encoding as u8,
        reserved_10: 0,
        items: header.items,
        call_id: header.call_id,
        deadline_ns: header.deadline_ns,
        trace_id: header.trace_id,
        span_id: header.span_id,
        trace_flags: header.trace_flags,
        reserved_57: 0,
        tracestate_len: variable.tracestate_len(),
        variable_len: variable.len() as u32,
        metadata_count: variable.metadata_count(),
        record_count: parts.record_count,
        table_offset: parts.table_offset,
        payload_offset: parts.payload_offset,
        payload_len: parts.payload_len,
        total_len: parts.total_len,
        reserved_88: 0,
    };
    slot[..HEADER_LEN].copy_from_slice(bytemuck::bytes_of(&wire));
    slot[HEADER_LEN..HEADER_LEN + variable.len()].copy_from_slice(variable.as_bytes());
}

/// A batch slot whose header and variable section have been checked.
#[derive(Debug, Clone, Copy)]
pub struct BatchView<'a> {
    slot: &'a [u8],
    header: Header,
    wire: Wire,
}

impl<'a> BatchView<'a> {
    /// Checks the header and the variable section of a batch slot.
    ///
    /// `slot` is exactly as long as the descriptor says.
    ///
    /// # Errors
    /// The first thing that is wrong, with the field, its value and the limit (S-2).
    pub fn parse(slot: &'a [u8]) -> Result<Self, Error> {
        let head = slot.get(..HEADER_LEN).ok_or(Error::Truncated {
            part: PART,
            needed: HEADER_LEN as u64,
            found: slot.len() as u64,
        })?;
        let wire: Wire = bytemuck::pod_read_unaligned(head);
        let header = check_fields(&wire)?;
        check_parts(&wire, &header, slot.len())?;
        let view = Self { slot, header, wire };
        variable::check(view.variable(), wire.tracestate_len, wire.metadata_count)?;
        Ok(view)
    }

    /// What the header says.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The W3C tracestate, often empty.
    #[must_use]
    pub fn tracestate(&self) -> &'a [u8] {
        &self.variable()[..usize::from(self.wire.tracestate_len)]
    }

    /// The client metadata, in order and with repetitions.
    #[must_use]
    pub fn metadata(&self) -> Metadata<'a> {
        let entries = &self.variable()[usize::from(self.wire.tracestate_len)..];
        Metadata::new(entries, self.wire.metadata_count)
    }

    /// The OTLP bytes or the difference; empty if the data is in records.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        &self.slot[self.payload_range()]
    }

    /// Where the payload lies in the slot.
    #[must_use]
    pub fn payload_range(&self) -> std::ops::Range<usize> {
        let from = self.wire.payload_offset as usize;
        from..from + self.wire.payload_len as usize
    }

    /// Number of entries of the record table.
    #[must_use]
    pub fn record_count(&self) -> u32 {
        self.wire.record_count
    }

    /// The record table; empty if the data is one payload.
    #[must_use]
    pub fn records(&self) -> RecordTable<'a> {
        let from = self.wire.table_offset as usize;
        let entries = &self.slot[from..from + self.wire.record_count as usize * ENTRY_LEN];
        // Records begin behind the table (S-20). In range: the table lies in the slot.
        let low = self.wire.table_offset + entries.len() as u32;
        RecordTable::new(entries, low, self.wire.total_len)
    }

    /// The variable section as it lies in the slot: the tracestate, then the metadata.
    #[must_use]
    pub fn variable(&self) -> &'a [u8] {
        &self.slot[HEADER_LEN..HEADER_LEN + self.wire.variable_len as usize]
    }

    /// Makes `to` the same variable section, byte for byte.
    pub fn copy_variable(&self, to: &mut Variable) {
        let (tracestate, keys) = (self.wire.tracestate_len, self.wire.metadata_count);
        to.copy_from(self.variable(), tracestate, keys);
    }
}

fn check_fields(wire: &Wire) -> Result<Header, Error> {
    if wire.magic != MAGIC {
        return Err(Error::Magic {
            part: PART,
            found: wire.magic,
            expected: MAGIC,
        });
    }
    if wire.version != VERSION {
        return Err(Error::Version {
            found: wire.version,
            expected: VERSION,
        });
    }
    let known = u64::from(FLAG_REMOTE | FLAG_PROJECTED);
    at_most("flags", wire.flags.into(), known)?;
    for (field, value) in [
        ("reserved at 10", u64::from(wire.reserved_10)),
        ("reserved at 57", u64::from(wire.reserved_57)),
        ("reserved at 88", wire.reserved_88),
    ] {
        require(value == 0, field, value, Expected::Exactly(0))?;
    }
    at_most(
        "tracestate_len",
        wire.tracestate_len.into(),
        MAX_TRACESTATE as u64,
    )?;
    at_most(
        "metadata_count",
        wire.metadata_count.into(),
        MAX_METADATA.into(),
    )?;
    at_most("record_count", wire.record_count.into(), MAX_RECORDS.into())?;
    let unknown = |field, value: u8| field_error(field, value.into(), Expected::Known);
    Ok(Header {
        signal: Signal::from_repr(wire.signal).ok_or_else(|| unknown("signal", wire.signal))?,
        encoding: Encoding::from_repr(wire.encoding)
            .ok_or_else(|| unknown("encoding", wire.encoding))?,
        remote: wire.flags & FLAG_REMOTE != 0,
        projected: wire.flags & FLAG_PROJECTED != 0,
        items: wire.items,
        call_id: wire.call_id,
        deadline_ns: wire.deadline_ns,
        trace_id: wire.trace_id,
        span_id: wire.span_id,
        trace_flags: wire.trace_flags,
    })
}

fn check_parts(wire: &Wire, header: &Header, slot_len: usize) -> Result<(), Error> {
    let total = u64::from(wire.total_len);
    let expected = Expected::Exactly(slot_len as u64);
    require(total == slot_len as u64, "total_len", total, expected)?;
    let low = HEADER_LEN as u64 + u64::from(wire.variable_len);
    require(
        low <= total,
        "variable_len",
        wire.variable_len.into(),
        Expected::AtMost(total.saturating_sub(HEADER_LEN as u64)),
    )?;
    let tracestate = u64::from(wire.tracestate_len);
    at_most("tracestate_len", tracestate, wire.variable_len.into())?;

    let records = header.encoding.has_records();
    if wire.record_count > 0 {
        let len = u64::from(wire.record_count) * ENTRY_LEN as u64;
        require(
            records,
            "record_count",
            wire.record_count.into(),
            Expected::Encoding,
        )?;
        part("table_offset", wire.table_offset, len, 8, low, total)?;
    } else {
        let found = u64::from(wire.table_offset);
        require(found == 0, "table_offset", found, Expected::Exactly(0))?;
    }
    let (offset, len) = (wire.payload_offset, u64::from(wire.payload_len));
    if offset == 0 {
        require(len == 0, "payload_len", len, Expected::Exactly(0))
    } else {
        require(
            !records,
            "payload_offset",
            offset.into(),
            Expected::Encoding,
        )?;
        part("payload_offset", offset, len, 64, low, total)
    }
}

/// Checks that an offset is aligned and that it and its length lie in `low..high`.
fn part(
    field: &'static str,
    offset: u32,
    len: u64,
    align: u64,
    low: u64,
    high: u64,
) -> Result<(), Error> {
    let offset = u64::from(offset);
    require(
        offset % align == 0,
        field,
        offset,
        Expected::MultipleOf(align),
    )?;
    let end = offset + len;
    if offset < low || end > high {
        return Err(Error::Range {
            part: PART,
            field,
            offset,
            end,
            low,
            high,
        });
    }
    Ok(())
}

fn at_most(field: &'static str, found: u64, limit: u64) -> Result<(), Error> {
    require(found <= limit, field, found, Expected::AtMost(limit))
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
