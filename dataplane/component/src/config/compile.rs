//! From the JSON Schema that schemars derives (its vocabulary, not all of the standard's) to
//! [`Node`]s. A schema that says something else allows anything at its place, which leaves the
//! answer to serde.

use std::collections::HashMap;

use serde_json::Value;

use super::shape::{Id, Node, Object, ROOT, Shape, Shapes};
use super::{byte_size, duration};

/// The shapes of a schema.
pub(super) fn shapes(schema: &Value) -> Shapes {
    let mut compiler = Compiler {
        definitions: schema.get("$defs").unwrap_or(&Value::Null),
        nodes: Vec::new(),
        known: HashMap::new(),
    };
    let root = compiler.reserve();
    let shape = compiler.shape(schema);
    compiler.nodes[root].shape = shape;
    Shapes::new(compiler.nodes)
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
