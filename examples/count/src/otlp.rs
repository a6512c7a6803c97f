//! The messages of OTLP that a count is written in: those of `opentelemetry/proto/metrics/v1`, with
//! the fields that are used. The crate `opentelemetry-proto` has all of them, and brings a gRPC
//! library along.

use prost::{Message, Oneof};

/// An `ExportMetricsServiceRequest`.
#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<ResourceMetrics>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceMetrics {
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<ScopeMetrics>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeMetrics {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "3")]
    unit: String,
    #[prost(message, optional, tag = "7")]
    sum: Option<Sum>,
}

#[derive(Clone, PartialEq, Message)]
struct Sum {
    #[prost(message, repeated, tag = "1")]
    points: Vec<Point>,
    #[prost(int32, tag = "2")]
    temporality: i32,
    #[prost(bool, tag = "3")]
    is_monotonic: bool,
}

/// `AGGREGATION_TEMPORALITY_DELTA`: what came since the last time.
const DELTA: i32 = 1;

/// A `NumberDataPoint`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Point {
    #[prost(fixed64, tag = "2")]
    since: u64,
    #[prost(fixed64, tag = "3")]
    until: u64,
    #[prost(sfixed64, optional, tag = "6")]
    count: Option<i64>,
    #[prost(message, repeated, tag = "7")]
    attributes: Vec<Attribute>,
}

/// A `KeyValue`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Attribute {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(oneof = "Kind", tags = "1, 2")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Kind {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Flag(bool),
}

impl From<&str> for Kind {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Kind {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Kind {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

pub(crate) fn attribute(key: &str, value: impl Into<Kind>) -> Attribute {
    let kind = Some(value.into());
    Attribute {
        key: key.to_owned(),
        value: Some(Any { kind }),
    }
}

pub(crate) fn point(attributes: Vec<Attribute>, count: i64, since: u64, until: u64) -> Point {
    Point {
        since,
        until,
        count: Some(count),
        attributes,
    }
}

/// The request for one metric, a sum of `points`.
pub(crate) fn request(metric: &str, points: Vec<Point>) -> Vec<u8> {
    let sum = Sum {
        points,
        temporality: DELTA,
        is_monotonic: true,
    };
    let metric = Metric {
        name: metric.to_owned(),
        unit: "{log}".into(),
        sum: Some(sum),
    };
    let scope = Scope {
        name: env!("CARGO_PKG_NAME").into(),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    let scope = ScopeMetrics {
        scope: Some(scope),
        metrics: vec![metric],
    };
    let resource = ResourceMetrics {
        scopes: vec![scope],
    };
    Request {
        resources: vec![resource],
    }
    .encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Guarantees: the bytes are OTLP's, field by field as its definition numbers them.
    #[test]
    fn the_bytes_are_otlps() {
        let bytes = request("n", vec![point(vec![attribute("k", "v")], 3, 1, 2)]);
        let wrap = |tag: u8, within: &[u8]| [&[tag, within.len() as u8], within].concat();
        let attribute = [&b"\x0a\x01k"[..], &wrap(0x12, b"\x0a\x01v")].concat();
        let mut point = vec![0x11];
        point.extend(1_u64.to_le_bytes());
        point.push(0x19);
        point.extend(2_u64.to_le_bytes());
        point.push(0x31);
        point.extend(3_u64.to_le_bytes());
        point.extend(wrap(0x3a, &attribute));
        let sum = [&wrap(0x0a, &point)[..], b"\x10\x01\x18\x01"].concat();
        let metric = [&b"\x0a\x01n\x1a\x05{log}"[..], &wrap(0x3a, &sum)].concat();
        let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let scope = [wrap(0x0a, name.as_bytes()), wrap(0x12, version.as_bytes())].concat();
        let scope = [wrap(0x0a, &scope), wrap(0x12, &metric)].concat();
        assert_eq!(bytes, wrap(0x0a, &wrap(0x12, &scope)));
    }
}
