use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use serde_json::{Value, json};

use super::*;
use crate::Error;

/// A link that keeps what it is asked, and answers each question with the same.
#[derive(Default)]
struct Recorder {
    asked: Mutex<Vec<Value>>,
    answer: Value,
}

impl CollectorLink for Recorder {
    fn report(&self, _: Status) {}

    fn ask(&self, call: HostCall) -> BoxFuture<Result<Value, ExtensionError>> {
        self.asked
            .lock()
            .unwrap()
            .push(serde_json::to_value(call).unwrap());
        let answer = self.answer.clone();
        Box::pin(async move { Ok(answer) })
    }
}

impl TelemetryLink for Recorder {
    fn measured(&self, _: &Measured) {}

    fn span_started(&self, _: &SpanStart) -> Option<SpanId> {
        None
    }

    fn span_ended(&self, _: u64, _: &SpanEnd) {}
}

/// The result of a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

fn collector(answer: Value) -> (Collector, Arc<Recorder>) {
    let recorder = Arc::new(Recorder {
        answer,
        ..Recorder::default()
    });
    (Collector::new("greeter/a", recorder.clone()), recorder)
}

// Guarantees: what is asked crosses in the words that the Go side reads.
#[test]
fn questions_cross_in_their_words() {
    let (c, recorder) = collector(json!({"storage": 7}));
    let storage = now(c.storage("file_storage/q", "state")).unwrap();
    let (c, values) = collector(json!({"values": [null, "aGk="]}));
    let storage = Storage {
        collector: c,
        ..storage
    };
    let steps = vec![
        StorageOperation::Set {
            key: "k".into(),
            value: b"hi".to_vec(),
        },
        StorageOperation::Get { key: "k".into() },
    ];
    assert_eq!(
        now(storage.batch(steps)).unwrap(),
        [None, Some(b"hi".to_vec())]
    );
    assert_eq!(
        *recorder.asked.lock().unwrap(),
        [json!({"call": "storage_open", "extension": "file_storage/q", "name": "state"})]
    );
    assert_eq!(
        *values.asked.lock().unwrap(),
        [
            json!({"call": "storage_batch", "storage": 7, "operations": [
            {"do": "set", "key": "k", "value": "aGk="}, {"do": "get", "key": "k"}]})
        ]
    );
}

// Guarantees: an answer that is not what it must be is an error, not a panic; so are too few
// values.
#[test]
fn a_wrong_answer_is_an_error() {
    for answer in [
        json!(null),
        json!({"values": []}),
        json!({"values": ["?"]}),
        json!({"values": [1]}),
    ] {
        let (c, _) = collector(answer.clone());
        let storage = Storage {
            collector: c,
            storage: 1,
        };
        assert!(now(storage.get("k")).is_err(), "{answer}");
    }
}

// Guarantees: a refusal is unauthenticated, and an identity comes with what is known.
#[test]
fn authentication_tells_refusal_from_identity() {
    let (c, _) = collector(json!({"refused": "no token"}));
    let error = now(c.server_auth("x").authenticate(&Headers::new())).unwrap_err();
    assert!(error.is_unauthenticated());
    assert_eq!(error.message(), "no token");
    let (c, recorder) = collector(json!({"identity": {"subject": "me"}}));
    let headers = Headers::new().with("Authorization", "Bearer t");
    let identity = now(c.server_auth("x").authenticate(&headers)).unwrap();
    assert_eq!(identity.get("subject"), Some(&json!("me")));
    assert_eq!(
        recorder.asked.lock().unwrap()[0],
        json!({
            "call": "authenticate",
            "extension": "x",
            "headers": {"Authorization": ["Bearer t"]},
        })
    );
}

// Guarantees: the headers that another extension makes are read.
#[test]
fn headers_of_another_extension_are_read() {
    let (c, recorder) = collector(json!({"headers": {"Authorization": ["Bearer t"]}}));
    let headers = now(c.client_auth("x").headers("http://there")).unwrap();
    assert_eq!(headers.get("authorization"), Some("Bearer t"));
    assert_eq!(
        recorder.asked.lock().unwrap()[0],
        json!({"call": "client_headers", "extension": "x", "uri": "http://there"})
    );
}

// Guarantees: names of headers have no case, and their values are not shown.
#[test]
fn headers_have_no_case_and_no_values_in_debug() {
    let headers = Headers::new()
        .with("Authorization", "secret")
        .with("authorization", "other");
    assert_eq!(headers.all("AUTHORIZATION").count(), 2);
    assert_eq!(headers.get("authorization"), Some("secret"));
    assert!(!format!("{headers:?}").contains("secret"));
}

// Guarantees: without a Collector a question is an error and a status is nothing; a batch that
// needed the answer is told whether it may come later.
#[test]
fn nobody_answers_without_a_collector() {
    let none = Collector::none("greeter/a");
    none.report(Status::Ok);
    let error = now(none.storage("file_storage", "")).unwrap_err();
    assert!(error.message().contains("no Collector"), "{error}");
    assert!(Error::from(error).is_permanent());
    assert!(!Error::from(ExtensionError::unavailable("later")).is_permanent());
}
