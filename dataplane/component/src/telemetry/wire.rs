//! What a component measures and traces, as it crosses to the host.

use opentelemetry::{Array, KeyValue, Value};
use serde::{Serialize, Serializer};

/// What an instance says of its instruments. As JSON: `{"ended": [7]}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// There is a new instrument. Said before its first points.
    Defined(Definition),
    /// What was measured since the last time.
    Points(Vec<Points>),
    /// These instruments measure no more.
    Ended(Vec<u64>),
}

/// An instrument.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Definition {
    /// Its number, which no other one of this process has.
    pub instrument: u64,
    /// What its measurements mean.
    pub kind: InstrumentKind,
    /// Whether it measures floating-point numbers; else whole ones.
    pub float: bool,
    /// The name and version of its instrumentation scope.
    pub scope: String,
    /// Empty where there is none.
    pub version: String,
    /// Its own name.
    pub name: String,
    /// What it measures; may be empty.
    pub description: String,
    /// The unit in UCUM's notation; may be empty.
    pub unit: String,
    /// The upper bounds of a histogram's buckets, where its author set them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boundaries: Option<Vec<f64>>,
}

/// What an instrument's measurements mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InstrumentKind {
    /// Each is added to a sum that only grows.
    Counter,
    /// Each is added to a sum.
    UpDownCounter,
    /// Each takes the place of the one before.
    Gauge,
    /// Each is one of a distribution.
    Histogram,
}

/// Measurements of one instrument under one set of attributes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Points {
    /// The instrument's number.
    pub instrument: u64,
    /// The attributes, no key twice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
    /// A counter's sum of changes, a gauge's last value, each value of a histogram.
    pub values: Vec<Number>,
}

/// A measurement; floating-point ones are finite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum Number {
    Whole(i64),
    Float(f64),
}

/// One attribute. As JSON: `{"key": "tenant", "value": {"text": "blue"}}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attribute {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: AttributeValue,
}

/// An attribute's value. Floating-point ones cross as text, which knows the infinite ones.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum AttributeValue {
    Bool(bool),
    Whole(i64),
    #[serde(serialize_with = "text")]
    Float(f64),
    Text(String),
    Bools(Vec<bool>),
    Wholes(Vec<i64>),
    #[serde(serialize_with = "texts")]
    Floats(Vec<f64>),
    Texts(Vec<String>),
}

fn text<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn texts<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(ToString::to_string))
}

impl From<&KeyValue> for Attribute {
    fn from(pair: &KeyValue) -> Self {
        Self {
            key: pair.key.as_str().to_owned(),
            value: AttributeValue::from(&pair.value),
        }
    }
}

impl From<&Value> for AttributeValue {
    fn from(value: &Value) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::I64(value) => Self::Whole(*value),
            Value::F64(value) => Self::Float(*value),
            Value::Array(Array::Bool(values)) => Self::Bools(values.clone()),
            Value::Array(Array::I64(values)) => Self::Wholes(values.clone()),
            Value::Array(Array::F64(values)) => Self::Floats(values.clone()),
            Value::Array(Array::String(values)) => Self::Texts(
                values
                    .iter()
                    .map(|value| value.as_str().to_owned())
                    .collect(),
            ),
            // The API may have more types of values one day: each has a text.
            other => Self::Text(other.as_str().into_owned()),
        }
    }
}

/// A span that begins.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpanStart {
    /// The name and version of its instrumentation scope.
    pub scope: String,
    /// Empty where there is none.
    pub version: String,
    /// What it is called.
    pub name: String,
    /// `internal`, `client`, `server`, `producer` or `consumer`.
    pub kind: &'static str,
    /// When it began, in nanoseconds since 1970.
    pub time_ns: u64,
    /// What it is a part of; none where it begins a trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<SpanParent>,
    /// What is known of it at its beginning, as samplers see it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
    /// The spans that it has to do with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<SpanLink>,
}

/// A span, as it is known beyond the process that recorded it; ids in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct SpanParent {
    pub trace_id: String,
    pub span_id: String,
    pub flags: u8,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub state: String,
    pub remote: bool,
}

/// A span that another has to do with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpanLink {
    /// The span.
    pub span: SpanParent,
    /// What they have to do with each other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
}

/// Who a span is, as the host says when it has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct SpanId {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    /// The trace flags; bit 0 says that the trace is sampled.
    pub flags: u8,
    /// By which the host knows the span until it ends; 0: it is not recorded.
    pub token: u64,
}

/// A span that ends, with what was said of it since its beginning.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SpanEnd {
    /// When it ended, in nanoseconds since 1970.
    pub time_ns: u64,
    /// What it is called, where that has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How its work came out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<SpanStatus>,
    /// What was found out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
    /// What happened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<SpanEvent>,
    /// The spans that it has to do with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<SpanLink>,
}

/// How a span's work came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanStatus {
    /// As its author says: well.
    Ok,
    /// Not, for this reason.
    Error(String),
}

/// What happened during a span.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpanEvent {
    /// What it is called.
    pub name: String,
    /// When, in nanoseconds since 1970.
    pub time_ns: u64,
    /// What is known of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
}
