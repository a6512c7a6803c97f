//! Logs as lists, what nodes do to them, and what a host does with a difference.

use super::common::Rng;
use strait_records::difference::{Action, Difference, Operation, Owner, Target, Value};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Any {
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

pub(crate) type Attributes = Vec<(String, Any)>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Log {
    pub(crate) ordinal: u16,
    pub(crate) resource: u16,
    pub(crate) scope: u16,
    pub(crate) severity_number: i32,
    pub(crate) severity_text: String,
    pub(crate) event_name: String,
    pub(crate) body: Any,
    pub(crate) attributes: Attributes,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Logs {
    pub(crate) logs: Vec<Log>,
    pub(crate) resources: Vec<Attributes>,
    pub(crate) scopes: Vec<Attributes>,
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

pub(crate) fn random(rng: &mut Rng, doubles: bool) -> Logs {
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
pub(crate) fn change(rng: &mut Rng, logs: &mut Logs) {
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

pub(crate) fn delete(list: &mut Attributes, key: &str) {
    list.retain(|(k, _)| k != key);
}

pub(crate) fn set(list: &mut Attributes, key: &str, value: Any) {
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
pub(crate) fn apply(difference: &Difference<'_>, logs: &mut Logs) {
    let kept = difference.kept();
    logs.logs.retain(|log| kept.contains(log.ordinal.into()));
    assert_eq!(logs.logs.len(), kept.count() as usize);
    for operation in difference.operations() {
        let mine = |ordinal: u32| match operation.owner {
            Owner::Every => true,
            Owner::One(one) => one == ordinal,
        };
        let owned = |lists: &mut Vec<Attributes>| {
            let lists = lists.iter_mut().enumerate();
            lists
                .filter(|(i, _)| mine(*i as u32))
                .for_each(|(_, list)| apply_to_attributes(&operation, list));
        };
        let items = logs.logs.iter_mut().filter(|log| mine(log.ordinal.into()));
        match operation.target {
            Target::LOG_ATTRIBUTES => {
                items.for_each(|log| apply_to_attributes(&operation, &mut log.attributes));
            }
            Target::RESOURCE_ATTRIBUTES => owned(&mut logs.resources),
            Target::SCOPE_ATTRIBUTES => owned(&mut logs.scopes),
            _ => items.for_each(|log| apply_to_log(&operation, log)),
        }
    }
}

fn apply_to_attributes(operation: &Operation<'_>, list: &mut Attributes) {
    let key = operation.key;
    match operation.action {
        Action::Set(value) => {
            let there = list.iter().any(|(k, _)| k == key);
            if there || operation.owner != Owner::Every {
                set(list, key, Any::of(value));
            }
        }
        Action::Delete => delete(list, key),
        Action::Rename(to) => rename_first(list, key, to),
    }
}

fn apply_to_log(operation: &Operation<'_>, log: &mut Log) {
    let Action::Set(value) = operation.action else {
        panic!("no such operation: {operation:?}")
    };
    match (operation.target, value) {
        (Target::BODY, value) => log.body = Any::of(value),
        (Target::SEVERITY_NUMBER, Value::Int(number)) => log.severity_number = number as i32,
        (Target::SEVERITY_TEXT, Value::Str(text)) => log.severity_text = text.to_owned(),
        (Target::EVENT_NAME, Value::Str(text)) => log.event_name = text.to_owned(),
        other => panic!("no such operation: {other:?}"),
    }
}

/// Only what is visible in the result: attributes of resources and scopes that have items.
pub(crate) fn visible(mut logs: Logs) -> Logs {
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
