//! The superset of an OTAP payload's columns, used for everything that no other schema fits (S-8).
//!
//! Dictionary-capable columns are plain in it. Columns that a batch does not have become null,
//! which OTAP reads as absent.

use crate::errors::Error;
use crate::otap::PayloadSchema;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray, RecordBatch, RecordBatchOptions, StructArray};
use arrow_schema::{DataType, FieldRef, Fields, Schema, SchemaRef};
use std::sync::Arc;

/// The superset's schema.
pub(crate) fn schema(payload: u16) -> Result<SchemaRef, Error> {
    PayloadSchema::of(payload)
        .map(|payload| Arc::new(Schema::new(payload.plain_fields())))
        .ok_or_else(|| Error::Unwritable {
            payload,
            column: String::new(),
            reason: "it has 64 schemas and no columns of its own in OTAP".to_owned(),
        })
}

/// The batch with the superset's columns.
pub(crate) fn convert(
    payload: u16,
    schema: &SchemaRef,
    batch: &RecordBatch,
) -> Result<RecordBatch, Error> {
    let names = batch.schema_ref().fields();
    let named = names.iter().zip(batch.columns());
    let unwritable = |column: &str, reason| Error::Unwritable {
        payload,
        column: column.to_owned(),
        reason,
    };
    let columns = fill(schema.fields(), named, batch.num_rows())
        .map_err(|(column, reason)| unwritable(&column, reason))?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
        .map_err(|e| unwritable("", e.to_string()))
}

/// One array for each of `fields`, from the columns of the same name; the error names the column.
fn fill<'a>(
    fields: &Fields,
    columns: impl Iterator<Item = (&'a FieldRef, &'a ArrayRef)>,
    rows: usize,
) -> Result<Vec<ArrayRef>, (String, String)> {
    let mut filled: Vec<Option<ArrayRef>> = vec![None; fields.len()];
    for (field, column) in columns {
        let (at, target) = fields.find(field.name()).ok_or_else(|| {
            (
                field.name().clone(),
                "OTAP does not have this column".to_owned(),
            )
        })?;
        filled[at] = Some(plain(column, target)?);
    }
    let null = |field: &FieldRef| arrow_array::new_null_array(field.data_type(), rows);
    Ok(filled
        .into_iter()
        .zip(fields)
        .map(|(a, field)| a.unwrap_or_else(|| null(field)))
        .collect())
}

/// The array in the type of `target`.
fn plain(array: &ArrayRef, target: &FieldRef) -> Result<ArrayRef, (String, String)> {
    let fail = |reason: String| (target.name().clone(), reason);
    if array.data_type() == target.data_type() {
        return Ok(array.clone());
    }
    match (array.data_type(), target.data_type()) {
        (DataType::Dictionary(_, _), _) => {
            let array = array.as_any_dictionary();
            let taken = arrow_select::take::take(array.values(), array.keys(), None);
            plain(&taken.map_err(|e| fail(e.to_string()))?, target)
        }
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let array = array.as_struct();
            let columns = fill(
                fields,
                array.fields().iter().zip(array.columns()),
                array.len(),
            )?;
            let nulls = array.nulls().cloned();
            StructArray::try_new_with_length(fields.clone(), columns, nulls, array.len())
                .map(|array| Arc::new(array) as ArrayRef)
                .map_err(|e| fail(e.to_string()))
        }
        (DataType::List(_), DataType::List(item)) => {
            let array = array.as_list::<i32>();
            let values = plain(array.values(), item)?;
            ListArray::try_new(
                item.clone(),
                array.offsets().clone(),
                values,
                array.nulls().cloned(),
            )
            .map(|array| Arc::new(array) as ArrayRef)
            .map_err(|e| fail(e.to_string()))
        }
        (found, expected) => Err(fail(format!("it has type {found}, OTAP has {expected}"))),
    }
}
