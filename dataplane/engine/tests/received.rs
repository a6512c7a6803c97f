//! Units of a receiver and members behind it: what it sends of a signal passes the members of that
//! signal, and nothing else does.

mod common;

use common::units::nodes_member;
use common::{Host, Output, PATIENCE, Setup};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::{LazyLock, Mutex, PoisonError};
use strait_component::prelude::*;
use strait_component::testing::{Sample, batch};
use strait_engine::{Unit, UnitMember};
use strait_records::Encoding;

/// One span without a name.
const SPAN: &[u8] = b"\x0a\x06\x12\x04\x12\x02\x2a\x00";
/// One metric with a data point.
const METRIC: &[u8] = b"\x0a\x0a\x12\x08\x12\x06\x2a\x04\x0a\x02\x30\x00";

#[derive(Default, Deserialize, Serialize, JsonSchema)]
struct Config {
    /// Whose test it is.
    test: String,
}

/// What receivers were told, by their test.
static TOLD: LazyLock<Mutex<Vec<(String, String)>>> = LazyLock::new(Mutex::default);

fn told(test: &str) -> Vec<String> {
    let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let told = told.iter().filter(|(of, _)| of == test);
    told.map(|(_, what)| what.clone()).collect()
}

/// Sends a batch of each signal, twice, and logs as bytes, which it does not say that it sends.
struct Mixed(Config);

impl Receiver for Mixed {
    async fn run(&mut self, host: strait_component::Host) -> Result<(), Error> {
        for _ in 0..2 {
            for batch in [
                batch(&[Sample::new("a secret"), Sample::new("b")]),
                Batch::from_otlp(Signal::Traces, SPAN),
                Batch::from_otlp(Signal::Metrics, METRIC),
                Batch::from_otlp(Signal::Logs, SPAN),
            ] {
                let told = match host.send(batch).await {
                    Ok(()) => "ok".to_owned(),
                    Err(error) => error.to_string(),
                };
                let mut all = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
                all.push((self.0.test.clone(), told));
            }
        }
        host.stopped().await;
        Ok(())
    }
}

struct MixedFactory;

impl ReceiverFactory for MixedFactory {
    type Config = Config;
    type Receiver = Mixed;

    fn describe(&self) -> Description {
        let level = Stability::Development;
        Description::receiver("mixed", package!())
            .logs(level)
            .traces(level)
            .metrics(level)
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Mixed, CreateError> {
        Ok(Mixed(config))
    }
}

/// Hides the word "secret" in bodies, and refuses traces.
struct Picky;

struct PickyFactory;

impl Processor for Picky {
    fn process(&mut self, batch: &mut Batch) -> Result<(), Error> {
        if batch.signal() == Signal::Traces {
            return Err(Error::permanent("no traces here"));
        }
        batch.edit_bodies(|text| text.replace("secret", "***").into())?;
        Ok(())
    }
}

impl ProcessorFactory for PickyFactory {
    type Config = Config;

    fn describe(&self) -> Description {
        let level = Stability::Development;
        Description::processor("picky", package!())
            .logs(level)
            .traces(level)
    }

    fn access(&self, _: &Config) -> Access {
        Access::new().write(Columns::BODY)
    }

    fn create(&self, _: Config, _: &Settings) -> Result<Box<dyn Processor>, CreateError> {
        Ok(Box::new(Picky))
    }
}

/// A unit of the receiver and these members, by signal, that sends these signals out.
fn spec(test: &str, members: &[(&str, Value)], exits: &[&str]) -> Value {
    strait_engine::components::register(&[&AsReceiver(MixedFactory), &PickyFactory]);
    let edges: Vec<_> = (0..)
        .zip(exits)
        .map(|(number, signal): (u16, _)| {
            json!({"number": number, "direction": "out", "signal": signal})
        })
        .collect();
    let mut all = vec![
        json!({"id": "mixed/test", "kind": "receiver", "type": "mixed",
                              "config": {"test": test}}),
    ];
    for (signal, member) in members {
        let mut member = member.clone();
        if !signal.is_empty() {
            member["signal"] = json!(signal);
        }
        all.push(member);
    }
    json!({"id": "mixed/test", "pipeline": "", "lanes": 1, "fidelity": "strict",
           "max_in_flight": 64, "edges": edges, "members": all})
}

fn picky(id: &str) -> Value {
    json!({"id": id, "kind": "processor", "type": "picky"})
}

fn drop_all() -> Value {
    let high = json!({"severity_number": {"min": 24, "match_undefined": false}});
    nodes_member(
        "otap/drops",
        json!([{"filter": {"logs": {"include": high}}}]),
    )
}

fn until_told(host: &mut Host, test: &str, times: usize) {
    host.until("what the receiver is told", |_| told(test).len() == times);
}

fn taken(host: &mut Host) -> Output {
    let output = host.output();
    assert_eq!(output.call_id, 0);
    host.ack(output.token);
    output
}

const UNSAID: &str = "logs were sent as OTLP bytes, and `describe()` does not say \
                      `logs_as_otlp()`: this is a bug in the component";

// Guarantees: what a receiver sends passes the members of its signal in their order and no others;
// a signal without members leaves as it is; what a member refuses the receiver hears, with the
// member's name; what enters members is counted, and what became of what was sent.
#[test]
fn each_signal_passes_its_members() {
    let members = [
        ("logs", picky("picky/a")),
        (
            "logs",
            nodes_member(
                "otap/b",
                json!([{"attribute": {"actions": [{"action": "delete", "key": "k"}]}}]),
            ),
        ),
        ("traces", picky("picky/c")),
    ];
    let spec = spec("passes", &members, &["metrics", "logs", "traces"]);
    let mut host = Setup::new(spec).start();
    for _ in 0..2 {
        let logs = taken(&mut host);
        assert_eq!(
            (logs.edge, logs.encoding, logs.items),
            (1, Encoding::Records, 2)
        );
        let bodies = format!("{:?}", logs.tables);
        assert!(
            bodies.contains("a ***") && !bodies.contains("secret"),
            "{bodies}"
        );
        let metrics = taken(&mut host);
        assert_eq!((metrics.edge, metrics.bytes.as_slice()), (0, METRIC));
    }
    until_told(&mut host, "passes", 8);
    let once = ["ok", "picky/c: no traces here", "ok", UNSAID];
    assert_eq!(told("passes"), [once, once].concat());
    let entered: Vec<_> = host.members.iter().map(UnitMember::taken).collect();
    assert_eq!(entered, [0, 4, 4, 2]);
    let receiver = &host.members[0];
    assert_eq!(receiver.sent(Signal::Logs), (4, 0));
    assert_eq!(receiver.sent(Signal::Traces), (0, 2));
    assert_eq!(receiver.sent(Signal::Metrics), (2, 0));
    host.finish(&[], PATIENCE);
}

// Guarantees: with one signal there are no ports; of a batch of which a member keeps nothing the
// receiver hears that it was taken, and it counts as that; a signal that nobody wants is refused.
#[test]
fn one_signal_passes_its_members() {
    let members = [("logs", picky("picky/a")), ("logs", drop_all())];
    let mut host = Setup::new(spec("one", &members, &["logs"])).start();
    until_told(&mut host, "one", 8);
    let nowhere =
        |signal| format!("`mixed/test` sends {signal}, and is in no pipeline of {signal}");
    let once = ["ok", &nowhere("traces"), &nowhere("metrics"), UNSAID];
    assert_eq!(told("one"), [once, once].concat());
    let entered: Vec<_> = host.members.iter().map(UnitMember::taken).collect();
    assert_eq!(entered, [0, 4, 4]);
    assert_eq!(host.members[0].sent(Signal::Logs), (4, 0));
    host.finish(&[], PATIENCE);
}

// Guarantees: a member that cannot stand behind a receiver is refused, with its id and the reason.
#[test]
fn who_stands_behind_a_receiver_is_checked() {
    let found = |members: &[(&str, Value)]| {
        let findings = Unit::read(&spec("checked", members, &["logs"])).unwrap_err();
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings[0].to_string()
    };
    let unsaid = found(&[("", picky("picky/a"))]);
    assert!(unsaid.starts_with("picky/a::signal: "), "{unsaid}");
    let connector = json!({"id": "x", "kind": "connector", "type": "x"});
    let unfit = Unit::read(&spec("checked", &[("logs", connector)], &["logs"])).unwrap_err();
    assert!(
        unfit[0].to_string().contains("must be alone as connector"),
        "{unfit:?}"
    );
    let mut of_nodes = spec("checked", &[("logs", picky("picky/a"))], &["logs"]);
    of_nodes["members"][0] = json!({"id": "otap/in", "kind": "receiver", "nodes": []});
    let findings = Unit::read(&of_nodes).unwrap_err();
    let behind = "no member can stand behind a receiver of the engine's";
    assert!(
        findings.iter().any(|found| found.message == behind),
        "{findings:?}"
    );
    let signal = Unit::read(&common::units::unit(
        "logs",
        "strict",
        json!([
            picky("picky/a"),
            {"id": "picky/b", "kind": "processor", "type": "picky", "signal": "logs"},
        ]),
    ));
    let found = signal.unwrap_err()[0].to_string();
    assert!(
        found.starts_with("picky/b::signal: only a member behind a receiver"),
        "{found}"
    );
}
