//! OTAP's tables and their columns: their numbers, names and types.
//!
//! The lists are generated from `schema/otap.json`, which is what the engine says of them, and
//! `schema/overlay.json`, which says what OTAP does not: the role of a column, and what a
//! difference may change.
//!
//! ```
//! use strait_records::otap::{PayloadSchema, column, payload};
//!
//! let logs = PayloadSchema::of(payload::LOGS).expect("a table of OTAP");
//! let body = &logs.columns[usize::from(column::logs::BODY)];
//! assert_eq!((logs.name, body.path), ("logs", "body"));
//! ```

use arrow_schema::{DataType, Field, TimeUnit};
use std::collections::HashMap;
use std::sync::Arc;

include!("schema_gen.rs");

/// One payload type: a table.
#[derive(Debug)]
#[non_exhaustive]
pub struct PayloadSchema {
    /// OTAP's number.
    pub number: u16,
    /// OTAP's name, such as `log_attrs`.
    pub name: &'static str,
    /// Whether a difference may name the table.
    pub difference: bool,
    /// Its columns, depth first: those within a struct or a list follow it. The place is the
    /// column's number.
    pub columns: &'static [ColumnSchema],
}

/// One column of a table.
#[derive(Debug)]
#[non_exhaustive]
pub struct ColumnSchema {
    /// Its name, behind those of the structs and lists around it: `body.str`.
    pub path: &'static str,
    /// The type of its values, whether or not they stand behind a dictionary.
    pub column_type: ColumnType,
    /// What it is there for.
    pub role: Role,
    /// Whether a difference may change it.
    pub difference: bool,
    /// How many of the columns behind it are within it.
    pub nested: usize,
}

/// The type of a column, by the engine's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // they are Arrow's
pub enum ColumnType {
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

/// What a column is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A value of each row.
    Row,
    /// The same in all rows of one scope.
    Run,
    /// The ordinal that rows of other tables name as their parent.
    Id,
    /// The id of the row that this one belongs to.
    Parent,
    /// A part of a value of any type.
    Value,
}

impl PayloadSchema {
    const fn new(
        number: u16,
        name: &'static str,
        difference: bool,
        columns: &'static [ColumnSchema],
    ) -> Self {
        Self {
            number,
            name,
            difference,
            columns,
        }
    }

    /// The payload type with this number; none where OTAP has no columns for it.
    #[must_use]
    pub fn of(number: u16) -> Option<&'static Self> {
        SCHEMAS.iter().find(|schema| schema.number == number)
    }

    /// All columns as plain, nullable Arrow fields.
    pub(crate) fn plain_fields(&self) -> Vec<Field> {
        plain_fields(self.columns)
    }
}

impl ColumnSchema {
    const fn new(
        path: &'static str,
        column_type: ColumnType,
        role: Role,
        difference: bool,
        nested: usize,
    ) -> Self {
        Self {
            path,
            column_type,
            role,
            difference,
            nested,
        }
    }

    /// Its name within the struct that it is in.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path
            .rsplit_once('.')
            .map_or(self.path, |(_, name)| name)
    }

    fn plain_field(&self, within: &[Self]) -> Field {
        let field = Field::new(self.name(), self.column_type.plain(within), true);
        match self.role {
            Role::Id | Role::Parent => {
                let encoding = ("encoding".to_owned(), "plain".to_owned());
                field.with_metadata(HashMap::from([encoding]))
            }
            Role::Row | Role::Run | Role::Value => field,
        }
    }
}

fn plain_fields(mut columns: &[ColumnSchema]) -> Vec<Field> {
    let mut fields = Vec::new();
    while let [column, behind @ ..] = columns {
        let (within, rest) = behind.split_at(column.nested);
        fields.push(column.plain_field(within));
        columns = rest;
    }
    fields
}

impl ColumnType {
    /// Arrow's type; `within` are the columns that a struct or a list has.
    fn plain(self, within: &[ColumnSchema]) -> DataType {
        match self {
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
            Self::TimestampNanosecond => {
                DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
            }
            Self::DurationNanosecond => DataType::Duration(TimeUnit::Nanosecond),
            Self::Struct => DataType::Struct(plain_fields(within).into()),
            Self::List => {
                let item = plain_fields(within).into_iter().next();
                DataType::List(Arc::new(item.expect("a list has an item")))
            }
        }
    }
}
