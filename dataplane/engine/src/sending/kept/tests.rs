use super::*;
use crate::sending::wire;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use strait_component::{
    Any, AttributeTable, Batch, Context, Log, LogRecord, LogsBuilder, Resource, Scope, Signal,
    SpanContext,
};

/// A storage, whose operations happen together.
#[derive(Clone, Debug, Default)]
struct Disk(BTreeMap<String, Vec<u8>>);

impl Disk {
    fn run(&mut self, operations: Vec<StorageOperation>) -> Option<Vec<u8>> {
        let mut found = None;
        for operation in operations {
            match operation {
                StorageOperation::Get { key } => found = self.0.get(&key).cloned(),
                StorageOperation::Set { key, value } => drop(self.0.insert(key, value)),
                StorageOperation::Delete { key } => drop(self.0.remove(&key)),
            }
        }
        found
    }

    /// What a process does that begins with it.
    fn begin(&mut self, limits: &Limits) -> Kept {
        let kept = Kept::new(limits.clone());
        for number in kept.load(self.0.get(INDEX).map(Vec::as_slice)).unwrap() {
            let value = self.0.get(&number.to_string()).cloned();
            self.run(kept.moved(number, value));
        }
        kept
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(u64, u64),
    Next,
    Done,
    /// The process ends, at any time, and another begins.
    Killed,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..6u64, 1..300u64).prop_map(|(items, bytes)| Step::Put(items, bytes)),
        3 => Just(Step::Next),
        3 => Just(Step::Done),
        1 => Just(Step::Killed),
    ];
    prop::collection::vec(step, 0..80)
}

fn limits(sizer: Sizer, size: u64) -> Limits {
    Limits {
        size,
        sizer,
        consumers: 1,
        wait_for_result: false,
        block_on_overflow: false,
        storage: Some("file_storage".to_owned()),
        batch: None,
    }
}

proptest! {
    // Guarantees: a queue in a storage gives what it took, in order, and after the process has
    // ended at any time too, where what was being sent comes last; its size is that of what it
    // holds; it takes no more than there is room for; nothing of what is done stays behind.
    #[test]
    fn what_is_stored_is_given_once_more(
        steps in steps(),
        size in 1..40u64,
        sizer in prop_oneof![Just(Sizer::Requests), Just(Sizer::Items), Just(Sizer::Bytes)],
    ) {
        let limits = limits(sizer, size);
        let mut disk = Disk::default();
        let mut kept = disk.begin(&limits);
        let mut waiting: VecDeque<(u8, Sizes)> = VecDeque::new();
        let mut sent: Vec<(u64, u8, Sizes)> = Vec::new();
        let of = |sizes: &Sizes| match sizer {
            Sizer::Requests => 1,
            Sizer::Items => sizes.items,
            Sizer::Bytes => sizes.bytes,
        };
        for (name, step) in steps.into_iter().enumerate() {
            let name = name as u8;
            let held = waiting.iter().map(|(_, sizes)| of(sizes)).sum::<u64>()
                + sent.iter().map(|(_, _, sizes)| of(sizes)).sum::<u64>();
            prop_assert_eq!(kept.size(), held);
            match step {
                Step::Put(items, bytes) => {
                    let sizes = Sizes { items, bytes };
                    prop_assert_eq!(kept.has_room(sizes), held + of(&sizes) <= size);
                    if kept.has_room(sizes) {
                        disk.run(kept.put(sizes, vec![name]));
                        waiting.push_back((name, sizes));
                    }
                }
                Step::Next => match (kept.next(), waiting.pop_front()) {
                    (Some((number, fetch)), Some((name, sizes))) => {
                        prop_assert_eq!(disk.run(fetch), Some(vec![name]));
                        sent.push((number, name, sizes));
                    }
                    (found, expected) => {
                        prop_assert!(found.is_none() && expected.is_none());
                    }
                },
                Step::Done => {
                    if let Some((number, _, sizes)) = sent.pop() {
                        disk.run(kept.done(number, sizes));
                    }
                }
                Step::Killed => {
                    kept = disk.begin(&limits);
                    waiting.extend(sent.drain(..).map(|(_, name, sizes)| (name, sizes)));
                }
            }
            let index = usize::from(disk.0.contains_key(INDEX));
            prop_assert_eq!(disk.0.len(), index + waiting.len() + sent.len());
        }
    }

    // Guarantees: no index and no entry makes it panic.
    #[test]
    fn what_is_damaged_is_said_to_be(bytes: Vec<u8>, cut in 0..80usize) {
        let _ = Kept::new(limits(Sizer::Items, 9)).load(Some(&bytes));
        for signal in Signal::ALL {
            let _ = read(signal, &bytes);
        }
        let mut logs = LogsBuilder::new();
        logs.push(LogRecord::new("body").with("key", "value")).unwrap();
        let whole = write(&logs.finish().unwrap(), &Context::default()).unwrap();
        prop_assert!(read(Signal::Logs, &whole).is_ok());
        let _ = read(Signal::Logs, &whole[..cut.min(whole.len())]);
    }

    // Guarantees: logs and their contexts are the same when they are read again.
    #[test]
    fn logs_are_read_as_they_were(
        records in prop::collection::vec(
            (any::<u64>(), any::<i32>(), "[a-z]{0,3}", value(), any::<[u8; 8]>()), 1..8,
        ),
        per_scope in 1..4usize,
    ) {
        let mut logs = LogsBuilder::new();
        for (at, (time, severity, text, value, id)) in records.into_iter().enumerate() {
            if at % per_scope == 0 {
                let mut resource = Resource::new([("r", value.clone())]);
                resource.schema_url = text.clone();
                resource.dropped_attributes_count = severity.cast_unsigned();
                logs.resource(resource).unwrap();
                let mut scope = Scope::new(text.clone());
                scope.version = text.clone();
                scope.attributes.push(("s".to_owned(), value.clone()));
                scope.schema_url = text.clone();
                logs.scope(scope).unwrap();
            }
            let record = LogRecord {
                time_unix_nano: time,
                observed_time_unix_nano: time / 2,
                severity_number: severity,
                severity_text: text.clone(),
                event_name: text,
                flags: severity.cast_unsigned(),
                span_id: id,
                ..LogRecord::new(value.clone()).with("k", value)
            };
            logs.push(record).unwrap();
        }
        let batch = logs.finish().unwrap();
        let span = SpanContext {
            trace_id: [7; 16],
            span_id: [8; 8],
            flags: 1,
            trace_state: "a=b".to_owned(),
            remote: true,
        };
        let context = Context::builder().span(span.clone()).peer("10.0.0.7:48122");
        let context = context.metadata("one", ["1"]).metadata("two", ["1", "2"]).build();
        let written = write(&batch, &context).unwrap();
        let found = read(Signal::Logs, &written).unwrap();
        let (again, of) = (&found.batches[0], found.context);
        prop_assert_eq!(write(again, &of).unwrap(), written.clone());
        prop_assert_eq!((of.span(), of.peer()), (Some(&span), Some("10.0.0.7:48122")));
        prop_assert!(of.metadata("two").eq(["1", "2"]) && of.metadata("one").eq(["1"]));
        prop_assert_eq!(again.len(), batch.len());
        for (a, b) in again.logs().iter().zip(batch.logs().iter()) {
            prop_assert_eq!(a.otlp_size(), b.otlp_size());
            prop_assert_eq!(a.body().to_any(), b.body().to_any());
            prop_assert_eq!(a.span_id(), b.span_id());
            let attributes = |log: Log<'_>| -> Vec<_> {
                let of = |of| log.attributes(of).map(|a| (a.key.to_owned(), a.value.to_any()));
                AttributeTable::ALL.into_iter().flat_map(of).collect()
            };
            prop_assert_eq!(attributes(a), attributes(b));
        }
    }
}

// Guarantees: an index whose numbers no queue has is refused, for they could not be added to.
#[test]
fn an_index_has_its_range() {
    let kept = Kept::new(limits(Sizer::Items, 9));
    let index = |read: u64, write: u64, sent: u64| {
        let mut out = vec![0x19];
        out.extend(read.to_le_bytes());
        out.push(0x21);
        out.extend(write.to_le_bytes());
        out.push(0x29);
        out.extend(sent.to_le_bytes());
        out
    };
    assert!(kept.load(Some(&index(3, 5, 2))).is_ok());
    for (read, write, sent) in [
        (u64::MAX, u64::MAX, 2),
        (3, u64::MAX, 2),
        (6, 5, 2),
        (3, 5, 5),
    ] {
        assert!(kept.load(Some(&index(read, write, sent))).is_err());
        assert_eq!(kept.size(), 0);
    }
}

// Guarantees: keys of metadata that differ in case only are one, with the values of all.
#[test]
fn metadata_is_written_once() {
    let context = Context::builder()
        .metadata("Key", ["1"])
        .metadata("key", ["2"]);
    let context = context.metadata("other", ["3"]).build();
    let written = write(&Batch::default(), &context).unwrap();
    let found = read(Signal::Logs, &written).unwrap().context;
    assert!(found.metadata("key").eq(context.metadata("key")));
    assert_eq!(found.metadata_keys().count(), 2);
}

// Guarantees: what can be written can be read, however deep its values lie; what cannot is not
// written.
#[test]
fn what_is_written_can_be_read() {
    let nested = |depth: usize| (0..depth).fold(Any::from(1), |any, _| vec![any].into());
    let deepest = Any::DEPTH_MAX;
    for depth in [deepest / 2, deepest, deepest + 1] {
        let body = nested(depth);
        let record = LogRecord::new(body.clone()).with("k", body.clone());
        let mut logs = LogsBuilder::new();
        logs.push(record).unwrap();
        let written = write(&logs.finish().unwrap(), &Context::default());
        assert_eq!(written.is_ok(), depth <= deepest);
        let Ok(written) = written else { continue };
        let found = read(Signal::Logs, &written).unwrap();
        let log = found.batches[0].logs();
        let log = log.get(0).unwrap();
        assert_eq!(log.body().to_any(), Some(body));
    }
    let broken = Batch::from_otlp(Signal::Traces, &[0x0a, 9][..]);
    assert!(write(&broken, &Context::default()).is_err());
}

// Guarantees: a resource stays one, however many scopes it has, and a batch as large as it was.
#[test]
fn a_resource_is_read_as_one() {
    let mut logs = LogsBuilder::new();
    for (name, scopes) in [("a", 3), ("b", 1), ("c", 2)] {
        logs.resource(Resource::new([("r", name)])).unwrap();
        for scope in 0..scopes {
            logs.scope(Scope::new(scope.to_string())).unwrap();
            logs.push(LogRecord::new("body")).unwrap();
        }
    }
    let batch = logs.finish().unwrap();
    let written = write(&batch, &Context::default()).unwrap();
    let found = read(Signal::Logs, &written).unwrap();
    let [again] = &found.batches[..] else {
        panic!("{found:?}")
    };
    let resources: BTreeSet<_> = again.logs().iter().map(|log| log.resource_id()).collect();
    assert_eq!(resources.len(), 3);
    let kept = Kept::new(limits(Sizer::Bytes, 1));
    assert_eq!(kept.sizes(again), kept.sizes(&batch));
}

// Guarantees: of what only Go can have written nothing is lost that a table holds, and what is lost
// is counted: the batch with it goes on.
#[test]
fn what_only_go_writes_is_repaired() {
    let message = |fields: &[(u64, &[u8])]| {
        let mut out = Vec::new();
        for (number, bytes) in fields {
            wire::write(*number, bytes, &mut out);
        }
        out
    };
    let mut deep = message(&[(1, b"x")]);
    for _ in 0..=Any::DEPTH_MAX {
        deep = message(&[(5, &message(&[(1, &deep)]))]);
    }
    let unknown = message(&[(6, &message(&[(1, b"k"), (2, &[8 << 3, 1])]))]);
    let resource = message(&[
        (1, &message(&[(1, b"r"), (2, &message(&[(1, b"r\xff")]))])),
        (3, b"entity"),
    ]);
    let scope = |log: &[u8], of: &[u8]| message(&[(1, of), (2, log), (2, &unknown)]);
    let good = scope(&message(&[(5, &message(&[(1, b"b\xff")]))]), b"");
    let bad = scope(&message(&[(5, &deep)]), b"");
    let worse = scope(&unknown, &message(&[(3, &message(&[(2, &deep)]))]));
    let request = [good, bad, worse].map(|scope| message(&[(1, &resource), (2, &scope)]));
    let found = read(
        Signal::Logs,
        &request.map(|one| message(&[(1, &one)])).concat(),
    )
    .unwrap();
    assert_eq!((found.batches[0].len(), found.lost), (3, 3));
    let logs = found.batches[0].logs();
    let log = logs.get(0).unwrap();
    assert_eq!(log.body().as_str(), Some("b\u{fffd}"));
    let of_resource = log.attribute(AttributeTable::Resource, "r").unwrap();
    assert_eq!(of_resource.as_str(), Some("r\u{fffd}"));
    assert!(log.attribute(AttributeTable::Resource, "entity").is_none());
    let of_log = logs.get(1).unwrap().attribute(AttributeTable::Log, "k");
    assert_eq!(of_log.and_then(|value| value.to_any()), Some(Any::Empty));
}

// Guarantees: more logs than one batch has are read as several, with their resources and scopes.
#[test]
fn more_logs_than_a_batch_has_are_several() {
    let mut logs = LogsBuilder::new();
    logs.resource(Resource::new([("r", "r")])).unwrap();
    logs.scope(Scope::new("s")).unwrap();
    for number in 0..LogsBuilder::MAX {
        logs.push(LogRecord::new(number as i64)).unwrap();
    }
    let whole = write(&logs.finish().unwrap(), &Context::default()).unwrap();
    let field = wire::fields(&whole)
        .filter_map(Result::ok)
        .find(|field| field.number == 3);
    let wire::Value::Bytes(data) = field.unwrap().value else {
        panic!("no data")
    };
    let found = read(Signal::Logs, &[data, data].concat()).unwrap();
    let found = found.batches;
    assert_eq!(
        found.iter().map(Batch::len).collect::<Vec<_>>(),
        [LogsBuilder::MAX; 2]
    );
    for batch in found {
        let logs = batch.logs();
        let last = logs.get(LogsBuilder::MAX - 1).unwrap();
        assert_eq!(last.scope_name(), "s");
        assert!(last.attribute(AttributeTable::Resource, "r").is_some());
    }
}

/// A value of any type; no double, for one may not be equal to itself.
fn value() -> impl Strategy<Value = Any> {
    let leaf = prop_oneof![
        Just(Any::Empty),
        "[a-z]{0,4}".prop_map(Any::Str),
        any::<i64>().prop_map(Any::Int),
        any::<bool>().prop_map(Any::Bool),
        any::<Vec<u8>>().prop_map(Any::Bytes),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Any::Slice),
            prop::collection::vec(("[a-z]{0,3}", inner), 0..3).prop_map(Any::Map),
        ]
    })
}
