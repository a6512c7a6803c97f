//! Plans of components that declare any columns, against what they declared. The vectors that the
//! host's language reads (`vectors/plans.json`) are made here.

use proptest::collection::btree_set;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Once;
use strait_component::prelude::*;
use strait_engine::{Plan, Unit};

/// What of logs can be read alone.
const READABLE: [&str; 16] = [
    "logs.time_unix_nano",
    "logs.observed_time_unix_nano",
    "logs.body",
    "logs.severity_number",
    "logs.severity_text",
    "logs.dropped_attributes_count",
    "logs.event_name",
    "logs.flags",
    "logs.trace_id",
    "logs.span_id",
    "log_attrs.key",
    "log_attrs.value",
    "resource_attrs.key",
    "resource_attrs.value",
    "scope_attrs.key",
    "scope_attrs.value",
];

/// What of it can be written.
const WRITABLE: [&str; 7] = [
    "logs.body",
    "logs.severity_number",
    "logs.severity_text",
    "logs.event_name",
    "log_attrs.value",
    "resource_attrs.value",
    "scope_attrs.key",
];

/// Declares what its configuration says, and does nothing.
struct Declares;

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
struct Config {
    read: BTreeSet<String>,
    write: BTreeSet<String>,
    /// Absent: every key.
    keys: Option<BTreeSet<String>>,
    filters: bool,
}

struct Nothing;

impl Processor for Nothing {
    fn process(&mut self, _: &mut Batch) -> Result<(), Error> {
        Ok(())
    }
}

/// The columns of these names.
fn columns(names: &BTreeSet<String>) -> Columns {
    let all = Columns::ALL.iter();
    let named = all.filter(|column| names.contains(&column.to_string()));
    named.fold(Columns::NONE, |columns, column| columns | column.into())
}

impl ProcessorFactory for Declares {
    type Config = Config;

    fn describe(&self) -> Description {
        Description::processor("declares", package!()).logs(Stability::Development)
    }

    fn access(&self, config: &Config) -> Access {
        let keys = config.keys.as_ref();
        let access = Access::new()
            .read(columns(&config.read))
            .write(columns(&config.write))
            .keys(keys.map_or(Keys::All, |keys| Keys::named(keys.iter())));
        if config.filters {
            access.filter()
        } else {
            access
        }
    }

    fn create(&self, _: Config, _: &Settings) -> Result<Box<dyn Processor>, CreateError> {
        Ok(Box::new(Nothing))
    }
}

fn plan(config: &Config) -> Plan {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| strait_engine::components::register(&[&Declares]));
    let spec = json!({"id": "declares", "fidelity": "strict",
        "members": [{"id": "declares", "kind": "processor", "type": "declares", "config": config}],
        "edges": [{"number": 0, "direction": "in", "signal": "logs"},
                  {"number": 1, "direction": "out", "signal": "logs"}]});
    Plan::of(&Unit::read(&spec).unwrap_or_else(|findings| panic!("{findings:?}")))
}

/// What a plan of this configuration must say of its tables.
fn expected(config: &Config) -> Value {
    let mut tables: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, written) in config
        .read
        .iter()
        .map(|name| (name, false))
        .chain(config.write.iter().map(|name| (name, true)))
    {
        let (table, column) = name.split_once('.').expect("a table");
        let columns = tables.entry(table).or_default();
        columns.insert(column);
        if table != "logs" {
            columns.insert("key");
        }
        if table != "logs" && written {
            columns.insert("value");
        }
    }
    let mut json = json!({});
    for (table, columns) in tables {
        json[table] = match (table, &config.keys) {
            ("logs", _) => json!({"columns": columns}),
            (_, None) => json!({"columns": columns, "all": true}),
            (_, Some(keys)) if keys.is_empty() => continue,
            (_, Some(keys)) => json!({"columns": columns, "keys": keys}),
        };
    }
    json
}

/// The same with the columns of each table in the order of their names.
fn in_order(mut tables: Value) -> Value {
    for table in tables.as_object_mut().expect("tables").values_mut() {
        let columns = table["columns"].as_array_mut().expect("columns");
        columns.sort_by_key(|name| name.to_string());
    }
    tables
}

fn some(of: &'static [&'static str]) -> impl Strategy<Value = BTreeSet<String>> {
    let names = subsequence(of, 0..=of.len());
    names.prop_map(|names| names.into_iter().map(str::to_owned).collect())
}

prop_compose! {
    fn config()(
        read in some(&READABLE),
        write in some(&WRITABLE),
        keys in prop::option::of(btree_set(select(vec!["a", "b", "ключ"]), 0..3)),
        filters: bool,
    ) -> Config {
        let keys = keys.map(|keys| keys.into_iter().map(str::to_owned).collect());
        Config { read, write, keys, filters }
    }
}

/// A unit that filters and reads every attribute of logs is not sent in part.
fn is_projectable(config: &Config) -> bool {
    let mut names = config.read.iter().chain(&config.write);
    !(config.filters && config.keys.is_none() && names.any(|name| name.starts_with("log_attrs")))
}

proptest! {
    /// Scenario: a component declares any columns, any keys.
    /// Guarantees: the plan says them, table by table, and reads the same from its JSON.
    #[test]
    fn plans_say_what_components_declare(config in config()) {
        let plan = plan(&config);
        prop_assert_eq!(plan.projectable, is_projectable(&config), "{}", plan.reason);
        if plan.projectable {
            let json = json!(plan);
            prop_assert_eq!(in_order(json["tables"].clone()), expected(&config));
            prop_assert_eq!(plan.edits, !config.write.is_empty());
            prop_assert_eq!(plan.filters, config.filters);
            prop_assert_eq!(serde_json::from_value::<Plan>(json).unwrap(), plan);
        } else {
            prop_assert!(!plan.reason.is_empty() && plan.tables.is_empty());
        }
    }
}

/// Plans with the numbers of the columns that they name.
fn vectors() -> Value {
    let chosen = |of: &[&str], bits: u32| -> BTreeSet<String> {
        let of = of.iter().enumerate();
        let of = of.filter(|(at, _)| bits >> (at % 32) & 1 == 1);
        of.map(|(_, name)| (*name).to_owned()).collect()
    };
    let configs = (0..24u32).map(|case| {
        let bits = case.wrapping_mul(0x9E37_79B9).rotate_left(case);
        Config {
            read: chosen(&READABLE, bits),
            write: chosen(&WRITABLE, bits >> 20 & bits >> 9),
            keys: (case % 3 > 0).then(|| chosen(&["a", "b", "ключ"], bits >> 16)),
            filters: case % 4 == 1,
        }
    });
    let vector = |config: Config| {
        let plan = plan(&config);
        let mut numbers: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        for column in Columns::ALL.iter() {
            let table = plan.tables.get(column.payload.name());
            if table.is_some_and(|table| table.columns.iter().any(|name| name == column.name)) {
                let numbers = numbers.entry(column.payload.name()).or_default();
                numbers.push(column.number);
            }
        }
        json!({"plan": plan, "columns": numbers})
    };
    configs.map(vector).collect()
}

/// Guarantees: the host's language is tested with the plans of today.
#[test]
fn plans_json_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/plans.json");
    let current = format!("{:#}\n", vectors());
    if std::env::var_os("STRAIT_REGENERATE").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).is_ok_and(|found| found == current),
        "vectors/plans.json is not what components get; run with STRAIT_REGENERATE=1"
    );
}
