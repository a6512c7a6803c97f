//! The members of a unit: components of the SDK, and graphs of the engine's nodes, one after the
//! other; behind a receiver those of each signal for themselves.

use crate::bridge::{self, Bridge};
use crate::components;
use crate::finding::Finding;
use crate::sending::{Policy, Sending};
use crate::unit::edge::{Direction, Edge};
use crate::unit::graph::{self, Frame};
use crate::unit::known::UnitMember;
use crate::unit::pipelines;
use crate::unit::topology::{Planned, Topology, below, room};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use strait_component::{Kind, Signal};

/// One member as it arrives: a component's type with its configuration, or the engine's nodes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    /// Its id in the Collector's configuration.
    #[serde(default)]
    id: String,
    /// By which it asks the host; 0: the unit's.
    #[serde(default)]
    handle: u64,
    kind: Kind,
    /// Of what a receiver or connector sends, what it takes; `None` behind other members.
    #[serde(default)]
    signal: Option<Signal>,
    /// What stands in front of an exporter that has members before it.
    #[serde(default)]
    sending: Option<Policy>,
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    config: Value,
    #[serde(default)]
    nodes: Option<Value>,
    #[serde(default)]
    connections: Option<Value>,
    /// It is no component, but the way to other units.
    #[serde(default)]
    bridge: Option<Across>,
}

/// Where batches go that do not leave Rust.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Across {
    /// The units, by their handles; none when only the configuration is to be checked.
    #[serde(default)]
    to: Vec<u64>,
    /// The host gives them to others besides, by the unit's edge of their signal.
    #[serde(default)]
    host: bool,
}

/// What kind of unit these members make: the first one says it.
pub(super) fn kind_of(members: &[Member]) -> Kind {
    members
        .first()
        .map_or(Kind::Processor, |member| member.kind)
}

/// Whether what enters a unit of these members ends in it, or goes to other units alone: the last
/// one is an exporter, or such a bridge.
pub(super) fn ends(members: &[Member]) -> bool {
    members.last().is_some_and(|last| {
        let back = last.bridge.as_ref().is_some_and(|bridge| bridge.host);
        last.kind == Kind::Exporter && !back
    })
}

/// Reads members of a unit of these edges and so many lanes; what is found is told with places in
/// the member's own configuration. Where there are several, its id leads.
pub(super) fn read(
    findings: &mut Vec<Finding>,
    edges: &[Edge],
    members: &[Member],
    lanes: u32,
) -> (Topology, Vec<UnitMember>) {
    if let [only] = members {
        let topology = only.topology(findings, edges);
        if only.bridge.is_some() {
            findings.push(Finding::new(
                "bridge",
                "nothing is before it that it could lead from",
            ));
        }
        // What stands in front of an exporter is found by its node.
        let entries = only.sending.as_ref().map(|_| topology.entries());
        let known = only.known(entries.unwrap_or_default(), lanes);
        return (topology, vec![known]);
    }
    if members.is_empty() {
        findings.push(Finding::new("members", "a unit needs at least one member"));
    }
    let receives = kind_of(members) == Kind::Receiver;
    let mut taken = BTreeSet::new();
    let mut known = Vec::with_capacity(members.len());
    let mut parts = Vec::with_capacity(members.len());
    for (at, member) in members.iter().enumerate() {
        let mut own = Vec::new();
        let first = at == 0;
        let last = members[at + 1..]
            .iter()
            .all(|next| next.signal != member.signal);
        own.extend(member.misplaced(first, last, kind_of(members)));
        let topology = member.topology(&mut own, &member.edges(edges, members));
        findings.extend(
            own.into_iter()
                .map(|found| Finding::new(below(&member.id, &found.path), found.message)),
        );
        let mut part = topology.inside(&member.id, &room(&member.id, &mut taken));
        for node in part.nodes.iter_mut().filter(|node| node.kind.is_none()) {
            node.config["member"] = json!(at);
        }
        // What enters the first one, the host counts.
        let entries = if first { Vec::new() } else { part.entries() };
        known.push(member.known(entries, lanes));
        parts.push(part);
    }
    let topology = if receives && findings.is_empty() {
        behind_receiver(edges, members, parts)
    } else {
        Topology::in_turn(parts)
    };
    (topology, known)
}

/// A receiver, and behind it the members that take what it sends, signal by signal.
fn behind_receiver(edges: &[Edge], members: &[Member], parts: Vec<Topology>) -> Topology {
    let mut parts = parts.into_iter();
    let mut receiver = parts.next().unwrap_or_default();
    let behind: BTreeSet<_> = members.iter().filter_map(|member| member.signal).collect();
    for node in &mut receiver.nodes {
        node.config["behind"] = json!(behind);
    }
    let mut chains: BTreeMap<Signal, Vec<Topology>> = BTreeMap::new();
    for edge in edges {
        // Where nobody stands behind it there is the way out.
        chains.insert(edge.signal, vec![Topology::chain(Vec::new())]);
    }
    for (member, part) in members[1..].iter().zip(parts) {
        if let Some(signal) = member.signal {
            chains.entry(signal).or_default().push(part);
        }
    }
    let behind = chains.into_iter();
    receiver.by_signal(
        behind
            .map(|(signal, chain)| (signal, Topology::in_turn(chain)))
            .collect(),
    )
}

impl Member {
    /// The edges that it would have alone, in a unit of several.
    fn edges(&self, edges: &[Edge], members: &[Self]) -> Vec<Edge> {
        let entry = edges.iter().find(|edge| edge.direction == Direction::In);
        let entry: Vec<_> = entry.map(|entry| entry.signal).into_iter().collect();
        let behind = || members.iter().filter_map(|member| member.signal);
        let (enter, leave): (Vec<_>, Vec<_>) = match self.kind {
            Kind::Receiver => {
                let all: BTreeSet<_> = edges
                    .iter()
                    .map(|edge| edge.signal)
                    .chain(behind())
                    .collect();
                (Vec::new(), all.into_iter().collect())
            }
            Kind::Connector => (entry, behind().take(1).collect()),
            _ => {
                let own = self.signal.map_or(entry, |signal| vec![signal]);
                (own.clone(), own)
            }
        };
        let ways = [
            (Direction::In, self.kind.has_in(), enter),
            (Direction::Out, self.kind.has_out(), leave),
        ];
        let has = ways.into_iter().filter(|(_, has, _)| *has);
        has.flat_map(|(way, _, signals)| {
            signals.into_iter().map(move |signal| Edge::of(way, signal))
        })
        .collect()
    }

    /// Why it cannot stand among several members where it does, behind this head.
    fn misplaced(&self, first: bool, last: bool, head: Kind) -> Option<Finding> {
        let (kind, signals) = (self.kind, matches!(head, Kind::Receiver | Kind::Connector));
        let wrong = |path: &str, message: String| Some(Finding::new(path, message));
        match (first, kind) {
            (true, Kind::Receiver) if self.nodes.is_some() => wrong(
                "nodes",
                "no member can stand behind a receiver of the engine's".to_owned(),
            ),
            (true, Kind::Receiver | Kind::Connector) => None,
            (false, _) if head == Kind::Connector && self.bridge.is_none() => wrong(
                "",
                "no member can stand behind a connector, only the way to other units".to_owned(),
            ),
            (_, Kind::Processor | Kind::Exporter) if signals && self.signal.is_none() => wrong(
                "signal",
                format!("a member behind a {head} needs the signal that it takes"),
            ),
            (_, Kind::Processor | Kind::Exporter) if !signals && self.signal.is_some() => wrong(
                "signal",
                "only a member behind a receiver takes a signal of several".to_owned(),
            ),
            (false, Kind::Exporter) if !last => {
                wrong("", "nothing can stand behind an exporter".to_owned())
            }
            (false, Kind::Exporter) if self.nodes.is_some() => wrong(
                "nodes",
                "an exporter of the engine's is no member with others before it".to_owned(),
            ),
            (false, Kind::Exporter) if self.sending.is_none() && self.bridge.is_none() => wrong(
                "sending",
                "an exporter with members before it needs what stands in front of it".to_owned(),
            ),
            (false, Kind::Exporter) | (_, Kind::Processor) => None,
            _ => wrong(
                "",
                format!("this is one of several members, and must be alone as {kind}"),
            ),
        }
    }

    fn known(&self, entries: Vec<String>, lanes: u32) -> UnitMember {
        UnitMember {
            id: self.id.clone(),
            handle: self.handle,
            entries,
            taken: Arc::default(),
            sent: Arc::default(),
            sending: self
                .sending
                .clone()
                .map(|policy| Arc::new(Sending::new(policy))),
            bridge: self
                .bridge
                .as_ref()
                .map(|across| Arc::new(Bridge::new(across.to.clone(), across.host, lanes))),
        }
    }

    fn topology(&self, findings: &mut Vec<Finding>, edges: &[Edge]) -> Topology {
        match (&self.nodes, &self.r#type) {
            (None, None) if self.bridge.is_some() => self.across(findings),
            (Some(nodes), None) if self.kind != Kind::Extension => {
                self.graph(findings, edges, nodes)
            }
            (Some(_), None) => {
                let kind = self.kind;
                let message = format!("no unit of nodes is of kind {kind}, which has no data");
                findings.push(Finding::new("nodes", message));
                Topology::default()
            }
            (None, Some(name)) => self.component(findings, edges, name),
            _ => {
                let message = "a member has either `nodes`, or a `type` with its `config`";
                findings.push(Finding::new("nodes", message));
                Topology::default()
            }
        }
    }

    /// The way to other units: one node, which is an exporter to the engine.
    fn across(&self, findings: &mut Vec<Finding>) -> Topology {
        if self.kind != Kind::Exporter || self.sending.is_some() {
            let message = "what leads to other units is of kind exporter, with nothing in front";
            findings.push(Finding::new("bridge", message));
        }
        let node = Planned {
            name: "bridge".to_owned(),
            path: String::new(),
            kind: None,
            urn: bridge::URN.to_owned(),
            config: json!({}),
            access: None,
        };
        Topology::chain(vec![node]).between(true, false)
    }

    /// A chain or graph of the engine's nodes.
    fn graph(&self, findings: &mut Vec<Finding>, edges: &[Edge], nodes: &Value) -> Topology {
        let kind = self.kind;
        let mut signals: Vec<_> = edges.iter().map(|edge| edge.signal).collect();
        signals.dedup();
        let frame = Frame {
            kind,
            signals: &signals,
            edges,
        };
        let before = findings.len();
        if let [takes, passes, ..] = signals[..]
            && kind == Kind::Connector
        {
            let message =
                format!("nodes pass on the signal that they take: {passes} cannot come of {takes}");
            findings.push(Finding::new("nodes", message));
        }
        let mut topology = graph::read(findings, frame, nodes, self.connections.as_ref());
        if findings.len() == before {
            pipelines::ways_out(&mut topology, edges);
        }
        if kind == Kind::Receiver && findings.len() == before {
            let receivers = topology.nodes.iter().filter(|node| node.is(kind));
            let made = receivers
                .filter_map(|node| Some(node.kind?.signals))
                .flatten();
            let made: BTreeSet<_> = made.map(|signal| signal.name()).collect();
            for signal in signals
                .iter()
                .filter(|signal| !made.contains(signal.name()))
            {
                let made: Vec<_> = made.iter().copied().collect();
                let message = format!("no node here receives {signal}, only {}", made.join(", "));
                findings.push(Finding::new("nodes", message));
            }
        }
        topology
    }

    /// A component of the SDK: one node, with an end of the pipeline wherever its kind has one.
    fn component(&self, findings: &mut Vec<Finding>, edges: &[Edge], name: &str) -> Topology {
        let kind = self.kind;
        let Some(urn) = components::urn(kind) else {
            let message = format!("no unit has this as a member: {kind}");
            findings.push(Finding::new("", message));
            return Topology::default();
        };
        let mut access = None;
        match components::find(kind, name) {
            Some(factory) => {
                let errors = factory.validate(&self.config).err().unwrap_or_default();
                let found = errors.into_iter();
                findings.extend(found.map(|error| Finding::new(error.path, error.message)));
                match components::access(kind, factory, &self.config) {
                    Ok(declared) => access = declared,
                    Err(panic) => {
                        let bug = "this is a bug in the component";
                        findings.push(Finding::new("", format!("panic in access: {panic}; {bug}")));
                    }
                }
            }
            None => findings.push(Finding::new(
                "",
                format!(
                    "no {kind} of type `{name}` is linked in; linked: {}",
                    components::names(kind).join(", ")
                ),
            )),
        }
        let signals = |direction| {
            let towards = edges
                .iter()
                .filter(|edge| edge.direction == direction && edge.pipeline.is_none());
            towards.map(|edge| edge.signal).collect::<Vec<_>>()
        };
        if edges.iter().any(|edge| edge.pipeline.is_some()) {
            let message = "a component chooses no pipeline; only a connector of nodes does";
            findings.push(Finding::new("", message));
        }
        let node = Planned {
            name: name.to_owned(),
            path: String::new(),
            kind: None,
            urn: urn.into(),
            config: json!({
                "kind": kind, "type": name, "component": self.id, "config": self.config,
                "takes": signals(Direction::In), "makes": signals(Direction::Out),
            }),
            access,
        };
        Topology::chain(vec![node]).between(kind.has_in(), kind.has_out())
    }
}
