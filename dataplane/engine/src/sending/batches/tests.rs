use super::*;
use crate::sending::wire::{Value, fields, write};
use proptest::prelude::*;
use std::collections::BTreeSet;
use strait_component::{Batch, LogRecord, LogsBuilder, Resource, Scope};

/// A batch that is added: items in scopes of resources, by how many each has; and whose it is.
type Shape = Vec<Vec<usize>>;

fn shapes() -> impl Strategy<Value = Vec<(Shape, u8)>> {
    let shape = prop::collection::vec(prop::collection::vec(0..5usize, 0..3), 0..3);
    prop::collection::vec((shape, 0..3u8), 1..14)
}

fn policy(sizer: Measure, min_size: u64, max_size: u64) -> Batching {
    Batching {
        flush_timeout: 1_000_000_000,
        sizer,
        min_size,
        max_size,
        metadata_keys: vec!["Tenant".to_owned()],
    }
}

fn context(tenant: u8) -> Context {
    let tenants = (0..tenant).map(|_| "t");
    Context::builder().metadata("tenant", tenants).build()
}

/// Logs whose bodies are numbers from `first` on.
fn logs(shape: &Shape, first: usize) -> Batch {
    let mut builder = LogsBuilder::new();
    let mut number = first;
    for (r, scopes) in shape.iter().enumerate() {
        let resource = Resource::new([("r", format!("{first}.{r}"))]);
        builder.resource(resource).unwrap();
        for (s, items) in scopes.iter().enumerate() {
            builder.scope(Scope::new(s.to_string())).unwrap();
            for _ in 0..*items {
                builder.push(LogRecord::new(number.to_string())).unwrap();
                number += 1;
            }
        }
    }
    builder.finish().unwrap()
}

/// Spans whose names are numbers from `first` on, in the bytes of OTLP.
fn spans(shape: &Shape, first: usize) -> Batch {
    let (mut request, mut number) = (Vec::new(), first);
    for scopes in shape {
        let mut resource = vec![0x0a, 0]; // one that has nothing
        for items in scopes {
            let mut scope = vec![0x0a, 0];
            for _ in 0..*items {
                let mut span = Vec::new();
                write(5, number.to_string().as_bytes(), &mut span);
                write(2, &span, &mut scope);
                number += 1;
            }
            write(2, &scope, &mut resource);
        }
        write(1, &resource, &mut request);
    }
    Batch::from_otlp(Signal::Traces, request)
}

/// The numbers of a batch's items, in their order.
fn numbers(batch: &Batch) -> Vec<usize> {
    let number = |text: &str| text.parse().unwrap();
    let Some(bytes) = batch.otlp() else {
        let logs = batch.logs();
        return logs
            .iter()
            .map(|log| number(log.body().as_str().unwrap()))
            .collect();
    };
    let within = |message: &[u8], wanted: u64| -> Vec<Vec<u8>> {
        fields(message)
            .filter_map(|field| match field.unwrap() {
                field if field.number != wanted => None,
                field => match field.value {
                    Value::Bytes(bytes) => Some(bytes.to_vec()),
                    _ => None,
                },
            })
            .collect()
    };
    let resources = within(bytes, 1);
    let scopes = resources.iter().flat_map(|resource| within(resource, 2));
    let spans = scopes.flat_map(|scope| within(&scope, 2));
    let names = spans.flat_map(|span| within(&span, 5));
    names
        .map(|name| number(std::str::from_utf8(&name).unwrap()))
        .collect()
}

/// What was sent, and in which loads each batch is.
#[derive(Default)]
struct Seen {
    /// By their tenants.
    items: BTreeMap<usize, Vec<usize>>,
    loads: Vec<(u64, Vec<u64>)>,
}

impl Seen {
    fn take(&mut self, ready: Ready, max: u64) -> Result<(), TestCaseError> {
        let (items, size, of) = (ready.load.items, ready.load.size, ready.of.clone());
        let tenant = ready.context.metadata("TENANT").count();
        prop_assert!(max == 0 || size <= max);
        let batch = ready.load.into_batch().unwrap();
        prop_assert_eq!(batch.items() as u64, items);
        self.items
            .entry(tenant)
            .or_default()
            .extend(numbers(&batch));
        prop_assert_eq!(of.iter().collect::<BTreeSet<_>>().len(), of.len());
        self.loads.push((items, of));
        Ok(())
    }
}

proptest! {
    // Guarantees: each item is sent once, in its partition's order; no load is larger than the
    // largest, none is sent smaller than the least before its time, and a batch has its end with
    // the last of its loads, and fails with any.
    #[test]
    fn what_is_added_is_sent(
        shapes in shapes(),
        min in 0..12u64,
        more in 0..8u64,
        limited in any::<bool>(),
        as_logs in any::<bool>(),
        failing in prop::collection::vec(any::<bool>(), 40),
    ) {
        let max = if limited { min.max(1) + more } else { 0 };
        let mut batcher = Batcher::new(policy(Measure::Items, min, max));
        let now = Instant::now();
        let (mut seen, mut next) = (Seen::default(), 0);
        let mut added: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, (shape, tenant)) in shapes.iter().enumerate() {
            let batch = if as_logs { logs(shape, next) } else { spans(shape, next) };
            let items = batch.items();
            added.entry(usize::from(*tenant)).or_default().extend(next..next + items);
            next += items;
            let item = Item {
                number: number as u64,
                batch,
                context: context(*tenant),
                items,
            };
            let of_item = batcher.add(&item, now);
            prop_assert!(of_item.ended.is_none() && of_item.lost.is_none());
            for ready in of_item.ready {
                prop_assert!(ready.load.items >= min || ready.load.items == max);
                seen.take(ready, max)?;
            }
        }
        prop_assert!(batcher.late(now).is_empty());
        let due = batcher.due();
        for ready in batcher.late(now + Duration::from_secs(1)) {
            prop_assert!(due.is_some() && ready.load.items < min);
            seen.take(ready, max)?;
        }
        prop_assert_eq!(batcher.due(), None);
        added.retain(|_, items| !items.is_empty());
        seen.items.retain(|_, items| !items.is_empty());
        prop_assert_eq!(&seen.items, &added);

        let mut failing = failing.into_iter().cycle();
        let mut ended = BTreeMap::new();
        let mut fails = BTreeSet::new();
        for (_, of) in &seen.loads {
            let lost = failing.next().unwrap();
            for number in of {
                let result = if lost { Err(Failure::new(Class::Retryable, "no")) } else { Ok(()) };
                fails.extend(lost.then_some(*number));
                if let Some(end) = batcher.done(*number, result) {
                    prop_assert!(ended.insert(*number, end.is_err()).is_none());
                }
            }
        }
        prop_assert_eq!(ended.len(), shapes.len());
        for (number, failed) in ended {
            prop_assert_eq!(failed, fails.contains(&number));
        }
        prop_assert!(batcher.open.is_empty());
    }

    // Guarantees: no bytes make it panic, and what is no OTLP is not merged.
    #[test]
    fn what_is_broken_is_refused(bytes: Vec<u8>, max in 0..9u64, by_bytes in any::<bool>()) {
        let sizer = if by_bytes { Measure::Bytes } else { Measure::Items };
        for signal in [Signal::Traces, Signal::Metrics] {
            let mut batcher = Batcher::new(policy(sizer, 0, max));
            let batch = Batch::from_otlp(signal, bytes.clone());
            let items = batch.items();
            let item = Item { number: 0, batch, context: Context::default(), items };
            let added = batcher.add(&item, Instant::now());
            let sent: u64 = added.ready.iter().map(|ready| ready.load.items).sum();
            prop_assert!(sent <= items as u64);
        }
    }
}

/// What a tree has, counted anew.
fn counted(group: &tree::Group, by: Measure) -> (i64, u64) {
    let mut all = group.emptied();
    for node in group.nodes() {
        let node = match node {
            tree::Node::Group(group) => {
                assert_eq!(counted(group, by), (group.size(by), group.items()));
                tree::Node::Group(group.clone())
            }
            item @ tree::Node::Item { .. } => item.clone(),
        };
        all.push(node, by);
    }
    (all.size(by), all.items())
}

proptest! {
    // Guarantees: a tree knows its size and its items after every part that is taken off it, and so
    // does the part.
    #[test]
    fn a_tree_knows_its_size(
        shapes in shapes(),
        room in 1..60u64,
        by_bytes in any::<bool>(),
        as_logs in any::<bool>(),
    ) {
        let by = if by_bytes { Measure::Bytes } else { Measure::Items };
        let made = |(shape, _): &(Shape, u8)| {
            if as_logs { logs(shape, 0) } else { spans(shape, 0) }
        };
        let pieces: Vec<_> = shapes.iter().map(made).collect();
        let mut tree = if as_logs {
            records::tree(&pieces, by)
        } else {
            otlp::tree(Signal::Traces, pieces.iter().filter_map(Batch::otlp), by).unwrap()
        };
        let mut left = tree.items();
        loop {
            prop_assert_eq!(counted(&tree, by), (tree.size(by), tree.items()));
            let (part, _) = tree.take(room, by);
            prop_assert_eq!(counted(&part, by), (part.size(by), part.items()));
            left -= part.items();
            prop_assert_eq!(tree.items(), left);
            if part.items() == 0 {
                break;
            }
        }
    }
}

// Guarantees: a batch that fits in no load leaves what waits as it was, which goes on alone.
#[test]
fn what_fits_in_no_load_leaves_no_trace() {
    let mut batcher = Batcher::new(policy(Measure::Bytes, 60, 60));
    let mut add = |number: u8, batch: &Batch| {
        let context = Context::builder().span(SpanContext {
            trace_id: [1; 16],
            span_id: [number; 8],
            ..SpanContext::default()
        });
        let item = Item {
            number: number.into(),
            batch: batch.clone(),
            context: context.build(),
            items: batch.items(),
        };
        batcher.add(&item, Instant::now())
    };
    let small = spans(&vec![vec![0]], 0);
    assert!(add(1, &small).ready.is_empty());
    let large = (0..3).fold(vec![b'x'; 100], |message, depth| {
        let mut out = Vec::new();
        write([5, 2, 2][depth], &message, &mut out);
        out
    });
    let mut request = Vec::new();
    write(1, &large, &mut request);
    let large = add(2, &Batch::from_otlp(Signal::Traces, request));
    assert!(large.ended.is_some() && large.ready.is_empty());
    let alone = batcher.rest().pop().expect("what waited");
    assert_eq!((&alone.of[..], &alone.links[..]), (&[1][..], &[][..]));
    assert!(alone.context.span().is_some());
    assert_eq!(alone.load.into_batch().unwrap().otlp(), small.otlp());
}

// Guarantees: what is merged is nobody's, but for the metadata that all have, and is linked with
// the spans of all; what is not has its own context.
#[test]
fn what_is_merged_is_nobodys() {
    let span = |n: u8| SpanContext {
        trace_id: [n; 16],
        span_id: [n; 8],
        ..SpanContext::default()
    };
    let mut batcher = Batcher::new(policy(Measure::Items, 3, 0));
    let mut add = |n: u8, items: usize| {
        let context = Context::builder()
            .metadata("tenant", ["t"])
            .metadata("other", ["o"])
            .span(span(n));
        let batch = logs(&vec![vec![items]], 0);
        let item = Item {
            number: n.into(),
            batch,
            context: context.build(),
            items,
        };
        batcher.add(&item, Instant::now()).ready
    };
    assert!(add(1, 1).is_empty() && add(2, 1).is_empty());
    let merged = add(3, 1).pop().unwrap();
    assert_eq!(merged.links, [span(1), span(2), span(3)]);
    assert_eq!((merged.context.span(), merged.of), (None, vec![1, 2, 3]));
    assert!(merged.context.metadata_keys().eq(["Tenant"]));
    let alone = add(4, 5).pop().unwrap();
    assert_eq!(
        (alone.context.span(), &alone.links[..]),
        (Some(&span(4)), &[][..])
    );
}

// Guarantees: a batch is of no use to be tried again where one of its loads is not.
#[test]
fn of_two_failures_the_final_one_counts() {
    let of = |class| Failure::new(class, "no");
    let both = |first, second| both(of(first), of(second)).class;
    assert_eq!(both(Class::Retryable, Class::Permanent), Class::Permanent);
    assert_eq!(both(Class::Permanent, Class::Retryable), Class::Permanent);
    assert_eq!(both(Class::Retryable, Class::Deadline), Class::Deadline);
    assert_eq!(both(Class::Refused, Class::Retryable), Class::Refused);
}
