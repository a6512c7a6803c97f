//! Units with an exporter of the SDK: what it gets, what its verdicts become, and every way to end.

mod common;

use common::otlp::{Log, request};
use common::units::of_kind;
use common::{Control, End, Host, PATIENCE, Setup};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashMap;
use std::future::pending;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;
use strait_component::prelude::*;
use strait_component::{Error, Signal};
use strait_engine::{Class, Failure};
use strait_records::variable::PEER;
use strait_records::{Encoding, Header, Variable};

/// What exporters have met, by the name in their configuration.
static MET: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

fn met(name: &str) -> Vec<String> {
    let met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    met.get(name).cloned().unwrap_or_default()
}

#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
struct Config {
    name: String,
}

impl Config {
    fn meets(&self, what: impl Into<String>) {
        let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
        met.entry(self.name.clone()).or_default().push(what.into());
    }
}

/// Does what the first log's body says.
struct Obedient(Config);

/// Tells when it goes.
struct Guard(Config);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.meets("dropped");
    }
}

impl Exporter for Obedient {
    async fn export(&self, batch: Batch) -> Result<(), Error> {
        if let Some(bytes) = batch.otlp() {
            self.0.meets(format!("{} {bytes:?}", batch.signal()));
            return Ok(());
        }
        assert_eq!(batch.signal(), Signal::Logs);
        let logs = batch.logs();
        let first = logs.get(0).expect("a log");
        let order = first.body().as_str().expect("a text").to_owned();
        self.0.meets(&order);
        match order.as_str() {
            "fail" => Err(Error::retryable("full")
                .grpc(8)
                .http(429)
                .retry_after(Duration::from_secs(7))
                .rejected(3)),
            "panic" => panic!("boom"),
            "hang" => {
                let _guard = Guard(self.0.clone());
                pending().await
            }
            "wait" => {
                let error = batch.context().cancelled().await;
                self.0.meets(format!("{:?}", error.class()));
                Err(error)
            }
            "tell" => {
                let context = batch.context();
                let tenants: Vec<_> = context.metadata("Tenant").collect();
                let span = context.span().map(|span| span.traceparent());
                self.0.meets(format!(
                    "{tenants:?} {:?} {:?} {span:?} {}",
                    context.peer(),
                    context.auth("subject").collect::<Vec<_>>(),
                    context.deadline().is_some(),
                ));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn shutdown(&self) -> Result<(), Error> {
        self.0.meets("shutdown");
        Ok(())
    }
}

struct Factory;

impl ExporterFactory for Factory {
    type Config = Config;
    type Exporter = Obedient;

    fn describe(&self) -> Description {
        Description::exporter("obedient", package!())
            .logs(Stability::Development)
            .traces(Stability::Development)
            .metrics(Stability::Development)
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Obedient, CreateError> {
        config.meets("created");
        Ok(Obedient(config))
    }
}

fn setup(name: &str, signal: &str) -> Setup {
    strait_engine::components::register(&[&AsExporter(Factory)]);
    let config = json!({"name": name});
    Setup::new(of_kind("exporter", "obedient", config, &[("in", signal)]))
}

fn order(host: &mut Host, what: &str) -> u64 {
    host.call(&request(&[Log::new(what)]))
}

fn until_met(host: &mut Host, name: &str, what: &str) {
    host.until(what, |_| met(name).iter().any(|seen| seen == what));
}

// Guarantees: batches of every signal reach the exporter, traces and metrics as they are; its
// verdict is the call's, and nothing comes out.
#[test]
fn a_verdict_is_the_calls() {
    for (signal, of) in [
        ("traces", strait_records::Signal::Traces),
        ("metrics", strait_records::Signal::Metrics),
    ] {
        let mut host = setup(signal, signal).start();
        host.signal = of;
        let call = host.call(b"\x0a\x02\x12\x00");
        assert_eq!(host.end(call), End::Acked);
        assert!(host.outputs.is_empty());
        host.finish(&[call], PATIENCE);
        let expected = format!("{signal} b\"\\n\\x02\\x12\\0\"");
        assert_eq!(met(signal), ["created", &expected, "shutdown"]);
    }
    let mut host = setup("verdict", "logs").start();
    let (good, bad) = (order(&mut host, "take"), order(&mut host, "fail"));
    assert_eq!(host.end(good), End::Acked);
    let failure = Failure {
        grpc_code: 8,
        http_code: 429,
        retry_delay: Duration::from_secs(7),
        rejected_items: 3,
        ..Failure::new(Class::Retryable, "full").at("obedient/test")
    };
    assert_eq!(host.end(bad), End::Failed(failure));
    host.finish(&[good, bad], PATIENCE);
}

// Guarantees: what comes with a call is in the batch's context, the reserved keys apart from the
// client's metadata.
#[test]
fn what_comes_with_a_call_is_seen() {
    let mut host = setup("tell", "logs").start();
    let id = host.call_id();
    let mut header = Header::new(strait_records::Signal::Logs, Encoding::Otlp, 1);
    (header.call_id, header.trace_flags) = (id, 1);
    (header.trace_id, header.span_id) = ([1; 16], [2; 8]);
    header.deadline_ns = u64::MAX;
    let mut variable = Variable::new();
    variable.add(b"tenant", ["a", "b"]).unwrap();
    variable.add(PEER, ["192.0.2.7:1"]).unwrap();
    variable.add(b":auth.subject", ["u"]).unwrap();
    let log = request(&[Log::new("tell")]);
    assert!(host.try_send_with(header, &variable, &log));
    assert_eq!(host.end(id), End::Acked);
    host.finish(&[id], PATIENCE);
    let span = format!("00-{}-{}-01", "01".repeat(16), "02".repeat(8));
    let told = format!(r#"["a", "b"] Some("192.0.2.7:1") ["u"] Some("{span}") true"#);
    assert_eq!(met("tell")[2], told);
}

// Guarantees: a panic is the failure of its batch, which names the component and the method; those
// that are under way go on, and the next batch has another instance.
#[test]
fn a_panic_costs_its_batch() {
    let mut host = setup("panic", "logs").start();
    let waits = order(&mut host, "wait");
    until_met(&mut host, "panic", "wait");
    let panics = order(&mut host, "panic");
    let End::Failed(failure) = host.end(panics) else {
        panic!("it was acked")
    };
    assert_eq!(failure.class, Class::Permanent);
    assert_eq!(failure.to_string(), "obedient/test: panic in export: boom");
    let next = order(&mut host, "take");
    assert_eq!(host.end(next), End::Acked);
    assert!(!host.ends.contains_key(&waits));
    let created = met("panic")
        .iter()
        .filter(|what| *what == "created")
        .count();
    assert_eq!(created, 2);
    host.lane.cancel(waits);
    until_met(&mut host, "panic", "Cancelled");
    host.finish(&[waits, panics, next], PATIENCE);
}

// Guarantees: a cancel of the host and a deadline end the call at once, wake the exporter with the
// reason, and give its place in the unit back.
#[test]
fn who_waits_is_told_that_the_caller_has_gone() {
    let mut spec = setup("gone", "logs");
    spec.spec["max_in_flight"] = json!(1);
    let mut host = spec.start();
    let cancelled = order(&mut host, "wait");
    until_met(&mut host, "gone", "wait");
    host.lane.cancel(cancelled);
    until_met(&mut host, "gone", "Cancelled");
    let late = host.call_id();
    let log = request(&[Log::new("wait")]);
    host.send(late, &log, Some(Duration::from_millis(50)));
    until_met(&mut host, "gone", "Deadline");
    let next = order(&mut host, "take");
    assert_eq!(host.end(next), End::Acked);
    let classes = [(cancelled, Class::Cancelled), (late, Class::Deadline)];
    let ends = host.finish(&[cancelled, late, next], PATIENCE);
    for (call, class) in classes {
        let failed = |end: &End| matches!(end, End::Failed(failure) if failure.class == class);
        assert!(ends[&call].iter().all(failed), "{:?}", ends[&call]);
    }
}

// Guarantees: as many exports run at once as the unit lets in, and no more; the others wait.
#[test]
fn several_run_at_once() {
    let mut spec = setup("several", "logs");
    spec.spec["max_in_flight"] = json!(3);
    let mut host = spec.start();
    let calls: Vec<_> = (0..5).map(|_| order(&mut host, "wait")).collect();
    let running = || met("several").iter().filter(|what| *what == "wait").count();
    host.until("three exports", |_| running() == 3);
    assert!(!host.wait(Duration::from_millis(50), |_| running() > 3));
    for call in &calls {
        host.lane.cancel(*call);
    }
    host.finish(&calls, PATIENCE);
}

// Guarantees: a drain waits for exports, and for no longer than its deadline: then what hangs is
// dropped and answered for, and the exporter is shut down after that, once.
#[test]
fn a_drain_ends_what_hangs() {
    let mut host = setup("hang", "logs").start();
    let hangs = order(&mut host, "hang");
    until_met(&mut host, "hang", "hang");
    let ends = host.finish(&[hangs], Duration::from_millis(400));
    let End::Failed(failure) = &ends[&hangs][0] else {
        panic!("it was acked")
    };
    assert_eq!(failure.class, Class::Unavailable);
    assert_eq!(met("hang"), ["created", "hang", "dropped", "shutdown"]);
}

// Guarantees: data that is no logs is refused for the sender, and the exporter is not bothered.
#[test]
fn data_that_cannot_be_read_is_refused() {
    let mut host = setup("garbage", "logs").start();
    let call = host.call(b"\xff\xff");
    let End::Failed(failure) = host.end(call) else {
        panic!("it was acked")
    };
    assert_eq!(failure.class, Class::Permanent);
    assert_eq!(failure.component, "obedient/test");
    let quiet = !host
        .events
        .iter()
        .any(|event| matches!(event, Control::Status(..)));
    assert!(quiet, "{:?}", host.events);
    host.finish(&[call], PATIENCE);
    assert_eq!(met("garbage"), ["created", "shutdown"]);
}
