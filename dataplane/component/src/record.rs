//! Logs to be written, and what logs and metrics come from.

use crate::Any;

/// Attributes that are owned: keys and values, in their order.
pub type Pairs = Vec<(String, Any)>;

/// A log record to be written. What is not set has OTLP's default: zero or empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogRecord {
    /// When the event happened, in nanoseconds since 1970 (UTC).
    pub time_unix_nano: u64,
    /// When it was observed, in nanoseconds since 1970 (UTC).
    pub observed_time_unix_nano: u64,
    /// The severity, as [`Log::severity_number`](crate::Log::severity_number).
    pub severity_number: i32,
    /// The severity's text.
    pub severity_text: String,
    /// The event's name.
    pub event_name: String,
    /// The body.
    pub body: Any,
    /// The attributes.
    pub attributes: Pairs,
    /// How many attributes were dropped on the way.
    pub dropped_attributes_count: u32,
    /// The flags.
    pub flags: u32,
    /// The trace id; zeros are none.
    pub trace_id: [u8; 16],
    /// The span id; zeros are none.
    pub span_id: [u8; 8],
}

impl LogRecord {
    /// A record with this body.
    pub fn new(body: impl Into<Any>) -> Self {
        Self {
            body: body.into(),
            ..Self::default()
        }
    }

    /// The record with one attribute more.
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Any>) -> Self {
        self.attributes.push((key.into(), value.into()));
        self
    }
}

/// A resource to be written: what logs or metrics came from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// The attributes.
    pub attributes: Pairs,
    /// How many attributes were dropped on the way.
    pub dropped_attributes_count: u32,
    /// The schema URL of the resource.
    pub schema_url: String,
}

impl Resource {
    /// A resource with these attributes.
    pub fn new<K: Into<String>, V: Into<Any>>(
        attributes: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let attributes = attributes.into_iter().map(|(k, v)| (k.into(), v.into()));
        Self {
            attributes: attributes.collect(),
            ..Self::default()
        }
    }
}

/// A scope to be written: what wrote logs or metrics within a resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The attributes.
    pub attributes: Pairs,
    /// How many attributes were dropped on the way.
    pub dropped_attributes_count: u32,
    /// The schema URL of its logs or metrics.
    pub schema_url: String,
}

impl Scope {
    /// A scope of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}
