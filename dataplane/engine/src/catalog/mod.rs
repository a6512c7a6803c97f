//! The catalog of the engine's core processor nodes that Strait offers.
//!
//! Most engine nodes ignore keys that they do not know, so a misspelt key would be lost without a
//! word. Therefore each node's keys are written down here (read from its configuration types) and
//! a configuration is checked against them first: unknown keys, missing keys, wrong types and
//! unknown names are findings with the key's path. A test compares the catalog with the engine's
//! registered factories. What only the engine can judge (regular expressions, limits) is left to
//! its own check ([`linked`]).
//!
//! One node is one file: its keys, what it does with batches, which configurations must not be
//! given to the engine, what it reads and writes, and what of ours takes its place.

mod attribute;
mod batch;
mod check;
mod conform;
mod content_router;
mod debug;
mod durable_buffer;
pub(crate) mod edit;
mod fanout;
mod filter;
mod info;
mod keys;
pub(crate) mod linked;
mod log_parser;
mod log_sampling;
pub(crate) mod node;
mod partition;
mod places;
pub(crate) mod reads;
mod retry;
mod shape;
mod temporal_reaggregation;
mod transform;
mod type_router;

pub use check::{check, suggest};
pub use conform::{Originals, conform};
pub use info::{KeyInfo, NodeInfo, describe};
pub use node::{Choice, Node};
pub(crate) use shape::LEAST_TICK;
pub use shape::{Key, Shape};

use crate::finding::Finding;
use node::Asked;

/// Every offered node, by name.
pub const TABLE: &[Node] = &[
    attribute::NODE,
    batch::NODE,
    content_router::NODE,
    debug::NODE,
    durable_buffer::NODE,
    fanout::NODE,
    filter::NODE,
    log_parser::NODE,
    log_sampling::NODE,
    partition::NODE,
    retry::NODE,
    temporal_reaggregation::NODE,
    transform::NODE,
    type_router::NODE,
];

/// The nodes that are compiled in, in the table's order.
pub fn included() -> impl Iterator<Item = &'static Node> + Clone {
    TABLE.iter().filter(|node| node.included)
}

/// The node with this short name or URN (`attribute`, `processor:attribute`,
/// `urn:otel:processor:attribute`), whether it is compiled in or not.
#[must_use]
pub fn find(name: &str) -> Option<&'static Node> {
    TABLE.iter().find(|node| {
        node.name == name
            || node.urn == name
            || name
                .strip_prefix("processor:")
                .is_some_and(|id| id == node.name)
    })
}

/// Checks one node's configuration: its keys, what we know of it, then the engine itself.
pub(crate) fn check_node(node: &Node, asked: &Asked<'_>) -> Vec<Finding> {
    let sought = node.instead.iter();
    let mut findings: Vec<_> = sought
        .filter(|(key, _)| asked.config.get(key).is_some())
        .map(|(key, what)| asked.finding(key, *what))
        .collect();
    if findings.is_empty() {
        check(&mut findings, asked.path, node.keys, asked.config);
    }
    if findings.is_empty() {
        findings = (node.refuses)(asked);
    }
    if findings.is_empty() {
        let error = linked::validate(node.urn, asked.config).err();
        findings.extend(error.map(|error| Finding::new(asked.path, error)));
    }
    findings
}

/// Checks that every node that was compiled in is linked in.
///
/// # Errors
///
/// The URNs that are missing: the native object was linked without their registrations.
pub fn check_registrations() -> Result<(), Vec<&'static str>> {
    let missing = linked::missing(included());
    if missing.is_empty() {
        Ok(())
    } else {
        Err(missing)
    }
}
