//! The members of a unit: components of the SDK, and graphs of the engine's nodes, one after the
//! other.

use crate::components;
use crate::finding::Finding;
use crate::unit::graph;
use crate::unit::topology::{Planned, Topology, below};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use strait_component::{Kind, Signal};

/// One member as it arrives: a component's type with its configuration, or the engine's nodes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    /// Its id in the Collector's configuration.
    #[serde(default)]
    id: String,
    kind: Kind,
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    config: Value,
    #[serde(default)]
    nodes: Option<Value>,
    #[serde(default)]
    connections: Option<Value>,
}

/// Reads members; what is found is told with places in the member's own configuration. Where there
/// are several, its id leads.
pub(super) fn read(
    findings: &mut Vec<Finding>,
    signal: Option<Signal>,
    members: &[Member],
) -> Topology {
    if let [only] = members {
        return only.topology(findings, signal);
    }
    if members.is_empty() {
        findings.push(Finding::new("members", "a unit needs at least one member"));
    }
    let mut taken = BTreeSet::new();
    let parts = members.iter().map(|member| {
        let mut own = Vec::new();
        let topology = member.topology(&mut own, signal);
        findings.extend(
            own.into_iter()
                .map(|found| Finding::new(below(&member.id, &found.path), found.message)),
        );
        topology.inside(&member.id, &room(&member.id, &mut taken))
    });
    Topology::in_turn(parts.collect())
}

/// What the names of a member's nodes begin with: its id as the engine takes it, and of no other
/// member.
fn room(id: &str, taken: &mut BTreeSet<String>) -> String {
    let mut room = id.replace(['[', ']', '"', ':'], "_");
    while !taken.insert(room.clone()) {
        room.push('_');
    }
    room
}

impl Member {
    fn topology(&self, findings: &mut Vec<Finding>, signal: Option<Signal>) -> Topology {
        if self.kind != Kind::Processor {
            let message = format!(
                "a unit of this version has processors as its members, and this is {}",
                self.kind
            );
            findings.push(Finding::new("", message));
            return Topology::default();
        }
        match (&self.nodes, &self.r#type) {
            (Some(nodes), None) => graph::read(findings, signal, nodes, self.connections.as_ref()),
            (None, Some(name)) => self.component(findings, name),
            _ => {
                let message = "a member has either `nodes`, or a `type` with its `config`";
                findings.push(Finding::new("nodes", message));
                Topology::default()
            }
        }
    }

    /// A component of the SDK: a chain of one node.
    fn component(&self, findings: &mut Vec<Finding>, name: &str) -> Topology {
        match components::find(name) {
            Some(factory) => {
                let errors = factory.validate(&self.config).err().unwrap_or_default();
                let found = errors.into_iter();
                findings.extend(found.map(|error| Finding::new(error.path, error.message)));
            }
            None => findings.push(Finding::new(
                "",
                format!(
                    "no component of type `{name}` is linked in; linked: {}",
                    components::names().join(", ")
                ),
            )),
        }
        Topology::chain(vec![Planned {
            name: name.to_owned(),
            path: String::new(),
            kind: None,
            urn: components::NODE_URN.into(),
            config: json!({"type": name, "component": self.id, "config": self.config}),
        }])
    }
}
