//! The superset of an OTAP payload's columns, used for everything that no other schema fits (S-8).
//!
//! Dictionary-capable columns are plain in it. Columns that a batch does not have become null,
//! which OTAP reads as absent. The lists follow otel-arrow 0.62.

use crate::errors::Error;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray, RecordBatch, RecordBatchOptions, StructArray};
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use std::collections::HashMap;
use std::sync::Arc;

/// The superset's schema.
pub(crate) fn schema(payload: u16) -> Result<SchemaRef, Error> {
    columns(payload)
        .map(|fields| Arc::new(Schema::new(fields)))
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

fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn id(name: &str, data_type: DataType) -> Field {
    let encoding = ("encoding".to_owned(), "plain".to_owned());
    field(name, data_type).with_metadata(HashMap::from([encoding]))
}

fn utf8(names: &[&str]) -> impl Iterator<Item = Field> {
    names.iter().map(|name| field(name, DataType::Utf8))
}

fn all<const N: usize>(names: [&str; N], data_type: DataType) -> impl Iterator<Item = Field> {
    names.map(|name| field(name, data_type.clone())).into_iter()
}

fn timestamps<const N: usize>(names: [&str; N]) -> impl Iterator<Item = Field> {
    all(
        names,
        DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
    )
}

fn trace_id() -> Field {
    field("trace_id", DataType::FixedSizeBinary(16))
}

fn span_id(name: &str) -> Field {
    field(name, DataType::FixedSizeBinary(8))
}

fn list(name: &str, item: DataType) -> Field {
    field(name, DataType::List(Arc::new(field("item", item))))
}

fn group(name: &str, fields: impl IntoIterator<Item = Field>) -> Field {
    field(name, DataType::Struct(fields.into_iter().collect()))
}

fn columns(payload: u16) -> Option<Vec<Field>> {
    use DataType::{UInt16, UInt32};
    Some(match payload {
        1 | 2 | 26 | 31 | 41 => attributes(UInt16),
        15..=18 | 22..=24 | 44 | 45 => attributes(UInt32),
        10 => metrics(),
        11 => number_points(),
        12 => summary_points(),
        13 => histogram_points(),
        14 => exp_histogram_points(),
        19..=21 => exemplars(),
        30 => logs(),
        40 => spans(),
        42 => span_events(),
        43 => span_links(),
        _ => return None,
    })
}

fn values() -> impl Iterator<Item = Field> {
    [
        field("type", DataType::UInt8),
        field("str", DataType::Utf8),
        field("int", DataType::Int64),
        field("double", DataType::Float64),
        field("bool", DataType::Boolean),
        field("bytes", DataType::Binary),
        field("ser", DataType::Binary),
    ]
    .into_iter()
}

fn attributes(parent: DataType) -> Vec<Field> {
    [id("parent_id", parent), field("key", DataType::Utf8)]
        .into_iter()
        .chain(values())
        .collect()
}

/// `resource` and `scope`, as every root payload has them.
fn origin() -> impl Iterator<Item = Field> {
    let common = || {
        [
            id("id", DataType::UInt16),
            field("dropped_attributes_count", DataType::UInt32),
        ]
        .into_iter()
    };
    let resource = group("resource", common().chain(utf8(&["schema_url"])));
    [
        resource,
        group("scope", common().chain(utf8(&["name", "version"]))),
    ]
    .into_iter()
}

fn logs() -> Vec<Field> {
    std::iter::once(id("id", DataType::UInt16))
        .chain(origin())
        .chain(utf8(&["schema_url"]))
        .chain(timestamps(["time_unix_nano", "observed_time_unix_nano"]))
        .chain([
            trace_id(),
            span_id("span_id"),
            field("severity_number", DataType::Int32),
        ])
        .chain(utf8(&["severity_text", "event_name"]))
        .chain([group("body", values())])
        .chain(all(["dropped_attributes_count", "flags"], DataType::UInt32))
        .collect()
}

fn spans() -> Vec<Field> {
    let status = [
        field("code", DataType::Int32),
        field("status_message", DataType::Utf8),
    ];
    let counts = [
        "flags",
        "dropped_attributes_count",
        "dropped_events_count",
        "dropped_links_count",
    ];
    std::iter::once(id("id", DataType::UInt16))
        .chain(origin())
        .chain(utf8(&["schema_url"]))
        .chain(timestamps(["start_time_unix_nano"]))
        .chain([
            field(
                "duration_time_unix_nano",
                DataType::Duration(TimeUnit::Nanosecond),
            ),
            trace_id(),
            span_id("span_id"),
            span_id("parent_span_id"),
            field("kind", DataType::Int32),
            group("status", status),
        ])
        .chain(utf8(&["trace_state", "name"]))
        .chain(all(counts, DataType::UInt32))
        .collect()
}

fn span_events() -> Vec<Field> {
    [
        id("id", DataType::UInt32),
        id("parent_id", DataType::UInt16),
    ]
    .into_iter()
    .chain(timestamps(["time_unix_nano"]))
    .chain(utf8(&["name"]))
    .chain(all(["dropped_attributes_count"], DataType::UInt32))
    .collect()
}

fn span_links() -> Vec<Field> {
    [
        id("id", DataType::UInt32),
        id("parent_id", DataType::UInt16),
        trace_id(),
        span_id("span_id"),
    ]
    .into_iter()
    .chain(utf8(&["trace_state"]))
    .chain(all(["dropped_attributes_count", "flags"], DataType::UInt32))
    .collect()
}

fn metrics() -> Vec<Field> {
    std::iter::once(id("id", DataType::UInt16))
        .chain(origin())
        .chain(utf8(&["schema_url", "name", "description", "unit"]))
        .chain([
            field("metric_type", DataType::UInt8),
            field("aggregation_temporality", DataType::Int32),
            field("is_monotonic", DataType::Boolean),
        ])
        .collect()
}

/// What all data points have.
fn point() -> impl Iterator<Item = Field> {
    [
        id("id", DataType::UInt32),
        id("parent_id", DataType::UInt16),
    ]
    .into_iter()
    .chain(timestamps(["start_time_unix_nano", "time_unix_nano"]))
    .chain(all(["flags"], DataType::UInt32))
}

fn number_points() -> Vec<Field> {
    let values = [
        field("int_value", DataType::Int64),
        field("double_value", DataType::Float64),
    ];
    point().chain(values).collect()
}

fn summary_points() -> Vec<Field> {
    let pair = all(["quantile", "value"], DataType::Float64).collect();
    point()
        .chain([
            field("count", DataType::UInt64),
            field("sum", DataType::Float64),
            list("quantile", DataType::Struct(pair)),
            list("value", DataType::Float64),
        ])
        .collect()
}

fn histogram_points() -> Vec<Field> {
    point()
        .chain([field("count", DataType::UInt64)])
        .chain(all(["sum", "min", "max"], DataType::Float64))
        .chain([
            list("bucket_counts", DataType::UInt64),
            list("explicit_bounds", DataType::Float64),
        ])
        .collect()
}

fn exp_histogram_points() -> Vec<Field> {
    let buckets = || {
        [
            list("bucket_counts", DataType::UInt64),
            field("offset", DataType::Int32),
        ]
    };
    point()
        .chain(all(["count", "zero_count"], DataType::UInt64))
        .chain(all(
            ["sum", "min", "max", "zero_threshold"],
            DataType::Float64,
        ))
        .chain([field("scale", DataType::Int32)])
        .chain([group("positive", buckets()), group("negative", buckets())])
        .collect()
}

fn exemplars() -> Vec<Field> {
    [
        id("id", DataType::UInt32),
        id("parent_id", DataType::UInt32),
    ]
    .into_iter()
    .chain(timestamps(["time_unix_nano"]))
    .chain([
        field("int_value", DataType::Int64),
        field("double_value", DataType::Float64),
        trace_id(),
        span_id("span_id"),
    ])
    .collect()
}
