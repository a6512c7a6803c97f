//! Logs to Arrow tables as the host's encoder makes them (in any encoding that the format allows),
//! and back.

use super::model::{Attributes, Log, Logs, Random, Value};
use arrow_array::types::{UInt8Type, UInt16Type};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array,
    RecordBatch, RecordBatchOptions, StringArray, StructArray, UInt8Array, UInt16Array,
};
use arrow_schema::{Field, Fields, Schema};
use std::collections::HashMap;
use std::sync::Arc;
use strait_component::{AttributeTable, Batch, Payload, Value as Found};
use strait_engine::{Plan, Table};
use strait_records::difference::Value as Sent;
use strait_records::difference::{Action, Difference, Operation, Owner, Owners, Target};

pub(crate) type Tables = Vec<(u16, RecordBatch)>;

type Column = (Field, ArrayRef);

fn column(name: &str, array: ArrayRef, nullable: bool) -> Column {
    (Field::new(name, array.data_type().clone(), nullable), array)
}

fn ids(name: &str, ids: impl Iterator<Item = u16>, nullable: bool) -> Column {
    let metadata = HashMap::from([("encoding".to_owned(), "plain".to_owned())]);
    let (field, array) = column(name, Arc::new(UInt16Array::from_iter_values(ids)), nullable);
    (field.with_metadata(metadata), array)
}

fn table(columns: Vec<Column>, rows: usize) -> RecordBatch {
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).unwrap()
}

fn structure(name: &str, columns: Vec<Column>, rows: usize) -> Column {
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let array = if arrays.is_empty() {
        StructArray::new_empty_fields(rows, None)
    } else {
        StructArray::new(Fields::from(fields), arrays, None)
    };
    column(name, Arc::new(array), true)
}

/// Text in one of the encodings of S-11; a dictionary is never empty.
fn texts(random: &mut Random, texts: Vec<Option<&str>>, plain_too: bool) -> ArrayRef {
    let mut values: Vec<&str> = Vec::new();
    let mut keys = Vec::new();
    for text in &texts {
        keys.push(text.map(|text| {
            values
                .iter()
                .position(|known| *known == text)
                .unwrap_or_else(|| {
                    values.push(text);
                    values.len() - 1
                })
        }));
    }
    if values.is_empty() {
        values.push("");
    }
    let values: ArrayRef = Arc::new(StringArray::from(values));
    match random.below(if plain_too { 3 } else { 2 }) {
        0 => {
            let keys: UInt8Array = keys.iter().map(|key| key.map(|key| key as u8)).collect();
            Arc::new(DictionaryArray::<UInt8Type>::new(keys, values))
        }
        1 => {
            let keys: UInt16Array = keys.iter().map(|key| key.map(|key| key as u16)).collect();
            Arc::new(DictionaryArray::<UInt16Type>::new(keys, values))
        }
        _ => Arc::new(StringArray::from(texts)),
    }
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Empty => 0,
        Value::Str(_) => 1,
        Value::Int(_) => 2,
        Value::Double(_) => 3,
        Value::Bool(_) => 4,
        Value::Map(_) => 5,
        Value::Slice(_) => 6,
        Value::Bytes(_) => 7,
    }
}

/// The value columns: those that hold a value.
fn values(all: &[&Value]) -> Vec<Column> {
    macro_rules! some {
        ($pattern:pat => $value:expr) => {
            all.iter().map(|value| match value {
                $pattern => Some($value),
                _ => None,
            })
        };
    }
    let mut columns = vec![column(
        "type",
        Arc::new(UInt8Array::from_iter_values(all.iter().map(|v| kind(v)))),
        false,
    )];
    let mut add = |name: &str, kinds: &[u8], array: ArrayRef| {
        if all.iter().any(|value| kinds.contains(&kind(value))) {
            columns.push(column(name, array, true));
        }
    };
    add(
        "str",
        &[1],
        Arc::new(some!(Value::Str(text) => text.as_str()).collect::<StringArray>()),
    );
    add(
        "int",
        &[2],
        Arc::new(some!(Value::Int(int) => *int).collect::<Int64Array>()),
    );
    let doubles = some!(Value::Double(bits) => f64::from_bits(*bits)).collect::<Float64Array>();
    add("double", &[3], Arc::new(doubles));
    add(
        "bool",
        &[4],
        Arc::new(some!(Value::Bool(bool) => *bool).collect::<BooleanArray>()),
    );
    let bytes = some!(Value::Bytes(bytes) => bytes.as_slice()).collect::<BinaryArray>();
    add("bytes", &[7], Arc::new(bytes));
    let nested = some!(Value::Map(cbor) | Value::Slice(cbor) => cbor.as_slice());
    add("ser", &[5, 6], Arc::new(nested.collect::<BinaryArray>()));
    columns
}

fn attributes<'a>(
    random: &mut Random,
    owners: impl Iterator<Item = &'a Attributes>,
    of: &Table,
) -> Option<RecordBatch> {
    let mut rows: Vec<(u16, &str, &Value)> = Vec::new();
    for (owner, all) in owners.enumerate() {
        let named = all
            .iter()
            .filter(|(key, _)| of.all || of.keys.contains(key));
        rows.extend(named.map(|(key, value)| (owner as u16, key.as_str(), value)));
    }
    if rows.is_empty() {
        return None;
    }
    let keys = texts(random, rows.iter().map(|row| Some(row.1)).collect(), true);
    let mut columns = vec![
        ids("parent_id", rows.iter().map(|row| row.0), false),
        column("key", keys, false),
    ];
    let found: Vec<&Value> = rows.iter().map(|row| row.2).collect();
    let mut found = values(&found);
    if !of.columns.iter().any(|column| column == "value") {
        found.truncate(1);
    }
    columns.extend(found);
    Some(table(columns, rows.len()))
}

/// What of a table is sent: all of it without a plan.
fn sent_of(plan: Option<&Plan>, of: Payload) -> Option<Table> {
    let Some(plan) = plan else {
        let columns: &[&str] = match of {
            Payload::Logs => &["severity_number", "severity_text", "body"],
            _ => &["key", "value"],
        };
        return Some(Table {
            columns: columns.iter().map(|column| column.to_string()).collect(),
            all: true,
            ..Table::default()
        });
    };
    plan.tables.get(of.name()).cloned()
}

/// The tables of a batch; with a plan, of what it names.
pub(crate) fn encode(random: &mut Random, logs: &Logs, plan: Option<&Plan>) -> Tables {
    let sent = |of| sent_of(plan, of);
    let mut tables = vec![(Payload::Logs.code().into(), root(random, logs, sent))];
    let mut add = |payload: Payload, owners: Vec<&Attributes>| {
        let sent = sent(payload);
        let made = sent.and_then(|of| attributes(random, owners.into_iter(), &of));
        tables.extend(made.map(|table| (payload.code().into(), table)));
    };
    add(
        Payload::LogAttributes,
        logs.logs.iter().map(|log| &log.attributes).collect(),
    );
    add(Payload::ResourceAttributes, logs.resources.iter().collect());
    add(Payload::ScopeAttributes, logs.scopes.iter().collect());
    tables
}

fn root(random: &mut Random, logs: &Logs, sent: impl Fn(Payload) -> Option<Table>) -> RecordBatch {
    let rows = logs.logs.len();
    let own = sent(Payload::Logs).unwrap_or_default();
    let wants = |name: &str| own.columns.iter().any(|named| named == name);
    let mut root = vec![ids("id", logs.logs.iter().map(|log| log.id), true)];
    let of_resource = sent(Payload::ResourceAttributes)
        .map(|_| ids("id", logs.logs.iter().map(|log| log.resource), true));
    root.push(structure(
        "resource",
        of_resource.into_iter().collect(),
        rows,
    ));
    if sent(Payload::ScopeAttributes).is_some() {
        let of_scope = ids("id", logs.logs.iter().map(|log| log.scope), true);
        root.push(structure("scope", vec![of_scope], rows));
    }
    if wants("severity_number") {
        let numbers = Int32Array::from_iter_values(logs.logs.iter().map(|log| log.severity));
        root.push(column("severity_number", Arc::new(numbers), true));
    }
    if wants("severity_text") {
        let some = |log: &'_ Log| (!log.text.is_empty()).then_some(log.text.clone());
        let owned: Vec<Option<String>> = logs.logs.iter().map(some).collect();
        let column_of = texts(random, owned.iter().map(Option::as_deref).collect(), true);
        root.push(column("severity_text", column_of, true));
    }
    if wants("body") {
        let bodies: Vec<&Value> = logs.logs.iter().map(|log| &log.body).collect();
        root.push(structure("body", values(&bodies), rows));
    }
    table(root, rows)
}

fn found(value: Found<'_>) -> Value {
    match value {
        Found::Empty => Value::Empty,
        Found::Str(text) => Value::Str(text.into()),
        Found::Int(int) => Value::Int(int),
        Found::Double(double) => Value::Double(double.to_bits()),
        Found::Bool(bool) => Value::Bool(bool),
        Found::Map(cbor) => Value::Map(cbor.into()),
        Found::Slice(cbor) => Value::Slice(cbor.into()),
        Found::Bytes(bytes) => Value::Bytes(bytes.into()),
        other => panic!("{other:?}"),
    }
}

/// What tables that came out hold; `of` is what was sent.
pub(crate) fn decode(tables: &Tables, of: &Logs) -> Logs {
    let known = tables.iter().map(|(payload, table)| {
        (
            Payload::from_code(u8::try_from(*payload).unwrap()).unwrap(),
            table.clone(),
        )
    });
    let batch = Batch::from_tables(known).unwrap();
    let owned = |of: AttributeTable, owner: Option<u16>| -> Attributes {
        let all = batch.attributes(of);
        let own = all
            .iter()
            .filter(|attribute| Some(attribute.parent) == owner);
        own.map(|attribute| (attribute.key.into(), found(attribute.value)))
            .collect()
    };
    let owners = |of, count: usize| (0..count).map(|id| owned(of, Some(id as u16))).collect();
    let logs = batch.logs();
    Logs {
        resources: owners(AttributeTable::Resource, of.resources.len()),
        scopes: owners(AttributeTable::Scope, of.scopes.len()),
        logs: logs
            .iter()
            .map(|log| Log {
                id: log.id().unwrap(),
                resource: log.resource_id().unwrap(),
                scope: log.scope_id().unwrap(),
                severity: log.severity_number(),
                text: log.severity_text().into(),
                body: found(log.body()),
                attributes: owned(AttributeTable::Log, log.id()),
            })
            .collect(),
    }
}

/// Does to the original what a host does with a difference.
pub(crate) fn apply(logs: &mut Logs, payload: &[u8]) {
    let owners = Owners {
        root: Payload::Logs.code().into(),
        items: logs.logs.len() as u32,
        resources: logs.resources.len() as u32,
        scopes: logs.scopes.len() as u32,
    };
    let difference = Difference::parse(payload, owners).unwrap();
    let kept = difference.kept();
    logs.logs.retain(|log| kept.contains(log.id.into()));
    assert_eq!(logs.logs.len(), kept.count() as usize);
    for operation in difference.operations() {
        let whom = |owner: usize| match operation.owner {
            Owner::One(one) => one as usize == owner,
            Owner::Every => true,
        };
        match operation.target {
            Target::LOG_ATTRIBUTES => logs
                .logs
                .iter_mut()
                .filter(|log| whom(log.id.into()))
                .for_each(|log| change(&mut log.attributes, &operation)),
            Target::RESOURCE_ATTRIBUTES => each(&mut logs.resources, whom, &operation),
            Target::SCOPE_ATTRIBUTES => each(&mut logs.scopes, whom, &operation),
            Target::BODY | Target::SEVERITY_TEXT => {
                let Action::Set(value) = operation.action else {
                    panic!("{operation:?}")
                };
                let log = logs.logs.iter_mut().find(|log| whom(log.id.into()));
                let log = log.unwrap();
                match sent(value) {
                    value if operation.target == Target::BODY => log.body = value,
                    Value::Str(text) => log.text = text,
                    other => panic!("a text of a severity is {other:?}"),
                }
            }
            other => panic!("nothing here writes {other:?}"),
        }
    }
}

fn each(all: &mut [Attributes], whom: impl Fn(usize) -> bool, operation: &Operation<'_>) {
    let owners = all.iter_mut().enumerate().filter(|(owner, _)| whom(*owner));
    owners.for_each(|(_, attributes)| change(attributes, operation));
}

fn change(all: &mut Attributes, operation: &Operation<'_>) {
    let at = all.iter().position(|(key, _)| key == operation.key);
    match (operation.action, at) {
        (Action::Set(value), Some(at)) => all[at].1 = sent(value),
        (Action::Set(value), None) => {
            // A value for everyone reaches those that have the key.
            if operation.owner != Owner::Every {
                all.push((operation.key.into(), sent(value)));
            }
        }
        (Action::Delete, Some(at)) => drop(all.remove(at)),
        (Action::Rename(to), Some(_)) => {
            all.retain(|(key, _)| key != to);
            let at = all
                .iter()
                .position(|(key, _)| key == operation.key)
                .unwrap();
            all[at].0 = to.into();
        }
        (Action::Delete | Action::Rename(_), None) => {}
    }
}

fn sent(value: Sent<'_>) -> Value {
    match value {
        Sent::Empty => Value::Empty,
        Sent::Str(text) => Value::Str(text.into()),
        Sent::Int(int) => Value::Int(int),
        Sent::Double(double) => Value::Double(double.to_bits()),
        Sent::Bool(bool) => Value::Bool(bool),
        Sent::Map(cbor) => Value::Map(cbor.into()),
        Sent::Slice(cbor) => Value::Slice(cbor.into()),
        Sent::Bytes(bytes) => Value::Bytes(bytes.into()),
    }
}
