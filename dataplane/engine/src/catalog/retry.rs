//! The `retry` node: tries again.

use crate::catalog::node::{Asked, Node};
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Duration, Number, Word};
use crate::finding::Finding;
use otel_arrow_dfe_core_nodes::processors::retry_processor::RetryConfig;

const KEYS: &[Key] = &[
    Key::optional("initial_interval", Duration, "first wait"),
    Key::optional("max_interval", Duration, "longest wait"),
    Key::optional("max_elapsed_time", Duration, "give up after this"),
    Key::optional("multiplier", Number, "growth of the wait"),
    Key::optional(
        "exhaustion_action",
        Word(&["propagate_transient", "mark_permanent"]),
        "what the last failure becomes",
    ),
];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:retry",
    name: "retry",
    doc: "tries again after a failure that may pass",
    keys: KEYS,
    retains: true,
    stateful: true,
    refuses,
    ..Node::PLAIN
};

/// The engine makes a table of the waits until they stop to grow, and takes no more than these.
const MOST_WAITS: usize = 1000;

/// The engine finds these only once the node is made.
fn refuses(asked: &Asked<'_>) -> Vec<Finding> {
    // What it cannot read at all is told by its own check of the whole.
    let Ok(config) = serde_json::from_value::<RetryConfig>(asked.config.clone()) else {
        return Vec::new();
    };
    let multiplier = config.multiplier;
    if multiplier < 1.0 {
        let message = format!("must be at least 1, found {multiplier}");
        return vec![asked.finding("multiplier", message)];
    }
    let times = [
        ("initial_interval", config.initial_interval),
        ("max_interval", config.max_interval),
        ("max_elapsed_time", config.max_elapsed_time),
    ];
    if let Some((key, _)) = times.iter().find(|(_, time)| time.is_zero()) {
        return vec![asked.finding(key, "must be longer than 0s")];
    }
    let [initial, longest, limit] = times.map(|(_, time)| time.as_secs_f64());
    let (mut wait, mut elapsed) = (initial, 0.0);
    for _ in 0..=MOST_WAITS {
        if wait >= longest || elapsed + wait >= limit {
            return Vec::new();
        }
        elapsed += wait;
        wait *= multiplier;
    }
    let message = format!(
        "more than {MOST_WAITS} waits until `max_interval` or `max_elapsed_time` is reached: raise \
         this or `initial_interval`"
    );
    vec![asked.finding("multiplier", message)]
}
