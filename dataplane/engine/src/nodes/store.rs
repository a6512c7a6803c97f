//! The queue of an exporter in a storage of the Collector's, as its node reads and writes it; what
//! is written is said in [`crate::sending`].
//!
//! What was taken in is in the storage before its sender is told. A batch that cannot be read is
//! logged, and gone; one that the unit's end leaves is sent by the next.

use crate::sending::{Found, INDEX, Item, Sending, Sizes, read, write};
use std::collections::HashMap;
use std::sync::Arc;
use strait_component::extension::StorageOperation;
use strait_component::{Batch, Class, Context, ExtensionError, Settings, Signal, Storage};
use strait_failure::Failure;

/// One of the keys that the helper had before it had one index.
const OLDER: &str = "wi";

/// See the module's documentation.
pub(crate) struct Store {
    storage: Storage,
    sending: Arc<Sending>,
    signal: Signal,
    component: String,
    /// How large those are that are being sent.
    sent: HashMap<u64, Sizes>,
}

impl Store {
    /// Opens the storage that a component's queue is in, and finds what it holds; `None`: it is in
    /// none.
    ///
    /// # Errors
    ///
    /// What the storage says.
    pub(crate) async fn open(
        sending: &Arc<Sending>,
        settings: &Settings,
    ) -> Result<Option<Self>, ExtensionError> {
        let limits = sending.policy.queue.as_ref();
        let (Some(extension), Some(kept)) = (
            limits.and_then(|limits| limits.storage.as_ref()),
            &sending.kept,
        ) else {
            return Ok(None);
        };
        let signal = settings.signals_in.first().copied().unwrap_or(Signal::Logs);
        let store = Self {
            // By the helper's name, for it is the same queue.
            storage: settings.collector.storage(extension, signal.name()).await?,
            sending: Arc::clone(sending),
            signal,
            component: settings.component.clone(),
            sent: HashMap::new(),
        };
        let index = store.storage.get(INDEX).await?;
        if index.is_none() && store.storage.get(OLDER).await?.is_some() {
            return Err(ExtensionError::failed(
                "an older Collector has written it: start once with `fuse: false`, and Go brings \
                 it up to date",
            ));
        }
        let component = &store.component;
        let left = kept.load(index.as_deref()).unwrap_or_else(|error| {
            tracing::error!(%component, error, "Failed getting metadata, starting with new ones");
            Vec::new()
        });
        for number in &left {
            let value = store.storage.get(number.to_string()).await?;
            store.storage.batch(kept.moved(*number, value)).await?;
        }
        if kept.size() > 0 {
            let moved = left.len();
            let size = kept.size();
            tracing::info!(%component, size, moved, "the queue goes on with what is stored");
        }
        Ok(Some(store))
    }

    /// Takes a batch in; `false`: there is no room.
    ///
    /// # Errors
    ///
    /// It is not in the storage: for good, or for now.
    pub(crate) async fn offer(
        &mut self,
        batch: &Batch,
        context: &Context,
        sizes: Sizes,
    ) -> Result<bool, (Class, String)> {
        let Some(kept) = &self.sending.kept else {
            return Ok(false);
        };
        if !kept.has_room(sizes) {
            return Ok(false);
        }
        let value = write(batch, context).map_err(|error| (Class::Permanent, error))?;
        let put = self.storage.batch(kept.put(sizes, value)).await;
        put.map(|_| true)
            .map_err(|error| (Class::Retryable, error.to_string()))
    }

    /// The oldest that waits, which is sent from now on.
    pub(crate) async fn next(&mut self) -> Option<Item> {
        loop {
            let kept = self.sending.kept.as_ref()?;
            let (number, fetch) = kept.next()?;
            let component = &self.component;
            let found = match self.storage.batch(fetch).await {
                Ok(found) => found.into_iter().next_back().flatten(),
                Err(error) => {
                    tracing::error!(%component, %error, "the queue's storage cannot be read now");
                    kept.back(number);
                    return None;
                }
            };
            let value = found.ok_or_else(|| "it is not there".to_owned());
            let read = value.and_then(|value| read(self.signal, &value));
            if let Ok(Found { lost, .. }) = &read
                && *lost > 0
            {
                self.lose(number, *lost);
            }
            match read {
                Ok(found) if found.lost > 0 && found.batches.iter().all(Batch::is_empty) => {
                    self.done(number).await;
                }
                Ok(Found {
                    mut batches,
                    context,
                    ..
                }) if batches.len() < 2 => {
                    let batch = batches.pop().unwrap_or_default();
                    let items = batch.items();
                    self.sent.insert(number, kept.sizes(&batch));
                    return Some(Item {
                        number,
                        batch,
                        context,
                        items,
                    });
                }
                Ok(found) => self.apart(number, &found.batches, &found.context).await,
                Err(error) => {
                    tracing::error!(
                        %component, number, error,
                        "a batch in the queue's storage cannot be read, and is dropped"
                    );
                    self.done(number).await;
                }
            }
        }
    }

    /// Logs of a batch cannot be read: they are given up.
    fn lose(&self, number: u64, items: usize) {
        let why = "logs of a batch in the queue's storage cannot be read, and are dropped";
        tracing::error!(component = self.component, number, items, "{why}");
        let counts = &self.sending.counts;
        counts.begin();
        counts.end(items, Err(&Failure::new(Class::Permanent, why)), false);
    }

    /// Puts a batch of Go's, which has more logs than one has here, behind the others as several.
    async fn apart(&mut self, number: u64, batches: &[Batch], context: &Context) {
        let Some(kept) = &self.sending.kept else {
            return;
        };
        let (mut all, mut operations) = (Sizes::default(), Vec::new());
        for batch in batches {
            let sizes = kept.sizes(batch);
            all.items += sizes.items;
            all.bytes += sizes.bytes;
            match write(batch, context) {
                Ok(value) => operations.extend(kept.put(sizes, value)),
                Err(error) => tracing::error!(component = self.component, error, "it is dropped"),
            }
        }
        operations.extend(kept.done(number, all));
        self.write(operations).await;
    }

    /// A batch was sent or given up.
    pub(crate) async fn done(&mut self, number: u64) {
        let sizes = self.sent.remove(&number).unwrap_or_default();
        let Some(kept) = &self.sending.kept else {
            return;
        };
        self.write(kept.done(number, sizes)).await;
    }

    async fn write(&self, operations: Vec<StorageOperation>) {
        if let Err(error) = self.storage.batch(operations).await {
            let component = &self.component;
            tracing::error!(%component, %error, "Error deleting item from queue");
        }
    }

    /// Ends it; the storage keeps what was not sent.
    pub(crate) async fn close(self) {
        let component = self.component;
        if let Err(error) = self.storage.close().await {
            tracing::warn!(%component, %error, "Error closing the storage client");
        }
    }
}
