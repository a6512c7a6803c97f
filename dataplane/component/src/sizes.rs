//! How large logs are as OTLP: what the Collector's pdata counts of them, byte for byte.
//!
//! pdata leaves out what has protobuf's default, but always writes what it has as a value: a
//! record's body and ids, the value of an attribute, resource and scope.

use crate::{Any, Attribute, AttributeTable, Log, Value};

impl Log<'_> {
    /// How many bytes it is as a `LogRecord` of OTLP, as the Collector counts them.
    pub fn otlp_size(&self) -> u64 {
        let id = |id: Option<&[u8]>| {
            let some = id.filter(|id| id.iter().any(|byte| *byte != 0));
            within(some.map_or(0, <[u8]>::len) as u64)
        };
        let severity = i64::from(self.severity_number()).cast_unsigned();
        let fixed = |is: bool, size| if is { size } else { 0 };
        fixed(self.time_unix_nano() != 0, 9)
            + fixed(self.observed_time_unix_nano() != 0, 9)
            + number(severity)
            + text(self.severity_text())
            + within(value(self.body()))
            + self.attributes(AttributeTable::Log).map(pair).sum::<u64>()
            + number(self.dropped_attributes_count().into())
            + fixed(self.flags() != 0, 5)
            + id(self.trace_id())
            + id(self.span_id())
            + text(self.event_name())
    }

    /// How many bytes the `ResourceLogs` is in which it is in OTLP, without any scope.
    pub fn resource_otlp_size(&self) -> u64 {
        let attributes = self.attributes(AttributeTable::Resource);
        let resource = attributes.map(pair).sum::<u64>()
            + number(self.resource_dropped_attributes_count().into());
        within(resource) + text(self.resource_schema_url())
    }

    /// How many bytes the `ScopeLogs` is in which it is in OTLP, without any log.
    pub fn scope_otlp_size(&self) -> u64 {
        let attributes = self.attributes(AttributeTable::Scope);
        let scope = text(self.scope_name())
            + text(self.scope_version())
            + attributes.map(pair).sum::<u64>()
            + number(self.scope_dropped_attributes_count().into());
        within(scope) + text(self.scope_schema_url())
    }
}

fn length_of(number: u64) -> u64 {
    let bits = 64 - u64::from((number | 1).leading_zeros());
    bits.div_ceil(7)
}

/// What has a length, as a field.
fn within(size: u64) -> u64 {
    1 + length_of(size) + size
}

fn number(number: u64) -> u64 {
    if number == 0 {
        0
    } else {
        1 + length_of(number)
    }
}

fn text(text: &str) -> u64 {
    if text.is_empty() {
        0
    } else {
        within(text.len() as u64)
    }
}

fn pair(attribute: Attribute<'_>) -> u64 {
    within(text(attribute.key) + within(value(attribute.value)))
}

/// An `AnyValue`. One that cannot be read crosses to nobody.
fn value(value: Value<'_>) -> u64 {
    match value {
        Value::Str(text) => within(text.len() as u64),
        Value::Bytes(bytes) => within(bytes.len() as u64),
        other => other.to_any().as_ref().map_or(0, any),
    }
}

fn any(value: &Any) -> u64 {
    match value {
        Any::Empty => 0,
        Any::Str(text) => within(text.len() as u64),
        Any::Int(number) => 1 + length_of(number.cast_unsigned()),
        Any::Double(_) => 9,
        Any::Bool(_) => 2,
        Any::Bytes(bytes) => within(bytes.len() as u64),
        Any::Slice(items) => within(items.iter().map(|item| within(any(item))).sum()),
        Any::Map(entries) => {
            let entry = |(key, value): &(String, Any)| within(text(key) + within(any(value)));
            within(entries.iter().map(entry).sum())
        }
    }
}
