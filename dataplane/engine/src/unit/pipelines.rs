//! The host's pipelines as ends of a graph.
//!
//! In a connector's graph a connection may lead to `out`, which is all pipelines behind the
//! connector, or to one of them, by its id. The unit has an edge out for each. A node before the
//! egress says which ([`way_out`](crate::nodes::way_out)), also of `out`: a node may send again
//! what was refused, and another way.

use crate::finding::Finding;
use crate::unit::edge::{Direction, Edge};
use crate::unit::topology::{Connection, EGRESS, INGRESS, Topology, room};
use std::collections::BTreeSet;
use strait_component::{Kind, Signal};

/// The signal of the pipeline with this id; `None`: no pipeline can have it, or a unit of this kind
/// names none.
pub(super) fn signal_of(unit: Kind, id: &str) -> Option<Signal> {
    let (signal, name) = id.split_once('/').unwrap_or((id, "unnamed"));
    let mut signals = Signal::ALL.into_iter();
    let found = signals.find(|known| known.name() == signal);
    found.filter(|_| unit == Kind::Connector && !name.is_empty())
}

/// Why no connection can lead to this pipeline; without edges nothing is known of pipelines.
pub(super) fn unfit(id: &str, signal: Signal, edges: &[Edge]) -> Option<String> {
    let entry = edges.iter().find(|edge| edge.direction == Direction::In)?;
    if signal != entry.signal {
        let passes = entry.signal;
        return Some(format!(
            "`{id}` takes {signal}, and {passes} pass here: each signal has a connector of its own"
        ));
    }
    let behind: Vec<_> = behind(edges).collect();
    (!behind.contains(&id)).then(|| {
        let known = behind.join(", ");
        format!("this connector is no receiver of a pipeline `{id}`; it is one of: {known}")
    })
}

/// The pipelines behind the unit, by their ids.
fn behind(edges: &[Edge]) -> impl Iterator<Item = &str> {
    edges.iter().filter_map(|edge| edge.pipeline.as_deref())
}

fn leads_to(topology: &Topology, end: &str) -> bool {
    let mut targets = topology.connections.iter().flat_map(|leads| &leads.to);
    targets.any(|target| target == end)
}

/// Finds pipelines to which nothing leads.
pub(super) fn left_out(
    findings: &mut Vec<Finding>,
    path: &str,
    topology: &Topology,
    edges: &[Edge],
) {
    if leads_to(topology, EGRESS) {
        return;
    }
    for id in behind(edges).filter(|id| !leads_to(topology, id)) {
        let message = format!(
            "no connection leads to `{id}`, a pipeline that this connector is a receiver of: name \
             it, or `out`, which leads to all of them"
        );
        findings.push(Finding::new(path, message));
    }
}

/// Puts a way out in front of the egress for each end that connections lead to, where they name
/// pipelines.
pub(super) fn ways_out(topology: &mut Topology, edges: &[Edge]) {
    if !behind(edges).any(|id| leads_to(topology, id)) {
        return;
    }
    let nodes = topology.nodes.iter().map(|node| node.name.clone());
    let mut taken: BTreeSet<_> = nodes.chain([INGRESS.into(), EGRESS.into()]).collect();
    for edge in edges.iter().filter(|edge| edge.direction == Direction::Out) {
        let end = edge.pipeline.as_deref().unwrap_or(EGRESS);
        if !leads_to(topology, end) {
            continue;
        }
        let name = room(&format!("to/{end}"), &mut taken);
        let targets = topology
            .connections
            .iter_mut()
            .flat_map(|leads| &mut leads.to);
        targets
            .filter(|target| *target == end)
            .for_each(|target| target.clone_from(&name));
        topology.ways.push((name, edge.number));
    }
    let out = |(name, _): &(String, u16)| Connection {
        from: name.clone(),
        to: vec![EGRESS.to_owned()],
    };
    topology.connections.extend(topology.ways.iter().map(out));
}
