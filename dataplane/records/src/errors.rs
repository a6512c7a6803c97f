//! Every way in which a slot can be wrong or cannot be written.
//!
//! An error says what part of the slot it is about, what was found and what would have been right.
//! Nothing in here allocates unless it names a column.

use thiserror::Error;

/// What an [`enum@Error`] says about the bytes, and so how far it reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The slot is not laid out as the format says: nothing was taken from it, and the link ends
    /// with the protocol's close code `content`, because its two sides no longer agree on what
    /// crosses.
    Content,
    /// The slot is well formed and holds a value that it must not hold, such as text that is not
    /// UTF-8. The call that the batch belongs to ends, and nothing else.
    Value,
    /// What was to be written is beyond a limit of the format, or of the slot. Nothing crossed.
    Limit,
}

/// What is wrong with a slot, a preamble or a difference, or why one cannot be written.
///
/// [`kind`](Error::kind) tells what ends the link from what ends a call only.
///
/// Reading never changes anything before all checks have passed, so the receiver of an error may
/// drop the slot and go on, or close the link: that is the caller's policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A part ends before it is complete.
    #[error("{part} needs {needed} bytes and has {found}")]
    Truncated {
        /// The part of the slot.
        part: &'static str,
        /// Bytes it needs.
        needed: u64,
        /// Bytes there are.
        found: u64,
    },
    /// The first four bytes are not the expected ones.
    #[error("{part} begins with {found:#010x}, expected {expected:#010x}")]
    Magic {
        /// The part of the slot.
        part: &'static str,
        /// The magic found, as a little-endian number.
        found: u32,
        /// The magic expected.
        expected: u32,
    },
    /// The other side writes another version of the format.
    #[error(
        "batch header has version {found}, this side reads version {expected}: \
         build both sides from the same release"
    )]
    Version {
        /// The version found.
        found: u16,
        /// The version this crate reads.
        expected: u16,
    },
    /// A field holds a value that it must not hold (S-2).
    #[error("{part}: {field} is {found}, {expected}")]
    Field {
        /// The part of the slot.
        part: &'static str,
        /// The field, as in the format's tables.
        field: &'static str,
        /// Its value.
        found: u64,
        /// What would have been right.
        expected: Expected,
    },
    /// An offset and a length name bytes outside of what holds them (S-2).
    #[error("{part}: {field} names bytes {offset}..{end}, allowed are {low}..{high}")]
    Range {
        /// The part of the slot.
        part: &'static str,
        /// The field, as in the format's tables.
        field: &'static str,
        /// First byte named.
        offset: u64,
        /// First byte behind those named.
        end: u64,
        /// First byte allowed.
        low: u64,
        /// First byte behind those allowed.
        high: u64,
    },
    /// The memory handed in does not begin at a multiple of 64.
    #[error(
        "the slot's memory begins at an address that is {found} behind a multiple of 64, expected \
         0: copy it with `Slot::copy_of`"
    )]
    Misaligned {
        /// Address modulo 64.
        found: usize,
    },
    /// A batch or preamble breaks the numbering of schemas (S-6, S-7, S-8).
    #[error("schema {id} {problem}")]
    Schema {
        /// The schema's id.
        id: u32,
        /// What is wrong with it.
        problem: SchemaProblem,
    },
    /// A record's metadata or body is wrong.
    #[error(
        "record {record} (payload {payload}, schema {schema_id}){}: {problem}",
        Column(.column)
    )]
    Record {
        /// Index in the record table.
        record: u32,
        /// OTAP payload type, 0 for plain Arrow.
        payload: u16,
        /// The record's schema.
        schema_id: u32,
        /// Name of the top-level column, empty if the record as a whole is meant.
        column: String,
        /// What is wrong with it.
        problem: Problem,
    },
    /// The slot is smaller than what is to be written.
    #[error("the slot has {found} bytes, the batch needs {needed}: ask for the measured length")]
    SlotTooSmall {
        /// Measured length.
        needed: u64,
        /// Length of the slot handed in.
        found: u64,
    },
    /// What is to be written is beyond a limit of the format.
    #[error("{what} is {found}, the format holds at most {limit}: split the batch")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// A column cannot be written.
    #[error("payload {payload}, column `{column}` cannot be written: {reason}")]
    Unwritable {
        /// OTAP payload type, 0 for plain Arrow.
        payload: u16,
        /// The column.
        column: String,
        /// Why.
        reason: String,
    },
    /// A difference is wrong (S-15).
    #[error("difference: operation {operation}: {problem}")]
    Operation {
        /// Index of the operation.
        operation: u32,
        /// What is wrong with it.
        problem: OperationProblem,
    },
}

impl Error {
    /// Whether the slot is malformed, a value in it is wrong, or something cannot be written.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Operation { .. } => ErrorKind::Value,
            Self::Record {
                problem: Problem::Text { .. },
                ..
            } => ErrorKind::Value,
            Self::SlotTooSmall { .. } | Self::TooLarge { .. } | Self::Unwritable { .. } => {
                ErrorKind::Limit
            }
            _ => ErrorKind::Content,
        }
    }
}

/// What a field should have held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Expected {
    /// This value.
    #[error("expected {0}")]
    Exactly(u64),
    /// This value or less.
    #[error("expected at most {0}")]
    AtMost(u64),
    /// This value or more.
    #[error("expected at least {0}")]
    AtLeast(u64),
    /// A multiple of this value.
    #[error("expected a multiple of {0}")]
    MultipleOf(u64),
    /// One of the values that the format names.
    #[error("which the format does not know")]
    Known,
    /// Two fields belong together.
    #[error("which does not fit the batch's encoding")]
    Encoding,
}

/// What is wrong with a schema.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SchemaProblem {
    /// Used before it was published.
    #[error("has not been published")]
    Unknown,
    /// Published a second time.
    #[error("was published twice")]
    Twice,
    /// Ids are given without gaps.
    #[error("was published out of order, expected {expected}")]
    Order {
        /// The next id.
        expected: u32,
    },
    /// There are too many.
    #[error("is one too many for payload {payload}, the limit is {limit}")]
    TooMany {
        /// OTAP payload type.
        payload: u16,
        /// The limit.
        limit: u32,
    },
    /// It has more of something, or the epoch would have, than the format allows (S-8, S-18, S-19).
    #[error("has {found} {what}, the limit is {limit}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: u64,
        /// How much may be there.
        limit: u64,
    },
    /// Used for another payload than it was published for.
    #[error("was published for payload {expected} and is used for {found}")]
    Payload {
        /// Payload of the preamble.
        expected: u16,
        /// Payload of the record.
        found: u16,
    },
    /// The message cannot be read as a schema.
    #[error("cannot be read: {0}")]
    Message(String),
    /// Dictionary ids are 0, 1, 2, ... in depth-first order (S-5).
    #[error("gives dictionary id {found} to column `{column}`, expected {expected}")]
    DictionaryId {
        /// Name of the field.
        column: String,
        /// Id in the message.
        found: i64,
        /// Id by position.
        expected: i64,
    },
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// The metadata is not a flatbuffer of the expected shape.
    #[error("metadata: {0}")]
    Metadata(&'static str),
    /// A number in the metadata differs from where else it is stated.
    #[error("{what} is {found} in the metadata, expected {expected}")]
    Differs {
        /// What number.
        what: &'static str,
        /// In the metadata.
        found: i64,
        /// Elsewhere.
        expected: i64,
    },
    /// The metadata lists fewer or more nodes or buffers than the schema needs.
    #[error("the metadata lists {found} {what}, the schema needs {needed}")]
    Count {
        /// Nodes or buffers.
        what: &'static str,
        /// Listed.
        found: u64,
        /// Needed; at least that many where the list was too short.
        needed: u64,
    },
    /// A buffer lies outside of the body, or is not aligned.
    #[error(
        "buffer {index} is at {offset} with {len} bytes, the body has {body} and buffers are \
         64-aligned"
    )]
    Buffer {
        /// Index of the buffer.
        index: u64,
        /// Offset in the body.
        offset: i64,
        /// Bytes.
        len: i64,
        /// Bytes of the body.
        body: u64,
    },
    /// A buffer is too small for the array's length.
    #[error("a buffer has {found} bytes, {len} values need {needed}")]
    Short {
        /// Values.
        len: u64,
        /// Bytes needed.
        needed: u64,
        /// Bytes there are.
        found: u64,
    },
    /// A length or null count is not possible.
    #[error("a node has length {len} and {nulls} nulls")]
    Node {
        /// Length.
        len: i64,
        /// Nulls.
        nulls: i64,
    },
    /// The null count differs from the validity bitmap.
    #[error("the null count is {stated}, the bitmap has {counted}")]
    NullCount {
        /// In the metadata.
        stated: u64,
        /// In the bitmap.
        counted: u64,
    },
    /// Offsets decrease or lead out of the values.
    #[error("offsets run from {first} to {last} over {limit} values, and must not decrease")]
    Offsets {
        /// The first offset.
        first: i64,
        /// The last offset.
        last: i64,
        /// Bytes or elements there are.
        limit: u64,
    },
    /// A dictionary key is not below the dictionary's length.
    #[error("row {row} has dictionary key {key}, the dictionary has {len} values")]
    Key {
        /// Row.
        row: u64,
        /// Key.
        key: i64,
        /// Length of the dictionary.
        len: u64,
    },
    /// No dictionary batch came before the record batch.
    #[error("dictionary {0} is missing")]
    NoDictionary(u64),
    /// The slot's records have too many arrays in sum (S-21).
    #[error("the records of the slot have more than {limit} arrays")]
    Nodes {
        /// How many there may be.
        limit: u32,
    },
    /// The slot's buffers are longer in sum than may be checked (S-21): some share their bytes.
    #[error(
        "the buffers of the slot's records have more than {limit} bytes in sum, 4 times the slot's"
    )]
    Checked {
        /// How many bytes there may be.
        limit: u64,
    },
    /// Text is not UTF-8 (S-13): a wrong value, not a wrong slot.
    #[error("text is not UTF-8 from byte {at} of {len} on")]
    Text {
        /// Bytes that are UTF-8.
        at: u64,
        /// Bytes of the column's text.
        len: u64,
    },
    /// Arrays that belong together differ in length.
    #[error("a child has {found} values, expected {expected}")]
    Length {
        /// Values of the child.
        found: u64,
        /// Values it should have.
        expected: u64,
    },
    /// The Arrow library refuses the array.
    #[error("{0}")]
    Arrow(String),
}

/// What is wrong with an operation of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OperationProblem {
    /// No difference changes this column.
    #[error("column {column} of payload {payload} cannot be changed by a difference of this batch")]
    Target {
        /// The table's payload type.
        payload: u16,
        /// The column's number.
        column: u8,
    },
    /// A field holds a value that it must not hold.
    #[error("{field} is {found}, {expected}")]
    Field {
        /// The field.
        field: &'static str,
        /// Its value.
        found: u64,
        /// What would have been right.
        expected: Expected,
    },
    /// A key or value lies outside of the data.
    #[error("{field} is at {offset} with {len} bytes, the data has {limit}")]
    Data {
        /// Key or value.
        field: &'static str,
        /// Offset in the data.
        offset: u32,
        /// Bytes.
        len: u32,
        /// Bytes of the data.
        limit: u32,
    },
    /// A key or a string is not UTF-8 (S-13).
    #[error("{field} is not UTF-8")]
    Text {
        /// Key or value.
        field: &'static str,
    },
    /// The owner's ordinal does not exist.
    #[error("owner {found} does not exist, there are {limit}")]
    Owner {
        /// Ordinal.
        found: u32,
        /// How many there are.
        limit: u32,
    },
}

/// Prints the column, if there is one.
struct Column<'a>(&'a str);

impl std::fmt::Display for Column<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, " column `{}`", self.0)
        }
    }
}
