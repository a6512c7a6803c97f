//! A difference applied to what went in gives what came out.

mod common;

use arrow_array::builder::*;
use arrow_array::types::*;
use arrow_array::*;
use arrow_schema::{DataType, Field, Schema};
use common::Rng;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use strait_records::compare::{self, Keys, Watch};
use strait_records::difference::{
    Action, Difference, DifferenceBuilder, Operation, Owner, Target, Value,
};

#[derive(Debug, Clone, PartialEq)]
enum Any {
    Empty,
    Str(String),
    Int(i64),
    Double(u64),
    Bool(bool),
    Map(Vec<u8>),
    Slice(Vec<u8>),
    Bytes(Vec<u8>),
}

impl Any {
    fn random(rng: &mut Rng) -> Self {
        match rng.below(10) {
            0 => Self::Empty,
            1 => Self::Int(rng.below(3) as i64),
            2 => Self::Double([0f64, -0f64, f64::NAN][rng.below(3)].to_bits()),
            3 => Self::Bool(rng.chance(50)),
            4 => Self::Map(rng.blob(2)),
            5 => Self::Slice(rng.blob(1)),
            6 => Self::Bytes(rng.blob(1)),
            _ => Self::Str(rng.text()),
        }
    }

    fn of(value: Value<'_>) -> Self {
        match value {
            Value::Empty => Self::Empty,
            Value::Str(text) => Self::Str(text.to_owned()),
            Value::Int(int) => Self::Int(int),
            Value::Double(double) => Self::Double(double.to_bits()),
            Value::Bool(bool) => Self::Bool(bool),
            Value::Map(bytes) => Self::Map(bytes.to_vec()),
            Value::Slice(bytes) => Self::Slice(bytes.to_vec()),
            Value::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
        }
    }
}

type Attributes = Vec<(String, Any)>;

#[derive(Debug, Clone, PartialEq)]
struct Log {
    ordinal: u16,
    resource: u16,
    scope: u16,
    severity_number: i32,
    severity_text: String,
    event_name: String,
    body: Any,
    attributes: Attributes,
}

#[derive(Debug, Clone, PartialEq)]
struct Logs {
    logs: Vec<Log>,
    resources: Vec<Attributes>,
    scopes: Vec<Attributes>,
}

const KEYS: [&str; 6] = ["http.method", "user.id", "peer", "a", "b", ""];

fn attributes(rng: &mut Rng, doubles: bool) -> Attributes {
    let mut list: Attributes = Vec::new();
    for _ in 0..rng.below(6) {
        let key = KEYS[rng.below(KEYS.len())];
        let value = Any::random(rng);
        // An empty key with an empty value is what placeholders look like.
        if (key.is_empty() && value == Any::Empty)
            || (!doubles && list.iter().any(|(k, _)| k == key))
        {
            continue;
        }
        list.push((key.to_owned(), value));
    }
    list
}

fn random(rng: &mut Rng, doubles: bool) -> Logs {
    let rows = [1, 2, 5, 63, 64, 65, 130][rng.below(7)];
    let (resources, scopes) = (rng.below(4) + 1, rng.below(4) + 1);
    let log = |rng: &mut Rng, i: usize| Log {
        ordinal: i as u16,
        resource: (i * resources / rows) as u16,
        scope: (i * scopes / rows) as u16,
        severity_number: rng.below(4) as i32 - 1,
        severity_text: rng.text(),
        event_name: rng.text(),
        body: Any::random(rng),
        attributes: attributes(rng, doubles),
    };
    Logs {
        logs: (0..rows).map(|i| log(rng, i)).collect(),
        resources: (0..resources).map(|_| attributes(rng, doubles)).collect(),
        scopes: (0..scopes).map(|_| attributes(rng, doubles)).collect(),
    }
}

/// What nodes do.
fn change(rng: &mut Rng, logs: &mut Logs) {
    let (key, to) = (KEYS[rng.below(5)], KEYS[rng.below(5)]);
    let value = Any::random(rng);
    let rare = rng.chance(30);
    let mut owners: Vec<&mut Attributes> = match rng.below(5) {
        0 => logs.resources.iter_mut().collect(),
        1 => logs.scopes.iter_mut().collect(),
        _ => logs
            .logs
            .iter_mut()
            .map(|log| &mut log.attributes)
            .collect(),
    };
    if rare {
        owners.retain(|_| rng.chance(30));
    }
    match rng.below(8) {
        0 => owners.into_iter().for_each(|list| delete(list, key)),
        1 | 2 => owners.into_iter().for_each(|list| rename(list, key, to)),
        3 => owners
            .into_iter()
            .for_each(|list| set(list, key, value.clone())),
        4 => logs.logs.retain(|_| !rng.chance(30)),
        5 => logs
            .logs
            .iter_mut()
            .filter(|_| rng.chance(50))
            .for_each(|log| log.body = value.clone()),
        6 => logs.logs.iter_mut().for_each(|log| log.severity_number = 9),
        _ => logs
            .logs
            .iter_mut()
            .for_each(|log| log.severity_text = "WARN".to_owned()),
    }
}

fn delete(list: &mut Attributes, key: &str) {
    list.retain(|(k, _)| k != key);
}

fn set(list: &mut Attributes, key: &str, value: Any) {
    match list.iter_mut().find(|(k, _)| k == key) {
        Some((_, old)) => *old = value,
        None => list.push((key.to_owned(), value)),
    }
}

fn rename(list: &mut Attributes, key: &str, to: &str) {
    if key != to && list.iter().any(|(k, _)| k == key) {
        delete(list, to);
        list.iter_mut()
            .filter(|(k, _)| k == key)
            .for_each(|(k, _)| *k = to.to_owned());
    }
}

/// As `rename`, but of the first attribute only: what the operation does.
fn rename_first(list: &mut Attributes, key: &str, to: &str) {
    if key != to && list.iter().any(|(k, _)| k == key) {
        delete(list, to);
        if let Some((k, _)) = list.iter_mut().find(|(k, _)| k == key) {
            *k = to.to_owned();
        }
    }
}

/// Applies a difference as the host does.
fn apply(difference: &Difference<'_>, logs: &mut Logs) {
    logs.logs.retain(|log| difference.stays(log.ordinal.into()));
    assert_eq!(logs.logs.len(), difference.rows_kept() as usize);
    for Operation {
        target,
        owner,
        key,
        action,
    } in difference.operations()
    {
        let mine = |ordinal: u32| owner == Owner::Every || owner == Owner::One(ordinal);
        let attribute = |list: &mut Attributes| match action {
            Action::Set(value) => {
                let there = list.iter().any(|(k, _)| k == key);
                if there || owner != Owner::Every {
                    set(list, key, Any::of(value));
                }
            }
            Action::Delete => delete(list, key),
            Action::Rename(to) => rename_first(list, key, to),
        };
        let owned = |lists: &mut Vec<Attributes>| {
            lists
                .iter_mut()
                .enumerate()
                .filter(|(i, _)| mine(*i as u32))
                .for_each(|(_, l)| attribute(l));
        };
        let items = logs.logs.iter_mut().filter(|log| mine(log.ordinal.into()));
        match (target, action) {
            (Target::LogAttribute, _) => items.for_each(|log| attribute(&mut log.attributes)),
            (Target::ResourceAttribute, _) => owned(&mut logs.resources),
            (Target::ScopeAttribute, _) => owned(&mut logs.scopes),
            (Target::Body, Action::Set(value)) => items.for_each(|log| log.body = Any::of(value)),
            (Target::SeverityNumber, Action::Set(Value::Int(number))) => {
                items.for_each(|log| log.severity_number = number as i32);
            }
            (Target::SeverityText, Action::Set(Value::Str(text))) => {
                items.for_each(|log| log.severity_text = text.to_owned());
            }
            (Target::EventName, Action::Set(Value::Str(text))) => {
                items.for_each(|log| log.event_name = text.to_owned());
            }
            other => panic!("no such operation: {other:?}"),
        }
    }
}

/// Only what is visible in the result: attributes of resources and scopes that have items.
fn visible(mut logs: Logs) -> Logs {
    for i in 0..logs.resources.len() {
        if logs.logs.iter().all(|log| usize::from(log.resource) != i) {
            logs.resources[i].clear();
        }
    }
    for i in 0..logs.scopes.len() {
        if logs.logs.iter().all(|log| usize::from(log.scope) != i) {
            logs.scopes[i].clear();
        }
    }
    logs
}

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

/// The columns of values; columns that nobody needs are left out at times.
fn values(rng: &mut Rng, values: &[&Any]) -> Vec<(Field, ArrayRef)> {
    let kind = |value: &Any| match value {
        Any::Empty => 0u8,
        Any::Str(_) => 1,
        Any::Int(_) => 2,
        Any::Double(_) => 3,
        Any::Bool(_) => 4,
        Any::Map(_) => 5,
        Any::Slice(_) => 6,
        Any::Bytes(_) => 7,
    };
    let mut columns = vec![named(
        "type",
        Arc::new(UInt8Array::from_iter_values(values.iter().map(|v| kind(v)))),
    )];
    let text = values.iter().map(|v| {
        if let Any::Str(text) = v {
            Some(text.clone())
        } else {
            None
        }
    });
    columns.push(named("str", texts(rng, text)));
    let int = values.iter().map(|v| {
        if let Any::Int(int) = v {
            Some(*int)
        } else {
            None
        }
    });
    let int: ArrayRef = if rng.chance(50) {
        Arc::new(Int64Array::from_iter(int))
    } else {
        let mut builder = PrimitiveDictionaryBuilder::<UInt16Type, Int64Type>::new();
        int.for_each(|int| builder.append_option(int));
        Arc::new(builder.finish())
    };
    columns.push(named("int", int));
    let double = values.iter().map(|v| {
        if let Any::Double(d) = v {
            Some(f64::from_bits(*d))
        } else {
            None
        }
    });
    columns.push(named("double", Arc::new(Float64Array::from_iter(double))));
    let bool = values.iter().map(|v| {
        if let Any::Bool(bool) = v {
            Some(*bool)
        } else {
            None
        }
    });
    columns.push(named("bool", Arc::new(BooleanArray::from_iter(bool))));
    let bytes = values.iter().map(|v| {
        if let Any::Bytes(bytes) = v {
            Some(bytes.as_slice())
        } else {
            None
        }
    });
    columns.push(named("bytes", Arc::new(BinaryArray::from_iter(bytes))));
    let ser = values.iter().map(|v| match v {
        Any::Map(bytes) | Any::Slice(bytes) => Some(bytes.as_slice()),
        _ => None,
    });
    columns.push(named("ser", Arc::new(BinaryArray::from_iter(ser))));
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
fn records(rng: &mut Rng, logs: &Logs) -> Vec<(u16, RecordBatch)> {
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

fn difference(
    before: &[(u16, RecordBatch)],
    after: &[(u16, RecordBatch)],
    watch: &Watch<'_>,
) -> Result<Vec<u8>, compare::NotExpressible> {
    let mut builder = DifferenceBuilder::default();
    compare::logs(before, after, watch, &mut builder)?;
    let mut payload = vec![0xA5; builder.payload_len()];
    assert_eq!(builder.write(&mut payload), Ok(payload.len()));
    Ok(payload)
}

fn check(seed: u64, before: &Logs, after: &Logs) -> Result<(), compare::NotExpressible> {
    let mut rng = Rng(seed);
    let (records_in, records_out) = (records(&mut rng, before), records(&mut rng, after));
    let payload = difference(&records_in, &records_out, &Watch::all())?;
    let owners = compare::owners(&records_in).expect("ordinals");
    let difference = Difference::parse(&payload, owners).expect("a good difference");
    let mut applied = before.clone();
    apply(&difference, &mut applied);
    assert_eq!(visible(applied), visible(after.clone()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Scenario: nodes drop, delete, rename, set and insert.
    /// Guarantees: the difference applied to the original is the output; it can always be
    /// expressed.
    #[test]
    fn changes_of_nodes_are_expressed(seed: u64, steps in 0usize..5) {
        let mut rng = Rng(seed);
        let before = random(&mut rng, false);
        let mut after = before.clone();
        (0..steps).for_each(|_| change(&mut rng, &mut after));
        check(seed ^ 1, &before, &after).expect("no key occurs twice");
    }

    /// Scenario: nothing of the output has to do with the input, and keys occur twice.
    /// Guarantees: what is expressed is exact.
    #[test]
    fn anything_is_exact_or_refused(seed: u64, doubles: bool) {
        let mut rng = Rng(seed);
        let before = random(&mut rng, doubles);
        let mut after = random(&mut rng, doubles);
        let rows = before.logs.len();
        after.logs.truncate(rows);
        after.resources.resize(before.resources.len(), Vec::new());
        after.scopes.resize(before.scopes.len(), Vec::new());
        for log in &mut after.logs {
            let old = &before.logs[usize::from(log.ordinal)];
            (log.resource, log.scope) = (old.resource, old.scope);
        }
        let checked = check(seed ^ 1, &before, &after);
        prop_assert!(doubles || checked.is_ok());
    }
}

/// Scenario: the engine's rename changes only the values of the key dictionary.
/// Guarantees: one operation for every owner, whatever the number of rows.
#[test]
fn a_renamed_key_dictionary_is_one_operation() {
    let before = common::logs(1000);
    let mut after = before.clone();
    let (_, table) = &mut after[1];
    let keys = table.column_by_name("key").expect("a key column").as_any();
    let keys = keys
        .downcast_ref::<DictionaryArray<UInt8Type>>()
        .expect("a dictionary");
    let values = keys
        .values()
        .as_any()
        .downcast_ref::<StringArray>()
        .expect("text");
    let renamed = StringArray::from_iter_values(
        values
            .iter()
            .flatten()
            .map(|key| if key == "user.id" { "enduser.id" } else { key }),
    );
    let mut columns = table.columns().to_vec();
    columns[1] = Arc::new(keys.with_values(Arc::new(renamed)));
    *table = RecordBatch::try_new(table.schema(), columns).expect("the same types");

    let keys = ["user.id", "enduser.id"];
    let watch = Watch {
        log_attributes: Keys::Only(&keys),
        ..Watch::default()
    };
    let payload = difference(&before, &after, &watch).expect("a rename");
    let owners = compare::owners(&before).expect("ordinals");
    let parsed = Difference::parse(&payload, owners).expect("a good difference");
    let expected = Operation {
        target: Target::LogAttribute,
        owner: Owner::Every,
        key: "user.id",
        action: Action::Rename("enduser.id"),
    };
    assert_eq!(parsed.operations().collect::<Vec<_>>(), [expected]);
    assert_eq!(parsed.rows_kept(), 1000);
}

/// Scenario: a key is deleted from all logs, and the table is built anew.
/// Guarantees: one operation.
#[test]
fn a_key_deleted_everywhere_is_one_operation() {
    let mut rng = Rng(7);
    let mut before = random(&mut rng, false);
    for log in &mut before.logs {
        set(&mut log.attributes, "peer", Any::Int(1));
    }
    let mut after = before.clone();
    after
        .logs
        .iter_mut()
        .for_each(|log| delete(&mut log.attributes, "peer"));
    let (records_in, records_out) = (records(&mut rng, &before), records(&mut rng, &after));
    let payload = difference(&records_in, &records_out, &Watch::all()).expect("a delete");
    let owners = compare::owners(&records_in).expect("ordinals");
    let parsed = Difference::parse(&payload, owners).expect("a good difference");
    assert_eq!(parsed.operations().count(), 1);
}

/// Scenario: a key occurs twice in a log and is deleted, or one of the two gets a new value.
/// Guarantees: a delete takes both; a new value for the second cannot be expressed.
#[test]
fn keys_that_occur_twice_are_deleted_but_not_edited() {
    let mut rng = Rng(9);
    let mut before = random(&mut rng, false);
    before.logs[0].attributes = [1, 2, 3]
        .map(|n| ("twice".to_owned(), Any::Int(n)))
        .to_vec();
    let mut deleted = before.clone();
    deleted.logs[0].attributes.clear();
    assert_eq!(check(1, &before, &deleted), Ok(()));
    let mut first = before.clone();
    first.logs[0].attributes[0].1 = Any::Bool(true);
    assert_eq!(check(1, &before, &first), Ok(()));
    let mut second = before.clone();
    second.logs[0].attributes[1].1 = Any::Bool(true);
    assert!(check(1, &before, &second).is_err());
}

#[test]
fn no_output_drops_every_row() {
    let before = common::logs(70);
    let payload = difference(&before, &[], &Watch::all()).expect("nothing stays");
    let owners = compare::owners(&before).expect("ordinals");
    let parsed = Difference::parse(&payload, owners).expect("a good difference");
    assert_eq!((parsed.rows_kept(), parsed.operations().count()), (0, 0));
    assert!((0..70).all(|row| !parsed.stays(row)));
}

#[test]
fn rows_out_of_order_and_moved_rows_are_refused() {
    let mut rng = Rng(3);
    let mut before = random(&mut rng, false);
    while before.logs.len() < 5 {
        before = random(&mut rng, false);
    }
    let mut swapped = before.clone();
    swapped.logs.swap(0, 1);
    let mut moved = before.clone();
    moved.logs[0].resource += 1;
    for after in [swapped, moved] {
        assert!(check(1, &before, &after).is_err());
    }
}
