//! A configuration type's schema, compiled: what a value at each place must be.
//!
//! Reads the JSON Schema that schemars derives (its vocabulary, not all of the standard's). A schema that says
//! something else allows anything at its place, which leaves the answer to serde.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use serde_path_to_error::Segment;

use super::path::{Part, Place};
use super::{byte_size, duration};

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
struct Node {
    shape: Shape,
    /// `writeOnly`: to be masked.
    secret: bool,
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
    pub(super) fn of(schema: &Value) -> Self {
        let mut compiler = Compiler {
            definitions: schema.get("$defs").unwrap_or(&Value::Null),
            nodes: Vec::new(),
            known: HashMap::new(),
        };
        let root = compiler.reserve();
        let shape = compiler.shape(schema);
        compiler.nodes[root].shape = shape;
        Self {
            has_secrets: compiler.nodes.iter().any(|node| node.secret),
            nodes: compiler.nodes,
        }
    }

    /// The shape of a node behind its links, and whether it may be null.
    pub(super) fn get(&self, mut id: Id) -> (&Shape, bool) {
        let mut may_be_null = false;
        // Links form no circle in a type that can exist; the bound keeps a wrong schema from hanging us.
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

    /// Whether a value has the form that this shape asks for, as far as one look tells. `default` fills in keys
    /// that the value leaves out.
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

    /// Which alternative of a flattened enum the keys of an object choose; failing that, the keys of the default.
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

    /// The keys of an object: its own, those of the chosen alternatives of its flattened enums, and of theirs.
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

struct Compiler<'a> {
    definitions: &'a Value,
    nodes: Vec<Node>,
    /// Definitions that have a node.
    known: HashMap<&'a str, Id>,
}

impl<'a> Compiler<'a> {
    fn reserve(&mut self) -> Id {
        self.nodes.push(Node {
            shape: Shape::Any,
            secret: false,
        });
        self.nodes.len() - 1
    }

    fn node(&mut self, schema: &'a Value) -> Id {
        let id = self.reserve();
        self.nodes[id].secret = schema.get("writeOnly") == Some(&Value::Bool(true));
        self.nodes[id].shape = self.shape(schema);
        id
    }

    fn reference(&mut self, target: &'a str) -> Id {
        if target == "#" {
            return ROOT;
        }
        if let Some(id) = self.known.get(target) {
            return *id;
        }
        let id = self.reserve();
        self.known.insert(target, id);
        if let Some(schema) = self.definition(target) {
            self.nodes[id].secret = schema.get("writeOnly") == Some(&Value::Bool(true));
            self.nodes[id].shape = self.shape(schema);
        }
        id
    }

    fn definition(&self, target: &str) -> Option<&'a Value> {
        self.definitions.get(target.strip_prefix("#/$defs/")?)
    }

    fn shape(&mut self, schema: &'a Value) -> Shape {
        let list = |key: &str| schema.get(key).and_then(Value::as_array);
        let is_object = schema.get("properties").is_some() || is_type(schema, "object");
        match schema.get("format").and_then(Value::as_str) {
            Some(duration::FORMAT) => return Shape::Duration,
            Some(byte_size::FORMAT) => return Shape::ByteSize,
            _ => {}
        }
        if let (Some(target), false) = (schema.get("$ref").and_then(Value::as_str), is_object) {
            return Shape::Link {
                to: self.reference(target),
                nullable: false,
            };
        }
        if let Some(alternatives) = list("oneOf").or(list("anyOf")).filter(|_| !is_object) {
            return self.one_of(alternatives);
        }
        if let Some(word) = schema.get("const").and_then(Value::as_str) {
            return Shape::Words(vec![word.to_owned()]);
        }
        if let Some(words) = list("enum") {
            return words_of(words).map_or(Shape::Any, Shape::Words);
        }
        if let Some(types) = list("type") {
            return self.of_types(schema, types);
        }
        match schema.get("type").and_then(Value::as_str) {
            Some(name) => self.of_type(schema, name),
            None if is_object => self.of_type(schema, "object"),
            None => Shape::Any,
        }
    }

    /// Several types: one of them or null, or really several.
    fn of_types(&mut self, schema: &'a Value, types: &'a [Value]) -> Shape {
        let names = types.iter().filter_map(Value::as_str);
        let names: Vec<_> = names.filter(|name| *name != "null").collect();
        let mut ids = Vec::new();
        for name in &names {
            let id = self.reserve();
            self.nodes[id].shape = self.of_type(schema, name);
            ids.push(id);
        }
        match ids[..] {
            [to] => Shape::Link {
                to,
                nullable: names.len() < types.len(),
            },
            _ => Shape::Any,
        }
    }

    fn of_type(&mut self, schema: &'a Value, name: &str) -> Shape {
        match name {
            "boolean" => Shape::Bool,
            "string" => Shape::Text,
            "integer" => integer(schema),
            "number" => Shape::Float {
                name: match schema.get("format").and_then(Value::as_str) {
                    Some("float") => "float32",
                    _ => "float64",
                },
            },
            "array" => {
                let first = schema.get("prefixItems").and_then(Value::as_array);
                let first = first.into_iter().flatten().map(|item| self.node(item));
                let first = first.collect();
                let items = schema.get("items").filter(|items| !items.is_boolean());
                Shape::List {
                    first,
                    rest: items.map(|items| self.node(items)),
                }
            }
            "object" => {
                let mut object = Object::default();
                self.add_keys(&mut object, schema);
                Shape::Object(object)
            }
            _ => Shape::Any,
        }
    }

    fn add_keys(&mut self, object: &mut Object, schema: &'a Value) {
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, field) in properties.into_iter().flatten() {
            let id = self.node(field);
            object.fields.insert(name.clone(), id);
            let aliases = field.get("x-aliases").and_then(Value::as_array);
            for alias in aliases.into_iter().flatten().filter_map(Value::as_str) {
                object.aliases.insert(alias.to_owned(), name.clone());
            }
        }
        let required = schema.get("required").and_then(Value::as_array);
        let required = required.into_iter().flatten().filter_map(Value::as_str);
        object.required.extend(required.map(str::to_owned));
        // serde flattens an internally tagged newtype variant's struct into the tag's object.
        if let Some(target) = schema.get("$ref").and_then(Value::as_str)
            && let Some(definition) = self.definition(target)
        {
            self.add_keys(object, definition);
        }
        let rest = ["additionalProperties", "unevaluatedProperties"]
            .into_iter()
            .find_map(|key| schema.get(key).filter(|rest| **rest != Value::Bool(false)));
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        let patterns = patterns.and_then(|patterns| patterns.values().next());
        if let Some(rest) = rest.or(patterns) {
            object.rest = Some(self.node(rest));
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(alternatives) = schema.get(key).and_then(Value::as_array) {
                let ids = alternatives.iter().map(|schema| self.node(schema));
                object.choices.push(ids.collect());
            }
        }
        let all = schema.get("allOf").and_then(Value::as_array);
        for part in all.into_iter().flatten() {
            self.add_keys(object, part);
        }
    }

    fn one_of(&mut self, alternatives: &'a [Value]) -> Shape {
        let some: Vec<_> = alternatives
            .iter()
            .filter(|schema| !is_type(schema, "null"))
            .collect();
        let nullable = some.len() < alternatives.len();
        if let [one] = some[..] {
            let to = self.node(one);
            return Shape::Link { to, nullable };
        }
        let ids: Vec<_> = some.into_iter().map(|schema| self.node(schema)).collect();
        let words = ids.iter().map(|id| match &self.nodes[*id].shape {
            Shape::Words(words) => Some(words.clone()),
            _ => None,
        });
        let shape = match words.collect::<Option<Vec<_>>>() {
            Some(words) => Shape::Words(words.concat()),
            None => Shape::OneOf(ids),
        };
        if !nullable {
            return shape;
        }
        let to = self.reserve();
        self.nodes[to].shape = shape;
        Shape::Link { to, nullable }
    }
}

fn is_type(schema: &Value, name: &str) -> bool {
    schema.get("type").and_then(Value::as_str) == Some(name)
}

fn words_of(words: &[Value]) -> Option<Vec<String>> {
    let word = |word: &Value| word.as_str().map(str::to_owned);
    words.iter().map(word).collect()
}

/// The bounds are the type's; narrower ones in the schema are for its readers.
fn integer(schema: &Value) -> Shape {
    let name = schema
        .get("format")
        .and_then(Value::as_str)
        .unwrap_or("int");
    let (min, max) = match name {
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "uint8" => (0, u8::MAX.into()),
        "uint16" => (0, u16::MAX.into()),
        "uint32" => (0, u32::MAX.into()),
        "int64" | "int" => (i64::MIN.into(), i64::MAX.into()),
        "uint64" | "uint" => (0, u64::MAX.into()),
        _ => (i128::MIN, i128::MAX),
    };
    Shape::Integer {
        name: name.to_owned(),
        min,
        max,
    }
}
