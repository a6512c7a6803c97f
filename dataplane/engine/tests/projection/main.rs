//! Chains of attribute and filter nodes, through the engine in a lane: what a projected batch and
//! its difference make of the original, what the whole batch comes out as, and what a simple model
//! says are the same.

#[path = "../common/mod.rs"]
mod common;
mod model;
mod sha256;
mod tables;

use common::{End, Host, Setup};
use model::{Logs, Random, Step};
use serde_json::json;
use strait_engine::{Plan, Unit};
use strait_records::Encoding;

/// Chains per run of the test; STRAIT_CHAINS asks for another number, STRAIT_SEED for another first.
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
) -> Result<Option<Logs>, String> {
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
        host.ack(output.token);
        result = Some(found);
    }
    match host.end(call) {
        End::Acked => Ok(result),
        End::Failed(failure) => Err(failure.to_string()),
    }
}

fn check(chain: &[Step], random: &mut Random) -> Result<(), String> {
    let nodes: Vec<_> = chain.iter().map(Step::config).collect();
    let spec = json!({"id": "otap/test", "signal": "logs", "nodes": nodes});
    let unit = Unit::read(&spec).map_err(|findings| format!("{findings:?}"))?;
    let plan = Plan::of(&unit);
    if !plan.projectable {
        return Err(format!("not projectable: {}", plan.reason));
    }
    let mut host = Setup::new(spec).start();
    for _ in 0..BATCHES {
        let logs = model::logs(random);
        let mut wanted = logs.clone();
        chain.iter().for_each(|step| step.apply(&mut wanted));
        let nothing = wanted.logs.is_empty();
        let wanted = wanted.normal();
        for (what, plan) in [("whole", None), ("projected", Some(&plan))] {
            let found = through(&mut host, random, &logs, plan)
                .map_err(|failure| format!("{what}: {failure}\n  sent {logs:?}"))?;
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
    let mut wrong = Vec::new();
    for seed in first..first + count {
        let mut random = Random::new(seed);
        let chain = model::chain(&mut random);
        if let Err(problem) = check(&chain, &mut random) {
            wrong.push(format!(
                "STRAIT_SEED={seed}\n{}{problem}\n",
                model::words(&chain)
            ));
            if wrong.len() == number("STRAIT_WRONG", 5) as usize {
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
