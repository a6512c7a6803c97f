//! What a table is checked against when a [`Batch`] is made of it, so that its views need no
//! checks.
//!
//! [`Batch`]: crate::Batch

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Fields};

use crate::payload::ColumnSchema;
use crate::{BatchError, Payload};

/// Checks a table against its schema. Columns that the schema does not name are
/// left alone.
pub(crate) fn check(payload: Payload, records: &RecordBatch) -> Result<(), BatchError> {
    check_fields(
        payload,
        payload.schema().columns,
        records.schema_ref().fields(),
    )
}

/// Checks the fields of a table or of a struct against its columns.
fn check_fields(
    payload: Payload,
    mut columns: &'static [ColumnSchema],
    fields: &Fields,
) -> Result<(), BatchError> {
    while let [column, behind @ ..] = columns {
        let (within, rest) = behind.split_at(column.nested);
        match fields.find(column.name) {
            Some((_, field)) => check_field(payload, column, within, field)?,
            None if column.required => {
                return Err(BatchError::MissingColumn {
                    payload: payload.name(),
                    column: column.path,
                });
            }
            None => {}
        }
        columns = rest;
    }
    Ok(())
}

fn check_field(
    payload: Payload,
    column: &ColumnSchema,
    within: &'static [ColumnSchema],
    field: &Field,
) -> Result<(), BatchError> {
    if !accepts(column, field.data_type()) {
        return Err(BatchError::ColumnType {
            payload: payload.name(),
            column: column.path,
            found: field.data_type().to_string(),
            expected: format!("{:?}", column.column_type),
        });
    }
    let encoding = field.metadata().get("encoding");
    if column.id && encoding.is_none_or(|encoding| encoding != "plain") {
        return Err(BatchError::EncodedIds {
            payload: payload.name(),
            column: column.path,
        });
    }
    match (field.data_type(), within) {
        (DataType::Struct(fields), within) => check_fields(payload, within, fields),
        (DataType::List(found), [item, within @ ..]) => check_field(payload, item, within, found),
        _ => Ok(()),
    }
}

/// Whether a column may have this type. 8-bit keys are allowed only where a column's minimum is 8
/// bits, but a reader has no reason to insist.
fn accepts(column: &ColumnSchema, found: &DataType) -> bool {
    match found {
        DataType::Dictionary(key, values) => {
            column.dictionary
                && matches!(**key, DataType::UInt8 | DataType::UInt16)
                && column.column_type.is(values)
        }
        found => column.column_type.is(found),
    }
}
