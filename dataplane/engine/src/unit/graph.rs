//! The two forms of `nodes`: a chain (a list), or a graph (a map with `connections`).
//!
//! In a graph, `in` and `out` name the unit's ends. The engine drops nodes that nothing leads to
//! without a word, and a cycle hangs; both are findings here.

use crate::catalog::node::Asked;
use crate::catalog::{Node, check_node, find, included, suggest};
use crate::finding::Finding;
use crate::unit::topology::{Connection, EGRESS, INGRESS, Planned, Topology, split};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use strait_component::Signal;

/// Reads `nodes` and `connections`.
pub(super) fn read(
    findings: &mut Vec<Finding>,
    signal: Option<Signal>,
    nodes: &Value,
    connections: Option<&Value>,
) -> Topology {
    match nodes {
        Value::Array(list) => {
            if connections.is_some_and(|value| !value.is_null()) {
                findings.push(Finding::new(
                    "connections",
                    "a list of nodes is a chain and has no connections; use a map of nodes",
                ));
            }
            read_chain(findings, signal, list)
        }
        // A graph comes as one map with both keys, or with `connections` beside `nodes`.
        Value::Object(map) => match (map.get("nodes"), map.get("connections")) {
            (Some(Value::Object(inner)), Some(list)) if map.len() == 2 => {
                read_graph(findings, signal, "nodes::", inner, Some(list))
            }
            _ => read_graph(findings, signal, "", map, connections),
        },
        _ => {
            findings.push(Finding::new(
                "nodes",
                "expected a list (a chain) or a map (a graph)",
            ));
            Topology::default()
        }
    }
}

fn read_chain(findings: &mut Vec<Finding>, signal: Option<Signal>, list: &[Value]) -> Topology {
    if list.is_empty() {
        findings.push(Finding::new("nodes", "needs at least one node"));
    }
    let mut nodes = Vec::new();
    for (index, entry) in list.iter().enumerate() {
        let path = format!("nodes::{index}");
        let Some((kind, planned)) = read_node(findings, signal, &path, entry, |kind| {
            format!("{}/{index}", kind.name)
        }) else {
            continue;
        };
        if kind.ports {
            findings.push(Finding::new(
                planned.path.clone(),
                format!(
                    "`{}` has several outputs: use the map form with `connections`",
                    kind.name
                ),
            ));
        }
        nodes.push(planned);
    }
    Topology::chain(nodes)
}

fn read_graph(
    findings: &mut Vec<Finding>,
    signal: Option<Signal>,
    prefix: &str,
    map: &Map<String, Value>,
    connections: Option<&Value>,
) -> Topology {
    let mut topology = Topology::default();
    for (name, entry) in map {
        let path = format!("{prefix}nodes::{name}");
        if name == INGRESS || name == EGRESS {
            findings.push(Finding::new(
                path,
                "`in` and `out` are the unit's ends; choose another name",
            ));
            continue;
        }
        if name.is_empty() || name.contains(['[', ']', '"', ':']) {
            findings.push(Finding::new(
                path,
                "a node's name must not be empty or hold any of [ ] \" :",
            ));
            continue;
        }
        if let Some((_, planned)) = read_node(findings, signal, &path, entry, |_| name.clone()) {
            topology.nodes.push(planned);
        }
    }
    match connections {
        Some(Value::Array(list)) => {
            for (index, entry) in list.iter().enumerate() {
                let path = format!("{prefix}connections::{index}");
                read_connection(findings, &path, entry, map, &mut topology);
            }
            check_reach(findings, &format!("{prefix}connections"), &topology);
            check_ports(findings, &topology);
            check_outputs(findings, &format!("{prefix}connections"), &topology);
        }
        // Without them nothing can be said of what leads where.
        _ => findings.push(Finding::new(
            format!("{prefix}connections"),
            "a map of nodes is a graph and needs `connections`, a list of {from, to}, where `in` \
             and `out` are the ends; a chain is a list of nodes",
        )),
    }
    topology
}

/// `{type: configuration}`, or just the type.
fn read_node(
    findings: &mut Vec<Finding>,
    signal: Option<Signal>,
    path: &str,
    entry: &Value,
    name: impl Fn(&Node) -> String,
) -> Option<(&'static Node, Planned)> {
    let (kind, config) = match entry {
        Value::String(kind) => (kind.as_str(), Value::Null),
        Value::Object(map) if map.len() == 1 => {
            let (kind, config) = map.iter().next()?;
            (kind.as_str(), config.clone())
        }
        _ => {
            findings.push(Finding::new(
                path,
                "expected one node type with its configuration",
            ));
            return None;
        }
    };
    let path = format!("{path}::{kind}");
    let Some(node) = find(kind) else {
        let names = included().map(|node| node.name);
        let near = suggest(kind, names.clone())
            .map(|near| format!(", did you mean `{near}`?"))
            .unwrap_or_default();
        let known: Vec<_> = names.collect();
        findings.push(Finding::new(
            path,
            format!(
                "unknown node type `{kind}`{near}; known types: {}",
                known.join(", ")
            ),
        ));
        return None;
    };
    if !node.included {
        let name = node.name;
        findings.push(Finding::new(
            path,
            format!(
                "the node `{name}` is not compiled into this binary: list it in \
                 `dist.engine_nodes` of the builder file"
            ),
        ));
        return None;
    }
    let config = normal(config);
    let asked = Asked {
        path: &path,
        config: &config,
        signal,
    };
    findings.extend(check_node(node, &asked));
    let planned = Planned {
        name: name(node),
        path,
        kind: Some(node),
        urn: node.urn.into(),
        config,
    };
    Some((node, planned))
}

fn read_connection(
    findings: &mut Vec<Finding>,
    path: &str,
    entry: &Value,
    nodes: &Map<String, Value>,
    topology: &mut Topology,
) {
    let Some(map) = entry.as_object() else {
        findings.push(Finding::new(path, "expected a map with `from` and `to`"));
        return;
    };
    for key in map.keys().filter(|key| *key != "from" && *key != "to") {
        findings.push(Finding::new(
            format!("{path}::{key}"),
            format!("unknown key `{key}`; known keys: from, to"),
        ));
    }
    let mut names = |key: &str| -> Vec<String> {
        let here = format!("{path}::{key}");
        let list: Vec<Option<&str>> = match map.get(key) {
            Some(Value::String(name)) => vec![Some(name)],
            Some(Value::Array(list)) => list.iter().map(Value::as_str).collect(),
            _ => vec![None],
        };
        let mut found = Vec::new();
        for name in list {
            let Some(name) = name else {
                findings.push(Finding::new(
                    here.clone(),
                    "expected a node's name, or a list of names",
                ));
                continue;
            };
            let node = if key == "from" { split(name).0 } else { name };
            let end = if key == "from" { INGRESS } else { EGRESS };
            if node != end && !nodes.contains_key(node) {
                findings.push(Finding::new(
                    here.clone(),
                    format!("no node is called `{node}`"),
                ));
                continue;
            }
            found.push(name.to_owned());
        }
        found
    };
    let (from, to) = (names("from"), names("to"));
    if !to.is_empty() {
        topology
            .connections
            .extend(from.into_iter().map(|from| Connection {
                from,
                to: to.clone(),
            }));
    }
}

/// Every node must lie on a way from `in` to an end, and there must be no cycle.
fn check_reach(findings: &mut Vec<Finding>, path: &str, topology: &Topology) {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for connection in &topology.connections {
        next.entry(connection.node())
            .or_default()
            .extend(connection.to.iter().map(String::as_str));
    }
    let mut reached = BTreeSet::new();
    let mut stack = vec![INGRESS];
    while let Some(name) = stack.pop() {
        if reached.insert(name) {
            stack.extend(next.get(name).into_iter().flatten());
        }
    }
    if !next.contains_key(INGRESS) {
        findings.push(Finding::new(path, "no connection leaves `in`"));
    } else if !reached.contains(EGRESS) {
        findings.push(Finding::new(path, "nothing leads from `in` to `out`"));
    }
    for node in &topology.nodes {
        if !reached.contains(node.name.as_str()) {
            findings.push(Finding::new(
                node.path.clone(),
                "no connection leads to this node",
            ));
        } else if !next.contains_key(node.name.as_str()) {
            findings.push(Finding::new(
                node.path.clone(),
                "no connection leaves this node",
            ));
        }
    }
    // Kahn's algorithm: what cannot be put in order lies on a cycle.
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
fn check_ports(findings: &mut Vec<Finding>, topology: &Topology) {
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
fn check_outputs(findings: &mut Vec<Finding>, path: &str, topology: &Topology) {
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

/// An absent configuration is an empty one.
fn normal(config: Value) -> Value {
    if config.is_null() { json!({}) } else { config }
}
