//! A configuration type's schema, compiled: what a value at each place must be, which keys an
//! object has, where its secrets are. Made by `compile`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use serde_path_to_error::Segment;

use super::path::{Part, Place};

/// A node of [`Shapes`].
pub(super) type Id = usize;

/// All shapes of one configuration type; the first is the whole.
#[derive(Debug)]
pub(super) struct Shapes {
    nodes: Vec<Node>,
    /// Whether any node is secret.
    has_secrets: bool,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) shape: Shape,
    /// `writeOnly`: to be masked.
    pub(super) secret: bool,
}

/// What a value must be.
#[derive(Debug)]
pub(super) enum Shape {
    /// Anything, or not known.
    Any,
    Bool,
    Text,
    /// One of these texts.
    Words(Vec<String>),
    Duration,
    ByteSize,
    /// The name is the format, which is Go's name of the type too.
    Integer {
        name: String,
        min: i128,
        max: i128,
    },
    Float {
        name: &'static str,
    },
    /// Elements by place, then any number of the rest.
    List {
        first: Vec<Id>,
        rest: Option<Id>,
    },
    /// A struct, or a map when it has no fields.
    Object(Object),
    /// The first of these that fits.
    OneOf(Vec<Id>),
    /// Another node, or null.
    Link {
        to: Id,
        nullable: bool,
    },
}

/// The keys of a struct or map.
#[derive(Debug, Default)]
pub(super) struct Object {
    pub(super) fields: BTreeMap<String, Id>,
    pub(super) required: BTreeSet<String>,
    /// Other names of fields.
    pub(super) aliases: BTreeMap<String, String>,
    /// What other keys hold; `None`: there are none.
    pub(super) rest: Option<Id>,
    /// Flattened enums: the keys of one alternative of each.
    pub(super) choices: Vec<Vec<Id>>,
}

impl Object {
    pub(super) fn is_map(&self) -> bool {
        self.fields.is_empty() && self.choices.is_empty() && self.rest.is_some()
    }
}

/// An object whose keys may stand at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys<'a> {
    pub(super) object: &'a Object,
    /// Whether the default's values of these keys are theirs.
    pub(super) takes_default: bool,
}

/// The whole configuration.
pub(super) const ROOT: Id = 0;

impl Shapes {
    /// Of these nodes, the first of which is the whole.
    pub(super) fn new(nodes: Vec<Node>) -> Self {
        Self {
            has_secrets: nodes.iter().any(|node| node.secret),
            nodes,
        }
    }

    /// The shape of a node behind its links, and whether it may be null.
    pub(super) fn get(&self, mut id: Id) -> (&Shape, bool) {
        let mut may_be_null = false;
        // Links form no circle in a type that can exist; the bound keeps a wrong schema from
        // hanging us.
        for _ in 0..=self.nodes.len() {
            match &self.nodes[id].shape {
                Shape::Link { to, nullable } => {
                    may_be_null |= nullable;
                    id = *to;
                }
                shape => return (shape, may_be_null),
            }
        }
        (&Shape::Any, may_be_null)
    }

    /// Go's name of the type, as its messages have it.
    pub(super) fn type_name(&self, id: Id) -> String {
        if self.nodes[id].secret {
            return "configopaque.String".into();
        }
        match self.get(id).0 {
            Shape::Any | Shape::OneOf(_) | Shape::Link { .. } => "interface {}".into(),
            Shape::Bool => "bool".into(),
            Shape::Text | Shape::Words(_) => "string".into(),
            Shape::Duration => "time.Duration".into(),
            Shape::ByteSize => "uint64".into(),
            Shape::Integer { name, .. } => name.clone(),
            Shape::Float { name } => (*name).into(),
            Shape::List { first, rest } => {
                let item = rest.as_ref().or(first.first());
                format!(
                    "[]{}",
                    item.map_or_else(String::new, |id| self.type_name(*id))
                )
            }
            Shape::Object(object) => match object.rest {
                Some(rest) if object.is_map() => format!("map[string]{}", self.type_name(rest)),
                _ => "struct".into(),
            },
        }
    }

    /// Whether a value has the form that this shape asks for, as far as one look tells. `default`
    /// fills in keys that the value leaves out.
    pub(super) fn fits(&self, id: Id, value: &Value, default: Option<&Value>) -> bool {
        let (shape, nullable) = self.get(id);
        if value.is_null() {
            return nullable || matches!(shape, Shape::Any);
        }
        match shape {
            Shape::Any | Shape::OneOf(_) | Shape::Link { .. } => true,
            Shape::Bool => value.is_boolean(),
            Shape::Text => value.is_string(),
            Shape::Words(words) => value.as_str().is_some_and(|v| words.iter().any(|w| w == v)),
            Shape::Duration | Shape::ByteSize => value.is_string() || value.is_number(),
            Shape::Integer { .. } => value.is_i64() || value.is_u64(),
            Shape::Float { .. } => value.is_number(),
            Shape::List { .. } => value.is_array(),
            Shape::Object(object) => value.is_object() && self.has_required(object, value, default),
        }
    }

    /// Whether the keys that tell one alternative from another are there, with their values.
    fn has_required(&self, object: &Object, value: &Value, default: Option<&Value>) -> bool {
        object.required.iter().all(|name| {
            let found = value.get(name).or_else(|| default?.get(name));
            let id = object.fields.get(name);
            match (found, id.map(|id| self.get(*id).0)) {
                (Some(found), Some(Shape::Words(words))) => {
                    words.len() > 1 || found.as_str() == words.first().map(String::as_str)
                }
                (found, _) => found.is_some(),
            }
        })
    }

    /// Which alternative of a flattened enum the keys of an object choose; failing that, the keys
    /// of the default.
    fn chosen<'a>(
        &'a self,
        alternatives: &[Id],
        value: &Value,
        default: Option<&Value>,
    ) -> Option<Keys<'a>> {
        let objects = || {
            alternatives.iter().filter_map(|id| match self.get(*id).0 {
                Shape::Object(object) => Some(object),
                _ => None,
            })
        };
        let given = objects().find(|object| self.has_required(object, value, None));
        let chosen =
            given.or_else(|| objects().find(|object| self.has_required(object, value, default)))?;
        Some(Keys {
            object: chosen,
            // The default's keys mean something else where it chose another alternative.
            takes_default: default.is_some_and(|d| self.has_required(chosen, d, None)),
        })
    }

    /// The keys of an object: its own, those of the chosen alternatives of its flattened enums, and
    /// of theirs.
    pub(super) fn view<'a>(
        &'a self,
        object: &'a Object,
        value: &Value,
        default: Option<&Value>,
    ) -> Vec<Keys<'a>> {
        let mut view = vec![Keys {
            object,
            takes_default: true,
        }];
        let mut next = 0;
        while let Some(keys) = view.get(next) {
            let choices = keys.object.choices.iter();
            let chosen: Vec<_> = choices
                .filter_map(|alternatives| self.chosen(alternatives, value, default))
                .collect();
            view.extend(chosen);
            next += 1;
        }
        view
    }

    /// Whether `name` belongs to a flattened enum of which no alternative is chosen.
    pub(super) fn is_undecided(
        &self,
        view: &[Keys<'_>],
        value: &Value,
        default: Option<&Value>,
        name: &str,
    ) -> bool {
        let choices = view.iter().flat_map(|keys| &keys.object.choices);
        let mut undecided = choices.filter(|ids| self.chosen(ids, value, default).is_none());
        undecided.any(|ids| {
            let shapes = ids.iter().map(|id| self.get(*id).0);
            shapes
                .into_iter()
                .any(|shape| self.field(shape, name).is_some())
        })
    }

    /// JSON pointers to the secrets of a configuration.
    pub(super) fn secrets(&self, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        if self.has_secrets {
            self.find_secrets(ROOT, value, &mut String::new(), &mut found);
        }
        found
    }

    fn find_secrets(&self, id: Id, value: &Value, at: &mut String, found: &mut Vec<String>) {
        let mut id = id;
        loop {
            if self.nodes[id].secret {
                if !value.is_null() {
                    found.push(at.clone());
                }
                return;
            }
            match self.nodes[id].shape {
                Shape::Link { to, .. } => id = to,
                _ => break,
            }
        }
        let mut below = |id: Id, key: &str, value: &Value| {
            let length = at.len();
            push_pointer(at, key);
            self.find_secrets(id, value, at, found);
            at.truncate(length);
        };
        match (&self.nodes[id].shape, value) {
            (Shape::List { first, rest }, Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(id) = first.get(index).or(rest.as_ref()) {
                        below(*id, &index.to_string(), item);
                    }
                }
            }
            (Shape::Object(object), Value::Object(map)) => {
                let view = self.view(object, value, None);
                for (key, value) in map {
                    let field = view.iter().find_map(|keys| keys.object.fields.get(key));
                    let rest = || view.iter().find_map(|keys| keys.object.rest.as_ref());
                    if let Some(id) = field.or_else(rest) {
                        below(*id, key, value);
                    }
                }
            }
            (Shape::OneOf(alternatives), value) => {
                // All that fit: better one value too many masked than one too few.
                for id in alternatives
                    .iter()
                    .filter(|id| self.fits(**id, value, None))
                {
                    self.find_secrets(*id, value, at, found);
                }
            }
            _ => {}
        }
    }

    /// The place of a path of serde's: which of its keys are fields and which are a map's.
    pub(super) fn place(&self, path: &serde_path_to_error::Path) -> Place {
        let mut place = Place::new();
        let mut at = Some(ROOT);
        for segment in path.iter() {
            let shape = at.map(|id| self.get(id).0);
            match segment {
                Segment::Seq { index } => {
                    at = match shape {
                        Some(Shape::List { first, rest }) => first.get(*index).copied().or(*rest),
                        _ => None,
                    };
                    place.push(Part::Index(*index));
                }
                Segment::Map { key } | Segment::Enum { variant: key } => {
                    let field = shape.and_then(|shape| self.field(shape, key));
                    let rest = match shape {
                        Some(Shape::Object(object)) => object.rest,
                        _ => None,
                    };
                    place.push(match (field, rest) {
                        (None, Some(_)) => Part::Key(key.clone()),
                        _ => Part::Field(key.clone()),
                    });
                    at = field.or(rest);
                }
                Segment::Unknown => {}
            }
        }
        place
    }

    fn field(&self, shape: &Shape, key: &str) -> Option<Id> {
        match shape {
            Shape::Object(object) => object.fields.get(key).copied(),
            Shape::OneOf(alternatives) => alternatives
                .iter()
                .find_map(|id| self.field(self.get(*id).0, key)),
            _ => None,
        }
    }
}

/// Adds a step to a JSON pointer (RFC 6901).
pub(super) fn push_pointer(pointer: &mut String, key: &str) {
    pointer.push('/');
    for c in key.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}
