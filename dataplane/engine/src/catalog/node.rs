//! What is written down of a node: its name, what it does with batches, and the keys of its
//! configuration.

use serde::Serialize;

/// The shape of one value in a node's configuration.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// `true` or `false`.
    Bool,
    /// A whole number, at least this much.
    Int(u64),
    /// A number.
    Number,
    /// Text.
    Text,
    /// A time such as `200ms` or `1m 30s`.
    Duration,
    /// A number of bytes, or text such as `10 GiB`.
    Size,
    /// Text, number or boolean.
    Scalar,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list.
    List(&'static Shape),
    /// A map with keys of the user's.
    Map(&'static Shape),
    /// A map with these keys.
    Object(&'static [Key]),
    /// A map whose key of this name chooses the other keys.
    Tagged(&'static str, &'static [(&'static str, &'static [Key])]),
    /// A map with exactly one of these keys.
    OneOf(&'static [Key]),
    /// One of several shapes.
    Either(&'static [Shape]),
    /// Anything; the node judges it.
    Any,
}

/// One key of a node's configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// Shape of its value.
    pub shape: Shape,
    /// Whether the node refuses a configuration without it.
    pub required: bool,
    /// One line for people.
    pub doc: &'static str,
}

impl Key {
    pub(crate) const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self {
            name,
            shape,
            required: false,
            doc,
        }
    }

    pub(crate) const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self {
            name,
            shape,
            required: true,
            doc,
        }
    }
}

/// One processor node of the engine.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// The engine's name for it.
    pub urn: &'static str,
    /// Strait's short name for it: the URN's last part.
    pub name: &'static str,
    /// Signals it works on; others pass through unchanged.
    pub signals: &'static [&'static str],
    /// One line for people.
    pub doc: &'static str,
    /// Its configuration's keys.
    pub keys: &'static [Key],
    /// It turns OTLP bytes into records, so OTLP bytes are not lossless through it.
    pub converts: bool,
    /// It keeps data, or a leased slot, beyond one call of `process`.
    pub retains: bool,
    /// It holds data until a size or a time is reached, and hands it on when it is told of a
    /// shutdown.
    pub holds: bool,
    /// It has data of an earlier life to hand on before the first batch comes.
    pub resumes: bool,
    /// Its state outlives a batch: after a panic it cannot go on.
    pub stateful: bool,
    /// Outputs are named ports, so it needs the graph form.
    pub ports: bool,
    /// Which binaries it is in.
    pub choice: Choice,
    /// Whether it is in this one.
    pub included: bool,
}

/// Which binaries a node is in; `dist.engine_nodes` of a builder file chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// All of them.
    Always,
    /// Those that do not choose otherwise.
    Default,
    /// Those that ask for it: it takes long to compile.
    OnRequest,
}

/// A shape in words, for messages and the table.
pub(crate) fn words(shape: &Shape) -> String {
    match shape {
        Shape::Bool => "boolean".into(),
        Shape::Int(_) => "integer".into(),
        Shape::Number => "number".into(),
        Shape::Text => "string".into(),
        Shape::Duration => "duration".into(),
        Shape::Size => "size".into(),
        Shape::Scalar => "string, number or boolean".into(),
        Shape::Word(all) => all.join(" | "),
        Shape::List(inner) => format!("list of {}", words(inner)),
        Shape::Map(inner) => format!("map to {}", words(inner)),
        Shape::Object(_) | Shape::Tagged(..) => "map".into(),
        Shape::OneOf(keys) => {
            let names: Vec<_> = keys.iter().map(|key| key.name).collect();
            format!("map with one of {}", names.join(", "))
        }
        Shape::Either(shapes) => {
            let all: Vec<_> = shapes.iter().map(words).collect();
            all.join(" or ")
        }
        Shape::Any => "any".into(),
    }
}
