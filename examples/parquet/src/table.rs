//! The columns of a file.
//!
//! Ids are hex, and values of attributes text, as queries compare them: maps and lists are JSON,
//! bytes base64. What OTLP calls unset is null.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use arrow_array::builder::{MapBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, Int32Array, RecordBatch, StringArray, TimestampNanosecondArray, UInt32Array,
};
use arrow_schema::ArrowError;
use strait_component::AttributeTable::{Log as OfLog, Resource as OfResource, Scope as OfScope};
use strait_component::prelude::*;

/// The records of these rows.
pub(crate) fn of_rows(batch: &Batch, rows: &[usize]) -> Result<RecordBatch, ArrowError> {
    let all = batch.logs();
    let logs: Vec<Log<'_>> = rows.iter().filter_map(|row| all.get(*row)).collect();
    let id = |of: fn(&Log<'_>) -> Option<String>| strings(logs.iter().map(of));
    let name = |of: for<'l> fn(&Log<'l>) -> &'l str| {
        strings(
            logs.iter()
                .map(|log| Some(of(log)).filter(|text| !text.is_empty())),
        )
    };
    let columns: [(&str, ArrayRef); 14] = [
        ("time", times(&logs, |log| log.time_unix_nano())),
        (
            "observed_time",
            times(&logs, |log| log.observed_time_unix_nano()),
        ),
        ("severity_number", {
            let numbers = logs.iter().map(|log| log.severity_number());
            Arc::new(Int32Array::from_iter_values(numbers))
        }),
        ("severity_text", name(|log| log.severity_text())),
        ("event_name", name(|log| log.event_name())),
        ("body", strings(logs.iter().map(|log| text(log.body())))),
        ("trace_id", id(|log| log.trace_id().map(hex))),
        ("span_id", id(|log| log.span_id().map(hex))),
        ("flags", {
            let flags = logs.iter().map(|log| log.flags());
            Arc::new(UInt32Array::from_iter_values(flags))
        }),
        ("attributes", attributes(&logs, OfLog)?),
        ("resource_attributes", attributes(&logs, OfResource)?),
        ("scope_name", name(|log| log.scope_name())),
        ("scope_version", name(|log| log.scope_version())),
        ("scope_attributes", attributes(&logs, OfScope)?),
    ];
    // What can be null in one file can in all, so that they have one schema.
    let numbers = ["severity_number", "flags"];
    RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, array)| (name, array, !numbers.contains(&name))),
    )
}

/// A value as text; none where there is none.
pub(crate) fn text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Str(text) => Some(text.into()),
        Value::Empty => None,
        other => Some(other.to_any()?.to_string().into()),
    }
}

fn strings<T: AsRef<str>>(texts: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(texts.collect::<StringArray>())
}

fn times(logs: &[Log<'_>], of: fn(&Log<'_>) -> u64) -> ArrayRef {
    let times = logs.iter().map(of);
    let times = times.map(|time| (time != 0).then_some(time.cast_signed()));
    Arc::new(
        times
            .collect::<TimestampNanosecondArray>()
            .with_timezone("UTC"),
    )
}

fn hex(id: &[u8]) -> String {
    let mut text = String::with_capacity(id.len() * 2);
    for byte in id {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A map for each log. Of a key that is there twice the first one counts, as in all of the SDK:
/// readers want maps whose keys differ.
fn attributes(logs: &[Log<'_>], of: AttributeTable) -> Result<ArrayRef, ArrowError> {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    let mut seen = Vec::new();
    for log in logs {
        seen.clear();
        for attribute in log.attributes(of) {
            if seen.contains(&attribute.key) {
                continue;
            }
            seen.push(attribute.key);
            maps.keys().append_value(attribute.key);
            maps.values().append_option(text(attribute.value));
        }
        maps.append(true)?;
    }
    Ok(Arc::new(maps.finish()))
}
