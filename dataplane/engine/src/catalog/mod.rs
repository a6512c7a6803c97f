//! The catalog of the engine's core nodes that Strait offers.
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
mod exporters;
mod fanout;
mod filter;
mod info;
mod keys;
pub(crate) mod linked;
mod log_parser;
mod log_sampling;
mod network;
pub(crate) mod node;
mod partition;
mod places;
pub(crate) mod reads;
mod receivers;
mod retry;
mod shape;
mod temporal_reaggregation;
mod transform;
mod type_router;

pub use check::{check, suggest};
pub use conform::{Originals, conform};
pub(crate) use exporters::console::prints_records;
pub use info::{KeyInfo, NodeInfo, describe};
pub use node::{Choice, Node};
pub(crate) use shape::LEAST_TICK;
pub use shape::{Key, Shape};

use crate::finding::Finding;
use node::Asked;
use strait_component::Kind;

/// Every offered node, by kind and name.
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
    exporters::console::NODE,
    exporters::file::NODE,
    exporters::noop::NODE,
    exporters::otap::NODE,
    exporters::otlp_grpc::NODE,
    exporters::otlp_http::NODE,
    receivers::host_metrics::NODE,
    receivers::journald::NODE,
    receivers::otlp::NODE,
    receivers::syslog_cef::NODE,
];

/// The nodes that are compiled in, in the table's order.
pub fn included() -> impl Iterator<Item = &'static Node> + Clone {
    TABLE.iter().filter(|node| node.included)
}

/// The node of this kind with this short name or URN (`attribute`, `processor:attribute`,
/// `urn:otel:processor:attribute`), whether it is compiled in or not.
#[must_use]
pub fn find(kind: Kind, name: &str) -> Option<&'static Node> {
    let short = match name.split_once(':') {
        Some((of, short)) if of == kind.name() => short,
        _ => name,
    };
    let mut nodes = TABLE.iter().filter(|node| node.kind == kind);
    nodes.find(|node| node.name == short || node.urn == name)
}

/// The kinds of nodes that a unit of this kind is made of.
pub(crate) fn kinds_in(unit: Kind) -> impl Iterator<Item = Kind> + Clone {
    let own = matches!(unit, Kind::Exporter | Kind::Receiver).then_some(unit);
    std::iter::once(Kind::Processor).chain(own)
}

/// The node of this name that a unit of this kind may have.
pub(crate) fn find_in(unit: Kind, name: &str) -> Option<&'static Node> {
    kinds_in(unit).find_map(|kind| find(kind, name))
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
        findings.extend(signal_of(node, asked));
    }
    if findings.is_empty() {
        findings = (node.refuses)(asked);
    }
    if findings.is_empty() {
        let error = linked::validate(node, asked.config).err();
        findings.extend(error.map(|error| Finding::new(asked.path, error)));
    }
    findings
}

/// Refuses a signal that an exporter does not take: what a processor passes on is lost here. Of
/// those of a receiver another one of its unit may make it.
fn signal_of(node: &Node, asked: &Asked<'_>) -> Option<Finding> {
    let signal = asked.signal?;
    if node.kind != Kind::Exporter || node.signals.contains(&signal) {
        return None;
    }
    let takes: Vec<_> = node.signals.iter().map(|signal| signal.name()).collect();
    let message = format!("`{}` takes {}, not {signal}", node.name, takes.join(", "));
    Some(Finding::new(asked.path, message))
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
