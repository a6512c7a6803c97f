//! The keys of a configuration, and the shapes of their values.

use std::time::Duration;

/// The least period of a node's timer. The engine makes up for each tick that a busy lane has
/// missed, and keeps them all till then: with a nanosecond between them, one second is gigabytes.
pub(crate) const LEAST_TICK: Duration = Duration::from_millis(1);

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
    /// A time of at least this much.
    DurationFrom(Duration),
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
    /// Whether its value is shown to nobody.
    pub secret: bool,
    /// One line for people.
    pub doc: &'static str,
}

impl Key {
    pub(crate) const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self {
            name,
            shape,
            required: false,
            secret: false,
            doc,
        }
    }

    pub(crate) const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self {
            name,
            shape,
            required: true,
            secret: false,
            doc,
        }
    }

    /// The key, its value a secret.
    pub(crate) const fn secret(self) -> Self {
        Self {
            secret: true,
            ..self
        }
    }
}

/// A shape in words, for messages and the table.
pub(crate) fn words(shape: &Shape) -> String {
    match shape {
        Shape::Bool => "boolean".into(),
        Shape::Int(_) => "integer".into(),
        Shape::Number => "number".into(),
        Shape::Text => "string".into(),
        Shape::Duration => "duration".into(),
        Shape::DurationFrom(least) => format!("duration of at least {least:?}"),
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
