//! Logs in tables as the bytes of OTLP, and back: nothing is lost that tables hold. Of what they do
//! not hold, texts are made UTF-8, references to entities and values of unknown kinds are left out,
//! and logs that still cannot be read are counted.

use crate::sending::batches;
use crate::sending::wire::{
    Broken, Field, Value as Found, fields, write as field, write_varint as varint,
};
use strait_component::{
    Any, AttributeTable, Batch, BatchError, Log, LogRecord, LogsBuilder, Resource, Scope,
};

/// Why bytes are no batch of logs.
#[derive(Debug)]
pub(super) enum Unread {
    Broken,
    Batch(BatchError),
}

impl From<Broken> for Unread {
    fn from(_: Broken) -> Self {
        Self::Broken
    }
}

impl From<BatchError> for Unread {
    fn from(error: BatchError) -> Self {
        Self::Batch(error)
    }
}

/// The bytes of a batch's request.
///
/// # Errors
///
/// A value cannot be read.
pub(super) fn write(batch: &Batch) -> Result<Vec<u8>, String> {
    let logs = batch.logs();
    let mut out = Vec::new();
    for scopes in batches::rows(batch) {
        let mut of_resource = Vec::new();
        let first = scopes.first().and_then(|rows| logs.get(*rows.first()?));
        if let Some(log) = first {
            let mut resource = attributes(&log, AttributeTable::Resource, 1)?;
            number(
                2,
                log.resource_dropped_attributes_count().into(),
                &mut resource,
            );
            field(1, &resource, &mut of_resource);
            text(3, log.resource_schema_url(), &mut of_resource);
        }
        for rows in scopes {
            let mut of_scope = Vec::new();
            if let Some(log) = rows.first().and_then(|row| logs.get(*row)) {
                let mut scope = Vec::new();
                text(1, log.scope_name(), &mut scope);
                text(2, log.scope_version(), &mut scope);
                scope.extend(attributes(&log, AttributeTable::Scope, 3)?);
                number(4, log.scope_dropped_attributes_count().into(), &mut scope);
                field(1, &scope, &mut of_scope);
                text(3, log.scope_schema_url(), &mut of_scope);
            }
            for log in rows.into_iter().filter_map(|row| logs.get(row)) {
                field(2, &record(&log)?, &mut of_scope);
            }
            field(2, &of_scope, &mut of_resource);
        }
        field(1, &of_resource, &mut out);
    }
    Ok(out)
}

fn record(log: &Log<'_>) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    eight(1, log.time_unix_nano(), &mut out);
    number(
        2,
        i64::from(log.severity_number()).cast_unsigned(),
        &mut out,
    );
    text(3, log.severity_text(), &mut out);
    let body = log.body().to_any().ok_or("a body cannot be read")?;
    field(5, &any(&body), &mut out);
    out.extend(attributes(log, AttributeTable::Log, 6)?);
    number(7, log.dropped_attributes_count().into(), &mut out);
    if log.flags() != 0 {
        out.push(8 << 3 | 5);
        out.extend(log.flags().to_le_bytes());
    }
    for (at, id) in [(9, log.trace_id()), (10, log.span_id())] {
        if let Some(id) = id.filter(|id| id.iter().any(|byte| *byte != 0)) {
            field(at, id, &mut out);
        }
    }
    eight(11, log.observed_time_unix_nano(), &mut out);
    text(12, log.event_name(), &mut out);
    Ok(out)
}

fn attributes(log: &Log<'_>, of: AttributeTable, at: u64) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for attribute in log.attributes(of) {
        let value = attribute.value.to_any();
        let value =
            value.ok_or_else(|| format!("the attribute `{}` cannot be read", attribute.key))?;
        field(at, &pair(attribute.key, &value), &mut out);
    }
    Ok(out)
}

/// A key and its value.
fn pair(key: &str, value: &Any) -> Vec<u8> {
    let mut out = Vec::new();
    text(1, key, &mut out);
    field(2, &any(value), &mut out);
    out
}

fn any(value: &Any) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        Any::Empty => {}
        Any::Str(text) => field(1, text.as_bytes(), &mut out),
        Any::Bool(flag) => out.extend([2 << 3, u8::from(*flag)]),
        Any::Int(number) => {
            out.push(3 << 3);
            varint(number.cast_unsigned(), &mut out);
        }
        Any::Double(number) => {
            out.push(4 << 3 | 1);
            out.extend(number.to_le_bytes());
        }
        Any::Slice(items) => {
            let mut within = Vec::new();
            items
                .iter()
                .for_each(|item| field(1, &any(item), &mut within));
            field(5, &within, &mut out);
        }
        Any::Map(entries) => {
            let mut within = Vec::new();
            for (key, value) in entries {
                field(1, &pair(key, value), &mut within);
            }
            field(6, &within, &mut out);
        }
        Any::Bytes(bytes) => field(7, bytes, &mut out),
    }
    out
}

fn text(at: u64, text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        field(at, text.as_bytes(), out);
    }
}

fn number(at: u64, number: u64, out: &mut Vec<u8>) {
    if number != 0 {
        varint(at << 3, out);
        varint(number, out);
    }
}

fn eight(at: u64, number: u64, out: &mut Vec<u8>) {
    if number != 0 {
        varint(at << 3 | 1, out);
        out.extend(number.to_le_bytes());
    }
}

/// The logs of a request, and how many of them are lost: more batches than one where there are more
/// logs than one has. What no table holds is repaired or left out: the Collector has acked it.
///
/// # Errors
///
/// It is none.
pub(super) fn read(request: &[u8]) -> Result<(Vec<Batch>, usize), Unread> {
    let (mut all, mut logs, mut lost) = (Vec::new(), LogsBuilder::new(), 0);
    for resource in messages(request, 1) {
        let resource = resource?;
        let of_resource = to_resource(resource);
        let mut begun = false;
        for scope in messages(resource, 2) {
            let scope = scope?;
            let mut records = messages(scope, 2).peekable();
            let (Ok(of_resource), Ok(of_scope)) = (&of_resource, to_scope(scope)) else {
                lost += records.count();
                continue;
            };
            while records.peek().is_some() {
                let room = LogsBuilder::MAX - logs.len();
                begun = begun || logs.resource(of_resource.clone()).is_ok();
                if room == 0 || !begun || logs.scope(of_scope.clone()).is_err() {
                    all.push(std::mem::take(&mut logs).finish()?);
                    begun = false;
                    continue;
                }
                for record in records.by_ref().take(room) {
                    match to_record(record?) {
                        Ok(record) => drop(logs.push(record)?),
                        Err(Broken) => lost += 1,
                    }
                }
            }
        }
    }
    if all.is_empty() || !logs.is_empty() {
        all.push(logs.finish()?);
    }
    Ok((all, lost))
}

/// The messages in the fields of a number.
fn messages(bytes: &[u8], wanted: u64) -> impl Iterator<Item = Result<&[u8], Broken>> {
    fields(bytes).filter_map(move |field| match field {
        Ok(Field {
            number,
            value: Found::Bytes(bytes),
            ..
        }) if number == wanted => Some(Ok(bytes)),
        Ok(_) => None,
        Err(broken) => Some(Err(broken)),
    })
}

fn to_resource(bytes: &[u8]) -> Result<Resource, Broken> {
    let mut resource = Resource::default();
    for field in messages(bytes, 3) {
        resource.schema_url = to_text(field?);
    }
    for field in messages(bytes, 1) {
        for field in fields(field?) {
            let field = field?;
            match (field.number, field.value) {
                (1, Found::Bytes(pair)) => resource.attributes.push(to_pair(pair, 0)?),
                (2, Found::Number(count)) => resource.dropped_attributes_count = count as u32,
                _ => {} // references to entities are in no table
            }
        }
    }
    Ok(resource)
}

fn to_scope(bytes: &[u8]) -> Result<Scope, Broken> {
    let mut scope = Scope::default();
    for field in messages(bytes, 3) {
        scope.schema_url = to_text(field?);
    }
    for field in messages(bytes, 1) {
        for field in fields(field?) {
            let field = field?;
            match (field.number, field.value) {
                (1, Found::Bytes(name)) => scope.name = to_text(name),
                (2, Found::Bytes(version)) => scope.version = to_text(version),
                (3, Found::Bytes(pair)) => scope.attributes.push(to_pair(pair, 0)?),
                (4, Found::Number(count)) => scope.dropped_attributes_count = count as u32,
                _ => {}
            }
        }
    }
    Ok(scope)
}

fn to_record(bytes: &[u8]) -> Result<LogRecord, Broken> {
    let mut record = LogRecord::default();
    for field in fields(bytes) {
        let field = field?;
        match (field.number, field.value) {
            (1, Found::Eight(time)) => record.time_unix_nano = time,
            (11, Found::Eight(time)) => record.observed_time_unix_nano = time,
            (2, Found::Number(severity)) => record.severity_number = severity as i32,
            (3, Found::Bytes(text)) => record.severity_text = to_text(text),
            (5, Found::Bytes(body)) => record.body = to_any(body, 0)?,
            (6, Found::Bytes(pair)) => record.attributes.push(to_pair(pair, 0)?),
            (7, Found::Number(count)) => record.dropped_attributes_count = count as u32,
            (8, Found::Four(flags)) => record.flags = flags,
            (9, Found::Bytes(id)) if !id.is_empty() => {
                record.trace_id = id.try_into().map_err(|_| Broken)?;
            }
            (10, Found::Bytes(id)) if !id.is_empty() => {
                record.span_id = id.try_into().map_err(|_| Broken)?;
            }
            (12, Found::Bytes(name)) => record.event_name = to_text(name),
            _ => {}
        }
    }
    Ok(record)
}

/// A key and its value.
fn to_pair(bytes: &[u8], depth: usize) -> Result<(String, Any), Broken> {
    let (mut key, mut value) = (String::new(), Any::Empty);
    for field in fields(bytes) {
        let field = field?;
        match (field.number, field.value) {
            (1, Found::Bytes(text)) => key = to_text(text),
            (2, Found::Bytes(any)) => value = to_any(any, depth)?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn to_any(bytes: &[u8], depth: usize) -> Result<Any, Broken> {
    if depth > Any::DEPTH_MAX {
        return Err(Broken);
    }
    let mut any = Any::Empty;
    for field in fields(bytes) {
        let field = field?;
        any = match (field.number, field.value) {
            (1, Found::Bytes(text)) => Any::Str(to_text(text)),
            (2, Found::Number(flag)) => Any::Bool(flag != 0),
            (3, Found::Number(number)) => Any::Int(number.cast_signed()),
            (4, Found::Eight(bits)) => Any::Double(f64::from_bits(bits)),
            (5, Found::Bytes(items)) => {
                let items = messages(items, 1).map(|item| to_any(item?, depth + 1));
                Any::Slice(items.collect::<Result<_, _>>()?)
            }
            (6, Found::Bytes(entries)) => {
                let entries = messages(entries, 1).map(|entry| to_pair(entry?, depth + 1));
                Any::Map(entries.collect::<Result<_, _>>()?)
            }
            (7, Found::Bytes(bytes)) => Any::Bytes(bytes.to_vec()),
            // As pdata has it of a kind that it does not know.
            _ => any,
        };
    }
    Ok(any)
}

/// Go's texts need not be UTF-8.
fn to_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
