//! OTAP records of a model, in any encoding that the format allows.

use super::common::Rng;
use super::model::{Any, Attributes, Log, Logs};
use arrow_array::builder::*;
use arrow_array::types::*;
use arrow_array::*;
use arrow_schema::{DataType, Field, Schema};
use std::collections::HashMap;
use std::sync::Arc;

fn texts(rng: &mut Rng, values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    match rng.below(3) {
        0 => Arc::new(StringArray::from_iter(values)),
        1 => dictionary::<UInt8Type>(values),
        _ => dictionary::<UInt16Type>(values),
    }
}

fn dictionary<K: ArrowDictionaryKeyType>(values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    let mut builder = StringDictionaryBuilder::<K>::new();
    values.for_each(|value| builder.append_option(value));
    Arc::new(builder.finish())
}

fn id(name: &str, values: Vec<u16>) -> (Field, ArrayRef) {
    let plain = HashMap::from([("encoding".to_owned(), "plain".to_owned())]);
    (
        Field::new(name, DataType::UInt16, true).with_metadata(plain),
        Arc::new(UInt16Array::from(values)),
    )
}

fn named(name: &str, array: ArrayRef) -> (Field, ArrayRef) {
    (Field::new(name, array.data_type().clone(), true), array)
}

fn make(columns: Vec<(Field, ArrayRef)>) -> RecordBatch {
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns fit")
}

/// OTAP's type of a value.
fn kind(value: &Any) -> u8 {
    match value {
        Any::Empty => 0,
        Any::Str(_) => 1,
        Any::Int(_) => 2,
        Any::Double(_) => 3,
        Any::Bool(_) => 4,
        Any::Map(_) => 5,
        Any::Slice(_) => 6,
        Any::Bytes(_) => 7,
    }
}

fn ints(rng: &mut Rng, values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    if rng.chance(50) {
        return Arc::new(Int64Array::from_iter(values));
    }
    let mut builder = PrimitiveDictionaryBuilder::<UInt16Type, Int64Type>::new();
    values.for_each(|int| builder.append_option(int));
    Arc::new(builder.finish())
}

/// The columns of values; columns that nobody needs are left out at times.
fn values(rng: &mut Rng, values: &[&Any]) -> Vec<(Field, ArrayRef)> {
    macro_rules! some {
        ($pattern:pat => $value:expr) => {
            values.iter().map(|value| match value {
                $pattern => Some($value),
                _ => None,
            })
        };
    }
    let kinds = UInt8Array::from_iter_values(values.iter().map(|value| kind(value)));
    let doubles = some!(Any::Double(bits) => f64::from_bits(*bits));
    let bools = some!(Any::Bool(bool) => *bool);
    let bytes = some!(Any::Bytes(bytes) => bytes.as_slice());
    let nested = some!(Any::Map(bytes) | Any::Slice(bytes) => bytes.as_slice());
    let mut columns = vec![
        named("type", Arc::new(kinds)),
        named("str", texts(rng, some!(Any::Str(text) => text.clone()))),
        named("int", ints(rng, some!(Any::Int(int) => *int))),
        named("double", Arc::new(Float64Array::from_iter(doubles))),
        named("bool", Arc::new(BooleanArray::from_iter(bools))),
        named("bytes", Arc::new(BinaryArray::from_iter(bytes))),
        named("ser", Arc::new(BinaryArray::from_iter(nested))),
    ];
    columns.retain(|(field, array)| {
        field.name() == "type" || array.null_count() < array.len() || rng.chance(50)
    });
    columns
}

fn table(rng: &mut Rng, rows: &[(u16, &str, &Any)]) -> RecordBatch {
    let mut columns = vec![id("parent_id", rows.iter().map(|row| row.0).collect())];
    let keys = rows.iter().map(|row| Some(row.1.to_owned()));
    columns.push(named("key", texts(rng, keys)));
    let all: Vec<&Any> = rows.iter().map(|row| row.2).collect();
    columns.extend(values(rng, &all));
    make(columns)
}

/// OTAP records of a model, with random encodings. A log without attributes may get a placeholder
/// row.
pub(crate) fn records(rng: &mut Rng, logs: &Logs) -> Vec<(u16, RecordBatch)> {
    let ids = |of: fn(&Log) -> u16| logs.logs.iter().map(of).collect::<Vec<_>>();
    let group = |field: (Field, ArrayRef)| -> ArrayRef {
        Arc::new(StructArray::from(vec![(Arc::new(field.0), field.1)]))
    };
    let text = |rng: &mut Rng, of: fn(&Log) -> &String| {
        let null = rng.chance(50);
        let text = logs
            .logs
            .iter()
            .map(of)
            .map(|t| (!null || !t.is_empty()).then(|| t.clone()));
        texts(rng, text)
    };
    let severity = Int32Array::from_iter(
        logs.logs
            .iter()
            .map(|l| (l.severity_number != 0).then_some(l.severity_number)),
    );
    let bodies: Vec<&Any> = logs.logs.iter().map(|log| &log.body).collect();
    let body: Vec<_> = values(rng, &bodies)
        .into_iter()
        .map(|(f, a)| (Arc::new(f), a))
        .collect();
    let root = make(vec![
        id("id", ids(|log| log.ordinal)),
        named("resource", group(id("id", ids(|log| log.resource)))),
        named("scope", group(id("id", ids(|log| log.scope)))),
        named("severity_number", Arc::new(severity)),
        named("severity_text", text(rng, |log| &log.severity_text)),
        named("event_name", text(rng, |log| &log.event_name)),
        named("body", Arc::new(StructArray::from(body))),
    ]);
    let mut rows = Vec::new();
    for log in &logs.logs {
        if rng.chance(10) {
            rows.push((log.ordinal, "", &Any::Empty));
        }
        rows.extend(
            log.attributes
                .iter()
                .map(|(key, value)| (log.ordinal, key.as_str(), value)),
        );
    }
    let owned = |all: &[Attributes]| {
        all.iter()
            .enumerate()
            .flat_map(|(i, list)| {
                list.iter()
                    .map(move |(k, v)| (i as u16, k.clone(), v.clone()))
            })
            .collect::<Vec<_>>()
    };
    let mut batches = vec![(30, root)];
    if !rows.is_empty() {
        batches.push((31, table(rng, &rows)));
    }
    for (payload, all) in [(1, owned(&logs.resources)), (2, owned(&logs.scopes))] {
        let rows: Vec<_> = all.iter().map(|(i, k, v)| (*i, k.as_str(), v)).collect();
        if !rows.is_empty() {
            batches.push((payload, table(rng, &rows)));
        }
    }
    batches
}
