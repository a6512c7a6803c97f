use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{Span as _, SpanKind, Status, Tracer as _, TracerProvider as _};
use opentelemetry::{Array, KeyValue, Value};
use serde_json::json;

use super::{Measured, Number, Points, SpanStatus};
use crate::testing::Collector;
use crate::{Context, SpanContext};

/// All values of an instrument, in the order of their attributes.
fn values(collector: &Collector, instrument: &str) -> Vec<(String, Vec<Number>)> {
    let text = |p: &Points| serde_json::to_string(&p.attributes).unwrap();
    let points = collector.measured(instrument);
    let mut values: Vec<_> = points.iter().map(|p| (text(p), p.values.clone())).collect();
    values.sort_by(|a, b| a.0.cmp(&b.0));
    values
}

// Guarantees: of each kind what its meaning asks for is handed over; attributes are a set.
#[test]
fn each_kind_is_added_up_as_it_means() {
    let collector = Collector::default();
    let meter = collector.of("c").meter("crate");
    let ab = [KeyValue::new("a", 1), KeyValue::new("b", "x")];
    let ba = [
        KeyValue::new("b", "y"),
        KeyValue::new("b", "x"),
        KeyValue::new("a", 1),
    ];
    let counter = meter.u64_counter("counter").build();
    counter.add(2, &ab);
    counter.add(3, &ba);
    counter.add(u64::MAX, &[]);
    counter.add(1, &[]);
    let level = meter.i64_up_down_counter("level").build();
    level.add(5, &[]);
    level.add(-7, &[]);
    let gauge = meter.f64_gauge("gauge").build();
    gauge.record(0.5, &[]);
    gauge.record(0.25, &[]);
    let histogram = meter.f64_histogram("histogram").build();
    histogram.record(1.5, &[]);
    histogram.record(1.5, &[]);
    histogram.record(f64::NAN, &[]);
    let seconds = meter.f64_counter("seconds").build();
    seconds.add(0.5, &[]);
    seconds.add(-4.0, &[]);
    seconds.add(f64::INFINITY, &[]);

    let set = r#"[{"key":"a","value":{"whole":1}},{"key":"b","value":{"text":"x"}}]"#;
    let whole = |n| vec![Number::Whole(n)];
    assert_eq!(
        values(&collector, "counter"),
        [("[]".into(), whole(i64::MAX)), (set.into(), whole(5))]
    );
    let only = |instrument| values(&collector, instrument).remove(0).1;
    assert_eq!(only("level"), whole(-2));
    assert_eq!(only("gauge"), [Number::Float(0.25)]);
    assert_eq!(only("histogram"), [Number::Float(1.5), Number::Float(1.5)]);
    assert_eq!(only("seconds"), [Number::Float(0.5)]);
}

// Guarantees: nothing is handed over twice, and an instrument that is made again is the same one.
#[test]
fn what_was_handed_over_is_gone() {
    let collector = Collector::default();
    let component = collector.of("c");
    for _ in 0..3 {
        component
            .meter("crate")
            .u64_counter("n")
            .build()
            .add(1, &[]);
    }
    let first = collector.measured("n");
    assert_eq!(
        (first.len(), &first[0].values[..]),
        (1, &[Number::Whole(3)][..])
    );
    assert_eq!(
        collector.measured("n").len(),
        1,
        "nothing was measured since"
    );
    component
        .meter("crate")
        .u64_counter("n")
        .build()
        .add(1, &[]);
    component
        .meter("other")
        .u64_counter("n")
        .build()
        .add(9, &[]);
    let instruments: Vec<u64> = collector
        .measured("n")
        .iter()
        .map(|p| p.instrument)
        .collect();
    assert_eq!(instruments[0], instruments[1]);
    assert_ne!(
        instruments[1], instruments[2],
        "another scope's is another one"
    );
}

// Guarantees: what is kept is bounded, and loses nothing: values of a histogram, and sets of
// attributes. Of instruments alone there may be too many.
#[test]
fn what_is_full_is_handed_over() {
    let collector = Collector::default();
    let meter = collector.of("c").meter("crate");
    let histogram = meter.u64_histogram("h").build();
    let counter = meter.u64_counter("n").build();
    for i in 0..10_000_u64 {
        histogram.record(i, &[]);
        counter.add(1, &[KeyValue::new("i", i.to_string())]);
    }
    let points = collector.measured("h");
    assert!(points.iter().all(|p| p.values.len() <= 4096));
    let numbers = points.into_iter().flat_map(|p| p.values);
    assert!(numbers.eq((0..10_000).map(Number::Whole)));
    assert_eq!(collector.measured("n").len(), 10_000);
    for i in 0..2000 {
        meter.u64_counter(format!("n{i}")).build().add(1, &[]);
    }
    assert_eq!(collector.measured("n997").len(), 1);
    assert!(
        collector.measured("n998").is_empty(),
        "the thousand and first"
    );
}

// Guarantees: what is asked at the collection shows its changes where it is a sum, and a sum that
// begins anew counts from 0; a panic in one callback costs the others nothing.
#[test]
fn what_is_observed_is_asked() {
    let collector = Collector::default();
    let meter = collector.of("c").meter("crate");
    let now = Arc::new(AtomicU64::new(10));
    let shown = Arc::clone(&now);
    let _counter = meter
        .u64_observable_counter("sum")
        .with_callback(|_| panic!("of its author"))
        .with_callback(move |seen| seen.observe(shown.load(Ordering::Relaxed), &[]))
        .build();
    let _level = meter
        .i64_observable_up_down_counter("level")
        .with_callback({
            let now = Arc::clone(&now);
            move |seen| seen.observe(i64::try_from(now.load(Ordering::Relaxed)).unwrap(), &[])
        })
        .build();
    let _gauge = meter
        .f64_observable_gauge("gauge")
        .with_callback(|seen| seen.observe(0.5, &[]))
        .build();
    let mut sums = Vec::new();
    for value in [10, 14, 4] {
        now.store(value, Ordering::Relaxed);
        sums = collector.measured("sum");
    }
    let numbers = |points: Vec<Points>| points.into_iter().flat_map(|p| p.values);
    assert!(numbers(sums).eq([10, 4, 4].map(Number::Whole)));
    assert!(
        numbers(collector.measured("level"))
            .take(3)
            .eq([10, 4, -10].map(Number::Whole))
    );
    assert!(numbers(collector.measured("gauge")).all(|n| n == Number::Float(0.5)));
}

// Guarantees: a span within a batch's belongs to its trace, and carries on what was said of it; it
// ends once, at the latest when it is dropped.
#[test]
fn a_child_belongs_to_the_batchs_trace() {
    let collector = Collector::default();
    let tracer = collector.of("c").tracer("crate");
    let parent = SpanContext {
        trace_id: [7; 16],
        span_id: [3; 8],
        flags: 1,
        trace_state: "vendor=x".into(),
        remote: true,
    };
    let context = Context::builder().span(parent.clone()).build();
    let mut span = context.child_span(&tracer, "look");
    span.set_attribute(KeyValue::new("found", 1));
    span.set_attribute(KeyValue::new("found", 2));
    span.set_status(Status::error("no"));
    span.set_status(Status::Ok);
    span.set_status(Status::error("too late"));
    span.add_event("seen", vec![KeyValue::new("row", 4)]);
    span.update_name("look again");
    let within = context.within(&span).span().unwrap().clone();
    assert_eq!(
        (within.trace_id, &*within.trace_state),
        ([7; 16], "vendor=x")
    );
    assert_ne!(within.span_id, parent.span_id);
    assert!(!within.remote);
    span.end();
    span.set_attribute(KeyValue::new("found", 3));
    drop(span);
    drop(
        tracer
            .span_builder("alone")
            .with_kind(SpanKind::Client)
            .start(&tracer),
    );

    let spans = collector.spans();
    let (start, end) = &spans[0];
    let end = end.as_ref().unwrap();
    let of = start.parent.as_ref().unwrap();
    assert_eq!(
        (&*of.trace_id, &*of.span_id),
        (&*"07".repeat(16), &*"03".repeat(8))
    );
    assert_eq!(end.name.as_deref(), Some("look again"));
    assert_eq!(end.status, Some(SpanStatus::Ok));
    assert_eq!(
        json!(end.attributes),
        json!([{"key": "found", "value": {"whole": 2}}])
    );
    assert_eq!((&*end.events[0].name, end.events.len()), ("seen", 1));
    assert!(end.time_ns >= start.time_ns);
    let (alone, end) = &spans[1];
    assert_eq!(
        (alone.kind, alone.parent.is_none(), end.is_some()),
        ("client", true, true)
    );
}

// Guarantees: a span of a trace that is not sampled is its parent to everybody, and nobody is told.
#[test]
fn what_is_not_sampled_is_not_told() {
    let collector = Collector::default();
    let tracer = collector.of("c").tracer("crate");
    let parent = SpanContext {
        trace_id: [7; 16],
        span_id: [3; 8],
        ..SpanContext::default()
    };
    let context = Context::builder().span(parent.clone()).build();
    let mut span = context.child_span(&tracer, "look");
    assert!(!span.is_recording());
    span.add_event("unheard", vec![]);
    span.end();
    assert_eq!(context.within(&span).span(), Some(&parent));
    assert!(collector.spans().is_empty());
}

// Guarantees: every type of value crosses as the host reads it.
#[test]
fn values_cross_with_their_types() {
    let of = |value: Value| json!(super::AttributeValue::from(&value));
    let list = |values| of(Value::Array(values));
    assert_eq!(of(true.into()), json!({"bool": true}));
    assert_eq!(of(i64::MIN.into()), json!({"whole": i64::MIN}));
    assert_eq!(of(f64::NEG_INFINITY.into()), json!({"float": "-inf"}));
    assert_eq!(of(0.1.into()), json!({"float": "0.1"}));
    assert_eq!(of("x".into()), json!({"text": "x"}));
    assert_eq!(list(Array::Bool(vec![true])), json!({"bools": [true]}));
    assert_eq!(list(Array::I64(vec![1])), json!({"wholes": [1]}));
    assert_eq!(list(Array::F64(vec![f64::NAN])), json!({"floats": ["NaN"]}));
    assert_eq!(
        list(Array::String(vec!["x".into()])),
        json!({"texts": ["x"]})
    );
    assert_eq!(json!(Measured::Ended(vec![7])), json!({"ended": [7]}));
}
