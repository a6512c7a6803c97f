//! The queue of an exporter in a storage of the Collector's, as its node reads and writes it; what
//! is written is said in [`crate::sending`].
//!
//! What was taken in is in the storage before its sender is told. A batch that cannot be read is
//! logged, and gone; one that the unit's end leaves is sent by the next. A step that fails has not
//! happened, and is tried again later; none outlasts the time that the unit has to end.

use super::waiting::{LEAST_SHUTDOWN, sleep_until};
use crate::ambient;
use crate::sending::{Found, INDEX, Item, Mark, Sending, Sizes, read, write};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use strait_component::extension::StorageOperation;
use strait_component::{Batch, Class, Context, ExtensionError, Settings, Signal, Storage};
use strait_failure::Failure;
use tokio::sync::watch;

/// One of the keys that the helper had before it had one index.
const OLDER: &str = "wi";

/// For how long a storage is left alone that has failed: twice as long each time, up to the last.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_secs(30);

/// See the module's documentation.
pub(crate) struct Store {
    storage: Storage,
    sending: Arc<Sending>,
    signal: Signal,
    component: String,
    /// How large those are that are being sent.
    sent: HashMap<u64, Sizes>,
    /// Those that were sent or given up, and are still in the storage.
    over: VecDeque<u64>,
    /// Until then it is left alone, for it has failed.
    again: Option<Instant>,
    /// For how long, the next time.
    wait: Duration,
    /// When the pipeline must have drained, once it was asked to.
    drain: Option<watch::Receiver<Option<Instant>>>,
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
            over: VecDeque::new(),
            again: None,
            wait: FIRST_WAIT,
            drain: ambient::drain(),
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
        let before = kept.mark();
        let put = self.step(&before, kept.put(sizes, value)).await;
        put.map(|_| true)
            .map_err(|error| (Class::Retryable, error.to_string()))
    }

    /// The oldest that waits, which is sent from now on; `None`: there is none, or not before it is
    /// [`due`](Self::due).
    pub(crate) async fn next(&mut self) -> Option<Item> {
        self.finish().await;
        if self.again.is_some() {
            return None;
        }
        let sending = Arc::clone(&self.sending);
        let kept = sending.kept.as_ref()?;
        let before = kept.mark();
        let (number, fetch) = kept.next()?;
        let value = match self.step(&before, fetch).await {
            Ok(found) => found.into_iter().next_back().flatten(),
            Err(error) => {
                self.failed(&error);
                return None;
            }
        };
        self.wait = FIRST_WAIT;
        let value = value.ok_or_else(|| "it is not there".to_owned());
        match value.and_then(|value| read(self.signal, &value)) {
            Ok(mut found) if found.batches.len() < 2 => {
                self.lose(number, found.lost);
                let batch = found.batches.pop().unwrap_or_default();
                if found.lost == 0 || !batch.is_empty() {
                    let items = batch.items();
                    self.sent.insert(number, kept.sizes(&batch));
                    return Some(Item {
                        number,
                        batch,
                        context: found.context,
                        items,
                    });
                }
                self.over.push_back(number);
            }
            Ok(found) => {
                if let Err(error) = self.apart(&before, number, &found).await {
                    self.failed(&error);
                    return None;
                }
                self.lose(number, found.lost);
            }
            Err(error) => {
                let component = &self.component;
                tracing::error!(
                    %component, number, error,
                    "a batch in the queue's storage cannot be read, and is dropped"
                );
                self.over.push_back(number);
            }
        }
        // However many of these there are, the node hears of its end in between.
        self.again = Some(Instant::now());
        None
    }

    /// Logs of a batch cannot be read: they are given up.
    fn lose(&self, number: u64, items: usize) {
        if items == 0 {
            return;
        }
        let why = "logs of a batch in the queue's storage cannot be read, and are dropped";
        tracing::error!(component = self.component, number, items, "{why}");
        let why = Failure::new(Class::Permanent, why);
        self.sending.counts.lost(items, &why, false);
    }

    /// Puts a batch of Go's, which has more logs than one has here, behind the others as several.
    ///
    /// # Errors
    ///
    /// It waits as before it was fetched.
    async fn apart(&self, before: &Mark, number: u64, found: &Found) -> Result<(), ExtensionError> {
        let Some(kept) = &self.sending.kept else {
            return Ok(());
        };
        let (mut all, mut operations) = (Sizes::default(), Vec::new());
        for batch in &found.batches {
            let sizes = kept.sizes(batch);
            all.items += sizes.items;
            all.bytes += sizes.bytes;
            match write(batch, &found.context) {
                Ok(value) => operations.extend(kept.put(sizes, value)),
                Err(error) => tracing::error!(component = self.component, error, "it is dropped"),
            }
        }
        operations.extend(kept.done(number, all));
        self.step(before, operations).await.map(drop)
    }

    /// A batch was sent or given up.
    pub(crate) async fn done(&mut self, number: u64) {
        self.over.push_back(number);
        self.finish().await;
    }

    /// Takes out of the storage what is over, unless the storage is to be left alone for now.
    async fn finish(&mut self) {
        let sending = Arc::clone(&self.sending);
        let Some(kept) = &sending.kept else {
            return;
        };
        while self.again.is_none()
            && let Some(number) = self.over.front()
        {
            let sizes = self.sent.get(number).copied().unwrap_or_default();
            let before = kept.mark();
            match self.step(&before, kept.done(*number, sizes)).await {
                Ok(_) => {
                    self.wait = FIRST_WAIT;
                    let number = self.over.pop_front();
                    number.and_then(|number| self.sent.remove(&number));
                }
                Err(error) => self.failed(&error),
            }
        }
    }

    /// When it is to be [`resume`](Self::resume)d.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.again
    }

    /// Does what has failed before once more, where its time has come.
    pub(crate) async fn resume(&mut self, now: Instant) {
        if self.again.is_some_and(|again| again <= now) {
            self.again = None;
            self.finish().await;
        }
    }

    /// The storage has not done what it was told: it is told again later.
    fn failed(&mut self, error: &ExtensionError) {
        let (component, wait) = (&self.component, self.wait);
        tracing::error!(%component, %error, ?wait, "the queue's storage fails, and is tried again");
        self.again = Some(Instant::now() + wait);
        self.wait = (wait * 2).min(LAST_WAIT);
    }

    /// Does one step, or nothing: where the storage fails, or has not answered when the unit's time
    /// is over, the index is as before.
    async fn step(
        &self,
        before: &Mark,
        operations: Vec<StorageOperation>,
    ) -> Result<Vec<Option<Vec<u8>>>, ExtensionError> {
        let done = tokio::select! {
            biased;
            done = self.storage.batch(operations) => done,
            () = ended(self.drain.clone()) => {
                Err(ExtensionError::failed("it has not answered when the unit's time was over"))
            }
        };
        if done.is_err()
            && let Some(kept) = &self.sending.kept
        {
            kept.reset(before);
        }
        done
    }

    /// Ends it; the storage keeps what was not sent. What does not answer until then, or a little
    /// later, is left.
    pub(crate) async fn close(mut self, deadline: Instant) {
        let limit = deadline.max(Instant::now() + LEAST_SHUTDOWN);
        let component = self.component.clone();
        let closing = async {
            (self.again, self.drain) = (None, None);
            self.finish().await;
            self.storage.close().await
        };
        match tokio::time::timeout_at(limit.into(), closing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%component, %error, "Error closing the storage client");
            }
            Err(_) => tracing::warn!(%component, "the queue's storage does not close in time"),
        }
    }
}

/// The time is over that this pipeline has to drain.
async fn ended(drain: Option<watch::Receiver<Option<Instant>>>) {
    let until = match drain {
        Some(mut drain) => drain
            .wait_for(Option::is_some)
            .await
            .map_or(None, |until| *until),
        None => None,
    };
    sleep_until(until).await;
}

#[cfg(test)]
mod tests;
