//! Instances through the operations of their host: states, failures, threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strait_component::extension::prelude::*;
use strait_control::{Class, OpResult, OperationError};
use strait_extension::{Extensions, leaked_threads};

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
struct Config {
    start: String,
    shutdown: String,
    size: u8,
}

/// Does in each phase what its configuration says.
struct Sample(Config);

static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// What threads that are to block wait at, as long as their test keeps it shut.
struct Gate {
    shut: Mutex<bool>,
    opened: Condvar,
    /// How many wait at it.
    held: AtomicUsize,
}

static GATE: Gate = Gate {
    shut: Mutex::new(false),
    opened: Condvar::new(),
    held: AtomicUsize::new(0),
};

impl Gate {
    fn set(&self, shut: bool) {
        *self.shut.lock().unwrap() = shut;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let shut = self.shut.lock().unwrap();
        self.held.fetch_add(1, Ordering::SeqCst);
        drop(self.opened.wait_while(shut, |shut| *shut).unwrap());
        self.held.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn act(what: &str) -> Result<(), ExtensionError> {
    match what {
        "fail" => return Err(ExtensionError::failed("no way")),
        "panic" => panic!("boom"),
        "hang" => std::future::pending().await,
        "block" => GATE.pass(),
        "task" => drop(tokio::spawn(std::future::pending::<()>())),
        "blocking" => drop(tokio::task::spawn_blocking(|| GATE.pass())),
        _ => {}
    }
    Ok(())
}

impl Extension for Sample {
    fn dependencies(&self) -> Vec<String> {
        vec!["other".to_owned()]
    }

    async fn start(&self, _: &Host) -> Result<(), ExtensionError> {
        act(&self.0.start).await
    }

    async fn shutdown(&self) -> Result<(), ExtensionError> {
        act(&self.0.shutdown).await
    }

    async fn client_headers(&self, uri: &str) -> Result<Headers, ExtensionError> {
        act(uri).await?;
        Ok(Headers::new().with("x-uri", uri))
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

struct SampleFactory;

impl ExtensionFactory for SampleFactory {
    type Config = Config;
    type Extension = Sample;

    fn describe(&self) -> Description {
        Description::extension("sample", package!(), Stability::Alpha)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        if config.size > 3 {
            return Err(vec![ConfigError::new("size", "expected 0 to 3")]);
        }
        Ok(())
    }

    fn create(&self, config: Config, _: &ExtensionSettings) -> Result<Sample, CreateError> {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Ok(Sample(config))
    }
}

fn extensions() -> Extensions {
    Extensions::new(&[&AsExtension(SampleFactory)])
}

fn create(all: &Extensions, handle: u64, config: &Value) -> OpResult {
    let payload =
        json!({"kind": "extension", "id": "sample/a", "type": "sample", "config": config});
    all.create(handle, payload.to_string().as_bytes())
}

async fn ask(all: &Extensions, handle: u64, uri: &str) -> Result<Value, OperationError> {
    let payload = json!({"call": "client_headers", "uri": uri}).to_string();
    let reply = all.capability(handle, payload.as_bytes()).await?;
    Ok(serde_json::from_slice(&reply).unwrap())
}

fn within(limit: Duration) -> Instant {
    Instant::now() + limit
}

const SECOND: Duration = Duration::from_secs(1);

// The threads are the process's: one test at a time counts them.
static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

// Guarantees: a life from create to shutdown, the reply of create, and that the instance is gone
// after it; an operation out of order is an error that names the instance.
#[tokio::test]
async fn an_instance_lives_and_ends() {
    let (_one, all) = (ONE.lock().await, extensions());
    assert_eq!(
        all.start(1).await.unwrap_err().message,
        "no extension has handle 1: create comes first"
    );
    let reply: Value = serde_json::from_slice(&create(&all, 1, &json!({})).unwrap()).unwrap();
    assert_eq!(reply["dependencies"], json!(["other"]));
    assert_eq!(reply["capabilities"]["client_auth"], false);
    assert_eq!(
        create(&all, 1, &json!({})).unwrap_err().class,
        Class::Internal
    );
    assert_eq!(
        ask(&all, 1, "u").await.unwrap_err().to_string(),
        "sample/a: it does not run"
    );
    all.start(1).await.unwrap();
    assert!(all.start(1).await.is_err());
    assert_eq!(
        ask(&all, 1, "u").await.unwrap(),
        json!({"headers": {"x-uri": ["u"]}})
    );
    all.shutdown(1, within(SECOND)).await.unwrap();
    assert!(!all.has(1));
    all.shutdown(1, within(SECOND)).await.unwrap();
    assert_eq!((ALIVE.load(Ordering::SeqCst), leaked_threads()), (0, 0));
}

// Guarantees: a configuration is refused by path, a type that is not there by name.
#[tokio::test]
async fn create_refuses_by_path() {
    let all = extensions();
    let error = create(&all, 1, &json!({"size": 4})).unwrap_err();
    assert_eq!(
        (error.errors[0].path.as_str(), error.component.as_str()),
        ("size", "sample/a")
    );
    let other = json!({"id": "x", "type": "x"}).to_string();
    let error = all.create(1, other.as_bytes()).unwrap_err();
    assert_eq!(error.message, "no extension of type `x` is linked in");
}

// Guarantees: an error and a panic of a phase are that phase's, and name the instance; it is gone
// after shutdown, and a call's panic leaves it running.
#[tokio::test]
async fn failures_name_the_phase() {
    let (_one, all) = (ONE.lock().await, extensions());
    for (config, started, ended) in [
        (json!({"start": "fail"}), "sample/a: start: no way", ""),
        (
            json!({"start": "panic"}),
            "sample/a: panic in start: boom; this is a bug in the component",
            "",
        ),
        (
            json!({"shutdown": "fail"}),
            "",
            "sample/a: shutdown: no way",
        ),
        (
            json!({"shutdown": "panic"}),
            "",
            "sample/a: panic in shutdown: boom; this is a bug in the component",
        ),
    ] {
        create(&all, 1, &config).unwrap();
        let text = |result: OpResult| result.err().map(|e| e.to_string()).unwrap_or_default();
        assert_eq!(text(all.start(1).await), started);
        assert_eq!(text(all.shutdown(1, within(SECOND)).await), ended);
        assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
    }
    create(&all, 1, &json!({})).unwrap();
    all.start(1).await.unwrap();
    let error = ask(&all, 1, "panic").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "sample/a: panic in client_headers: boom; this is a bug in the component"
    );
    assert!(ask(&all, 1, "u").await.is_ok());
    all.shutdown(1, within(SECOND)).await.unwrap();
}

// Guarantees: what waits is dropped with its call; what an instance left running ends with it.
#[tokio::test]
async fn what_waits_ends_with_its_instance() {
    let (_one, all) = (ONE.lock().await, extensions());
    create(&all, 1, &json!({"start": "task"})).unwrap();
    all.start(1).await.unwrap();
    let asked = tokio::time::timeout(Duration::from_millis(20), ask(&all, 1, "hang")).await;
    assert!(asked.is_err());
    all.shutdown(1, within(SECOND)).await.unwrap();
    assert_eq!((ALIVE.load(Ordering::SeqCst), leaked_threads()), (0, 0));
}

/// Waits for what must come to be.
async fn until(condition: impl Fn() -> bool) {
    let limit = within(20 * SECOND);
    while !condition() {
        assert!(Instant::now() < limit, "it did not come to be");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

// Guarantees: a thread that does not end in time, the instance's own or one of its blocking ones,
// is an error, is counted while it lives, and is not counted after.
#[tokio::test]
async fn a_blocked_thread_is_given_up_and_counted() {
    let (_one, all) = (ONE.lock().await, extensions());
    // A blocking task that had not begun when its instance ends would not hold it up.
    for (config, begun) in [
        (json!({"shutdown": "block"}), 0),
        (json!({"start": "blocking"}), 1),
    ] {
        GATE.set(true);
        create(&all, 1, &config).unwrap();
        all.start(1).await.unwrap();
        until(|| GATE.held.load(Ordering::SeqCst) == begun).await;
        let error = all.shutdown(1, within(SECOND / 2)).await.unwrap_err();
        assert_eq!(error.class, Class::Deadline);
        assert!(
            error
                .message
                .contains("1 of its threads are blocked and were given up"),
            "{error}"
        );
        assert_eq!(leaked_threads(), 1);
        GATE.set(false);
        until(|| leaked_threads() == 0).await;
    }
    assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
}
