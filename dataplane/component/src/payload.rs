//! OTAP's payload types: the tables of a batch, and the columns of each.
//!
//! Both are generated from `dataplane/records/schema`.

use arrow_schema::{DataType, TimeUnit};

use crate::BatchError;

include!("schema_gen.rs");

impl Payload {
    /// OTAP's number of the payload type.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The payload type with this number.
    ///
    /// # Errors
    ///
    /// [`BatchError::UnknownPayload`]: OTAP has no such table.
    pub fn from_code(code: u8) -> Result<Self, BatchError> {
        let found = SCHEMAS.iter().find(|schema| schema.payload.code() == code);
        found
            .map(|schema| schema.payload)
            .ok_or(BatchError::UnknownPayload(code))
    }

    /// OTAP's name.
    pub fn name(self) -> &'static str {
        self.schema().name
    }

    pub(crate) fn schema(self) -> &'static PayloadSchema {
        &SCHEMAS[self.index()]
    }

    /// Whether its rows are attributes.
    pub fn is_attributes(self) -> bool {
        self.schema()
            .columns
            .iter()
            .any(|column| column.path == "key")
    }

    /// Its place among all of them.
    pub(crate) const fn index(self) -> usize {
        let mut at = 0;
        while SCHEMAS[at].payload as u8 != self as u8 {
            at += 1;
        }
        at
    }
}

/// One payload type and its columns, depth first: those within a struct or a list follow it.
pub(crate) struct PayloadSchema {
    pub(crate) payload: Payload,
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [ColumnSchema],
}

impl PayloadSchema {
    const fn new(payload: Payload, name: &'static str, columns: &'static [ColumnSchema]) -> Self {
        Self {
            payload,
            name,
            columns,
        }
    }
}

/// One column: what it may be.
pub(crate) struct ColumnSchema {
    /// Its name, behind those of the structs and lists around it: `body.str`.
    pub(crate) path: &'static str,
    /// Its name within the struct that it is in: `str`.
    pub(crate) name: &'static str,
    /// The type of its values.
    pub(crate) column_type: ColumnType,
    /// Whether the values may stand behind a dictionary.
    pub(crate) dictionary: bool,
    /// Whether it must be there; within a struct, where the struct is.
    pub(crate) required: bool,
    /// Whether its numbers are ids, which must be plain.
    pub(crate) id: bool,
    /// How many of the columns behind it are within it.
    pub(crate) nested: usize,
    /// What a component calls it; empty where it is a part of another column, or an id.
    pub(crate) declared: &'static str,
    /// Whether a host can send it without the others.
    pub(crate) sent_alone: bool,
}

impl ColumnSchema {
    const fn new(
        path: &'static str,
        column_type: ColumnType,
        dictionary: bool,
        required: bool,
        id: bool,
        nested: usize,
        (declared, sent_alone): (&'static str, bool),
    ) -> Self {
        Self {
            path,
            name: last_name(path),
            column_type,
            dictionary,
            required,
            id,
            nested,
            declared,
            sent_alone,
        }
    }
}

/// What is behind the last dot of a path.
const fn last_name(path: &str) -> &str {
    let mut from = path.len();
    while from > 0 && path.as_bytes()[from - 1] != b'.' {
        from -= 1;
    }
    path.split_at(from).1
}

/// The type of a column's values, by the engine's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Boolean,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Int32,
    Int64,
    Float64,
    Utf8,
    Binary,
    FixedSizeBinary(i32),
    TimestampNanosecond,
    DurationNanosecond,
    Struct,
    List,
}

impl ColumnType {
    /// Whether it is the type of these values; a timestamp's zone does not matter.
    pub(crate) fn is(self, found: &DataType) -> bool {
        let expected = match self {
            Self::Boolean => DataType::Boolean,
            Self::UInt8 => DataType::UInt8,
            Self::UInt16 => DataType::UInt16,
            Self::UInt32 => DataType::UInt32,
            Self::UInt64 => DataType::UInt64,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float64 => DataType::Float64,
            Self::Utf8 => DataType::Utf8,
            Self::Binary => DataType::Binary,
            Self::FixedSizeBinary(width) => DataType::FixedSizeBinary(width),
            Self::DurationNanosecond => DataType::Duration(TimeUnit::Nanosecond),
            Self::TimestampNanosecond => {
                return matches!(found, DataType::Timestamp(TimeUnit::Nanosecond, _));
            }
            Self::Struct => return matches!(found, DataType::Struct(_)),
            Self::List => return matches!(found, DataType::List(_)),
        };
        *found == expected
    }
}

/// Whose attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttributeTable {
    /// The logs'.
    Log,
    /// The resources'.
    Resource,
    /// The scopes'.
    Scope,
}

impl AttributeTable {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Log, Self::Resource, Self::Scope];

    /// The table's payload type.
    pub const fn payload(self) -> Payload {
        match self {
            Self::Log => Payload::LogAttributes,
            Self::Resource => Payload::ResourceAttributes,
            Self::Scope => Payload::ScopeAttributes,
        }
    }
}
