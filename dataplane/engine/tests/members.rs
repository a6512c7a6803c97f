//! Units of several members: one after the other, as units one behind the other would be.

mod common;

use common::otlp::{Log, holds, request};
use common::units::{component_member, nodes_member, of_nodes, unit};
use common::{Control, End, Host, Setup};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strait_component::prelude::*;
use strait_engine::{Finding, Plan, Report, Unit, UnitMember};

/// Hides the word "secret" in bodies.
struct Hide;

#[derive(Default, Deserialize, Serialize, JsonSchema)]
struct HideConfig {
    mark: String,
}

struct Hider(String);

impl Processor for Hider {
    fn process(&mut self, batch: &mut Batch) -> Result<(), Error> {
        batch.edit_bodies(|text| text.replace("secret", &self.0).into())?;
        Ok(())
    }
}

impl ProcessorFactory for Hide {
    type Config = HideConfig;

    fn describe(&self) -> Description {
        Description::processor("hide", package!()).logs(Stability::Development)
    }

    fn access(&self, _: &HideConfig) -> Access {
        Access::new().write(Columns::BODY)
    }

    fn create(&self, config: HideConfig, _: &Settings) -> Result<Box<dyn Processor>, CreateError> {
        Ok(Box::new(Hider(config.mark)))
    }
}

fn hide(mark: &str) -> Value {
    strait_engine::components::register(&[&Hide]);
    component_member("hide/test", "hide", json!({"mark": mark}))
}

fn delete(key: &str) -> Value {
    json!({"attribute": {"actions": [{"action": "delete", "key": key}]}})
}

/// Divides batches among two nodes.
fn graph() -> Value {
    json!({"nodes": {"a": delete("x"), "b": delete("x")},
           "connections": [{"from": "in", "to": ["a", "b"]}, {"from": ["a", "b"], "to": "out"}]})
}

fn read(members: Value) -> Result<Unit, Vec<Finding>> {
    Unit::read(&unit("logs", "strict", members))
}

/// What comes out of a unit for one log, as OTLP bytes.
fn through(spec: Value, log: &[u8]) -> Vec<u8> {
    let mut host = Setup::new(spec).start();
    let call = host.call(log);
    let output = host.output();
    assert_eq!(output.call_id, call);
    host.ack(output.token);
    assert_eq!(host.end(call), End::Acked);
    host.finish(&[call], common::PATIENCE);
    output.bytes
}

// Guarantees: what comes out of several members is what comes out of one unit for each, one behind
// the other; chains, graphs and components alike.
#[test]
fn members_are_units_one_behind_the_other() {
    let members = [
        hide("***"),
        nodes_member("otap/graph", graph()),
        nodes_member("otap/chain", json!([delete("y"), {"retry": {}}])),
    ];
    let log = request(&[Log::new("a secret")
        .string("x", "1")
        .string("y", "2")
        .string("z", "3")]);
    let together = through(unit("logs", "best_effort", json!(members)), &log);
    let apart = members.iter().fold(log, |log, member| {
        through(unit("logs", "best_effort", json!([member])), &log)
    });
    assert_eq!(together, apart);
    assert!(holds(&together, "a ***") && holds(&together, "z"));
}

// Guarantees: what enters a member behind the first is counted, by whichever of its nodes it
// enters, and of a batch that a member keeps from the next nothing.
#[test]
fn what_enters_members_is_counted() {
    let high = json!({"severity_number": {"min": 24, "match_undefined": false}});
    let drops = json!([{"filter": {"logs": {"include": high}}}]);
    let members = json!([
        hide("*"),
        nodes_member("otap/graph", graph()),
        nodes_member("otap/drops", drops),
        component_member("hide/last", "hide", json!({"mark": "-"})),
    ]);
    let mut host = Setup::new(unit("logs", "best_effort", members)).start();
    let calls: Vec<_> = (0..3)
        .map(|_| host.call(&request(&[Log::new("one"), Log::new("two")])))
        .collect();
    for call in &calls {
        assert_eq!(host.end(*call), End::Acked);
    }
    let taken: Vec<_> = host.members.iter().map(UnitMember::taken).collect();
    assert_eq!(taken, [0, 6, 6, 0]);
    host.finish(&calls, common::PATIENCE);
}

// Guarantees: two chains are one, and what they read together is projected.
#[test]
fn chains_stay_chains() {
    let two = read(json!([
        hide("*"),
        nodes_member("otap/a", json!([delete("k")]))
    ]))
    .unwrap();
    let names: Vec<_> = two
        .topology
        .nodes
        .iter()
        .map(|node| node.name.as_str())
        .collect();
    assert_eq!(names, ["hide/test/hide", "otap/a/attribute/0"]);
    let plan = Plan::of(&two);
    assert!(plan.projectable && plan.edits, "{}", plan.reason);
    let graph = read(json!([hide("*"), nodes_member("otap/a", graph())])).unwrap();
    assert!(!Plan::of(&graph).projectable);
}

// Guarantees: findings of several members are told by the member's id; of one, by its own keys.
#[test]
fn findings_name_their_member() {
    let wrong = nodes_member("otap/b", json!([{"fliter": {}}]));
    let paths = |members: Value| {
        let findings = read(members).unwrap_err();
        findings
            .into_iter()
            .map(|found| found.path)
            .collect::<Vec<_>>()
    };
    assert_eq!(paths(json!([wrong])), ["nodes::0::fliter"]);
    hide("");
    let bad = component_member("hide/x", "hide", json!({"marc": ""}));
    assert_eq!(
        paths(json!([bad, wrong])),
        ["hide/x::marc", "otap/b::nodes::0::fliter"]
    );
    assert_eq!(paths(json!([])), ["members"]);
    for kind in ["receiver", "exporter", "connector", "extension"] {
        let found = read(json!([{"id": "x", "kind": kind, "type": "x"}])).unwrap_err();
        assert!(found[0].message.contains(kind), "{found:?}");
    }
    assert_eq!(paths(json!([{"id": "x", "kind": "processor"}])), ["nodes"]);
}

// Guarantees: members whose ids the engine would not take, or that are equal, have nodes of their
// own all the same.
#[test]
fn equal_members_have_nodes_of_their_own() {
    let member = nodes_member("otap/a:b", json!([delete("k")]));
    let unit = read(json!([member, member])).unwrap();
    let names: Vec<_> = unit
        .topology
        .nodes
        .iter()
        .map(|node| node.name.as_str())
        .collect();
    assert_eq!(names, ["otap/a_b/attribute/0", "otap/a_b_/attribute/0"]);
}

// Guarantees: the report says per edge how batches cross and how many.
#[test]
fn the_report_is_per_edge() {
    let spec = of_nodes("logs", "strict", json!([delete("k")]));
    let report = json!(Report::of(&Unit::read(&spec).unwrap(), 8));
    let [entry, exit] = [&report["edges"][0], &report["edges"][1]];
    assert_eq!(entry["plan"]["projectable"], true);
    assert_eq!(
        json!([
            entry["number"],
            entry["direction"],
            entry["encoding"],
            entry["credit"]
        ]),
        json!([0, "in", "records", 64])
    );
    assert_eq!(
        *exit,
        json!({"number": 1, "direction": "out", "signal": "logs", "encoding": "records",
               "credit": 8})
    );
    let mut without = spec;
    without["edges"] = json!([]);
    let unit = Unit::read(&without).unwrap();
    assert_eq!(json!(Report::of(&unit, 8)), json!({"edges": []}));
    assert!(
        Setup::new(without)
            .try_start()
            .is_err_and(|failure| { failure.message.contains("without edges") })
    );
}

// Guarantees: a batch over another edge than the unit's ends the link: the two sides do not agree.
#[test]
fn a_batch_over_another_edge_ends_the_link() {
    let mut host = Host::start(json!([delete("k")]));
    host.entry = common::units::EXIT;
    host.call(&request(&[Log::new("x")]));
    host.until("the link's end", |host| {
        host.events.iter().any(
            |event| matches!(event, Control::Status(_, message) if message.contains("over edge 1")),
        )
    });
}
