//! The rules by which confmap fills a Go struct, applied to JSON: what an author need not do with
//! serde.
//!
//! - A key that is left out has the value that the default configuration has, in structs at any
//!   depth. Maps are joined with their defaults, lists replace them, elements of both start from
//!   nothing.
//! - `null` leaves structs, maps, lists and optional values at their default; anything else becomes
//!   empty.
//! - Text stays the text that `${...}` gave. A text where a list of texts is wanted is split at its
//!   commas.
//! - A whole number may be written as a float. Nothing else changes its type.
//! - A key that does not exist is an error.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::path::{Finding, Part, Place, Problem};
use super::plan::Plan;
use super::shape::{Id, Keys, Object, ROOT, Shape, Shapes, push_pointer};
use super::{ByteSize, Duration, Values};

/// The values in the form that the type's serde reads.
pub(super) struct Conformed {
    pub(super) value: Value,
    /// What cannot be read.
    pub(super) wrong: Vec<Finding>,
    /// What cannot be read unless serde says otherwise: an alias of an enum's variant is not in the
    /// schema.
    pub(super) doubtful: Vec<Finding>,
}

pub(super) fn conform(plan: &Plan, values: &Values) -> Conformed {
    let mut conformer = Conformer {
        shapes: &plan.shapes,
        originals: &values.originals,
        beside: &values.beside,
        wrong: Vec::new(),
        doubtful: Vec::new(),
    };
    let root = At {
        above: None,
        part: None,
    };
    let value = conformer.value(ROOT, plan.default.as_ref().ok(), &values.config, &root);
    Conformed {
        value,
        wrong: conformer.wrong,
        doubtful: conformer.doubtful,
    }
}

/// Where the work is; made into a place only for a finding.
struct At<'a> {
    above: Option<&'a At<'a>>,
    part: Option<Step<'a>>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Key(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    fn below(&'a self, step: Step<'a>) -> At<'a> {
        At {
            above: Some(self),
            part: Some(step),
        }
    }

    fn steps(&self) -> Vec<Step<'a>> {
        let mut steps = self.above.map_or_else(Vec::new, At::steps);
        steps.extend(self.part);
        steps
    }

    fn place(&self) -> Place {
        let part = |step| match step {
            Step::Field(name) => Part::Field(name.to_owned()),
            Step::Key(name) => Part::Key(name.to_owned()),
            Step::Index(index) => Part::Index(index),
        };
        self.steps().into_iter().map(part).collect()
    }

    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in self.steps() {
            match step {
                Step::Field(name) | Step::Key(name) => push_pointer(&mut pointer, name),
                Step::Index(index) => push_pointer(&mut pointer, &index.to_string()),
            }
        }
        pointer
    }
}

struct Conformer<'a> {
    shapes: &'a Shapes,
    originals: &'a BTreeMap<String, String>,
    beside: &'a [String],
    wrong: Vec<Finding>,
    doubtful: Vec<Finding>,
}

impl<'a> Conformer<'a> {
    /// The keys that stand beside those of a place: none, but of the whole configuration.
    fn beside_at(&self, at: &At<'_>) -> &'a [String] {
        let is_root = at.above.is_none() && at.part.is_none();
        if is_root { self.beside } else { &[] }
    }

    fn value(&mut self, id: Id, default: Option<&Value>, raw: &Value, at: &At<'_>) -> Value {
        let (shape, nullable) = self.shapes.get(id);
        if raw.is_null() && (nullable || !matches!(shape, Shape::Text | Shape::Words(_))) {
            return self.null(shape, nullable, default, at);
        }
        match shape {
            Shape::Any | Shape::Link { .. } => raw.clone(),
            Shape::Text => self.text(id, raw, at),
            Shape::Words(words) => self.word(id, words, raw, at),
            Shape::Bool => {
                if !raw.is_boolean() {
                    self.unconvertible(id, raw, at);
                }
                raw.clone()
            }
            Shape::Duration => self.parsed::<Duration>(id, raw, at),
            Shape::ByteSize => self.parsed::<ByteSize>(id, raw, at),
            Shape::Integer { name, min, max } => self.integer(id, (name, *min, *max), raw, at),
            Shape::Float { .. } => {
                if !raw.is_number() {
                    self.unconvertible(id, raw, at);
                }
                raw.clone()
            }
            Shape::List { first, rest } => self.list(first, *rest, raw, at),
            Shape::Object(object) => self.object(id, object, default, raw, at),
            Shape::OneOf(alternatives) => self.one_of(alternatives, raw, at),
        }
    }

    /// What `null` stands for.
    fn null(
        &mut self,
        shape: &Shape,
        nullable: bool,
        default: Option<&Value>,
        at: &At<'_>,
    ) -> Value {
        let default = default.filter(|default| !default.is_null());
        match shape {
            _ if nullable => default.cloned().unwrap_or(Value::Null),
            Shape::Bool => Value::Bool(false),
            Shape::Integer { .. } | Shape::Float { .. } | Shape::Duration | Shape::ByteSize => {
                0.into()
            }
            Shape::List { .. } => default.cloned().unwrap_or_else(|| Value::Array(Vec::new())),
            Shape::Object(object) => {
                let empty = Value::Object(Map::new());
                self.keys(object, default, &empty, at)
            }
            _ => default.cloned().unwrap_or(Value::Null),
        }
    }

    fn text(&mut self, id: Id, raw: &Value, at: &At<'_>) -> Value {
        if let Some(original) = self.original(at) {
            return original.into();
        }
        match raw {
            Value::String(_) => raw.clone(),
            Value::Null => "".into(),
            _ => {
                self.unconvertible(id, raw, at);
                raw.clone()
            }
        }
    }

    fn original(&self, at: &At<'_>) -> Option<&str> {
        if self.originals.is_empty() {
            return None;
        }
        self.originals.get(&at.pointer()).map(String::as_str)
    }

    fn word(&mut self, id: Id, words: &[String], raw: &Value, at: &At<'_>) -> Value {
        let value = self.text(id, raw, at);
        if let Some(word) = value.as_str()
            && !words.iter().any(|known| known == word)
        {
            let known: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
            let near = nearest(word, words.iter().map(String::as_str));
            let meant = near.map_or_else(String::new, |near| format!(", did you mean \"{near}\"?"));
            let message = format!(
                "unknown value {word:?}{meant} (expected {})",
                known.join(", ")
            );
            self.doubtful.push(Finding::wrong(at.place(), message));
        }
        value
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        id: Id,
        raw: &Value,
        at: &At<'_>,
    ) -> Value {
        match raw {
            Value::String(text) => {
                if let Err(error) = text.parse::<T>() {
                    self.wrong
                        .push(Finding::wrong(at.place(), error.to_string()));
                }
                raw.clone()
            }
            Value::Number(_) if matches!(self.shapes.get(id).0, Shape::ByteSize) => {
                self.integer(id, ("uint64", 0, u64::MAX.into()), raw, at)
            }
            Value::Number(_) => {
                let (min, max) = (i64::MIN.into(), i64::MAX.into());
                self.integer(id, ("time.Duration", min, max), raw, at)
            }
            _ => {
                self.unconvertible(id, raw, at);
                raw.clone()
            }
        }
    }

    fn integer(
        &mut self,
        id: Id,
        (name, min, max): (&str, i128, i128),
        raw: &Value,
        at: &At<'_>,
    ) -> Value {
        let Value::Number(number) = raw else {
            self.unconvertible(id, raw, at);
            return raw.clone();
        };
        let cannot = |why: String| {
            Finding::wrong(at.place(), format!("cannot parse value as '{name}': {why}"))
        };
        let whole = number.as_i128().or_else(|| whole(number.as_f64()?));
        match whole {
            Some(whole) if (min..=max).contains(&whole) => number
                .as_i128()
                .map_or_else(|| json_integer(whole), |_| raw.clone()),
            Some(_) => {
                let range = format!("{number} overflows {name} (expected {min} to {max})");
                self.wrong.push(cannot(range));
                raw.clone()
            }
            None => {
                self.wrong
                    .push(cannot(format!("{number} is not a whole number")));
                raw.clone()
            }
        }
    }

    fn list(&mut self, first: &[Id], rest: Option<Id>, raw: &Value, at: &At<'_>) -> Value {
        let items = match raw {
            Value::Array(items) => items,
            Value::String(text) if self.is_list_of_text(first, rest) => {
                let parts = text.split(',').filter(|_| !text.is_empty());
                return parts.map(Value::from).collect();
            }
            _ => {
                let message = format!("source data must be an array or slice, got {}", kind(raw));
                self.wrong.push(Finding::wrong(at.place(), message));
                return raw.clone();
            }
        };
        let item = |(index, item): (usize, &Value)| match first.get(index).copied().or(rest) {
            Some(id) => self.value(id, None, item, &at.below(Step::Index(index))),
            None => item.clone(),
        };
        items.iter().enumerate().map(item).collect()
    }

    fn is_list_of_text(&self, first: &[Id], rest: Option<Id>) -> bool {
        let text = |id| matches!(self.shapes.get(id), (Shape::Text, false));
        first.is_empty() && rest.is_some_and(text)
    }

    fn object(
        &mut self,
        id: Id,
        object: &Object,
        default: Option<&Value>,
        raw: &Value,
        at: &At<'_>,
    ) -> Value {
        if raw.is_object() {
            return self.keys(object, default, raw, at);
        }
        if object.is_map() {
            self.unconvertible(id, raw, at);
        } else {
            let message = format!("expected a map or struct, got {:?}", kind(raw));
            self.wrong.push(Finding::wrong(at.place(), message));
        }
        raw.clone()
    }

    /// The keys of an object: the given, then the defaults.
    fn keys(
        &mut self,
        object: &Object,
        default: Option<&Value>,
        raw: &Value,
        at: &At<'_>,
    ) -> Value {
        let default = default.filter(|default| default.is_object());
        let view = self.shapes.view(object, raw, default);
        let field = |name: &str| {
            view.iter()
                .find_map(|keys| Some((*keys.object.fields.get(name)?, keys.takes_default)))
        };
        let rest = view.iter().find_map(|keys| keys.object.rest);
        let mut out = Map::new();
        for (given, value) in raw.as_object().into_iter().flatten() {
            let alias = view.iter().find_map(|keys| keys.object.aliases.get(given));
            let name = alias.unwrap_or(given);
            let value = match (field(name), rest) {
                (Some((id, takes_default)), _) => {
                    let default = default.filter(|_| takes_default);
                    let default = default.and_then(|default| default.get(name));
                    self.value(id, default, value, &at.below(Step::Field(given)))
                }
                (None, Some(id)) => self.value(id, None, value, &at.below(Step::Key(given))),
                (None, None) if self.shapes.is_undecided(&view, raw, default, name) => {
                    value.clone()
                }
                (None, None) => {
                    self.unknown(&view, given, at);
                    continue;
                }
            };
            out.insert(name.clone(), value);
        }
        for (name, value) in default.and_then(Value::as_object).into_iter().flatten() {
            let is_taken = field(name).map_or(rest.is_some(), |(_, takes_default)| takes_default);
            if is_taken && !out.contains_key(name) {
                out.insert(name.clone(), value.clone());
            }
        }
        for taken in self.beside_at(at).iter().filter(|key| field(key).is_some()) {
            self.wrong.push(Finding::wrong(
                vec![Part::Field(taken.clone())],
                "is the Collector's key, and the component has one of that name too: rename it \
                 there",
            ));
        }
        for name in view.iter().flat_map(|keys| &keys.object.required) {
            if !out.contains_key(name) {
                self.wrong.push(Finding {
                    at: at.place(),
                    problem: Problem::Unset { key: name.clone() },
                });
            }
        }
        Value::Object(out)
    }

    fn unknown(&mut self, view: &[Keys<'_>], key: &str, at: &At<'_>) {
        let known = view.iter().flat_map(|keys| keys.object.fields.keys());
        let known: Vec<_> = known
            .chain(self.beside_at(at))
            .map(String::as_str)
            .collect();
        let hint = match nearest(key, known.iter().copied()) {
            Some(near) => format!("did you mean '{near}'?"),
            None if known.is_empty() => "there are none".to_owned(),
            None => format!("known: {}", known.join(", ")),
        };
        self.wrong.push(Finding {
            at: at.place(),
            problem: Problem::Unknown {
                key: key.to_owned(),
                hint,
            },
        });
    }

    /// An enum with data: the alternative that the value has the form of; none: serde says what it
    /// wants.
    fn one_of(&mut self, alternatives: &[Id], raw: &Value, at: &At<'_>) -> Value {
        let shapes = self.shapes;
        let fitting = alternatives
            .iter()
            .filter(|id| shapes.fits(**id, raw, None));
        let mut first = None;
        for id in fitting {
            let mut trial = Conformer {
                shapes,
                originals: self.originals,
                beside: self.beside,
                wrong: Vec::new(),
                doubtful: Vec::new(),
            };
            let value = trial.value(*id, None, raw, at);
            if trial.wrong.is_empty() && trial.doubtful.is_empty() {
                return value;
            }
            first.get_or_insert((value, trial.wrong, trial.doubtful));
        }
        let Some((value, wrong, doubtful)) = first else {
            return raw.clone();
        };
        self.wrong.extend(wrong);
        self.doubtful.extend(doubtful);
        value
    }

    fn unconvertible(&mut self, id: Id, raw: &Value, at: &At<'_>) {
        let expected = self.shapes.type_name(id);
        let found = match raw {
            Value::Array(_) => "[]interface {}",
            Value::Object(_) => "map[string]interface {}",
            raw => kind(raw),
        };
        let message = format!("expected type '{expected}', got unconvertible type '{found}'");
        self.wrong.push(Finding::wrong(at.place(), message));
    }
}

/// Go's name of a value's kind.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_i64() => "int",
        Value::Number(number) if number.is_u64() => "uint64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    }
}

/// A float's value as an integer, if it is one exactly.
fn whole(float: f64) -> Option<i128> {
    // Below this every float is a whole number of i128's range.
    const LIMIT: f64 = 1e38;
    #[allow(clippy::cast_possible_truncation, reason = "checked")]
    (float.fract() == 0.0 && float.abs() < LIMIT).then_some(float as i128)
}

fn json_integer(whole: i128) -> Value {
    match (i64::try_from(whole), u64::try_from(whole)) {
        (Ok(whole), _) => whole.into(),
        (_, Ok(whole)) => whole.into(),
        _ => Value::Null,
    }
}

/// The known word that was probably meant.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    let far = |known: &&str| strsim::damerau_levenshtein(known, word);
    known
        .map(|known| (far(&known), known))
        .filter(|(far, _)| *far <= allowed)
        .min()
        .map(|(_, known)| known)
}
