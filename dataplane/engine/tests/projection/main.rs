//! Chains of attribute and filter nodes, through the engine in a lane: what a projected batch and
//! its difference make of the original, what the whole batch comes out as, and what a simple model
//! says are the same.

#[path = "../common/mod.rs"]
mod common;
mod edits;
mod model;
mod sha256;
mod tables;

use common::units::{component_member, of_nodes, unit};
use common::{End, Host, Setup};
use model::{Logs, Random, Step, Value};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::borrow::Cow;
use strait_component::prelude::*;
use strait_engine::{Class, Failure, Plan, Unit};
use strait_records::Encoding;
use strait_ringbuf::Counter;

/// Chains per run of the test; STRAIT_CHAINS asks for another number, STRAIT_SEED for another
/// first.
const CHAINS: u64 = 4_000;
/// Batches that each chain gets, each of them whole and projected.
const BATCHES: usize = 2;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Sends a batch and gives what comes out, `None` if nothing does.
fn through(
    host: &mut Host,
    random: &mut Random,
    logs: &Logs,
    plan: Option<&Plan>,
) -> Result<Option<Logs>, Failure> {
    let sent = tables::encode(random, logs, plan);
    let call = host.call_records(&sent, plan.is_some());
    host.until("an answer", |host| {
        !host.outputs.is_empty() || host.ends.contains_key(&call)
    });
    let mut result = None;
    if !host.outputs.is_empty() {
        let output = host.output();
        assert_eq!(output.call_id, call);
        let mut found = logs.clone();
        match output.encoding {
            Encoding::Difference => tables::apply(&mut found, &output.bytes),
            Encoding::Records => found = tables::decode(&output.tables, logs),
            other => panic!("{other:?} came out"),
        }
        assert_eq!(output.encoding == Encoding::Difference, plan.is_some());
        assert_eq!(output.items as usize, found.logs.len());
        if plan.is_none() {
            host.ack(output.token);
        }
        result = Some(found);
    }
    match host.end(call) {
        End::Answered => Ok(result),
        // A projected batch is acked only where no row stays.
        End::Acked => {
            assert!(plan.is_none() || result.is_none(), "answered and acked");
            Ok(result)
        }
        End::Failed(failure) => Err(failure),
    }
}

/// A projected batch that is answered so is sent whole by the host.
fn falls_back(failure: &Failure) -> bool {
    failure.class == Class::Refused
        && failure.component == "strait.difference"
        && failure.message.starts_with("not expressible:")
}

/// Whether values of attributes are left out, so that what became of them may be ambiguous.
fn sends_keys_alone(plan: &Plan) -> bool {
    let mut tables = plan.tables.values();
    tables.any(|table| table.columns == ["key"])
}

/// How often a batch was sent, and how often the host would have had to send it whole after all.
#[derive(Default)]
struct Tally {
    projected: usize,
    whole_after_all: usize,
}

/// Runs one unit on some batches and compares with what `apply` does to them.
fn check(
    spec: Json,
    random: &mut Random,
    tally: &mut Tally,
    apply: impl Fn(&mut Logs),
) -> Result<(), String> {
    let unit = Unit::read(&spec).map_err(|findings| format!("{findings:?}"))?;
    let plan = Plan::of(&unit);
    if !plan.projectable {
        return Err(format!("not projectable: {}", plan.reason));
    }
    let mut host = Setup::new(spec).start();
    for _ in 0..BATCHES {
        let logs = model::logs(random);
        let mut wanted = logs.clone();
        apply(&mut wanted);
        let nothing = wanted.logs.is_empty();
        let wanted = wanted.normal();
        for (what, plan) in [("whole", None), ("projected", Some(&plan))] {
            tally.projected += usize::from(plan.is_some());
            let found = match through(&mut host, random, &logs, plan) {
                Ok(found) => found,
                Err(failure) if plan.is_some_and(sends_keys_alone) && falls_back(&failure) => {
                    tally.whole_after_all += 1;
                    continue;
                }
                Err(failure) => return Err(format!("{what}: {failure}\n  sent {logs:?}")),
            };
            match found {
                None if nothing => {}
                Some(found) if !nothing && found.clone().normal() == wanted => {}
                found => {
                    let found = found.map(Logs::normal);
                    return Err(format!(
                        "{what} differs\n  sent   {logs:?}\n  wanted {wanted:?}\n  found  {found:?}"
                    ));
                }
            }
        }
    }
    let calls: Vec<u64> = host.ends.keys().copied().collect();
    host.finish(&calls, common::PATIENCE);
    Ok(())
}

// Guarantees: whole and projected batches come out of random chains as the model says.
#[test]
fn chains_equal_the_model() {
    let (first, count) = (number("STRAIT_SEED", 1), number("STRAIT_CHAINS", CHAINS));
    let (mut wrong, mut tally) = (Vec::new(), Tally::default());
    for seed in first..first + count {
        let mut random = Random::new(seed);
        let chain = model::chain(&mut random);
        let nodes: Vec<_> = chain.iter().map(Step::config).collect();
        let spec = of_nodes("logs", "strict", json!(nodes));
        let apply = |logs: &mut Logs| chain.iter().for_each(|step| step.apply(logs));
        if let Err(problem) = check(spec, &mut random, &mut tally, apply) {
            wrong.push(format!(
                "STRAIT_SEED={seed}\n{}{problem}\n",
                model::words(&chain)
            ));
            if wrong.len() == 5 {
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Keys that change places, among five keys: far more than real data has.
    assert!(
        tally.whole_after_all * 100 < tally.projected,
        "{} of {}",
        tally.whole_after_all,
        tally.projected
    );
}

/// Replaces "v1" in bodies and in some attributes, and drops logs of severity 13.
struct Replace;

#[derive(Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
struct ReplaceConfig {
    keys: Vec<String>,
}

struct Replacer(Keys);

fn edit(text: &str) -> Cow<'_, str> {
    text.replace("v1", "replaced").into()
}

impl Processor for Replacer {
    fn process(&mut self, batch: &mut Batch) -> Result<(), Error> {
        batch.retain(|log| log.severity_number() != 13)?;
        batch.edit_bodies(edit)?;
        batch.edit_attributes(AttributeTable::Log, &self.0, edit)?;
        batch.edit_attributes(AttributeTable::Resource, &self.0, edit)?;
        Ok(())
    }
}

impl ProcessorFactory for Replace {
    type Config = ReplaceConfig;

    fn describe(&self) -> Description {
        Description::processor("replace", package!()).logs(Stability::Development)
    }

    fn access(&self, config: &ReplaceConfig) -> Access {
        Access::new()
            .read(Columns::SEVERITY_NUMBER)
            .write(Columns::BODY)
            .write(Columns::LOG_ATTRIBUTES)
            .write(Columns::RESOURCE_ATTRIBUTES)
            .keys(Keys::named(config.keys.iter()))
            .filter()
    }

    fn create(
        &self,
        config: ReplaceConfig,
        _: &Settings,
    ) -> Result<Box<dyn Processor>, CreateError> {
        Ok(Box::new(Replacer(Keys::named(config.keys))))
    }
}

// Guarantees: so does a component of the SDK that says what it reads and writes.
#[test]
fn components_equal_the_model() {
    strait_engine::components::register(&[&Replace]);
    let mut tally = Tally::default();
    for seed in 1..=number("STRAIT_CHAINS", CHAINS) / 10 {
        let mut random = Random::new(seed);
        let keys = random.one(&[vec!["k0"], vec!["k1", "k3"], vec![]]);
        let member = component_member("replace", "replace", json!({"keys": keys}));
        let spec = unit("logs", "strict", json!([member]));
        let replace = |value: &mut Value| {
            if let Value::Str(text) = value {
                *text = text.replace("v1", "replaced");
            }
        };
        let apply = |logs: &mut Logs| {
            logs.logs.retain(|log| log.severity != 13);
            let of_logs = logs.logs.iter_mut();
            let owners = of_logs.map(|log| {
                replace(&mut log.body);
                &mut log.attributes
            });
            for attributes in owners.chain(&mut logs.resources) {
                let named = attributes
                    .iter_mut()
                    .filter(|(key, _)| keys.contains(&key.as_str()));
                named.for_each(|(_, value)| replace(value));
            }
        };
        if let Err(problem) = check(spec, &mut random, &mut tally, apply) {
            panic!("seed {seed}, keys {keys:?}: {problem}");
        }
    }
}

// Guarantees: a projected batch that lacks what the plan names is refused before a node sees it,
// and the host can send the whole one on the same lane.
#[test]
fn what_is_not_in_the_plan_is_refused() {
    let filter = json!({"filter": {"logs": {"include": {
        "severity_number": {"min": 1, "match_undefined": false},
        "severity_texts": ["v0"], "record_attributes": [{"key": "k0", "value": "v0"}]}}}});
    let spec = of_nodes("logs", "strict", json!([filter]));
    let plan = Plan::of(&Unit::read(&spec).unwrap());
    let mut host = Setup::new(spec).start();
    let mut random = Random::new(7);
    let logs = model::logs(&mut random);
    let good = tables::encode(&mut random, &logs, Some(&plan));
    let without = |name: &str| {
        let mut tables = good.clone();
        for (_, table) in &mut tables {
            if let Some((at, _)) = table.schema().column_with_name(name) {
                let rest: Vec<_> = (0..table.num_columns()).filter(|n| *n != at).collect();
                *table = table.project(&rest).unwrap();
            }
        }
        tables
    };
    let halves = {
        let mut tables = good.clone();
        tables[0].1 = tables[0].1.slice(1, tables[0].1.num_rows() - 1);
        tables
    };
    let mut bad: Vec<_> = [
        "id",
        "resource",
        "severity_number",
        "severity_text",
        "parent_id",
        "key",
        "type",
    ]
    .into_iter()
    .map(without)
    .collect();
    bad.extend([Vec::new(), good[1..].to_vec(), halves]);
    for tables in bad {
        let call = host.call_records(&tables, true);
        match host.end(call) {
            End::Failed(failure) => assert!(falls_back(&failure), "{failure:?}"),
            end => panic!("{end:?}: {tables:?}"),
        }
    }
    let whole = through(&mut host, &mut random, &logs, None).unwrap();
    assert_eq!(
        through(&mut host, &mut random, &logs, Some(&plan)).unwrap(),
        whole
    );
    let calls: Vec<u64> = host.ends.keys().copied().collect();
    host.finish(&calls, common::PATIENCE);
}

// Scenario: the host holds every slot of the ring, so that a difference waits, and then cancels its
// call.
// Guarantees: the call fails, once, and its difference is not sent when there is room again; the
// calls that were answered by one have left no place taken on either side.
#[test]
fn a_difference_does_not_outlive_its_call() {
    let filter = json!({"filter": {"logs": {"include": {
        "severity_number": {"min": 0, "match_undefined": true}}}}});
    let spec = of_nodes("logs", "strict", json!([filter]));
    let plan = Plan::of(&Unit::read(&spec).unwrap());
    let mut setup = Setup::new(spec);
    setup.blocks = 16;
    let blocks = setup.blocks as usize;
    let mut host = setup.start();
    let mut random = Random::new(11);
    let mut logs = model::logs(&mut random);
    while logs.logs.is_empty() {
        logs = model::logs(&mut random);
    }
    let sent = tables::encode(&mut random, &logs, Some(&plan));
    host.hold = true;
    for _ in 0..blocks {
        let call = host.call_records(&sent, true);
        assert_eq!(host.end(call), End::Answered);
    }
    let late = host.call_records(&sent, true);
    host.until("a wait for room", |host| {
        host.handle.other_counters().get(Counter::SpaceWaits) > 0
    });
    host.lane.cancel(late);
    match host.end(late) {
        End::Failed(failure) => assert_eq!(failure.class, Class::Cancelled),
        end => panic!("{end:?}"),
    }
    host.hold = false;
    host.outputs.clear();
    let next = host.call_records(&sent, true);
    assert_eq!(host.end(next), End::Answered);
    assert_eq!(host.output().call_id, next);
    assert_eq!(host.handle.in_flight(), 0);
    let calls: Vec<u64> = host.ends.keys().copied().collect();
    host.finish(&calls, common::PATIENCE);
}

// Guarantees: calls beyond those that the engine takes at once go in as others are answered, also
// by differences, of which the engine hears nothing.
#[test]
fn differences_make_room_in_the_engine() {
    let filter = json!({"filter": {"logs": {"include": {
        "severity_number": {"min": 0, "match_undefined": true}}}}});
    let mut spec = of_nodes("logs", "strict", json!([filter]));
    spec["max_in_flight"] = json!(2);
    let plan = Plan::of(&Unit::read(&spec).unwrap());
    let mut host = Setup::new(spec).start();
    let mut random = Random::new(5);
    let logs = model::logs(&mut random);
    let sent = tables::encode(&mut random, &logs, Some(&plan));
    let calls: Vec<_> = (0..16).map(|_| host.call_records(&sent, true)).collect();
    for call in &calls {
        assert!(matches!(host.end(*call), End::Answered | End::Acked));
    }
    host.finish(&calls, common::PATIENCE);
}

// Guarantees: a unit that takes whole batches only says so.
#[test]
fn whole_batches_only() {
    let spec = of_nodes("logs", "strict", json!([{"retry": {}}]));
    let mut host = Setup::new(spec).start();
    let mut random = Random::new(3);
    let logs = model::logs(&mut random);
    let something = Plan {
        projectable: true,
        ..Plan::default()
    };
    let sent = tables::encode(&mut random, &logs, Some(&something));
    let call = host.call_records(&sent, true);
    assert!(matches!(host.end(call), End::Failed(failure) if falls_back(&failure)));
    assert_eq!(
        through(&mut host, &mut random, &logs, None).unwrap(),
        Some(logs)
    );
    let calls: Vec<u64> = host.ends.keys().copied().collect();
    host.finish(&calls, common::PATIENCE);
}
