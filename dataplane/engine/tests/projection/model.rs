//! Logs as plain data, and what each step does to them: the truth that the lane is measured by.

use regex::Regex;
use serde_json::{Value as Json, json};
use std::fmt::Write;

/// A value; doubles by their bits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Empty,
    Str(String),
    Int(i64),
    Double(u64),
    Bool(bool),
    Map(Vec<u8>),
    Slice(Vec<u8>),
    Bytes(Vec<u8>),
}

pub(crate) type Attributes = Vec<(String, Value)>;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Log {
    /// Its ordinal in the batch that was sent.
    pub id: u16,
    pub resource: u16,
    pub scope: u16,
    pub severity: i32,
    pub text: String,
    pub body: Value,
    pub attributes: Attributes,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Logs {
    pub resources: Vec<Attributes>,
    pub scopes: Vec<Attributes>,
    pub logs: Vec<Log>,
}

impl Logs {
    /// The same with attributes in the order of their keys, and without those of owners that have
    /// no log: neither is part of the data.
    pub(crate) fn normal(mut self) -> Self {
        let live = |of: fn(&Log) -> u16, owner: usize| {
            self.logs.iter().any(|log| usize::from(of(log)) == owner)
        };
        let gone = |of: fn(&Log) -> u16, count: usize| -> Vec<bool> {
            (0..count).map(|owner| !live(of, owner)).collect()
        };
        let resources = gone(|log| log.resource, self.resources.len());
        let scopes = gone(|log| log.scope, self.scopes.len());
        for (owners, gone) in [(&mut self.resources, resources), (&mut self.scopes, scopes)] {
            for (attributes, gone) in owners.iter_mut().zip(gone) {
                if gone {
                    attributes.clear();
                }
                attributes.sort();
            }
        }
        for log in &mut self.logs {
            log.attributes.sort();
        }
        self
    }
}

/// Numbers that follow from a seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    pub(crate) fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    pub(crate) fn in_ten(&mut self, times: usize) -> bool {
        self.below(10) < times
    }
}

const KEYS: [&str; 5] = ["k0", "k1", "k2", "k3", "ключ"];
const TEXTS: [&str; 5] = ["", "v0", "v1", "info", "über"];

fn key(random: &mut Random) -> String {
    random.one(&KEYS).into()
}

fn text(random: &mut Random) -> String {
    random.one(&TEXTS).into()
}

/// A value that a configuration can name.
fn scalar(random: &mut Random) -> Value {
    match random.below(8) {
        0..4 => Value::Str(text(random)),
        4..6 => Value::Int(random.one(&[0, 1, -5, i64::MIN])),
        6 => Value::Double(random.one(&[0.0f64, 1.5, -2.25]).to_bits()),
        _ => Value::Bool(random.in_ten(5)),
    }
}

fn value(random: &mut Random) -> Value {
    match random.below(16) {
        0 => Value::Empty,
        1 => Value::Map(random.one(&[vec![0xa0], vec![0xa1, 0x61, b'a', 1]])),
        2 => Value::Slice(random.one(&[vec![0x80], vec![0x81, 0x61, b'x']])),
        3 => Value::Bytes(random.one(&[vec![], vec![0], vec![1, 2, 3]])),
        4 => Value::Double(random.one(&[f64::NAN, -0.0, f64::INFINITY]).to_bits()),
        _ => scalar(random),
    }
}

/// Attributes with each key at most once; `share` of ten keys are there.
fn attributes(random: &mut Random, share: usize) -> Attributes {
    let mut all = Attributes::new();
    for _ in 0..KEYS.len() {
        let key = key(random);
        if random.in_ten(share) && all.iter().all(|(known, _)| *known != key) {
            all.push((key, value(random)));
        }
    }
    all
}

pub(crate) fn logs(random: &mut Random) -> Logs {
    let count = random.one(&[1, 2, 3, 7, 20, 65, 130]);
    // Often only some logs, or none, have attributes.
    let share = random.one(&[0, 1, 5, 5, 9]);
    let resources: Vec<_> = (0..1 + random.below(3))
        .map(|_| attributes(random, 5))
        .collect();
    let mut logs = Logs {
        resources,
        scopes: Vec::new(),
        logs: Vec::new(),
    };
    let mut resource = 0;
    for id in 0..count {
        if id == 0 || random.in_ten(1) {
            if id > 0 && resource + 1 < logs.resources.len() && random.in_ten(5) {
                resource += 1;
            }
            logs.scopes.push(attributes(random, 3));
        }
        logs.logs.push(Log {
            id: id as u16,
            resource: resource as u16,
            scope: logs.scopes.len() as u16 - 1,
            severity: random.one(&[0, 0, 1, 9, 13, 17, 24, -3, 1000]),
            text: text(random),
            body: value(random),
            attributes: attributes(random, share),
        });
    }
    logs
}

/// One node of a chain.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Attribute {
        actions: Vec<Action>,
        apply_to: Option<Vec<&'static str>>,
    },
    Filter {
        include: Option<Match>,
        exclude: Option<Match>,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    Rename(String, String),
    Delete(String),
    Insert(String, Value),
    Upsert(String, Value),
    Update(String, Value),
    Hash(String, Option<String>),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Match {
    regexp: bool,
    resource: Vec<(String, Value)>,
    record: Vec<(String, Value)>,
    texts: Vec<String>,
    severity: Option<(i32, bool)>,
    bodies: Vec<Value>,
}

pub(crate) fn chain(random: &mut Random) -> Vec<Step> {
    (0..1 + random.below(4)).map(|_| step(random)).collect()
}

fn step(random: &mut Random) -> Step {
    if random.in_ten(4) {
        let (include, exclude) = random.one(&[(true, false), (false, true), (true, true)]);
        return Step::Filter {
            include: include.then(|| rules(random)),
            exclude: exclude.then(|| rules(random)),
        };
    }
    // No key occurs twice in one node.
    let mut keys: Vec<String> = KEYS.iter().map(|key| (*key).into()).collect();
    let mut fresh = |random: &mut Random| keys.remove(random.below(keys.len()));
    let mut actions = Vec::new();
    for _ in 0..1 + random.below(2) {
        let key = fresh(random);
        actions.push(match random.below(7) {
            0 | 1 => Action::Rename(key, fresh(random)),
            2 => Action::Delete(key),
            3 => Action::Insert(key, scalar(random)),
            4 => Action::Upsert(key, scalar(random)),
            5 => Action::Update(key, scalar(random)),
            _ => Action::Hash(key, random.one(&[None, Some("salt".into())])),
        });
    }
    let apply_to = random.one(&[
        None,
        None,
        Some(vec!["signal"]),
        Some(vec!["resource"]),
        Some(vec!["scope", "signal"]),
        Some(vec!["signal", "resource", "scope"]),
    ]);
    Step::Attribute { actions, apply_to }
}

fn rules(random: &mut Random) -> Match {
    let mut rules = Match {
        regexp: random.in_ten(3),
        ..Match::default()
    };
    let regexp = rules.regexp;
    let pattern = |random: &mut Random| {
        if regexp {
            random.one(&["^v", "1$", ".*", "x", "^$"]).to_owned()
        } else {
            text(random)
        }
    };
    let wanted = |random: &mut Random| match scalar(random) {
        Value::Str(_) => Value::Str(pattern(random)),
        other => other,
    };
    for _ in 0..1 + random.below(2) {
        match random.below(6) {
            0 => {
                rules.resource = (0..1 + random.below(2))
                    .map(|_| (key(random), wanted(random)))
                    .collect()
            }
            1 | 2 => {
                rules.record = (0..1 + random.below(2))
                    .map(|_| (key(random), wanted(random)))
                    .collect()
            }
            3 => rules.texts = (0..1 + random.below(2)).map(|_| pattern(random)).collect(),
            4 => rules.severity = Some((random.one(&[-5, 0, 1, 9, 14]), random.in_ten(5))),
            _ => rules.bodies = (0..1 + random.below(2)).map(|_| wanted(random)).collect(),
        }
    }
    rules
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Str(text) => json!(text),
        Value::Int(int) => json!(int),
        Value::Double(bits) => json!(f64::from_bits(*bits)),
        Value::Bool(bool) => json!(bool),
        other => panic!("{other:?} is no scalar"),
    }
}

impl Step {
    /// The node's configuration.
    pub(crate) fn config(&self) -> Json {
        match self {
            Self::Attribute { actions, apply_to } => {
                let actions: Vec<Json> = actions.iter().map(Action::config).collect();
                let mut config = json!({"actions": actions});
                if let Some(domains) = apply_to {
                    config["apply_to"] = json!(domains);
                }
                json!({"attribute": config})
            }
            Self::Filter { include, exclude } => {
                let mut logs = json!({});
                for (name, rules) in [("include", include), ("exclude", exclude)] {
                    if let Some(rules) = rules {
                        logs[name] = rules.config();
                    }
                }
                json!({"filter": {"logs": logs}})
            }
        }
    }

    /// Does the step.
    pub(crate) fn apply(&self, logs: &mut Logs) {
        match self {
            Self::Attribute { actions, apply_to } => {
                let domains = apply_to.clone().unwrap_or_else(|| vec!["signal"]);
                for action in actions {
                    if domains.contains(&"signal") {
                        logs.logs
                            .iter_mut()
                            .for_each(|log| action.apply(&mut log.attributes));
                    }
                    if domains.contains(&"resource") {
                        logs.resources.iter_mut().for_each(|all| action.apply(all));
                    }
                    if domains.contains(&"scope") {
                        logs.scopes.iter_mut().for_each(|all| action.apply(all));
                    }
                }
            }
            Self::Filter { include, exclude } => {
                let resources = logs.resources.clone();
                let groups = |rules: &Option<Match>, log: &Log| -> Vec<bool> {
                    let resource = &resources[usize::from(log.resource)];
                    rules
                        .as_ref()
                        .map(|rules| rules.groups(log, resource))
                        .unwrap_or_default()
                };
                logs.logs.retain(|log| {
                    groups(include, log).iter().all(|matches| *matches)
                        && !groups(exclude, log).iter().any(|matches| *matches)
                });
            }
        }
    }
}

impl Action {
    fn config(&self) -> Json {
        match self {
            Self::Rename(from, to) => {
                json!({"action": "rename", "source_key": from, "destination_key": to})
            }
            Self::Delete(key) => json!({"action": "delete", "key": key}),
            Self::Insert(key, value) => {
                json!({"action": "insert", "key": key, "value": plain(value)})
            }
            Self::Upsert(key, value) => {
                json!({"action": "upsert", "key": key, "value": plain(value)})
            }
            Self::Update(key, value) => {
                json!({"action": "update", "key": key, "value": plain(value)})
            }
            Self::Hash(key, None) => json!({"action": "hash", "key": key}),
            Self::Hash(key, Some(salt)) => json!({"action": "hash", "key": key, "salt": salt}),
        }
    }

    /// Does the action to the attributes of one owner.
    pub(crate) fn apply(&self, all: &mut Attributes) {
        let place = |all: &Attributes, key: &str| all.iter().position(|(known, _)| known == key);
        match self {
            Self::Rename(from, to) => {
                if place(all, from).is_some() {
                    all.retain(|(key, _)| key != to);
                    let at = place(all, from).unwrap();
                    all[at].0 = to.clone();
                }
            }
            Self::Delete(key) => all.retain(|(known, _)| known != key),
            Self::Insert(key, value) => {
                if place(all, key).is_none() {
                    all.push((key.clone(), value.clone()));
                }
            }
            Self::Upsert(key, value) => match place(all, key) {
                Some(at) => all[at].1 = value.clone(),
                None => all.push((key.clone(), value.clone())),
            },
            Self::Update(key, value) => {
                if let Some(at) = place(all, key) {
                    all[at].1 = value.clone();
                }
            }
            Self::Hash(key, salt) => {
                if let Some(at) = place(all, key)
                    && let Some(bytes) = hashed_bytes(&all[at].1)
                {
                    let mut input = salt.clone().unwrap_or_default().into_bytes();
                    input.extend(bytes);
                    all[at].1 = Value::Str(super::sha256::hex(&input));
                }
            }
        }
    }
}

/// What the engine's documentation says a hash is made from; maps, lists and no value have none.
fn hashed_bytes(value: &Value) -> Option<Vec<u8>> {
    Some(match value {
        Value::Str(text) => text.clone().into_bytes(),
        Value::Int(int) => int.to_le_bytes().to_vec(),
        Value::Double(bits) => bits.to_le_bytes().to_vec(),
        Value::Bool(bool) => vec![u8::from(*bool)],
        Value::Bytes(bytes) => bytes.clone(),
        Value::Empty | Value::Map(_) | Value::Slice(_) => return None,
    })
}

impl Match {
    fn config(&self) -> Json {
        let pairs = |pairs: &[(String, Value)]| -> Vec<Json> {
            pairs
                .iter()
                .map(|(key, value)| json!({"key": key, "value": plain(value)}))
                .collect()
        };
        let mut config = json!({
            "match_type": if self.regexp { "regexp" } else { "strict" },
            "resource_attributes": pairs(&self.resource),
            "record_attributes": pairs(&self.record),
            "severity_texts": self.texts,
            "bodies": self.bodies.iter().map(plain).collect::<Vec<_>>(),
        });
        if let Some((min, match_undefined)) = self.severity {
            config["severity_number"] = json!({"min": min, "match_undefined": match_undefined});
        }
        config
    }

    fn text(&self, pattern: &str, text: &str) -> bool {
        if self.regexp {
            Regex::new(pattern).unwrap().is_match(text)
        } else {
            pattern == text
        }
    }

    fn value(&self, wanted: &Value, found: &Value) -> bool {
        match (wanted, found) {
            (Value::Str(pattern), Value::Str(text)) => self.text(pattern, text),
            (wanted, found) => wanted == found,
        }
    }

    fn groups(&self, log: &Log, resource: &Attributes) -> Vec<bool> {
        let has = |all: &Attributes, (key, wanted): &(String, Value)| {
            all.iter()
                .any(|(known, found)| known == key && self.value(wanted, found))
        };
        let mut groups = Vec::new();
        if !self.resource.is_empty() {
            groups.push(self.resource.iter().all(|pair| has(resource, pair)));
        }
        if !self.record.is_empty() {
            groups.push(self.record.iter().any(|pair| has(&log.attributes, pair)));
        }
        if !self.texts.is_empty() || self.severity.is_some() || !self.bodies.is_empty() {
            let severity = self.severity.is_none_or(|(min, undefined)| {
                log.severity >= min || (undefined && log.severity == 0)
            });
            let text = self.texts.is_empty() || self.texts.iter().any(|t| self.text(t, &log.text));
            let body =
                self.bodies.is_empty() || self.bodies.iter().any(|b| self.value(b, &log.body));
            groups.push(severity && text && body);
        }
        groups
    }
}

/// A chain in words, for failures.
pub(crate) fn words(chain: &[Step]) -> String {
    let mut words = String::new();
    for step in chain {
        let _ = writeln!(words, "  - {}", step.config());
    }
    words
}
