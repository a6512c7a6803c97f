//! The unit's specification: what the Collector's configuration asks for, checked.
//!
//! ```json
//! {"id": "filter/errors", "pipeline": "logs/1", "lanes": 1, "fidelity": "strict",
//!  "max_in_flight": 64,
//!  "edges": [{"number": 0, "direction": "in", "signal": "logs"},
//!            {"number": 1, "direction": "out", "signal": "logs"}],
//!  "members": [{"id": "filter/errors", "kind": "processor", "nodes": [{"filter": {}}]}]}
//! ```
//!
//! Behind a receiver of the SDK processors may stand, each with the `signal` that it takes: those
//! of one signal follow each other, and what the receiver sends of it passes them. The last member,
//! or the last of a signal, may be an exporter of the SDK, with what stands in front of it
//! (`sending`); then nothing leaves the unit there. In its place may be a `bridge`, by which
//! batches go to other units; a unit that takes some from others has a `door`.
//!
//! Checking is pure: it opens, creates and starts nothing, and reports every finding with the path
//! of its key (relative to the member's own configuration, joined with `::`; with the member's id
//! before it where there are several).

mod edge;
mod exits;
mod graph;
mod known;
mod member;
mod pipelines;
mod reach;
mod topology;

pub use edge::{Direction, Edge, Encoding};
pub(crate) use exits::Exits;
pub use known::UnitMember;
pub(crate) use known::{Sent, Taken};
pub(crate) use topology::OWN;
pub use topology::{EGRESS, INGRESS, Planned, Topology};

use crate::bridge::Door;
use crate::finding::Finding;
use member::Member;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use strait_component::{Kind, Signal};

/// Whether a unit may change what it does not understand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// What crosses comes out equal, or the unit refuses.
    #[default]
    Strict,
    /// Losses that the engine's conversions bring are accepted.
    BestEffort,
}

/// A unit as it arrives from the host (JSON), not yet checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    id: String,
    #[serde(default)]
    #[allow(
        dead_code,
        reason = "part of the message; names the Go pipeline in the host's logs"
    )]
    pipeline: String,
    /// 0 stands for the default, 1.
    #[serde(default)]
    lanes: u32,
    #[serde(default)]
    fidelity: Fidelity,
    /// 0 stands for the default, 64.
    #[serde(default)]
    max_in_flight: u32,
    /// Empty: the configuration is checked without a pipeline; or a receiver's batches all end
    /// here.
    #[serde(default)]
    edges: Vec<Edge>,
    members: Vec<Member>,
    /// Other units send it batches.
    #[serde(default)]
    door: bool,
}

const DEFAULT_LANES: u32 = 1;
const DEFAULT_IN_FLIGHT: u32 = 64;
/// Most lanes of one unit.
pub const MAX_LANES: u32 = 256;
/// Most calls of one lane inside the engine at the same time.
pub const MAX_IN_FLIGHT: u32 = 65_536;

/// A checked unit: what a lane is built from.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The component's id in the Collector's configuration.
    pub id: String,
    /// What its members are.
    pub kind: Kind,
    /// Where batches cross, in the order of their numbers; none when only its configuration was to
    /// be checked.
    pub edges: Vec<Edge>,
    /// Lanes, at least 1.
    pub lanes: u32,
    /// Whether losses are accepted.
    pub fidelity: Fidelity,
    /// Calls inside the engine at the same time, per lane.
    pub max_in_flight: u32,
    /// Nodes and how they are joined.
    pub topology: Topology,
    /// What batches pass, one after the other.
    pub members: Arc<[UnitMember]>,
    /// Where other units send it batches; `None`: none do.
    pub door: Option<Door>,
}

impl Unit {
    /// Reads and checks a specification.
    ///
    /// # Errors
    ///
    /// Every finding, at least one.
    pub fn read(spec: &Value) -> Result<Self, Vec<Finding>> {
        let raw = Raw::deserialize(spec)
            .map_err(|error| vec![Finding::new("", format!("unit specification: {error}"))])?;
        let mut findings = Vec::new();
        let limits = [
            ("lanes", raw.lanes, MAX_LANES),
            ("max_in_flight", raw.max_in_flight, MAX_IN_FLIGHT),
        ];
        for (key, value, most) in limits {
            if value > most {
                let message = format!("must be 1 to {most}, is {value}");
                findings.push(Finding::new(key, message));
            }
        }
        let kind = member::kind_of(&raw.members);
        let ends = kind != Kind::Receiver && member::ends(&raw.members);
        // What enters one that ends with an exporter leaves it as little as an exporter's.
        let with = if ends { Kind::Exporter } else { kind };
        edge::check(&mut findings, &raw.edges, with);
        if kind == Kind::Receiver && raw.lanes > 1 {
            let message = "a receiver has one instance, and so one lane";
            findings.push(Finding::new("lanes", message));
        }
        let lanes = or(raw.lanes, DEFAULT_LANES);
        let (topology, members) = member::read(&mut findings, &raw.edges, &raw.members, lanes);
        if raw.lanes > 1 && members.iter().any(|member| member.sending.is_some()) {
            let message = "an exporter with members before it has one queue, and so one lane";
            findings.push(Finding::new("lanes", message));
        }
        if raw.door && kind == Kind::Receiver {
            let message = "no unit can send batches to a receiver, which makes them itself";
            findings.push(Finding::new("door", message));
        }
        let unit = Self {
            id: raw.id,
            kind,
            door: raw.door.then(|| Door::new(lanes)),
            edges: raw.edges,
            lanes,
            fidelity: raw.fidelity,
            max_in_flight: or(raw.max_in_flight, DEFAULT_IN_FLIGHT),
            topology,
            members: members.into(),
        };
        unit.check_fidelity(&mut findings);
        if findings.is_empty() {
            Ok(unit)
        } else {
            Err(findings)
        }
    }

    /// The edge by which batches enter it; `None` where none do.
    #[must_use]
    pub fn entry(&self) -> Option<&Edge> {
        self.towards(Direction::In).next()
    }

    /// The edges by which batches leave it, each of another signal.
    pub fn exits(&self) -> impl Iterator<Item = &Edge> {
        self.towards(Direction::Out)
    }

    fn towards(&self, direction: Direction) -> impl Iterator<Item = &Edge> {
        let edges = self.edges.iter();
        edges.filter(move |edge| edge.direction == direction)
    }

    /// Whether it has everything that it needs to run: where batches cross, or a receiver whose
    /// batches end in it. One without is checked, and not run.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let ends = self.kind == Kind::Receiver && self.members.len() > 1;
        ends || !self.edges.is_empty()
    }

    /// The ways back from its bridges: signals of batches that other units get, and the host too,
    /// each with the member that gives them.
    pub(crate) fn ways_back(&self) -> impl Iterator<Item = (usize, &Door)> {
        let members = self.members.iter().enumerate();
        members.filter_map(|(at, member)| Some((at, member.bridge.as_ref()?.host.as_ref()?)))
    }

    /// Whether components of the SDK are among its members.
    #[must_use]
    pub fn has_components(&self) -> bool {
        self.topology.nodes.iter().any(|node| node.kind.is_none())
    }

    /// Whether some node may keep a batch beyond its call, so that slots are copied at receive.
    #[must_use]
    pub fn retains(&self) -> bool {
        let queues = |member: &UnitMember| member.sending.as_ref().is_some_and(|it| it.keeps());
        self.members.iter().any(queues)
            || self.topology.nodes.iter().any(|node| match node.kind {
                Some(kind) => kind.retains,
                None => node.access.as_ref().is_none_or(|access| access.retains),
            })
    }

    /// Whether a node reads what crosses as OTLP bytes. The host then looks for what no node could
    /// read.
    #[must_use]
    pub fn converts(&self) -> bool {
        self.bytes().is_some_and(|signal| {
            self.topology.nodes.iter().any(|node| {
                node.kind
                    .is_none_or(|kind| kind.converts && kind.signals.contains(&signal))
            })
        })
    }

    /// The signal that enters as OTLP bytes.
    fn bytes(&self) -> Option<Signal> {
        let entry = self.entry()?;
        (entry.encoding() == Encoding::Otlp).then_some(entry.signal)
    }

    /// OTLP bytes through a node that converts are not lossless: strict mode refuses them. They
    /// enter, or are what a node receives, of any signal.
    fn check_fidelity(&self, findings: &mut Vec<Finding>) {
        if self.fidelity == Fidelity::BestEffort {
            return;
        }
        let received = self.exits().map(|exit| exit.signal);
        let received = received.filter(|_| self.receives_otlp());
        for signal in self.bytes().into_iter().chain(received) {
            self.check_bytes(findings, signal);
        }
    }

    fn receives_otlp(&self) -> bool {
        let mut nodes = self.topology.nodes.iter();
        nodes.any(|node| node.kind.is_some_and(|kind| kind.receives_otlp))
    }

    fn check_bytes(&self, findings: &mut Vec<Finding>, signal: Signal) {
        for node in &self.topology.nodes {
            let Some(kind) = node.kind else { continue };
            // What best effort would not make right is told by itself.
            let told = findings
                .iter()
                .any(|finding| finding.path.starts_with(&node.path));
            if kind.converts && kind.signals.contains(&signal) && !told {
                findings.push(Finding::new(
                    node.path.clone(),
                    format!(
                        "`{}` turns {signal} into records and back, which is not lossless in this \
                         version; set `fidelity: best_effort` to accept that",
                        kind.name,
                    ),
                ));
            }
        }
    }
}

fn or(value: u32, default: u32) -> u32 {
    if value == 0 { default } else { value }
}
