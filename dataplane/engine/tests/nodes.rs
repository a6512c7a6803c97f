//! The node table against the engine that is linked in.

#[path = "common/units.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test file uses a part")]
mod units;

use otel_arrow_dfe_otap::OTAP_PIPELINE_FACTORY;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use strait_component::Kind;
use strait_engine::catalog::{Choice, Node, TABLE, describe, find, included};
use strait_engine::{Finding, Unit, check_registrations};
use units::{of_nodes, of_nodes_in};

/// Configurations for every key of a node's table; several where keys exclude each other.
fn samples(node: &Node) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("samples.json")).unwrap();
    let name = format!("{}:{}", node.kind, node.name);
    let of = all[&name].as_array();
    of.unwrap_or_else(|| panic!("no sample for `{name}`"))
        .clone()
}

fn engine_accepts(node: &Node, config: &Value) -> Result<(), String> {
    let engine = &*OTAP_PIPELINE_FACTORY;
    let check = match node.kind {
        Kind::Receiver => engine.get_receiver_factory_map()[node.urn].validate_config,
        Kind::Exporter => engine.get_exporter_factory_map()[node.urn].validate_config,
        _ => engine.get_processor_factory_map()[node.urn].validate_config,
    };
    check(config).map_err(|error| error.to_string())
}

fn findings(node: &Node, config: &Value) -> Vec<Finding> {
    let mut found = Vec::new();
    strait_engine::catalog::check(&mut found, "x", node.keys, config);
    found
}

/// Every place in a configuration, with its name in the table (`*` for list indexes).
fn places(value: &Value, pointer: &str, name: &str, into: &mut Vec<(String, String)>) {
    let join = |name: &str, key: &str| {
        if name.is_empty() {
            key.to_owned()
        } else {
            format!("{name}::{key}")
        }
    };
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let (pointer, name) = (format!("{pointer}/{key}"), join(name, key));
                into.push((pointer.clone(), name.clone()));
                places(inner, &pointer, &name, into);
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                places(inner, &format!("{pointer}/{index}"), &join(name, "*"), into);
            }
        }
        _ => {}
    }
}

/// What is compiled in and not offered: the engine's own log as a receiver's, which Strait hands to
/// the Collector's log, and a receiver that a damaged message makes end the process.
const NOT_OFFERED: [&str; 2] = [
    "urn:otel:receiver:internal_telemetry",
    "urn:otel:receiver:otap",
];

// Guarantees: the table has every node of the engine that is linked in, and none is said to be that
// is not.
#[test]
fn the_table_is_complete() {
    check_registrations().unwrap();
    let engine = &*OTAP_PIPELINE_FACTORY;
    let processors = engine.get_processor_factory_map().keys();
    let linked: BTreeSet<_> = processors
        .chain(engine.get_exporter_factory_map().keys())
        .chain(engine.get_receiver_factory_map().keys())
        .copied()
        .filter(|urn| urn.starts_with("urn:otel:") && !NOT_OFFERED.contains(urn))
        .collect();
    let included: BTreeSet<_> = included().map(|node| node.urn).collect();
    assert!(included.is_subset(&linked));
    // The engine compiles both of OTLP's exporters, or neither.
    let elsewhere = TABLE.iter().filter(|node| node.choice == Choice::OnRequest);
    let elsewhere = elsewhere.map(|node| node.urn).collect();
    let rest: BTreeSet<_> = linked.difference(&included).copied().collect();
    assert!(rest.is_subset(&elsewhere), "{rest:?}");
}

// Guarantees: names are unique, and short name, shortcut and URN find the same node; of its kind
// alone.
#[test]
fn names_find_their_node() {
    for node in included() {
        for name in [
            node.name.to_owned(),
            node.urn.to_owned(),
            format!("{}:{}", node.kind, node.name),
        ] {
            assert_eq!(find(node.kind, &name).unwrap().urn, node.urn);
        }
        assert!(find(Kind::Extension, node.urn).is_none());
    }
    for name in ["processor:", "", "exporter:filter", "processor:file"] {
        assert!(find(Kind::Processor, name).is_none(), "{name}");
    }
}

// Guarantees: each key of the table is one that the engine reads: right values pass both checks,
// and a value of another shape in its place is refused by the engine, which ignores unknown keys.
#[test]
fn the_engine_reads_every_key() {
    for node in included() {
        let mut seen = BTreeSet::new();
        for sample in samples(node) {
            assert_eq!(findings(node, &sample), [], "{}", node.name);
            engine_accepts(node, &sample).unwrap_or_else(|error| panic!("{}: {error}", node.name));
            let mut all = Vec::new();
            places(&sample, "", "", &mut all);
            for (pointer, name) in all {
                let (mut ignored, mut unchecked) = (true, !name.contains("predicate::value"));
                for shape in [
                    json!({"strait": {"not": []}}),
                    json!("\u{1}strait"),
                    json!([[["strait"]]]),
                ] {
                    let mut wrong = sample.clone();
                    *wrong.pointer_mut(&pointer).unwrap() = shape;
                    ignored &= engine_accepts(node, &wrong).is_ok();
                    unchecked &= findings(node, &wrong).is_empty();
                }
                assert!(!ignored, "{} ignores {name}", node.name);
                assert!(
                    !unchecked,
                    "{}: our check takes anything for {name}",
                    node.name
                );
                seen.insert(name);
            }
        }
        for key in describe(included())
            .iter()
            .find(|info| info.urn == node.urn)
            .unwrap()
            .keys
            .iter()
        {
            // A key of the user's stands as `*` in the table, and by its name in the sample.
            let covered = seen.iter().any(|name| {
                let (a, b): (Vec<_>, Vec<_>) =
                    (name.split("::").collect(), key.name.split("::").collect());
                a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a == b || *b == "*")
            });
            assert!(covered, "{}: no sample has {}", node.name, key.name);
        }
    }
}

// Guarantees: an unknown key is found at every level, with its path and a suggestion.
#[test]
fn unknown_keys_are_refused_everywhere() {
    for node in included() {
        for sample in samples(node) {
            let mut all = vec![(String::new(), String::new())];
            places(&sample, "", "", &mut all);
            for (pointer, name) in all {
                let mut wrong = sample.clone();
                let Some(map) = wrong.pointer_mut(&pointer).and_then(Value::as_object_mut) else {
                    continue;
                };
                // Maps with keys of the user's take any key; what it holds is then wrong.
                map.insert("strait_unknown".into(), json!({"strait": []}));
                let found = findings(node, &wrong);
                assert!(
                    found
                        .iter()
                        .any(|finding| finding.path.contains("strait_unknown")),
                    "{}: nothing found in {name}: {found:?}",
                    node.name
                );
            }
        }
    }
}

// Guarantees: what the command prints is the table. `STRAIT_REGENERATE=1` writes it anew.
#[test]
fn nodes_json_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/nodes.json");
    let text = serde_json::to_string_pretty(&describe(TABLE.iter())).unwrap() + "\n";
    if std::env::var_os("STRAIT_REGENERATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == text,
        "nodes.json is not what the table says; run with STRAIT_REGENERATE=1"
    );
}

fn unit_findings(nodes: Value) -> Vec<(String, String)> {
    match Unit::read(&of_nodes("logs", "best_effort", nodes)) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.into_iter().map(|f| (f.path, f.message)).collect(),
    }
}

fn paths(nodes: Value) -> Vec<String> {
    unit_findings(nodes)
        .into_iter()
        .map(|(path, _)| path)
        .collect()
}

// Guarantees: what would lose data or panic in the engine is refused, at its key.
#[test]
fn rules_refuse_what_the_engine_would_lose() {
    let two = json!([{"attribute": {"actions": [
        {"action": "rename", "source_key": "a", "destination_key": "x"},
        {"action": "rename", "source_key": "b", "destination_key": "x"}]}}]);
    assert_eq!(
        paths(two),
        ["nodes::0::attribute::actions::1::destination_key"]
    );
    let both = json!([{"attribute": {"actions": [
        {"action": "insert", "key": "a", "value": 1},
        {"action": "insert", "key": "a", "value": 2}]}}]);
    assert_eq!(paths(both), ["nodes::0::attribute::actions::1::key"]);
    let regex = json!([{"filter": {"logs": {"include": {
        "match_type": "regexp", "severity_texts": ["("]}}}}]);
    assert_eq!(paths(regex).len(), 1);
    assert_eq!(paths(json!([])), ["nodes"]);
    assert_eq!(paths(json!([{"fanout": {}}])), ["nodes::0::fanout"]);
    assert_eq!(paths(json!(["retry"])), Vec::<String>::new());
}

// Guarantees: a graph is checked as a whole: names, reach, cycles, ports.
#[test]
fn graphs_are_checked() {
    let graph = |nodes: Value, connections: Value| {
        paths(json!({"nodes": nodes, "connections": connections}))
    };
    let retry = json!({"a": {"retry": {}}, "b": {"retry": {}}});
    assert_eq!(
        graph(
            retry.clone(),
            json!([{"from": "in", "to": "a"}, {"from": "a", "to": "b"}, {"from": "b", "to": "out"}])
        ),
        Vec::<String>::new()
    );
    assert_eq!(
        graph(
            retry.clone(),
            json!([{"from": "in", "to": "a"}, {"from": "a", "to": "out"}])
        ),
        ["nodes::nodes::b::retry"]
    );
    assert_eq!(
        graph(
            retry.clone(),
            json!([
                {"from": "in", "to": "a"},
                {"from": "a", "to": ["b", "out"]},
                {"from": "b", "to": "a"},
            ])
        ),
        ["nodes::connections"]
    );
    assert!(
        graph(retry, json!([{"from": "in", "to": "c"}]))
            .contains(&"nodes::connections::0::to".to_owned())
    );
    let split = json!({"s": {"fanout": {"destinations": [{"port": "p"}]}}});
    assert_eq!(
        graph(
            split,
            json!([{"from": "in", "to": "s"}, {"from": "s", "to": "out"}])
        ),
        ["nodes::nodes::s::fanout::destinations::0::port"]
    );
    assert!(
        graph(json!({"in": {"retry": {}}}), json!([])).contains(&"nodes::nodes::in".to_owned())
    );
}

// Guarantees: one mistake is one finding, at its key.
#[test]
fn one_mistake_is_one_finding() {
    let without = json!({"a": {"retry": {}}});
    assert_eq!(paths(without), ["connections"]);
    let buffer = json!([{"durable_buffer": {"path": "/tmp/x", "retention_size_cap": "lots"}}]);
    assert_eq!(
        paths(buffer),
        ["nodes::0::durable_buffer::retention_size_cap"]
    );
    let retry = json!([{"retry": {"initial_interval": "soon"}}]);
    assert_eq!(paths(retry), ["nodes::0::retry::initial_interval"]);
    let nowhere =
        json!({"nodes": {"a": {"retry": {}}}, "connections": [{"from": "a", "to": "out"}]});
    assert_eq!(
        unit_findings(nowhere)[0],
        (
            "nodes::connections".to_owned(),
            "no connection leaves `in`".to_owned()
        )
    );
}

// Guarantees: a second connection from one output is refused: the engine would take the last, and
// starve the targets of the first.
#[test]
fn an_output_has_one_connection() {
    let graph = json!({"nodes": {"a": {"retry": {}}, "b": {"retry": {}}}, "connections": [
        {"from": "in", "to": "a"}, {"from": "in", "to": "b"}, {"from": ["a", "b"], "to": "out"}]});
    let findings = unit_findings(graph);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].0, "nodes::connections");
    assert!(
        findings[0]
            .1
            .contains("more than one connection leaves `in`")
    );
}

// Guarantees: in strict mode a signal that crosses as OTLP does not go through nodes that convert.
#[test]
fn strict_refuses_conversions() {
    let spec = |fidelity: &str, node: Value| of_nodes("metrics", fidelity, json!([node]));
    let filter = json!({"filter": {}});
    let findings = Unit::read(&spec("strict", filter.clone())).unwrap_err();
    assert_eq!(findings[0].path, "nodes::0::filter");
    assert!(findings[0].message.contains("best_effort"));
    Unit::read(&spec("best_effort", filter)).unwrap();
    Unit::read(&spec("strict", json!({"retry": {}}))).unwrap();
}

// Guarantees: a node that is known and not compiled in is refused with what to do about it.
#[test]
fn nodes_that_were_not_chosen_say_so() {
    for node in TABLE.iter().filter(|node| !node.included) {
        let unit = of_nodes_in(node.kind.name(), "logs", json!([node.name]));
        let refused = Unit::read(&unit).unwrap_err();
        assert!(
            refused
                .iter()
                .any(|f| f.message.contains("dist.engine_nodes")),
            "{refused:?}"
        );
    }
}
