//! What `validate` accepts can be started: no operator learns at the start of a Collector what its
//! `validate` command could have said. Configurations are drawn from the catalog's own shapes, at
//! and beyond the limits of each.

mod common;

use common::Setup;
use common::units::of_nodes_in;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Map, Value, json};
use std::time::Duration;
use strait_component::Signal;
use strait_engine::Unit;
use strait_engine::catalog::{Key, Shape, TABLE};

/// Draws from a few values.
fn one_of(values: &[Value]) -> BoxedStrategy<Value> {
    proptest::sample::select(values.to_vec()).boxed()
}

/// Values of a shape, its smallest ones among them.
fn values(shape: &'static Shape) -> BoxedStrategy<Value> {
    match shape {
        Shape::Bool => any::<bool>().prop_map(Value::from).boxed(),
        Shape::Int(least) => {
            let some = [0, 1, 2, 3, 10, 1000, 65_535, 65_536];
            let all: Vec<_> = some.iter().map(|more| json!(least + more)).collect();
            one_of(&all)
        }
        Shape::Number => one_of(&[json!(-1), json!(0), json!(0.5), json!(1), json!(1.5)]),
        Shape::Text => one_of(&[json!(""), json!("a"), json!("["), json!("$1 ${x}")]),
        Shape::Duration | Shape::DurationFrom(_) => one_of(&[
            json!("0s"),
            json!("1ns"),
            json!("1ms"),
            json!("99ms"),
            json!("100ms"),
            json!("1s"),
            json!("1h"),
        ]),
        Shape::Size => one_of(&[json!(0), json!(1), json!("1 KiB"), json!("10 GiB")]),
        Shape::Scalar => one_of(&[json!("x"), json!(1), json!(1.5), json!(true)]),
        Shape::Word(all) => {
            let all: Vec<_> = all.iter().copied().map(Value::from).collect();
            one_of(&all)
        }
        Shape::List(inner) => proptest::collection::vec(values(inner), 0..3)
            .prop_map(Value::from)
            .boxed(),
        Shape::Map(inner) => proptest::collection::btree_map("[ab]", values(inner), 0..3)
            .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into())
            .boxed(),
        Shape::Object(keys) => objects(keys).prop_map(Value::from).boxed(),
        Shape::OneOf(keys) => chosen(keys),
        Shape::Tagged(tag, variants) => {
            let variants = variants.iter().map(|(word, keys)| {
                let tagged = move |mut map: Map<String, Value>| {
                    map.insert((*tag).into(), (*word).into());
                    Value::from(map)
                };
                objects(keys).prop_map(tagged).boxed()
            });
            proptest::strategy::Union::new(variants).boxed()
        }
        Shape::Either(shapes) => proptest::strategy::Union::new(shapes.iter().map(values)).boxed(),
        Shape::Any => one_of(&[json!(null), json!("a"), json!(1), json!({})]),
    }
}

/// Maps with the keys that are required, and some of the others.
fn objects(keys: &'static [Key]) -> BoxedStrategy<Map<String, Value>> {
    let drawn: Vec<_> = keys
        .iter()
        .map(|key| {
            let value = values(&key.shape);
            if key.required {
                value.prop_map(Some).boxed()
            } else {
                proptest::option::weighted(0.4, value).boxed()
            }
        })
        .collect();
    let named = move |drawn: Vec<Option<Value>>| {
        let pairs = keys.iter().zip(drawn);
        pairs
            .filter_map(|(key, value)| Some((key.name.to_owned(), value?)))
            .collect()
    };
    drawn.prop_map(named).boxed()
}

/// Maps with one key.
fn chosen(keys: &'static [Key]) -> BoxedStrategy<Value> {
    let each = keys.iter().map(|key| {
        let named = move |value: Value| Value::from(Map::from_iter([(key.name.to_owned(), value)]));
        values(&key.shape).prop_map(named).boxed()
    });
    proptest::strategy::Union::new(each).boxed()
}

/// Where a node listens is not asked: a port that nobody else has, and each protocol its own
/// address, for the engine takes port 0 for the same port.
fn listen_anywhere(config: &mut Map<String, Value>, within: &str) {
    for (key, value) in config {
        match value {
            Value::Object(inner) => listen_anywhere(inner, key),
            value if key == "listening_addr" && within == "http" => *value = "127.0.0.2:0".into(),
            value if key == "listening_addr" => *value = "127.0.0.1:0".into(),
            _ => {}
        }
    }
}

// Guarantees: a chain of one node whose configuration passes the checks starts, and ends again.
#[test]
fn what_is_accepted_starts() {
    let mut wrong = Vec::new();
    for node in TABLE.iter().filter(|node| node.included && !node.ports) {
        let mut runner = TestRunner::new(Config {
            // Of those that are accepted: of some nodes that is one draw in a hundred.
            cases: 40,
            max_global_rejects: 40_000,
            failure_persistence: None,
            ..Config::default()
        });
        let drawn = (objects(node.keys), proptest::sample::select(node.signals));
        let result = runner.run(&drawn, |(mut config, signal): (_, Signal)| {
            // Where it writes to is not what is asked here.
            config.remove("output");
            let folder = tempfile::tempdir().unwrap();
            if let Some(path) = config.get_mut("path") {
                // What an exporter's path must name, and a folder's may.
                let named = folder.path().join("{signal}-{core_id}-{generation}");
                *path = named.to_str().into();
                // How much a lane needs depends on the lanes: the start says it.
                config.remove("retention_size_cap");
            }
            if let Some(endpoint) = config.get_mut("grpc_endpoint") {
                *endpoint = "http://localhost:4317".into();
            }
            listen_anywhere(&mut config, "");
            // Whether something is there to be found is not asked either.
            config.remove("startup_check");
            config.remove("host_view");
            if let Some(checkpoint) = config.get_mut("checkpoint") {
                checkpoint["directory"] = folder.path().to_str().into();
                config.insert("journal".into(), json!({"root_path": folder.path()}));
                std::fs::create_dir_all(folder.path().join("var/log/journal")).unwrap();
            }
            let nodes = json!([{node.name: config}]);
            let unit = of_nodes_in(node.kind.name(), signal.name(), nodes);
            if Unit::read(&unit).is_err() {
                return Err(TestCaseError::reject("it is refused"));
            }
            let host = Setup::new(unit)
                .try_start()
                .map_err(|failure| TestCaseError::fail(failure.to_string()))?;
            host.finish(&[], Duration::from_secs(10));
            Ok(())
        });
        if let Err(error) = result {
            wrong.push(format!("{}: {error}", node.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
