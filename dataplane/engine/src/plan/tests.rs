//! What configurations ask for.

use super::*;
use crate::finding::Finding;
use serde_json::{Value, json};

fn unit(signal: &str, nodes: Value) -> Result<Unit, Vec<Finding>> {
    Unit::read(&json!({"id": "otap", "fidelity": "best_effort",
        "members": [{"id": "otap", "kind": "processor", "nodes": nodes}],
        "edges": [{"number": 0, "direction": "in", "signal": signal},
                  {"number": 1, "direction": "out", "signal": signal}]}))
}

fn plan(nodes: Value) -> Plan {
    Plan::of(&unit("logs", nodes).unwrap_or_else(|findings| panic!("{findings:?}")))
}

fn report(signal: &str, nodes: Value) -> Value {
    json!(Report::of(&unit(signal, nodes).unwrap(), 1).edges[0])
}

fn projectable(nodes: Value) -> Plan {
    let plan = plan(nodes);
    assert!(plan.projectable, "{}", plan.reason);
    plan
}

fn tables(plan: &Plan) -> Value {
    json!(plan.tables)
}

#[test]
fn attributes_ask_for_sources_and_targets() {
    let plan = projectable(json!([
        {"attribute": {"actions": [
            {"action": "rename", "source_key": "b", "destination_key": "a"},
            {"action": "delete", "key": "c"}]}},
        {"attribute": {"actions": [{"action": "upsert", "key": "d", "value": 1}],
                       "apply_to": ["resource", "scope"]}},
    ]));
    assert!(plan.edits && !plan.filters);
    assert_eq!(
        tables(&plan),
        json!({"log_attrs": {"columns": ["key"], "keys": ["a", "b", "c"]},
               "resource_attrs": {"columns": ["key"], "keys": ["d"]},
               "scope_attrs": {"columns": ["key"], "keys": ["d"]}})
    );
}

#[test]
fn hashes_and_filters_ask_for_values() {
    let hash = json!([{"attribute": {"actions": [{"action": "hash", "key": "a"}]}}]);
    let values = json!({"log_attrs": {"columns": ["key", "value"], "keys": ["a"]}});
    assert_eq!(tables(&projectable(hash)), values);
    let plan = projectable(json!([
        {"attribute": {"actions": [{"action": "delete", "key": "a"}]}},
        {"filter": {"logs": {
            "include": {"severity_number": {"min": 9, "match_undefined": true},
                        "record_attributes": [{"key": "k", "value": 1}]},
            "exclude": {"match_type": "regexp", "severity_texts": ["^D"], "bodies": ["x"],
                        "resource_attributes": [{"key": "r", "value": "v"}]}}}},
    ]));
    assert!(plan.filters && plan.edits);
    assert_eq!(
        tables(&plan),
        json!({"logs": {"columns": ["body", "severity_number", "severity_text"]},
               "log_attrs": {"columns": ["key", "value"], "keys": ["a", "k"]},
               "resource_attrs": {"columns": ["key", "value"], "keys": ["r"]}})
    );
}

#[test]
fn a_filter_without_rules_for_logs_does_nothing() {
    let nothing = [
        json!({}),
        json!({"logs": {}}),
        json!({"logs": {"include": {}}}),
        json!({"metrics": {"include": {"metric_names": ["m"]}}}),
    ];
    for config in nothing {
        let plan = projectable(json!([{"filter": config}]));
        assert!(!plan.filters && !plan.edits);
        assert!(plan.tables.is_empty());
    }
}

#[test]
fn what_is_not_known_takes_whole_batches() {
    let whole = [
        json!([{"batch": {"otap": {"min_size": 10, "sizer": "items"}}}]),
        json!([{"filter": {}}, {"retry": {}}]),
        json!([{"debug": {}}]),
        json!([{"log_sampling": {"policy": {"ratio": {"emit": 1, "out_of": 2}}}}]),
        // The host marks logs without attributes by a row with an empty key.
        json!([{"filter": {"logs": {"include": {
            "record_attributes": [{"key": "", "value": 1}]}}}}]),
        json!({"nodes": {"a": {"filter": {}}, "b": {"filter": {}}},
               "connections": [{"from": "in", "to": ["a", "b"]}, {"from": "a", "to": "out"},
                               {"from": "b", "to": "out"}]}),
    ];
    for nodes in whole {
        let plan = plan(nodes.clone());
        assert!(!plan.projectable && plan.filters && plan.edits, "{nodes}");
        assert!(!plan.reason.is_empty());
    }
}

#[test]
fn other_signals_take_whole_batches() {
    let unit = unit("metrics", json!([{"filter": {}}])).unwrap();
    assert!(!Plan::of(&unit).projectable);
}

#[test]
fn components_say_what_they_do() {
    use strait_component::{Access, Columns, Keys};
    use strait_records::compare::{self, Watched};
    use strait_records::difference::Target;
    let of = |access: Access| {
        let mut builder = Builder::default();
        builder.access(&access).and_then(|()| builder.finish())
    };
    let masks = Access::new()
        .keys(Keys::named(["card"]))
        .write(Columns::BODY)
        .write(Columns::LOG_ATTRIBUTES);
    let projection = of(masks).unwrap();
    let (plan, compared) = (projection.plan, projection.compared);
    assert!(plan.edits && !plan.filters);
    assert_eq!(
        tables(&plan),
        json!({"logs": {"columns": ["body"]},
               "log_attrs": {"columns": ["key", "value"], "keys": ["card"]}})
    );
    let watched = |target, keys| Watched { target, keys };
    assert_eq!(
        compared,
        [
            watched(Target::BODY, compare::Keys::All),
            watched(Target::LOG_ATTRIBUTES, compare::Keys::only(["card"])),
        ]
    );

    let all = of(Access::new().read(Columns::SCOPE_ATTRIBUTES)).unwrap();
    assert_eq!(
        tables(&all.plan),
        json!({"scope_attrs": {"columns": ["key", "value"], "all": true}})
    );
    assert!(!all.plan.edits && all.compared.is_empty() && all.numbered.is_empty());

    for access in [
        Access::everything(),
        Access::new().renumbers(),
        Access::new().retains(),
        Access::new().read(Columns::SCHEMA_URL),
        Access::new().write(Columns::TIME),
        Access::new().read(Columns::LOG_ATTRIBUTES).filter(),
    ] {
        assert!(of(access.clone()).is_err(), "{access:?}");
    }
}

#[test]
fn the_report_has_the_hosts_names() {
    let nodes = json!([{"attribute": {"actions": [{"action": "delete", "key": "a"}]}}]);
    assert_eq!(
        report("logs", nodes)["plan"],
        json!({"projectable": true, "filters": false, "edits": true, "reason": "",
               "tables": {"log_attrs": {"columns": ["key"], "keys": ["a"]}}})
    );
}

#[test]
fn the_report_says_whether_otlp_bytes_are_read() {
    for (signal, node, converts) in [
        ("logs", json!({"attribute": {"actions": []}}), false), // they cross as records
        ("traces", json!({"retry": {}}), false),
        ("traces", json!({"attribute": {"actions": []}}), true),
        ("metrics", json!({"attribute": {"actions": []}}), true),
    ] {
        let report = report(signal, json!([node]));
        assert_eq!(report["converts"], json!(converts), "{signal} {node}");
    }
}

#[test]
fn a_filter_of_spans_is_refused() {
    let nodes = json!([{"filter": {"traces": {"include": {"span_names": ["x"]}}}}]);
    let findings = unit("traces", nodes).unwrap_err();
    assert_eq!(findings[0].path, "nodes::0::filter::traces");
}

#[test]
fn several_renames_of_metrics_in_one_node_are_refused() {
    let rename = |from: &str, to: &str| {
        json!({"action": "rename", "source_key": from,
        "destination_key": to})
    };
    let of_resources =
        |actions: Value| json!({"attribute": {"apply_to": ["resource"], "actions": actions}});
    let two = json!([of_resources(json!([rename("a", "b"), rename("c", "d")]))]);
    let apart = json!([
        of_resources(json!([rename("a", "b")])),
        of_resources(json!([rename("c", "d")])),
    ]);
    let findings = unit("metrics", two.clone()).unwrap_err();
    assert_eq!(findings[0].path, "nodes::0::attribute::actions");
    unit("metrics", apart).unwrap();
    unit("logs", two).unwrap();
}
