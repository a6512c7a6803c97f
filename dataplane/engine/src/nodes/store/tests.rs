use super::*;
use crate::sending::Policy;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use strait_component::extension::{CollectorLink, HostCall};
use strait_component::telemetry::{Measured, SpanEnd, SpanId, SpanStart, TelemetryLink};
use strait_component::{BoxFuture, Collector, LogRecord, LogsBuilder, Status};

/// How a storage answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Well,
    /// It does nothing, and says so.
    Fails,
    /// It never answers.
    Hangs,
}

/// A storage in memory.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    mood: Mood,
    values: BTreeMap<String, Vec<u8>>,
}

impl Disk {
    fn with<R>(&self, look: impl FnOnce(&mut Mood, &mut BTreeMap<String, Vec<u8>>) -> R) -> R {
        let mut disk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Held { mood, values } = &mut *disk;
        look(mood, values)
    }

    fn is(&self, now: Mood) {
        self.with(|mood, _| *mood = now);
    }

    /// How many batches it has.
    fn batches(&self) -> usize {
        self.with(|_, values| values.keys().filter(|key| *key != INDEX).count())
    }

    async fn open(&self) -> Store {
        let collector = Collector::new("test", Arc::new(self.clone()));
        let settings = Settings::new("test", 0).takes([Signal::Logs]);
        let policy = json!({"timeout": 0, "queue": {
            "size": 9, "sizer": "items", "consumers": 1, "wait_for_result": false,
            "block_on_overflow": false, "storage": "disk",
        }});
        let policy: Policy = serde_json::from_value(policy).unwrap();
        let sending = Arc::new(Sending::new(policy));
        let store = Store::open(&sending, &settings.runs_in(collector)).await;
        store.unwrap().expect("a storage")
    }
}

impl CollectorLink for Disk {
    fn report(&self, _: Status) {}

    fn ask(&self, call: HostCall) -> BoxFuture<Result<Value, ExtensionError>> {
        let answer = self.with(|mood, values| {
            let HostCall::StorageBatch { operations, .. } = call else {
                return Some(Ok(json!({"storage": 0})));
            };
            match mood {
                Mood::Hangs => return None,
                Mood::Fails => return Some(Err(ExtensionError::failed("as asked"))),
                Mood::Well => {}
            }
            let run = |operation| match operation {
                StorageOperation::Get { key } => {
                    let value = values.get(&key)?.clone();
                    // As a value crosses.
                    let read = serde_json::to_value(StorageOperation::Set { key, value });
                    Some(read.unwrap()["value"].clone())
                }
                StorageOperation::Set { key, value } => {
                    values.insert(key, value);
                    None
                }
                StorageOperation::Delete { key } => {
                    values.remove(&key);
                    None
                }
            };
            let found: Vec<_> = operations.into_iter().map(run).collect();
            Some(Ok(json!({"values": found})))
        });
        match answer {
            Some(answer) => Box::pin(std::future::ready(answer)),
            None => Box::pin(std::future::pending()),
        }
    }
}

impl TelemetryLink for Disk {
    fn measured(&self, _: &Measured) {}

    fn span_started(&self, _: &SpanStart) -> Option<SpanId> {
        None
    }

    fn span_ended(&self, _: u64, _: &SpanEnd) {}
}

/// Logs, as many.
fn logs(count: usize) -> Batch {
    let mut logs = LogsBuilder::new();
    for _ in 0..count {
        logs.push(LogRecord::new("body")).unwrap();
    }
    logs.finish().unwrap()
}

fn size(store: &Store) -> u64 {
    store.sending.exported().queue.unwrap().size
}

async fn put(store: &mut Store, count: usize) -> Result<bool, (Class, String)> {
    let batch = logs(count);
    let sizes = store.sending.kept.as_ref().unwrap().sizes(&batch);
    store.offer(&batch, &Context::default(), sizes).await
}

/// Has the time come for what has failed.
async fn resume(store: &mut Store) {
    let due = store.due().expect("it is tried again");
    store.resume(due).await;
}

fn run(what: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.unwrap().block_on(what);
}

// Guarantees: a step that the storage does not do has not happened: nothing is counted twice or
// left behind, and each is tried again at a time that is said.
#[test]
fn what_fails_is_tried_again() {
    run(async {
        let disk = Disk::default();
        let mut store = disk.open().await;
        disk.is(Mood::Fails);
        assert_eq!(put(&mut store, 2).await.unwrap_err().0, Class::Retryable);
        assert_eq!((size(&store), disk.batches()), (0, 0));
        disk.is(Mood::Well);
        assert!(put(&mut store, 2).await.unwrap());

        disk.is(Mood::Fails);
        for wait in [FIRST_WAIT, 2 * FIRST_WAIT] {
            let before = Instant::now();
            assert!(store.next().await.is_none());
            assert!(store.due().unwrap() >= before + wait);
            disk.is(Mood::Well);
            assert!(store.next().await.is_none(), "its time has not come");
            disk.is(Mood::Fails);
            resume(&mut store).await;
        }
        disk.is(Mood::Well);
        let item = store.next().await.expect("a batch");
        assert_eq!((item.items, store.due(), size(&store)), (2, None, 2));

        disk.is(Mood::Fails);
        store.done(item.number).await;
        assert_eq!((size(&store), disk.batches()), (2, 1));
        disk.is(Mood::Well);
        resume(&mut store).await;
        assert_eq!((size(&store), disk.batches()), (0, 0));
        assert!(store.next().await.is_none() && store.due().is_none());
    });
}

// Guarantees: a batch that is put back as several is there once, also where that fails at first.
#[test]
fn what_is_put_apart_is_there_once() {
    run(async {
        let disk = Disk::default();
        let mut store = disk.open().await;
        assert!(put(&mut store, 5).await.unwrap());
        let sending = Arc::clone(&store.sending);
        let kept = sending.kept.as_ref().unwrap();
        let found = Found {
            batches: vec![logs(3), logs(2)],
            context: Context::default(),
            lost: 0,
        };
        for mood in [Mood::Fails, Mood::Well] {
            let before = kept.mark();
            let (number, fetch) = kept.next().unwrap();
            disk.is(Mood::Well);
            store.step(&before, fetch).await.unwrap();
            disk.is(mood);
            let apart = store.apart(&before, number, &found).await;
            assert_eq!(apart.is_ok(), mood == Mood::Well);
            assert_eq!(size(&store), 5);
        }
        assert_eq!(disk.batches(), 2);
        let mut items = Vec::new();
        while let Some(item) = store.next().await {
            items.push(item.items);
            store.done(item.number).await;
        }
        assert_eq!((items, disk.batches(), size(&store)), (vec![3, 2], 0, 0));
    });
}

// Guarantees: a storage that does not answer holds nobody up beyond the unit's time, and what it
// holds is there for the next unit.
#[test]
fn a_storage_that_hangs_is_left() {
    run(async {
        let disk = Disk::default();
        let mut store = disk.open().await;
        assert!(put(&mut store, 2).await.unwrap());
        let deadline = Instant::now();
        let drain = watch::Sender::new(None);
        store.drain = Some(drain.subscribe());
        let item = store.next().await.expect("a batch");
        disk.is(Mood::Hangs);
        drain.send_replace(Some(deadline));
        store.done(item.number).await;
        assert_eq!(put(&mut store, 2).await.unwrap_err().0, Class::Retryable);
        store.close(deadline).await;
        disk.is(Mood::Well);
        let mut again = disk.open().await;
        assert_eq!(again.next().await.map(|item| item.items), Some(2));
    });
}

// Guarantees: what is not there is passed over one by one, so that the node can end in between.
#[test]
fn what_is_not_there_is_passed_over() {
    run(async {
        let disk = Disk::default();
        let mut store = disk.open().await;
        for items in 1..4 {
            assert!(put(&mut store, items).await.unwrap());
        }
        disk.with(|_, values| values.retain(|key, _| key != "0" && key != "1"));
        for _ in 0..2 {
            assert!(store.next().await.is_none());
            resume(&mut store).await;
        }
        assert_eq!(store.next().await.map(|item| item.items), Some(3));
    });
}
