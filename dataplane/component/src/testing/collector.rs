//! A Collector for tests: storage in memory, and the statuses that it was told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::collector::{CollectorLink, HostCall, StorageOperation};
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
pub struct Collector(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    statuses: Vec<Status>,
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
            kept: self.clone(),
        };
        crate::Collector::new(component, Arc::new(link))
    }

    /// What components have told it of themselves, in order.
    pub fn statuses(&self) -> Vec<Status> {
        self.kept().statuses.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Link {
    component: Arc<str>,
    kept: Collector,
}

impl CollectorLink for Link {
    fn report(&self, status: Status) {
        let mut kept = self.kept.kept();
        if kept.statuses.last() != Some(&status) {
            kept.statuses.push(status);
        }
    }

    fn ask(&self, call: HostCall) -> BoxFuture<Result<Value, ExtensionError>> {
        let mut kept = self.kept.kept();
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
