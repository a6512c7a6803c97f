//! The two forms of `nodes`: a chain (a list), or a graph (a map with `connections`).
//!
//! In a graph, `in` and `out` name the unit's ends. A receiver has no `in` and an exporter no
//! `out`: their nodes that receive and export are the ends. A connector has more ends, see
//! `pipelines`. Whether nodes lie on a way from one end to another is checked in `reach`.

use crate::catalog::node::Asked;
use crate::catalog::{Node, TABLE, check_node, find_in, included, kinds_in, suggest};
use crate::finding::Finding;
use crate::unit::edge::Edge;
use crate::unit::topology::{Connection, EGRESS, INGRESS, OWN, Planned, Topology, split};
use crate::unit::{pipelines, reach};
use serde_json::{Map, Value, json};
use strait_component::{Kind, Signal};

/// The unit that nodes are in.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) kind: Kind,
    /// What it carries; none where that is not known.
    pub(super) signals: &'a [Signal],
    /// Where batches cross; nowhere where that is not known.
    pub(super) edges: &'a [Edge],
}

/// Reads `nodes` and `connections`.
pub(super) fn read(
    findings: &mut Vec<Finding>,
    frame: Frame<'_>,
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
            read_chain(findings, frame, list)
        }
        // A graph comes as one map with both keys, or with `connections` beside `nodes`.
        Value::Object(map) => match (map.get("nodes"), map.get("connections")) {
            (Some(Value::Object(inner)), Some(list)) if map.len() == 2 => {
                read_graph(findings, frame, "nodes::", inner, Some(list))
            }
            _ => read_graph(findings, frame, "", map, connections),
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

fn read_chain(findings: &mut Vec<Finding>, frame: Frame<'_>, list: &[Value]) -> Topology {
    if list.is_empty() {
        findings.push(Finding::new("nodes", "needs at least one node"));
    }
    let mut nodes = Vec::new();
    for (index, entry) in list.iter().enumerate() {
        let path = format!("nodes::{index}");
        let Some((kind, planned)) = read_node(findings, frame, &path, entry, |kind| {
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
    if nodes.len() == list.len() {
        check_ends(findings, frame.kind, &nodes);
    }
    Topology::chain(nodes).between(frame.kind.has_in(), frame.kind.has_out())
}

/// A receiver's chain begins with a node that receives, an exporter's ends with one that exports,
/// and neither is anywhere else.
fn check_ends(findings: &mut Vec<Finding>, unit: Kind, nodes: &[Planned]) {
    let last = nodes.len().saturating_sub(1);
    for (at, node) in nodes.iter().enumerate() {
        let message = if node.is(Kind::Receiver) && at > 0 {
            "this receives, and takes nothing: it must be the chain's first node".to_owned()
        } else if node.is(Kind::Exporter) && at < last {
            "this exports, and passes nothing on: it must be the chain's last node".to_owned()
        } else if unit == Kind::Receiver && at == 0 && !node.is(unit) {
            let known = names_of(unit);
            format!("a receiver's chain begins with a node that receives: {known}")
        } else if unit == Kind::Exporter && at == last && !node.is(unit) {
            let known = names_of(unit);
            format!("an exporter's chain ends with a node that exports: {known}")
        } else {
            continue;
        };
        findings.push(Finding::new(node.path.clone(), message));
    }
}

fn names_of(kind: Kind) -> String {
    let known = included().filter(|node| node.kind == kind);
    let known: Vec<_> = known.map(|node| node.name).collect();
    known.join(", ")
}

fn read_graph(
    findings: &mut Vec<Finding>,
    frame: Frame<'_>,
    prefix: &str,
    map: &Map<String, Value>,
    connections: Option<&Value>,
) -> Topology {
    let mut topology = Topology::default();
    let before = findings.len();
    for (name, entry) in map {
        let path = format!("{prefix}nodes::{name}");
        if name == INGRESS || name == EGRESS || name.starts_with(OWN) {
            findings.push(Finding::new(
                path,
                format!(
                    "`in` and `out` are the unit's ends, and what begins with `{OWN}` is its own; \
                     choose another name"
                ),
            ));
            continue;
        }
        if pipelines::signal_of(frame.kind, name).is_some() {
            findings.push(Finding::new(
                path,
                "this is how pipelines are named, to which connections may lead; choose another \
                 name",
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
        if let Some((_, planned)) = read_node(findings, frame, &path, entry, |_| name.clone()) {
            topology.nodes.push(planned);
        }
    }
    match connections {
        Some(Value::Array(list)) => {
            for (index, entry) in list.iter().enumerate() {
                let path = format!("{prefix}connections::{index}");
                read_connection(findings, frame, &path, entry, map, &mut topology);
            }
            let path = format!("{prefix}connections");
            reach::check(findings, &path, frame.kind, &topology);
            // What is wrong above may be why nothing leads there.
            if findings.len() == before {
                pipelines::left_out(findings, &path, &topology, frame.edges);
            }
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
    frame: Frame<'_>,
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
    let Some(node) = find_in(frame.kind, kind) else {
        findings.push(Finding::new(path, unknown(frame.kind, kind)));
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
    let each = frame.signals.iter().copied().map(Some);
    let unknown = frame.signals.is_empty().then_some(None);
    for signal in each.chain(unknown) {
        let asked = Asked {
            path: &path,
            config: &config,
            signal,
        };
        for finding in check_node(node, &asked) {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    let planned = Planned {
        name: name(node),
        path,
        kind: Some(node),
        urn: node.urn.into(),
        config,
        access: None,
    };
    Some((node, planned))
}

/// What is said of a name that no node has which the unit may have.
fn unknown(unit: Kind, name: &str) -> String {
    if let Some(other) = TABLE
        .iter()
        .find(|node| node.name == name || node.urn == name)
    {
        let kind = other.kind;
        return format!(
            "`{name}` is of kind {kind}, and this unit of kind {unit}: it stands in an `otap` \
             under `{}`",
            kind.section()
        );
    }
    let nodes = included().filter(|node| kinds_in(unit).any(|kind| node.kind == kind));
    let names = nodes.map(|node| node.name);
    let near = suggest(name, names.clone())
        .map(|near| format!(", did you mean `{near}`?"))
        .unwrap_or_default();
    let known: Vec<_> = names.collect();
    format!(
        "unknown node type `{name}`{near}; known types: {}",
        known.join(", ")
    )
}

fn read_connection(
    findings: &mut Vec<Finding>,
    frame: Frame<'_>,
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
            match nowhere(frame, key, name, nodes) {
                Some(why) => findings.push(Finding::new(here.clone(), why)),
                None => found.push(name.to_owned()),
            }
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

/// Why no connection has this name under this key.
fn nowhere(frame: Frame<'_>, key: &str, name: &str, nodes: &Map<String, Value>) -> Option<String> {
    let unit = frame.kind;
    let (node, end, is_there) = if key == "from" {
        (split(name).0, INGRESS, unit.has_in())
    } else if let Some(signal) = pipelines::signal_of(unit, name) {
        return pipelines::unfit(name, signal, frame.edges);
    } else {
        (name, EGRESS, unit.has_out())
    };
    if node == end {
        return (!is_there).then(|| format!("a unit of kind {unit} has no `{end}`"));
    }
    (!nodes.contains_key(node)).then(|| format!("no node is called `{node}`"))
}

/// An absent configuration is an empty one.
fn normal(config: Value) -> Value {
    if config.is_null() { json!({}) } else { config }
}
