//! Specifications of units for tests.

use serde_json::{Value, json};

/// Number of the edge by which batches enter a test's unit.
pub const ENTRY: u16 = 0;
/// Number of the edge by which they leave it.
pub const EXIT: u16 = 1;

/// A unit of these members between this signal and itself.
pub fn unit(signal: &str, fidelity: &str, members: Value) -> Value {
    json!({"id": "otap/test", "pipeline": "p", "lanes": 1, "fidelity": fidelity,
           "max_in_flight": 64, "members": members,
           "edges": [{"number": ENTRY, "direction": "in", "signal": signal},
                     {"number": EXIT, "direction": "out", "signal": signal}]})
}

/// A unit of a chain or graph of engine nodes.
pub fn of_nodes(signal: &str, fidelity: &str, nodes: Value) -> Value {
    unit(signal, fidelity, json!([nodes_member("otap/test", nodes)]))
}

/// A unit of this kind of a chain or graph of engine nodes, that accepts losses.
pub fn of_nodes_in(kind: &str, signal: &str, nodes: Value) -> Value {
    let mut spec = of_nodes(signal, "best_effort", nodes);
    spec["members"][0]["kind"] = kind.into();
    let edges = spec["edges"].as_array_mut().unwrap();
    match kind {
        "exporter" => drop(edges.pop()),
        "receiver" => {
            drop(edges.remove(0));
            edges[0]["number"] = 0.into();
        }
        _ => {}
    }
    spec
}

/// A member of engine nodes.
pub fn nodes_member(id: &str, nodes: Value) -> Value {
    json!({"id": id, "kind": "processor", "nodes": nodes})
}

/// A member that is a component of the SDK.
pub fn component_member(id: &str, name: &str, config: Value) -> Value {
    json!({"id": id, "kind": "processor", "type": name, "config": config})
}

/// A unit of one component of this kind, with these edges, numbered in their order.
pub fn of_kind(kind: &str, name: &str, config: Value, edges: &[(&str, &str)]) -> Value {
    let edges: Vec<_> = (0..)
        .zip(edges)
        .map(|(number, (direction, signal)): (u16, _)| {
            json!({"number": number, "direction": direction, "signal": signal})
        })
        .collect();
    let id = format!("{name}/test");
    json!({"id": id, "pipeline": "p", "lanes": 1, "max_in_flight": 64, "edges": edges,
           "members": [{"id": id, "kind": kind, "type": name, "config": config}]})
}
