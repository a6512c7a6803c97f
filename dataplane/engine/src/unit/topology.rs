//! A unit's nodes, and how they are joined.

use crate::catalog::Node;
use serde_json::Value;
use std::collections::BTreeSet;
use strait_component::{Access, Kind, Signal};

/// Name of a unit's ingress in a graph's connections.
pub const INGRESS: &str = "in";
/// Name of a unit's egress in a graph's connections.
pub const EGRESS: &str = "out";

/// What the names of nodes begin with that are neither a member's nor an end.
pub(crate) const OWN: &str = "strait/";

/// One node of a unit.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Its name in the pipeline, in errors and logs: `attribute/0`, or the user's.
    pub name: String,
    /// Path of its configuration.
    pub path: String,
    /// Its table entry; `None` for a component of the SDK.
    pub kind: Option<&'static Node>,
    /// The engine's name of its factory.
    pub urn: String,
    /// Its configuration.
    pub config: Value,
    /// What a component of the SDK reads, writes and keeps; `None` for one that gets nothing, and
    /// for the engine's nodes.
    pub access: Option<Access>,
}

impl Planned {
    /// Whether it is a node of the engine's of this kind.
    pub(crate) fn is(&self, kind: Kind) -> bool {
        self.kind.is_some_and(|node| node.kind == kind)
    }
}

/// One connection: from a node (`name` or `name["port"]`) to nodes that share the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
}

impl Connection {
    pub(super) fn node(&self) -> &str {
        split(&self.from).0
    }
}

/// Nodes and connections.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// The nodes, without the ends.
    pub nodes: Vec<Planned>,
    pub(crate) connections: Vec<Connection>,
    /// The nodes before the egress that say by which edge batches leave, where a graph chooses
    /// that: their names, and the edges' numbers.
    pub(crate) ways: Vec<(String, u16)>,
}

impl Topology {
    /// Nodes one after the other.
    pub(super) fn chain(nodes: Vec<Planned>) -> Self {
        let mut names = vec![INGRESS.to_owned()];
        names.extend(nodes.iter().map(|node| node.name.clone()));
        names.push(EGRESS.to_owned());
        let connections = names
            .windows(2)
            .map(|pair| Connection {
                from: pair[0].clone(),
                to: vec![pair[1].clone()],
            })
            .collect();
        Self {
            nodes,
            connections,
            ways: Vec::new(),
        }
    }

    /// The same without the ends that it does not have: nothing enters, or nothing leaves.
    pub(super) fn between(mut self, has_entry: bool, has_exit: bool) -> Self {
        let there = |name: &str| match name {
            INGRESS => has_entry,
            EGRESS => has_exit,
            _ => true,
        };
        for connection in &mut self.connections {
            connection.to.retain(|to| there(to));
        }
        self.connections
            .retain(|connection| there(connection.node()) && !connection.to.is_empty());
        self
    }

    /// Whether connections name this end.
    pub(crate) fn has_end(&self, end: &str) -> bool {
        self.connections
            .iter()
            .any(|connection| connection.node() == end || connection.to.iter().any(|to| to == end))
    }

    /// The nodes by which batches enter.
    pub(crate) fn entries(&self) -> Vec<String> {
        let entries = self.connections.iter().filter(|c| c.node() == INGRESS);
        entries.flat_map(|entry| entry.to.clone()).collect()
    }

    /// These one after the other: what leaves one enters the next.
    pub(super) fn in_turn(parts: Vec<Self>) -> Self {
        parts.into_iter().reduce(Self::then).unwrap_or_default()
    }

    /// A receiver, and behind it what its batches of each signal pass: nothing more than a way out,
    /// where that is empty. A node that sends several signals has a port for each.
    pub(super) fn by_signal(mut self, behind: Vec<(Signal, Self)>) -> Self {
        let ports = behind.len() > 1;
        let from = |signal| {
            let node = &self.nodes[0].name;
            if ports {
                format!("{node}[\"{signal}\"]")
            } else {
                node.clone()
            }
        };
        let ways = behind.iter().map(|(signal, next)| Connection {
            from: from(*signal),
            to: next.entries(),
        });
        self.connections = ways.collect();
        for (_, next) in behind {
            let inner = next.connections.into_iter();
            self.connections
                .extend(inner.filter(|connection| connection.node() != INGRESS));
            self.nodes.extend(next.nodes);
        }
        self
    }

    fn then(mut self, next: Self) -> Self {
        let (entries, rest): (Vec<_>, Vec<_>) = next
            .connections
            .into_iter()
            .partition(|connection| connection.node() == INGRESS);
        let targets: Vec<String> = entries.into_iter().flat_map(|entry| entry.to).collect();
        for connection in &mut self.connections {
            let leads_out = |name: &String| name == EGRESS;
            if let Some(at) = connection.to.iter().position(leads_out) {
                drop(connection.to.splice(at..=at, targets.iter().cloned()));
            }
        }
        self.nodes.extend(next.nodes);
        self.connections.extend(rest);
        self
    }

    /// The same as a part of a larger one: nodes' names lie in `room`, paths below `id`.
    pub(super) fn inside(mut self, id: &str, room: &str) -> Self {
        let place = |name: &mut String| {
            if !matches!(split(name).0, INGRESS | EGRESS) {
                *name = format!("{room}/{name}");
            }
        };
        for node in &mut self.nodes {
            place(&mut node.name);
            node.path = below(id, &node.path);
        }
        for connection in &mut self.connections {
            place(&mut connection.from);
            connection.to.iter_mut().for_each(place);
        }
        self
    }

    /// Whether every node has exactly the one before it and the one behind it.
    pub(crate) fn is_chain(&self) -> bool {
        let mut from = INGRESS;
        self.connections.len() == self.nodes.len() + 1
            && self.connections.iter().enumerate().all(|(at, connection)| {
                let to = self.nodes.get(at).map_or(EGRESS, |node| node.name.as_str());
                let joined = connection.from == from && connection.to == [to];
                from = to;
                joined
            })
    }

    /// Output ports of `node` that connections name.
    pub(crate) fn ports(&self, node: &str) -> BTreeSet<String> {
        self.connections
            .iter()
            .filter(|connection| connection.node() == node)
            .filter_map(|connection| split(&connection.from).1.map(str::to_owned))
            .collect()
    }
}

/// `name["port"]` to its parts; a name without port has none.
pub(super) fn split(from: &str) -> (&str, Option<&str>) {
    match from.split_once('[') {
        Some((name, rest)) => {
            let port = rest
                .trim_end_matches(']')
                .trim_matches(|c| c == '"' || c == '\'');
            (name.trim(), Some(port))
        }
        None => (from.trim(), None),
    }
}

/// A place in a member's configuration as one in the unit's.
pub(super) fn below(id: &str, path: &str) -> String {
    if path.is_empty() {
        id.to_owned()
    } else {
        format!("{id}::{path}")
    }
}

/// A name of the host's as the engine takes it, and as no other is called that is taken.
pub(super) fn room(id: &str, taken: &mut BTreeSet<String>) -> String {
    let mut room = id.replace(['[', ']', '"', ':'], "_");
    while !taken.insert(room.clone()) {
        room.push('_');
    }
    room
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chain(names: &[String]) -> Topology {
        let node = |name: &String| Planned {
            name: name.clone(),
            path: String::new(),
            kind: None,
            urn: String::new(),
            config: Value::Null,
            access: None,
        };
        Topology::chain(names.iter().map(node).collect())
    }

    proptest! {
        // Guarantees: a chain without an end names nothing that is not there, keeps every node, and
        // joins them in their order.
        #[test]
        fn a_chain_has_the_ends_that_it_is_given(
            length in 1usize..6,
            has_entry in any::<bool>(),
            has_exit in any::<bool>(),
        ) {
            let names: Vec<_> = (0..length).map(|n| format!("n/{n}")).collect();
            let topology = chain(&names).between(has_entry, has_exit);
            prop_assert_eq!(topology.has_end(INGRESS), has_entry);
            prop_assert_eq!(topology.has_end(EGRESS), has_exit);
            prop_assert_eq!(topology.nodes.len(), length);
            let entry = has_entry.then_some(INGRESS);
            let exit = has_exit.then_some(EGRESS);
            let way: Vec<_> = entry
                .into_iter()
                .chain(names.iter().map(String::as_str))
                .chain(exit)
                .collect();
            let joined: Vec<_> = way
                .windows(2)
                .map(|pair| Connection { from: pair[0].into(), to: vec![pair[1].into()] })
                .collect();
            prop_assert_eq!(&topology.connections, &joined);
            prop_assert_eq!(topology.is_chain(), has_entry && has_exit);
        }
    }
}
