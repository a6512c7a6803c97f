//! Whether the nodes of a graph lie on ways from one of its ends to another.
//!
//! The engine drops nodes that nothing leads to without a word, a cycle hangs, and of several
//! connections from one output it takes the last; all of that is found here. A unit's ends are `in`
//! and `out`, where its kind has them, and a connector's pipelines; nodes that receive and export
//! are ends too.

use crate::finding::Finding;
use crate::unit::pipelines;
use crate::unit::topology::{EGRESS, INGRESS, Topology, split};
use std::collections::{BTreeMap, BTreeSet};
use strait_component::Kind;

/// What leads where: nodes, and those behind them.
type Next<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// Finds what is wrong with the graph of a unit of this kind, whose connections stand at `path`.
pub(super) fn check(findings: &mut Vec<Finding>, path: &str, unit: Kind, topology: &Topology) {
    let mut next = Next::new();
    for connection in &topology.connections {
        next.entry(connection.node())
            .or_default()
            .extend(connection.to.iter().map(String::as_str));
    }
    ways(findings, path, unit, topology, &next);
    cycles(findings, path, &next);
    ports(findings, topology);
    outputs(findings, path, topology);
}

/// Every node must lie on a way from one end to another.
fn ways(findings: &mut Vec<Finding>, path: &str, unit: Kind, topology: &Topology, next: &Next<'_>) {
    let mut reached = BTreeSet::new();
    let receivers = topology.nodes.iter().filter(|node| node.is(Kind::Receiver));
    let mut stack: Vec<&str> = receivers.map(|node| node.name.as_str()).collect();
    stack.push(INGRESS);
    while let Some(name) = stack.pop() {
        if reached.insert(name) {
            stack.extend(next.get(name).into_iter().flatten());
        }
    }
    if unit.has_in() && !next.contains_key(INGRESS) {
        findings.push(Finding::new(path, "no connection leaves `in`"));
    } else if unit.has_out() && !reached.iter().any(|name| leads_out(unit, name)) {
        let from = if unit.has_in() { "from `in` " } else { "" };
        findings.push(Finding::new(path, format!("nothing leads {from}to `out`")));
    }
    let led_to: BTreeSet<&str> = next.values().flatten().copied().collect();
    for node in &topology.nodes {
        let leaves = next.contains_key(node.name.as_str());
        let message = if node.is(Kind::Receiver) && led_to.contains(node.name.as_str()) {
            "this receives, and takes nothing: no connection leads to it"
        } else if !reached.contains(node.name.as_str()) {
            "no connection leads to this node"
        } else if node.is(Kind::Exporter) && leaves {
            "this exports, and passes nothing on: no connection leaves it"
        } else if !node.is(Kind::Exporter) && !leaves {
            "no connection leaves this node"
        } else {
            continue;
        };
        findings.push(Finding::new(node.path.clone(), message));
    }
}

fn leads_out(unit: Kind, name: &str) -> bool {
    name == EGRESS || pipelines::signal_of(unit, name).is_some()
}

/// Kahn's algorithm: what cannot be put in order lies on a cycle.
fn cycles(findings: &mut Vec<Finding>, path: &str, next: &Next<'_>) {
    let mut incoming: BTreeMap<&str, usize> = BTreeMap::new();
    for targets in next.values() {
        for target in targets {
            *incoming.entry(target).or_default() += 1;
        }
    }
    let mut ready: Vec<&str> = next
        .keys()
        .copied()
        .filter(|name| !incoming.contains_key(name))
        .collect();
    while let Some(name) = ready.pop() {
        for target in next.get(name).into_iter().flatten() {
            if let Some(count) = incoming.get_mut(target) {
                *count -= 1;
                if *count == 0 {
                    incoming.remove(target);
                    ready.push(target);
                }
            }
        }
    }
    if !incoming.is_empty() {
        let names: Vec<_> = incoming.keys().copied().collect();
        findings.push(Finding::new(
            path,
            format!("cycle through {}", names.join(", ")),
        ));
    }
}

/// Ports that a router or fan-out names must be connected: the engine refuses only at start.
fn ports(findings: &mut Vec<Finding>, topology: &Topology) {
    for node in &topology.nodes {
        let ports = topology.ports(&node.name);
        let named = node.kind.map(|kind| (kind.outputs)(&node.config));
        for (place, port) in named.into_iter().flatten() {
            if !ports.contains(&port) {
                findings.push(Finding::new(
                    format!("{}::{place}", node.path),
                    format!(
                        "no connection leaves port `{port}`: add one from `{}[\"{port}\"]`",
                        node.name
                    ),
                ));
            }
        }
    }
}

/// An output leads to one connection: of several the engine takes the last, without a word.
fn outputs(findings: &mut Vec<Finding>, path: &str, topology: &Topology) {
    let mut seen = BTreeSet::new();
    for connection in &topology.connections {
        let (node, port) = split(&connection.from);
        if !seen.insert((node, port)) {
            findings.push(Finding::new(
                path,
                format!(
                    "more than one connection leaves `{}`: name all its targets in one `to`, among \
                     which batches are divided; a `fanout` node sends each batch to all",
                    connection.from
                ),
            ));
        }
    }
}
