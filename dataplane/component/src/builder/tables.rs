//! The tables of logs that are made from nothing. Columns in which nothing has a value are left
//! out.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Int32Array, RecordBatch, StringArray, UInt16Array, UInt32Array,
};
use arrow_schema::{ArrowError, DataType};

use crate::edit::encode;
use crate::gather::ColumnSet;
use crate::record::{LogRecord, Pairs, Resource, Scope};
use crate::rows::fields;
use crate::rows::values::NewValues;
use crate::{Any, Payload};

const DROPPED: &str = "dropped_attributes_count";

/// The root table. Columns in which no record has a value are left out.
pub(super) fn root(
    records: Vec<LogRecord>,
    places: &[(u16, u16)],
    resources: &[Resource],
    scopes: &[Scope],
) -> Result<RecordBatch, ArrowError> {
    let schema = Payload::Logs.schema().columns;
    let mut columns = ColumnSet::of_table(schema, None);
    let rows = records.len();
    let numbers = |get: fn(&LogRecord) -> u32| counts(records.iter().map(get));
    let times = |get: fn(&LogRecord) -> u64| fields::times(records.iter().map(get).collect(), None);
    let severities: Vec<i32> = records
        .iter()
        .map(|record| record.severity_number)
        .collect();
    let severity = severities.iter().any(|number| *number != 0);
    let severity = severity.then(|| Arc::new(Int32Array::from(severities)) as ArrayRef);
    let present = |array: ArrayRef| (array.null_count() < array.len()).then_some(array);
    let trace_ids = fields::ids(records.iter().map(|r| r.trace_id).collect(), None)?;
    let span_ids = fields::ids(records.iter().map(|r| r.span_id).collect(), None)?;
    let scope = |place: &(u16, u16)| &scopes[usize::from(place.1)];
    let ids: UInt16Array = (0..=u16::MAX).take(rows).map(Some).collect();
    let own = [
        ("id", Some(Arc::new(ids) as ArrayRef)),
        ("time_unix_nano", Some(times(|r| r.time_unix_nano)?)),
        (
            "observed_time_unix_nano",
            Some(times(|r| r.observed_time_unix_nano)?),
        ),
        ("severity_number", severity),
        (
            "severity_text",
            texts(records.iter().map(|r| &*r.severity_text))?,
        ),
        ("event_name", texts(records.iter().map(|r| &*r.event_name))?),
        ("flags", numbers(|r| r.flags)),
        (DROPPED, numbers(|r| r.dropped_attributes_count)),
        ("trace_id", present(trace_ids)),
        ("span_id", present(span_ids)),
        (
            "schema_url",
            texts(places.iter().map(|place| &*scope(place).schema_url))?,
        ),
    ];
    for (name, array) in own {
        array.into_iter().for_each(|array| columns.put(name, array));
    }
    groups(&mut columns, places, resources, scopes)?;
    if records.iter().any(|record| record.body != Any::Empty) {
        let (mut new, mut body) = (NewValues::default(), columns.of_struct("body.", None)?);
        let bodies = records.into_iter().map(|record| new.push(record.body));
        let bodies: Vec<usize> = bodies.collect();
        new.write(&mut body, &[], &bodies)?;
        columns.put("body", body.into_struct(None)?);
    }
    columns.into_table(None, rows)
}

/// The structs that say which resource and scope each record has.
fn groups(
    columns: &mut ColumnSet,
    places: &[(u16, u16)],
    resources: &[Resource],
    scopes: &[Scope],
) -> Result<(), ArrowError> {
    let scope = |place: &(u16, u16)| &scopes[usize::from(place.1)];
    let resource = |place: &(u16, u16)| &resources[usize::from(place.0)];
    let ids: UInt16Array = places.iter().map(|place| Some(place.0)).collect();
    let of_resource = [
        ("id", Some(Arc::new(ids) as ArrayRef)),
        (
            DROPPED,
            counts(places.iter().map(|p| resource(p).dropped_attributes_count)),
        ),
        (
            "schema_url",
            texts(places.iter().map(|p| &*resource(p).schema_url))?,
        ),
    ];
    let ids: UInt16Array = places.iter().map(|place| Some(place.1)).collect();
    let of_scope = [
        ("id", Some(Arc::new(ids) as ArrayRef)),
        (
            DROPPED,
            counts(places.iter().map(|p| scope(p).dropped_attributes_count)),
        ),
        ("name", texts(places.iter().map(|p| &*scope(p).name))?),
        ("version", texts(places.iter().map(|p| &*scope(p).version))?),
    ];
    let mut group = |name: &str, prefix, children: &[(&str, Option<ArrayRef>)]| {
        let mut inner = columns.of_struct(prefix, None)?;
        for (name, array) in children {
            array
                .iter()
                .for_each(|array| inner.put(name, Arc::clone(array)));
        }
        columns.put(name, inner.into_struct(None)?);
        Ok::<(), ArrowError>(())
    };
    group("resource", "resource.", &of_resource)?;
    group("scope", "scope.", &of_scope)
}

/// The attributes of these owners, each of which has the list of its number; none where they have
/// none.
pub(super) fn attributes(
    payload: Payload,
    owners: &[u16],
    mut lists: Vec<Pairs>,
) -> Result<Option<RecordBatch>, ArrowError> {
    let (mut parents, mut keys) = (Vec::new(), Vec::new());
    let (mut new, mut numbers) = (NewValues::default(), Vec::new());
    for owner in owners {
        for (key, value) in std::mem::take(&mut lists[usize::from(*owner)]) {
            parents.push(*owner);
            keys.push(key);
            numbers.push(new.push(value));
        }
    }
    if keys.is_empty() {
        return Ok(None);
    }
    let mut columns = ColumnSet::of_table(payload.schema().columns, None);
    new.write(&mut columns, &[], &numbers)?;
    columns.put("parent_id", Arc::new(UInt16Array::from(parents)));
    let rows = keys.len();
    columns.put("key", encoded(keys.iter().map(String::as_str))?);
    columns.into_table(None, rows).map(Some)
}

/// A column of counts or flags; none where all are 0.
fn counts(numbers: impl Iterator<Item = u32>) -> Option<ArrayRef> {
    let numbers: Vec<u32> = numbers.collect();
    let any = numbers.iter().any(|number| *number != 0);
    any.then(|| Arc::new(UInt32Array::from(numbers)) as ArrayRef)
}

/// A column of texts; none where all are empty.
fn texts<'t>(texts: impl Iterator<Item = &'t str> + Clone) -> Result<Option<ArrayRef>, ArrowError> {
    if texts.clone().all(str::is_empty) {
        return Ok(None);
    }
    encoded(texts).map(Some)
}

/// A column of texts, behind a dictionary where that pays.
fn encoded<'t>(texts: impl Iterator<Item = &'t str> + Clone) -> Result<ArrayRef, ArrowError> {
    let mut places = HashMap::new();
    let mut values = Vec::new();
    let place = |text| {
        *places.entry(text).or_insert_with(|| {
            values.push(text);
            values.len() - 1
        })
    };
    let keys: Vec<Option<usize>> = texts.clone().map(place).map(Some).collect();
    if values.len() > keys.len() / 2 {
        return Ok(Arc::new(StringArray::from_iter_values(texts)));
    }
    let values: ArrayRef = Arc::new(StringArray::from_iter_values(values));
    encode(&DataType::UInt8, &keys, values)
}
