use serde_json::json;

use super::*;

// Guarantees: events are read from the words that the Go side writes.
#[test]
fn events_are_read() {
    let event: Event =
        serde_json::from_value(json!({"event": "status", "id": "otlp", "kind": "receiver",
        "pipelines": ["logs"], "status": "recoverable_error", "error": "port"}))
        .unwrap();
    let Event::Status(status) = event else {
        panic!("{event:?}")
    };
    assert_eq!(
        (status.id.as_str(), status.error.as_str()),
        ("otlp", "port")
    );
    let ready: Event = serde_json::from_value(json!({"event": "pipelines_ready"})).unwrap();
    assert_eq!(ready, Event::PipelinesReady);
}
