//! The columns of a log batch's tables and their types: what a [`Batch`] is
//! checked against when it is made, so that its views need no checks.
//!
//! [`Batch`]: crate::Batch

use arrow_array::{Array, RecordBatch, StructArray};
use arrow_schema::{DataType, Field, Fields, TimeUnit};

use crate::{BatchError, Payload};

/// The type of a column's values; where it says so, a dictionary may stand before.
enum Type {
    Boolean,
    UInt8,
    UInt16Id,
    UInt32,
    Int32,
    Int64,
    Float64,
    Timestamp,
    Utf8,
    Binary,
    Fixed(i32),
}

impl Type {
    fn accepts(&self, found: &DataType) -> bool {
        match found {
            // 8-bit keys are allowed only where a column's minimum is 8 bits, but a
            // reader has no reason to insist.
            DataType::Dictionary(key, value) => {
                matches!(**key, DataType::UInt8 | DataType::UInt16)
                    && matches!(
                        self,
                        Self::Int32 | Self::Int64 | Self::Utf8 | Self::Binary | Self::Fixed(_)
                    )
                    && self.is(value)
            }
            _ => self.is(found),
        }
    }

    fn is(&self, found: &DataType) -> bool {
        match self {
            Self::Timestamp => matches!(found, DataType::Timestamp(TimeUnit::Nanosecond, _)),
            _ => *found == self.plain(),
        }
    }

    fn plain(&self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::UInt8 => DataType::UInt8,
            Self::UInt16Id => DataType::UInt16,
            Self::UInt32 => DataType::UInt32,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float64 => DataType::Float64,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            Self::Utf8 => DataType::Utf8,
            Self::Binary => DataType::Binary,
            Self::Fixed(size) => DataType::FixedSizeBinary(*size),
        }
    }
}

/// One column: its path for messages (`body.str`), its type, whether it must be there.
struct Column {
    path: &'static str,
    parent: Option<&'static str>,
    name: &'static str,
    kind: Type,
    required: bool,
}

const fn column(path: &'static str, kind: Type) -> Column {
    Column {
        path,
        parent: None,
        name: path,
        kind,
        required: false,
    }
}

const fn required(path: &'static str, kind: Type) -> Column {
    Column {
        path,
        parent: None,
        name: path,
        kind,
        required: true,
    }
}

/// `required` of a child: it must be there when its struct is.
const fn child(
    path: &'static str,
    parent: &'static str,
    name: &'static str,
    kind: Type,
    required: bool,
) -> Column {
    Column {
        path,
        parent: Some(parent),
        name,
        kind,
        required,
    }
}

const LOGS: &[Column] = &[
    column("id", Type::UInt16Id),
    column("time_unix_nano", Type::Timestamp),
    column("observed_time_unix_nano", Type::Timestamp),
    column("severity_number", Type::Int32),
    column("severity_text", Type::Utf8),
    column("event_name", Type::Utf8),
    column("flags", Type::UInt32),
    column("dropped_attributes_count", Type::UInt32),
    column("trace_id", Type::Fixed(16)),
    column("span_id", Type::Fixed(8)),
    column("schema_url", Type::Utf8),
    child("body.type", "body", "type", Type::UInt8, true),
    child("body.str", "body", "str", Type::Utf8, false),
    child("body.int", "body", "int", Type::Int64, false),
    child("body.double", "body", "double", Type::Float64, false),
    child("body.bool", "body", "bool", Type::Boolean, false),
    child("body.bytes", "body", "bytes", Type::Binary, false),
    child("body.ser", "body", "ser", Type::Binary, false),
    child("resource.id", "resource", "id", Type::UInt16Id, false),
    child(
        "resource.schema_url",
        "resource",
        "schema_url",
        Type::Utf8,
        false,
    ),
    child("scope.id", "scope", "id", Type::UInt16Id, false),
    child("scope.name", "scope", "name", Type::Utf8, false),
    child("scope.version", "scope", "version", Type::Utf8, false),
];

const ATTRIBUTES: &[Column] = &[
    required("parent_id", Type::UInt16Id),
    required("key", Type::Utf8),
    required("type", Type::UInt8),
    column("str", Type::Utf8),
    column("int", Type::Int64),
    column("double", Type::Float64),
    column("bool", Type::Boolean),
    column("bytes", Type::Binary),
    column("ser", Type::Binary),
];

/// Checks a table against its schema. Columns that the schema does not name are
/// left alone.
pub(crate) fn check(payload: Payload, records: &RecordBatch) -> Result<(), BatchError> {
    let columns = if payload == Payload::Logs {
        LOGS
    } else {
        ATTRIBUTES
    };
    for column in columns {
        let fields = match column.parent {
            None => Some(records.schema_ref().fields()),
            Some(parent) => children(payload, column.path, parent, records)?,
        };
        let Some(fields) = fields else { continue };
        match fields.find(column.name) {
            Some((_, field)) => check_field(payload, column, field)?,
            None if column.required => {
                return Err(BatchError::MissingColumn {
                    payload: payload.name(),
                    column: column.path,
                });
            }
            None => {}
        }
    }
    Ok(())
}

fn check_field(payload: Payload, column: &Column, field: &Field) -> Result<(), BatchError> {
    if !column.kind.accepts(field.data_type()) {
        return Err(BatchError::ColumnType {
            payload: payload.name(),
            column: column.path,
            found: field.data_type().to_string(),
            expected: column.kind.plain().to_string(),
        });
    }
    let plain = field
        .metadata()
        .get("encoding")
        .is_some_and(|e| e == "plain");
    if matches!(column.kind, Type::UInt16Id) && !plain {
        return Err(BatchError::EncodedIds {
            payload: payload.name(),
            column: column.path,
        });
    }
    Ok(())
}

fn children<'a>(
    payload: Payload,
    path: &'static str,
    parent: &str,
    records: &'a RecordBatch,
) -> Result<Option<&'a Fields>, BatchError> {
    let Some(array) = records.column_by_name(parent) else {
        return Ok(None);
    };
    match array.as_any().downcast_ref::<StructArray>() {
        Some(array) => Ok(Some(array.fields())),
        None => Err(BatchError::ColumnType {
            payload: payload.name(),
            column: path,
            found: format!("{parent}: {}", array.data_type()),
            expected: format!("{parent}: Struct"),
        }),
    }
}
