//! A component that is a list of the SDK's edits, which says itself what it reads and writes.

use crate::common::units::{component_member, unit};
use crate::model::{self, Action, Logs, Random, Step, Value};
use crate::{CHAINS, Tally, check, number};
use serde::{Deserialize, Serialize};
use serde_json::json;
use strait_component::prelude::*;

/// What is done: to which attributes, and to the logs.
struct Jobs {
    actions: Vec<(AttributeTable, Action)>,
    /// Logs of this severity are dropped first.
    dropped: Option<i32>,
    /// Logs of severity 9 get this body and this text of their severity.
    told: Option<String>,
}

impl Jobs {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut actions = Vec::new();
        for step in model::chain(&mut random) {
            let Step::Attribute {
                actions: of_step, ..
            } = step
            else {
                continue;
            };
            let drawn = of_step.into_iter();
            let drawn = drawn.filter(|action| !matches!(action, Action::Hash(..)));
            actions.extend(drawn.map(|action| (random.one(&AttributeTable::ALL), action)));
        }
        Self {
            actions,
            dropped: random.one(&[None, Some(0), Some(13)]),
            told: random.one(&[None, Some(String::new()), Some("told".to_owned())]),
        }
    }

    fn edits(&self) -> Edits {
        let dropped = self.dropped.map(|severity| {
            let severity = move |log: Log<'_>| log.severity_number() == severity;
            Edit::discard().when(Columns::SEVERITY_NUMBER, severity)
        });
        let attributes = self.actions.iter().map(|(of, action)| match action {
            Action::Rename(from, to) => Edit::rename(*of, from, to),
            Action::Delete(key) => Edit::delete(*of, Keys::named([key])),
            Action::Insert(key, value) => Edit::insert(*of, key, any(value)),
            Action::Upsert(key, value) => Edit::upsert(*of, key, any(value)),
            Action::Update(key, value) => Edit::update(*of, key, any(value)),
            Action::Hash(..) => unreachable!("not drawn"),
        });
        let info =
            |edit: Edit| edit.when(Columns::SEVERITY_NUMBER, |log| log.severity_number() == 9);
        let told = self.told.iter().flat_map(|text| {
            [
                Edit::set_body(text.as_str()),
                Edit::set_severity_text(text.as_str()),
            ]
            .map(info)
        });
        dropped.into_iter().chain(attributes).chain(told).collect()
    }

    fn apply(&self, logs: &mut Logs) {
        logs.logs.retain(|log| Some(log.severity) != self.dropped);
        for (of, action) in &self.actions {
            match of {
                AttributeTable::Log => {
                    logs.logs
                        .iter_mut()
                        .for_each(|log| action.apply(&mut log.attributes));
                }
                AttributeTable::Resource => {
                    logs.resources.iter_mut().for_each(|all| action.apply(all));
                }
                AttributeTable::Scope => {
                    logs.scopes.iter_mut().for_each(|all| action.apply(all));
                }
            }
        }
        let told = logs.logs.iter_mut().filter(|log| log.severity == 9);
        for (log, text) in told.zip(std::iter::repeat(&self.told)) {
            if let Some(text) = text {
                log.body = Value::Str(text.clone());
                log.text = text.clone();
            }
        }
    }
}

/// A value that a configuration can name.
fn any(value: &Value) -> Any {
    match value {
        Value::Str(text) => Any::Str(text.clone()),
        Value::Int(number) => Any::Int(*number),
        Value::Double(bits) => Any::Double(f64::from_bits(*bits)),
        Value::Bool(flag) => Any::Bool(*flag),
        other => unreachable!("{other:?} is not drawn for an action"),
    }
}

struct ListOfEdits;

#[derive(Default, Deserialize, Serialize, JsonSchema)]
struct Config {
    seed: u64,
}

impl ProcessorFactory for ListOfEdits {
    type Config = Config;

    fn describe(&self) -> Description {
        Description::processor("edits", package!()).logs(Stability::Development)
    }

    fn access(&self, config: &Config) -> Access {
        Jobs::new(config.seed).edits().access()
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Box<dyn Processor>, CreateError> {
        Ok(Box::new(Jobs::new(config.seed).edits()))
    }
}

// Guarantees: what a list of edits makes of a whole batch, and of one that holds only what the list
// says that it reads, is what it makes of plain data.
#[test]
fn lists_of_edits_equal_the_model() {
    strait_engine::components::register(&[&ListOfEdits]);
    let (first, count) = (
        number("STRAIT_SEED", 1),
        number("STRAIT_CHAINS", CHAINS) / 4,
    );
    let mut tally = Tally::default();
    for seed in first..first + count {
        let jobs = Jobs::new(seed);
        let member = component_member("edits", "edits", json!({"seed": seed}));
        let spec = unit("logs", "strict", json!([member]));
        let mut random = Random::new(seed ^ u64::MAX);
        if let Err(problem) = check(spec, &mut random, &mut tally, |logs| jobs.apply(logs)) {
            let actions = &jobs.actions;
            panic!(
                "STRAIT_SEED={seed}, {actions:?}, {:?}, {:?}: {problem}",
                jobs.dropped, jobs.told
            );
        }
    }
}
