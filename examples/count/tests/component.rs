//! The component as a host uses it: found through `factory()`, configured with JSON, fed with
//! batches.

use std::time::Duration;

use serde_json::{Value, json};
use strait_component::testing::{Sample, batch, consume, context, flush};
use strait_component::{Access, AttributeTable, Batch, Columns, Connector, Keys, Settings, Signal};

fn connector(config: Value) -> Box<dyn Connector> {
    let settings = Settings::new("log_count", 0)
        .takes([Signal::Logs])
        .makes([Signal::Metrics]);
    let factory = count::factory().connector().unwrap();
    factory.create(&config, &settings).unwrap()
}

fn logs() -> Batch {
    let log = |severity_number, user: &str| {
        let log = Sample::new("text").with("user", user).with("n", 1_i64);
        Sample {
            severity_number,
            ..log
        }
    };
    batch(&[log(9, "eve"), log(17, "eve"), log(9, "bob"), log(9, "eve")])
}

/// Whether the request has this text.
fn has(request: &Batch, text: &str) -> bool {
    let bytes = request.otlp().unwrap();
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

// Guarantees: what is counted apart is a data point each, of one metric.
#[test]
fn logs_are_counted_by_severity_and_attribute() {
    let mut count = connector(json!({"attribute": "user", "metric": "logs"}));
    assert!(consume(&mut *count, logs()).unwrap().is_empty());
    assert!(consume(&mut *count, logs()).unwrap().is_empty());
    let sent = flush(&mut *count).unwrap();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].signal(), sent[0].items()), (Signal::Metrics, 3));
    for text in ["logs", "severity", "info", "error", "user", "eve", "bob"] {
        assert!(has(&sent[0], text), "{text}");
    }
    assert!(flush(&mut *count).unwrap().is_empty());
    assert_eq!(count.flush_every(), Some(Duration::from_secs(10)));
}

// Guarantees: without an interval the counts are of the call, whose caller learns what became of
// them; integers are values, too.
#[test]
fn without_an_interval_counts_are_of_their_call() {
    let mut count = connector(json!({"interval": "0s", "attribute": "n"}));
    assert_eq!(count.flush_every(), None);
    let sent = consume(&mut *count, logs().with_context(context())).unwrap();
    assert_eq!((sent.len(), sent[0].items()), (1, 2));
    assert!(sent[0].context().peer().is_some());
    assert!(has(&sent[0], "\u{1}1"));
}

// Guarantees: only what is counted crosses.
#[test]
fn only_what_is_counted_is_read() {
    let access = |config: Value| {
        let factory = count::factory().connector().unwrap();
        factory.access(&config).unwrap()
    };
    let severity = Access::new().read(Columns::SEVERITY_NUMBER);
    assert_eq!(access(json!({})), severity);
    let attribute = severity
        .read(Columns::attributes(AttributeTable::Log))
        .keys(Keys::named(["user"]));
    assert_eq!(access(json!({"attribute": "user"})), attribute);
}

// Guarantees: every mistake has its path.
#[test]
fn mistakes_are_found_with_their_paths() {
    for (config, path) in [
        (json!({"metric": ""}), "metric"),
        (json!({"limit": 0}), "limit"),
        (json!({"interval": "-1s"}), "interval"),
        (json!({"atribute": "user"}), "atribute"),
    ] {
        let errors = count::factory().validate(&config).unwrap_err();
        assert_eq!(errors[0].path, path, "{errors:?}");
    }
}
