//! A Collector for tests: storage in memory, and the statuses, measurements and spans that it was
//! told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::collector::{CollectorLink, HostCall, StorageOperation};
use crate::telemetry::{
    Definition, Measured, Measurements, Points, SpanEnd, SpanId, SpanStart, TelemetryLink,
};
use crate::{BoxFuture, ExtensionError, Status};

/// A Collector for tests. Clones are the same one. What is kept in its storages stays while
/// components come and go, as in a Collector that is started again.
///
/// ```
/// use strait_component::testing::{Collector, block_on};
///
/// let collector = Collector::default();
/// block_on(async {
///     let storage = collector.of("files/a").storage("file_storage", "").await?;
///     storage.set("position", "7").await?;
///     let again = collector.of("files/a").storage("file_storage", "").await?;
///     assert_eq!(again.get("position").await?.as_deref(), Some(&b"7"[..]));
///     Ok::<_, strait_component::ExtensionError>(())
/// })
/// .unwrap();
/// ```
#[derive(Clone, Default)]
pub struct Collector {
    kept: Arc<Mutex<Kept>>,
    /// Of every component.
    measurements: Arc<Mutex<Vec<Arc<Measurements>>>>,
}

#[derive(Default)]
struct Kept {
    statuses: Vec<Status>,
    instruments: Vec<Definition>,
    points: Vec<Points>,
    /// Those that have begun, and how they ended; a span's token is its place, counted from 1.
    spans: Vec<(SpanStart, Option<SpanEnd>)>,
    /// What is kept, by storage and key.
    values: HashMap<(StorageName, String), Vec<u8>>,
    /// Those that were opened; a storage's number is its place.
    opened: Vec<StorageName>,
}

/// The component, the extension, and the name.
type StorageName = (Arc<str>, String, String);

impl Collector {
    /// This Collector, as the component with this id has it.
    pub fn of(&self, component: impl Into<Arc<str>>) -> crate::Collector {
        let component = component.into();
        let link = Link {
            component: Arc::clone(&component),
            kept: Arc::clone(&self.kept),
        };
        let collector = crate::Collector::new(component, Arc::new(link));
        lock(&self.measurements).push(Arc::clone(collector.measurements()));
        collector
    }

    /// What components have told it of themselves, in order.
    pub fn statuses(&self) -> Vec<Status> {
        lock(&self.kept).statuses.clone()
    }

    /// What components have measured with the instruments of this name, in order: under which
    /// attributes, and the values. A counter's are what was added up since the last call.
    pub fn measured(&self, instrument: &str) -> Vec<Points> {
        for measurements in &*lock(&self.measurements) {
            measurements.flush();
        }
        let kept = lock(&self.kept);
        let named = |points: &&Points| {
            let mut instruments = kept.instruments.iter();
            instruments.any(|i| i.instrument == points.instrument && i.name == instrument)
        };
        kept.points.iter().filter(named).cloned().collect()
    }

    /// The spans of components, in the order in which they began: all are sampled. One that has not
    /// ended has no end.
    pub fn spans(&self) -> Vec<(SpanStart, Option<SpanEnd>)> {
        lock(&self.kept).spans.clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Link {
    component: Arc<str>,
    kept: Arc<Mutex<Kept>>,
}

impl CollectorLink for Link {
    fn report(&self, status: Status) {
        let mut kept = lock(&self.kept);
        if kept.statuses.last() != Some(&status) {
            kept.statuses.push(status);
        }
    }

    fn ask(&self, call: HostCall) -> BoxFuture<Result<Value, ExtensionError>> {
        let mut kept = lock(&self.kept);
        let answer = match call {
            HostCall::StorageOpen { extension, name } => {
                kept.opened
                    .push((Arc::clone(&self.component), extension, name));
                Ok(json!({ "storage": kept.opened.len() - 1 }))
            }
            HostCall::StorageBatch {
                storage,
                operations,
            } => kept.batch(storage, operations),
            HostCall::StorageClose { .. } => Ok(Value::Null),
            _ => Err(ExtensionError::failed(
                "a Collector for tests has storage and no other extension",
            )),
        };
        Box::pin(std::future::ready(answer))
    }
}

impl TelemetryLink for Link {
    fn measured(&self, what: &Measured) {
        let mut kept = lock(&self.kept);
        match what {
            Measured::Defined(instrument) => kept.instruments.push(instrument.clone()),
            Measured::Points(points) => kept.points.extend_from_slice(points),
            Measured::Ended(_) => {}
        }
    }

    fn span_started(&self, span: &SpanStart) -> Option<SpanId> {
        let mut kept = lock(&self.kept);
        kept.spans.push((span.clone(), None));
        let token = kept.spans.len() as u64;
        let parent = span.parent.as_ref();
        let trace = parent.and_then(|p| u128::from_str_radix(&p.trace_id, 16).ok());
        Some(SpanId {
            trace_id: trace.unwrap_or(token.into()).to_be_bytes(),
            span_id: token.to_be_bytes(),
            flags: 1,
            token,
        })
    }

    fn span_ended(&self, token: u64, span: &SpanEnd) {
        let place = usize::try_from(token)
            .ok()
            .and_then(|token| token.checked_sub(1));
        let mut kept = lock(&self.kept);
        if let Some((_, end)) = place.and_then(|place| kept.spans.get_mut(place)) {
            *end = Some(span.clone());
        }
    }
}

impl Kept {
    fn batch(
        &mut self,
        storage: u64,
        operations: Vec<StorageOperation>,
    ) -> Result<Value, ExtensionError> {
        let opened = usize::try_from(storage).ok();
        let Some(name) = opened.and_then(|number| self.opened.get(number)).cloned() else {
            return Err(ExtensionError::failed("the storage is not open"));
        };
        let mut values = Vec::with_capacity(operations.len());
        for operation in operations {
            values.push(match operation {
                StorageOperation::Get { key } => self
                    .values
                    .get(&(name.clone(), key))
                    .map(|value| STANDARD.encode(value)),
                StorageOperation::Set { key, value } => {
                    self.values.insert((name.clone(), key), value);
                    None
                }
                StorageOperation::Delete { key } => {
                    self.values.remove(&(name.clone(), key));
                    None
                }
            });
        }
        Ok(json!({ "values": values }))
    }
}
