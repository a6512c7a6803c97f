//! The `batch` node: merges and splits batches.

use crate::catalog::linked;
use crate::catalog::node::{Asked, Node};
use crate::catalog::places::set;
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{self, Duration, Int, Object, Text, Word};
use crate::finding::Finding;
use otel_arrow_dfe_core_nodes::processors::batch_processor::Config;
use serde_json::{Map, Value, json};

const FORMAT: &[Key] = &[
    Key::optional("min_size", Int(0), "a batch this big is sent"),
    Key::optional("max_size", Int(1), "a bigger batch is split"),
    Key::required(
        "sizer",
        Word(&["requests", "items", "bytes"]),
        "what sizes count",
    ),
    Key::optional(
        "max_split_fragments",
        Int(1),
        "OTLP: pieces of one resource at most",
    ),
    Key::optional(
        "max_split_overhead_bytes",
        Int(1),
        "OTLP: repeated headers at most",
    ),
    Key::optional(
        "max_split_fragments_per_flush",
        Int(1),
        "OTLP: pieces of one flush at most",
    ),
];

const KEYS: &[Key] = &[
    Key::optional("otap", Object(FORMAT), "sizes for records"),
    Key::optional("otlp", Object(FORMAT), "sizes for OTLP bytes"),
    Key::optional("codecs", Shape::Map(&Object(FORMAT)), "sizes by codec name"),
    Key::optional(
        "max_batch_duration",
        Duration,
        "a batch this old is sent; 200ms when not given",
    ),
    Key::optional("inbound_request_limit", Int(1), "calls waited for at most"),
    Key::optional(
        "outbound_request_limit",
        Int(1),
        "batches under way at most",
    ),
    Key::optional("format", Text, "otap, otlp, preserve, or a codec's name"),
];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:batch",
    name: "batch",
    doc: "merges and splits batches by size and age",
    keys: KEYS,
    converts: true,
    retains: true,
    holds: true,
    stateful: true,
    instead: &[(
        "metadata_keys",
        "the engine's `batch` merges calls whatever their metadata is, and what it merges has \
         none; to batch by metadata, put the Collector's own batch processor (with its \
         `metadata_keys`) in the pipeline instead",
    )],
    places,
    refuses,
    ..Node::PLAIN
};

/// Spans that come as OTLP bytes stay such unless another format is asked for; sizes that do not go
/// together are found by the engine only once the node is made.
fn refuses(asked: &Asked<'_>) -> Vec<Finding> {
    let mut findings = match asked.config.get("format").and_then(Value::as_str) {
        None | Some("otlp" | "otlp-bytes" | "preserve") => Vec::new(),
        Some(_) => asked.spans_as_records(),
    };
    // What it cannot read at all is told by its own check of the whole.
    if let Ok(config) = serde_json::from_value::<Config>(asked.config.clone()) {
        let error = config.validate().err().map(linked::message);
        findings.extend(error.map(|error| Finding::new(asked.path, error)));
    }
    findings
}

/// Most items of one batch of records: ids have 16 bits.
const MOST_ITEMS: u64 = 1 << 16;
/// Most bytes of one batch: a quarter of the default slab.
const MOST_BYTES: u64 = 8 << 20;
/// The engine's own defaults, which these never go below.
const INBOUND: u64 = 1024;
const OUTBOUND: u64 = 512;
/// The node sets memory aside for so many.
const MOST_PLACES: u64 = 1 << 16;

/// A place for each call, and for each piece of them.
fn places(config: &mut Map<String, Value>, calls: u32) {
    let calls = u64::from(calls);
    let pieces = calls.saturating_mul(most_pieces(config));
    set(config, "inbound_request_limit", json!(calls.max(INBOUND)));
    let places = pieces.clamp(OUTBOUND, MOST_PLACES);
    set(config, "outbound_request_limit", json!(places));
}

/// How many pieces the node makes of one batch at most.
fn most_pieces(config: &Map<String, Value>) -> u64 {
    let named = config.get("codecs").and_then(Value::as_object);
    let formats = ["otap", "otlp"].iter().filter_map(|name| config.get(*name));
    let formats = formats.chain(named.into_iter().flat_map(Map::values));
    let pieces = formats.map(|format| {
        let most = match format["sizer"].as_str() {
            Some("items") => MOST_ITEMS,
            Some("bytes") => MOST_BYTES,
            _ => return 1,
        };
        let size = format["max_size"].as_u64().unwrap_or(most);
        most.div_ceil(size.max(1))
    });
    pieces.max().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Guarantees: there is a place for every call, and for every piece of them up to a bound; what
    // the user says stands.
    #[test]
    fn every_piece_has_a_place() {
        let limits = |mut config: Value, calls| {
            places(config.as_object_mut().unwrap(), calls);
            let number = |key: &str| config[key].as_u64().unwrap();
            (
                number("inbound_request_limit"),
                number("outbound_request_limit"),
            )
        };
        let items = |max: u64| json!({"otap": {"sizer": "items", "max_size": max}});
        assert_eq!(limits(json!({}), 64), (1024, 512));
        assert_eq!(limits(json!({}), 4096), (4096, 4096));
        assert_eq!(limits(items(100), 64), (1024, 64 * 656));
        assert_eq!(limits(items(1), 64), (1024, 1 << 16));
        let bytes = json!({"otlp": {"sizer": "bytes", "max_size": 1 << 20}});
        assert_eq!(limits(bytes, 100), (1024, 800));
        let said = json!({"inbound_request_limit": 1, "outbound_request_limit": 2});
        assert_eq!(limits(said, 64), (1, 2));
    }
}
